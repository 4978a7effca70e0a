# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What people in the call get to read: corrections, and the last words before the bot goes."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from bots.captions.ending import Ending
from bots.meeting import CaptionedMeeting
from bots.meetingnote import Note
from bots.roomview import RoomView


class Room:
    """The part of rtc.Room that being in a call with nobody who speaks needs; keeps the texts that were sent."""

    def __init__(self) -> None:
        self.remote_participants = {"@ana:hs:D": SimpleNamespace(track_publications={})}
        self.local_participant = self
        self.sent: list[tuple[str, str]] = []

    def on(self, name, handler) -> None:
        pass

    def isconnected(self) -> bool:
        return True

    async def send_text(self, text, *, attributes, **_) -> None:
        self.sent.append((attributes["lk.segment_id"], text))


class Pool:
    """Reads what it has when the meeting waits for that."""

    interval_s = 1.0

    def __init__(self) -> None:
        self.read_at_the_end = lambda: None

    async def drained(self, room_id: str, timeout_s: float) -> bool:
        await asyncio.sleep(0)
        self.read_at_the_end()
        self.read_at_the_end = lambda: None
        return True


@pytest.fixture
def meeting():
    means = SimpleNamespace(
        session=SimpleNamespace(user_id="@captions:hs", device_id="D"),
        publisher=SimpleNamespace(put=lambda segment: None),
        pool=Pool(),
        languages=("fr",),
        service_url="http://rtc",
        voices=None,
        translate=lambda segment: None,
        spool=None,
    )
    return CaptionedMeeting(means, RoomView("!room", []), Note("$call", "$thread", "@ana:hs", 5), resumed=False)


@pytest.fixture
def spoken(segment):
    """Something said just now."""
    now = int(time.time() * 1000) + 1000
    return lambda number=1, **changes: segment(number, start_ms=now + number, end_ms=now + number + 900, **changes)


async def test_the_last_words_reach_the_call_before_the_bot_leaves_it(meeting, spoken):
    room = Room()
    staying = asyncio.create_task(meeting._listen(room))
    await asyncio.sleep(0)
    meeting._means.pool.read_at_the_end = lambda: meeting.deliver(spoken(text="À demain."))
    staying.cancel()
    await asyncio.wait([staying])
    assert room.sent == [("S1", "À demain.")]


async def test_a_bot_that_was_removed_says_nothing_more(meeting, spoken):
    room = Room()
    staying = asyncio.create_task(meeting._listen(room))
    await asyncio.sleep(0)
    meeting._means.pool.read_at_the_end = lambda: meeting.deliver(spoken(text="À demain."))
    meeting.end(Ending.REMOVED)
    staying.cancel()
    await asyncio.wait([staying])
    assert room.sent == []


async def test_a_correction_changes_the_line_in_the_call_and_on_the_tile_but_brings_no_old_one_back(
    meeting, spoken, segment, until
):
    room = Room()
    staying = asyncio.create_task(meeting._listen(room))
    await asyncio.sleep(0)
    meeting.deliver(spoken(1, text="Le pond ouvre."))
    await until(lambda: len(room.sent) == 1)
    meeting.corrected(spoken(1, text="Le pont ouvre.", rev=2))
    meeting.corrected(segment(0, text="Said before the bot came back.", rev=2))
    await until(lambda: len(room.sent) == 2)
    staying.cancel()
    await asyncio.wait([staying])
    assert room.sent == [("S1", "Le pond ouvre."), ("S1", "Le pont ouvre.")]
    (row,) = meeting._tile._tile.rows(lambda piece: len(piece.text), 1000, 5)
    assert [piece.text for piece in row] == ["Marie:", "Le", "pont", "ouvre."]
