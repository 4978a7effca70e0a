# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""More speech than processor: captions come slower, then sentence by sentence, and the room is told; and it passes.

The real pool, the service's watch over it and the meeting's loop in virtual time: readings cost what the test says.
"""

import asyncio
import contextlib
from types import SimpleNamespace

import numpy as np

from bots.captions.health import Health
from bots.captions.language import LanguageChoice
from bots.captions.schedule import Level
from bots.captions.track import Speaker, TrackCaptions
from bots.meeting import CaptionedMeeting
from bots.meetingnote import Note
from bots.roomview import RoomView
from bots.service import CaptionService
from bots.statements import STATUS
from bots.worker import SpeechPool
from tests.bench.captions.metered_loop import MeteredLoop
from tests.bench.captions.test_metered_loop import Loud, PricedMeter

ROOM = "!room"
WORKERS = 2


class Session:
    """Remembers what was said and stated in the room."""

    user_id, device_id = "@captions:hs", "D"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.status: list[dict] = []

    async def send_state(self, room_id, kind, key, content) -> str:
        if kind == STATUS:
            self.status.append(dict(content))
        return "$s"

    async def send_event(self, room_id, kind, content, txn_id) -> str:
        self.said.append(content["body"])
        return "$e"


async def talk(pool: SpeechPool, number: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    track = TrackCaptions(Speaker(ROOM, "$c", f"@{number}:hs", str(number)), Loud(), LanguageChoice(("fr",)))
    frame, began = np.full(1600, 0.5, np.float32), loop.time()
    for step in range(1, round(seconds * 10) + 1):
        await asyncio.sleep(began + step / 10 - loop.time())
        partial = track.due(pool.interval_s)
        for job in [*track.feed(frame, loop.time() * 1000), *([partial] if partial else [])]:
            pool.submit(job)
    for job in track.flush():
        pool.submit(job)


def after(price_s: float, talkers: int, seconds: float, monkeypatch) -> tuple[Session, list[Level], int, int]:
    """Let so many people talk, then be silent for a while; return what the room saw, the levels, finals and losses."""
    meter, session, levels, health = PricedMeter(price_s), Session(), [], Health()

    async def scenario() -> SpeechPool:
        pool = SpeechPool(meter, WORKERS, lambda segment: None)
        means = SimpleNamespace(
            session=session, health=health, languages=("fr",), service_url="http://rtc", voices=None, spool=None
        )
        meeting = CaptionedMeeting(means, RoomView(ROOM, []), Note("$c", "$t", "@a:hs", 5), resumed=False)
        service = SimpleNamespace(_pool=pool, _health=health)
        background = [
            asyncio.create_task(pool.run()),
            asyncio.create_task(CaptionService._watch_health(service)),
            asyncio.create_task(meeting._until_over()),
            asyncio.create_task(watch(pool)),
        ]
        await asyncio.gather(*(talk(pool, number, seconds) for number in range(talkers)))
        assert await pool.drained(ROOM, 600)
        for number in range(20):  # one voice after the storm
            await talk(pool, 100 + number, 2.0)
        await pool.drained(ROOM, 60)
        await asyncio.sleep(20)
        for task in background:
            task.cancel()
        await asyncio.wait(background)
        return pool

    async def watch(pool: SpeechPool) -> None:
        while True:
            levels.append(pool.level)
            await asyncio.sleep(0.5)

    with contextlib.closing(MeteredLoop(meter)) as loop:
        monkeypatch.setattr("bots.worker.time", SimpleNamespace(monotonic=loop.time))
        pool = loop.run_until_complete(scenario())
    return session, levels, pool.counts.finals, pool.dropped


def test_people_whom_the_machine_carries_are_read_as_usual_and_hear_of_nothing(monkeypatch):
    session, levels, _, dropped = after(0.1, 4, 30, monkeypatch)
    assert set(levels) == {Level.USUAL}
    assert (session.said, session.status, dropped) == ([], [], 0)


def test_too_many_are_read_slower_then_in_final_texts_alone_and_the_room_is_told_and_told_when_it_is_over(monkeypatch):
    session, levels, finals, dropped = after(1.0, 8, 60, monkeypatch)
    first = {level: levels.index(level) for level in Level}
    assert first[Level.USUAL] < first[Level.SLOWER] < first[Level.FINALS_ONLY]
    assert levels[-1] is not Level.FINALS_ONLY
    assert session.status == [{"degraded": True, "reason": "overload"}, {"degraded": False}]
    begins, over = session.said
    assert "sentence by sentence" in begins
    assert "as usual again" in over
    assert finals >= 8 * 60 / 12, "every final text was read"
    assert dropped == 0
