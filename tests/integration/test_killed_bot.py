# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The caption bot killed while two people talk without a stop: how long it is away, and what that costs them."""

import asyncio
import os
import random
import signal
import time

import numpy as np
import pytest

from tests.bench.captions.talkers import speeches
from tests.integration.captioned_call import allow, ask_captions, meeting, until
from tests.integration.lost_speech import lost_s, posted_twice, said_twice

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

BACK_S, LOST_S = 10.0, 5.0
"""The goals, on a machine that has nothing else to do."""
BUSY = 2.0
"""Among the other tests, everything takes so much longer at most."""
_NEAR_S = 15.0


@pytest.mark.parametrize(
    ("kills", "patience"), [(1, BUSY), pytest.param(5, 1.0, marks=pytest.mark.long)], ids=["once", "often"]
)
async def test_a_bot_killed_at_random_is_back_soon_loses_little_and_doubles_nothing(stack, kills, patience):
    rng = random.Random(4)
    pauses = [rng.uniform(3, 9) if number == 0 else rng.uniform(31, 39) for number in range(kills)]
    seconds = sum(pauses) + kills * BACK_S * patience + 15
    async with meeting(stack) as (room_id, staff, guest, log):
        people = (staff, guest)
        for person in people:
            await allow(person.session, room_id, allow=True)
            await person.enter(room_id)
        await ask_captions(staff.session, room_id, log)
        said = dict(zip(people, speeches(len(people), seconds), strict=True))
        for person, speech in said.items():
            person.begin((speech.samples * 32767).astype(np.int16))
        began = {person: person.began for person in people}
        await until(lambda: log.shown, "the first words", 30)

        killed: list[float] = []
        for pause_s in pauses:
            await asyncio.sleep(pause_s)
            os.kill(stack.status()["bots"]["pid"], signal.SIGKILL)
            killed.append(time.time())
            await until(lambda: _back(log, killed[-1]), "words said after the kill", BACK_S * patience)
            at, heard_s = _back(log, killed[-1])
            print(f"killed: back after {at - killed[-1]:.1f} s, heard again what was said {heard_s:.1f} s after")
        for person in people:
            person.begin(np.zeros(0, np.int16))
        over = time.time()
        finals = lambda: [s for s in log.segments.values() if s["final"] and s["text"]]  # noqa: E731
        await until(lambda: all(s["final"] for s in log.segments.values()), "an end of every line", 30)
        await until(lambda: {s["id"] for s in finals()} <= set(log.in_room), "every line in the room", 30)

        for person, speech in said.items():
            own = [s for s in finals() if s["user_id"] == person.session.user_id]
            covered = [(s["start_ms"] / 1000, s["end_ms"] / 1000) for s in own]
            words = [(began[person] + w.start_s, began[person] + w.end_s) for w in speech.words]
            lost = [lost_s([w for w in words if abs(w[0] - at) < _NEAR_S and w[1] < over], covered) for at in killed]
            print("lost", ", ".join(f"{seconds:.1f} s" for seconds in lost), "of speech")
            near = [(round(s["start_ms"] / 1000 - at, 1), s["text"]) for at in killed for s in own if _near(s, at)]
            assert max(lost) <= LOST_S * patience, near
        assert said_twice(finals()) == []
        assert posted_twice(log.from_bot()) == []


def _near(segment: dict, at: float) -> bool:
    return abs(segment["start_ms"] / 1000 - at) < _NEAR_S


def _back(log, killed: float) -> tuple[float, float] | None:
    """When the first words came that were said after the kill, and how long after it those were said."""
    later = [(at, s["start_ms"] / 1000 - killed) for at, s in log.shown if s["text"] and s["start_ms"] / 1000 > killed]
    return later[0] if later else None
