# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M3: nothing passes for a while; the call goes on by itself when the network is back."""

import asyncio
from itertools import pairwise

import pytest

from tests.emulated.goals import seeds
from tests.emulated.link import OUTAGE, Conditions
from tests.emulated.stage import call
from tests.virtual_time import run

USUAL = Conditions(delay=0.025, loss=0.005)
SECONDS = 15.0
AFTER_S = 15.0
SMOOTH_S = 0.2
STEADY_S = 5.0
"""Sound and picture have resumed when no gap is longer than `SMOOTH_S` for this long: later ones are the usual loss."""


def resumed(times, back):
    """Seconds from the return of the network until media comes regularly again."""
    after = [at - back for at in times if at > back]
    assert after, "nothing came any more"
    begins = [after[0], *(later for earlier, later in pairwise(after) if later - earlier > SMOOTH_S)]
    return next(begin for begin, again in pairwise([*begins, AFTER_S + STEADY_S]) if again - begin > STEADY_S)


@pytest.mark.parametrize("who", [("alice",), ("bob",), ("alice", "bob")], ids=["publisher", "receiver", "both"])
@pytest.mark.parametrize(("outage_s", "bound"), [(3.0, 1.0), (20.0, 3.0)])
@pytest.mark.parametrize("seed", seeds(1))
def test_media_resumes_by_itself_after_an_outage(goals, who, outage_s, bound, seed):
    async def scenario():
        async with call(seed) as (stage, publisher, receiver):
            for name in ("alice", "bob"):
                stage.conditions(name, USUAL, USUAL)
            await asyncio.sleep(SECONDS)
            for name in who:
                stage.conditions(name, OUTAGE, OUTAGE)
            await asyncio.sleep(outage_s)
            for name in who:
                stage.conditions(name, USUAL, USUAL)
            back = stage.loop.time()
            await asyncio.sleep(AFTER_S)
            video, audio = receiver.video[publisher.video_track], receiver.audio[publisher.audio_track]
            assert not video.discontinuities
            return back, [frame.at for frame in video.frames], sorted(audio.came.values()), stage.lost_peers

    back, pictures, sounds, gone = run(scenario())
    case = f"{outage_s:.0f} s without network, {' and '.join(who)}, seed {seed}"
    results = [
        goals.at_most("M3", f"{case}: sound resumes", bound, resumed(sounds, back), " s"),
        goals.at_most("M3", f"{case}: picture resumes", bound, resumed(pictures, back), " s"),
        goals.at_most("M3", f"{case}: sessions ended", 0, len(gone)),
    ]
    assert all(results)
