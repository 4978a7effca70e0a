# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions on their way into the room, with a homeserver that stumbles."""

import asyncio

import aiohttp
import pytest

from bots.captions.thread import CAPTION
from bots.matrix_rtc import MatrixError
from bots.roomthread import RoomThread


class FakeSession:
    """Sends as MatrixSession does; ``failures`` are raised first, one a request."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.tried = []
        self.sent = []
        self.redacted = []

    async def send_event(self, room_id, kind, content, txn_id):
        self.tried.append(txn_id)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(content)
        return f"${len(self.sent)}"

    async def redact(self, room_id, event_id, txn_id):
        self.redacted.append(event_id)
        return "$redaction"


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr("bots.captions.pace.POST_INTERVAL_S", 0.0)
    monkeypatch.setattr("bots.roomthread._RETRY_S", 0.0)


@pytest.fixture
async def write(until):
    """Put segments into a thread, one after the other, each when the one before is through."""
    tasks = []

    async def run(session, *segments):
        thread = RoomThread(session, "!room", "$root", "$root")
        tasks.append(asyncio.create_task(thread.run()))
        for segment in segments:
            thread.put(segment)
            await until(lambda: not thread.waiting)
        return thread

    yield run
    for task in tasks:
        task.cancel()


async def test_each_event_answers_the_one_before(write, segment):
    session = FakeSession()
    thread = await write(session, segment(1), segment(2))
    answered = [content["m.relates_to"]["m.in_reply_to"]["event_id"] for content in session.sent]
    assert answered == ["$root", "$1"]
    assert thread.last == "$2"


async def test_what_did_not_arrive_is_sent_again_as_the_same_event(write, segment):
    session = FakeSession(
        MatrixError(502, "M_UNKNOWN", ""), aiohttp.ClientConnectionError(), MatrixError(429, "M_LIMIT_EXCEEDED", "")
    )
    await write(session, segment(1))
    assert session.tried == ["S1"] * 4
    assert len(session.sent) == 1


async def test_what_the_room_refuses_is_left_out_and_the_next_is_written(write, segment):
    session = FakeSession(MatrixError(403, "M_FORBIDDEN", ""))
    await write(session, segment(1), segment(2))
    assert [content[CAPTION][0]["segment_id"] for content in session.sent] == ["S2"]


async def test_a_correction_edits_its_event_and_each_edit_is_one_of_its_own(write, segment):
    session = FakeSession()
    thread = await write(
        session, segment(1), *(segment(1, rev=rev, text=text) for rev, text in ((2, "a"), (3, "b"), (4, "a")))
    )
    edits = session.sent[1:]
    assert [edit["m.relates_to"]["event_id"] for edit in edits] == ["$1"] * 3
    assert [edit["m.new_content"]["body"] for edit in edits] == ["Marie: a", "Marie: b", "Marie: a"]
    assert len(set(session.tried)) == 4, "else the homeserver takes the second `a` for the first again"
    assert thread.last == "$1", "an edit is no place in the thread"


async def test_an_event_without_words_is_taken_away(write, segment):
    session = FakeSession()
    await write(session, segment(1), segment(1, rev=2, text=""))
    assert session.redacted == ["$1"]


async def test_after_a_restart_events_of_before_are_edited_and_the_thread_goes_on_behind_them(segment, until):
    session = FakeSession()
    thread = RoomThread(session, "!room", "$root", "$root")
    thread.recall("$old", [segment(1)])
    thread.recall("$file", [])
    task = asyncio.create_task(thread.run())
    thread.put(segment(1, rev=2, text="corrigée"))
    thread.put(segment(2))
    await until(lambda: not thread.waiting)
    task.cancel()
    by_kind = {content["m.relates_to"]["rel_type"]: content["m.relates_to"] for content in session.sent}
    assert by_kind["m.replace"]["event_id"] == "$old"
    assert by_kind["m.thread"]["m.in_reply_to"]["event_id"] == "$file"
