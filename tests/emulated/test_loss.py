# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M2: a tenth of the packets lost, at random or in bursts, on the way in or out; what people see and hear of it."""

import asyncio
from struct import pack

import pytest

from tests.emulated.goals import seeds
from tests.emulated.link import Conditions, GilbertElliott
from tests.emulated.publisher import AUDIO_SSRC
from tests.emulated.stage import call
from tests.virtual_time import run

DELAY_S = 0.025
CLEAN = Conditions(delay=DELAY_S)
LOSSES = {
    "10 % at random": Conditions(delay=DELAY_S, loss=0.10),
    "5 % in bursts": Conditions(delay=DELAY_S, bursts=GilbertElliott.of(0.05)),
}
SECONDS = 40.0
SETTLED_S = 3.0


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("side", "name"), [("in", "alice"), ("out", "bob")])
@pytest.mark.parametrize("seed", seeds(1))
def test_lost_packets_are_repaired(goals, loss, side, name, seed):
    async def scenario():
        async with call(seed, adapts=False) as (stage, publisher, receiver):
            for client in ("alice", "bob"):
                stage.conditions(client, CLEAN, CLEAN)
            stage.conditions(name, LOSSES[loss], LOSSES[loss])
            await asyncio.sleep(SECONDS)
            stage.conditions("alice", CLEAN, CLEAN)
            stage.conditions("bob", CLEAN, CLEAN)
            publisher.paused = True
            await asyncio.sleep(SETTLED_S)
            audio = receiver.audio[publisher.audio_track]
            came, went = (pack("!I", ssrc) for ssrc in (AUDIO_SSRC, audio.ssrc))
            return receiver.video[publisher.video_track], audio, stage.came_in[came], stage.went_out[went]

    video, audio, audio_in, audio_out = run(scenario())
    case = f"{loss} on the way {side}, seed {seed}"
    complete = 100 * len(video.frames) / (len(video.frames) + video.lost_frames)
    delays = sorted(frame.delay for frame in video.frames)
    assert video.discontinuities == []
    assert len(video.frames) > 0.9 * SECONDS * 15  # of whichever layer fits
    results = [
        goals.at_least("M2", f"{case}: video frames complete", 99.0, complete, " %"),
        goals.at_most("M2", f"{case}: delay of a complete frame, p95", 0.5, delays[int(0.95 * len(delays))], " s"),
        goals.at_most("M2", f"{case}: audio packets lost by us", 0.0, audio_in - audio_out),
    ]
    assert all(results)
    assert audio_out > 0
    assert audio.twice == 0


def test_the_same_seed_gives_the_same_call():
    async def scenario():
        async with call(7) as (stage, publisher, receiver):
            for client in ("alice", "bob"):
                stage.conditions(client, LOSSES["5 % in bursts"], LOSSES["10 % at random"])
            await asyncio.sleep(10)
            audio = receiver.audio[publisher.audio_track]
            frames = [(frame.at, frame.delay) for frame in receiver.video[publisher.video_track].frames]
            return frames, sorted(audio.came.items()), sum(stage.came_in.values()), sum(stage.went_out.values())

    first, second = run(scenario()), run(scenario())
    assert len(first[0]) > 50
    assert first == second
