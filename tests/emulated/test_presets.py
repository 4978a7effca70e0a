# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M1: six kinds of bad network for a minute each: nobody is disconnected, and media flows."""

import asyncio
from itertools import pairwise

import pytest

from tests.emulated.goals import seeds
from tests.emulated.link import PRESETS
from tests.emulated.publisher import CAMERA_540P
from tests.emulated.stage import call
from tests.virtual_time import run

SECONDS = 60.0
SETTLING_S = 10.0
"""A satellite's round trips until sound, picture, and the rates are found."""
ON_THE_WAY_S = 3.0
ADDED_LOSS = 0.03
"""Of the audio: beyond what both links lose on average (chance)."""
FROZEN_S = {"satellite": 12.0}
"""The longest time without a new picture: over a satellite the second repair of one packet is already a freeze."""
FROZEN_OTHERWISE_S = 4.0


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seed", seeds(3))
def test_a_call_survives_a_minute_on_a_bad_network(goals, preset, seed):
    async def scenario():
        async with call(seed, CAMERA_540P) as (stage, publisher, receiver):
            for client in ("alice", "bob"):
                stage.conditions(client, PRESETS[preset], PRESETS[preset])
            await asyncio.sleep(SETTLING_S)
            began, sent = stage.loop.time(), publisher.audio_sent
            await asyncio.sleep(SECONDS - SETTLING_S)
            ended, last = stage.loop.time(), publisher.audio_sent
            await asyncio.sleep(ON_THE_WAY_S)
            video, audio = receiver.video[publisher.video_track], receiver.audio[publisher.audio_track]
            heard = sum(sent <= number < last for number in audio.came) / (last - sent)
            shown = [began, *(frame.at for frame in video.frames if began < frame.at < ended), ended]
            longest = max(after - before for before, after in pairwise(shown))
            silence = max(c.longest_silence for c in (receiver.client, publisher.client))
            return heard, longest, len(shown) - 2, silence, stage.lost_peers, video.discontinuities

    heard, longest, frames, silence, gone, discontinuities = run(scenario())
    case = f"{preset}, seed {seed}"
    possible = (1 - PRESETS[preset].loss) ** 2
    assert discontinuities == []
    results = [
        goals.at_most("M1", f"{case}: people disconnected", 0, len(gone)),
        goals.at_least("M1", f"{case}: sound heard", 100 * (possible - ADDED_LOSS), 100 * heard, " %"),
        goals.at_most("M1", f"{case}: longest freeze", FROZEN_S.get(preset, FROZEN_OTHERWISE_S), longest, " s"),
        goals.at_least("M1", f"{case}: pictures", 100, frames),
        goals.at_most("M1", f"{case}: longest without an answer to a check", 15.0, silence, " s"),
    ]
    assert all(results)
