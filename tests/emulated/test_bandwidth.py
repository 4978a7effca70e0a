# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M4: a receiver's path shrinks from 5 to 1 Mbit/s and recovers; what it is sent follows."""

import asyncio
import itertools

import pytest

from tests.emulated.goals import seeds
from tests.emulated.link import Conditions
from tests.emulated.stage import call
from tests.virtual_time import run

WIDE = Conditions(delay=0.02, rate=5_000_000, buffer=30_000)
NARROW = WIDE.but(rate=1_000_000)
WARM_UP_S, NARROW_S, RECOVERED_S = 20.0, 60.0, 60.0
TOP = 2


def oscillations(frames, start, stop):
    """Returns to a layer above, per minute."""
    layers = [layer for layer, _ in itertools.groupby(f.layer for f in frames if start <= f.at < stop)]
    return sum(after > before for before, after in itertools.pairwise(layers)) * 60 / (stop - start)


@pytest.mark.parametrize("feedback", ["transport-cc", "remb"])
@pytest.mark.parametrize("seed", seeds(1))
def test_what_a_receiver_is_sent_follows_its_bandwidth(goals, feedback, seed):
    async def scenario():
        async with call(seed, transport_cc=feedback == "transport-cc") as (stage, publisher, receiver):
            stage.conditions("bob", WIDE, WIDE)
            await asyncio.sleep(WARM_UP_S)
            shrunk = stage.loop.time()
            stage.conditions("bob", down=NARROW)
            await asyncio.sleep(3.0)
            link = stage.links["bob"][1]
            offered, lost = link.offered, link.lost
            await asyncio.sleep(NARROW_S - 3.0)
            loss = (link.lost - lost) / (link.offered - offered)
            recovered = stage.loop.time()
            stage.conditions("bob", down=WIDE)
            await asyncio.sleep(RECOVERED_S)
            return receiver.video[publisher.video_track].frames, shrunk, recovered, loss, stage.lost_peers

    frames, shrunk, recovered, loss, gone = run(scenario())
    before = [f.layer for f in frames if shrunk - 5 <= f.at < shrunk]
    lower = next((f.at - shrunk for f in frames if f.at >= shrunk and f.layer < TOP), NARROW_S)
    back = next((f.at - recovered for f in frames if f.at >= recovered and f.layer == TOP), RECOVERED_S)
    case = f"{feedback}, seed {seed}"
    assert set(before) == {TOP}
    assert not gone
    results = [
        goals.at_most("M4", f"{case}: lower layer after the drop", 2.0, lower, " s"),
        goals.at_most("M4", f"{case}: loss from 3 s after the drop", 2.0, 100 * loss, " %"),
        goals.at_most("M4", f"{case}: top layer after recovery", 15.0, back, " s"),
        goals.at_most(
            "M4", f"{case}: oscillations while narrow", 2.0, oscillations(frames, shrunk + 3, recovered), "/min"
        ),
        goals.at_most(
            "M4",
            f"{case}: oscillations when wide again",
            2.0,
            oscillations(frames, recovered + 15, recovered + RECOVERED_S),
            "/min",
        ),
    ]
    assert all(results)
