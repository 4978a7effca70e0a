# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a meeting in the middle of which its bot died."""

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest

from bots.captions.consent import CONSENT
from bots.captions.thread import caption_event
from bots.meeting import CaptionedMeeting
from bots.meetingnote import Note
from bots.roomview import RoomView

BOT, MARIE, PAVEL = "@captions:hs", "@marie:hs", "@pavel:hs"


class Session:
    """A homeserver with what stands in the room; it is away as often as it is told to."""

    user_id, device_id = BOT, "D"

    def __init__(self) -> None:
        self.related: dict[str, list[dict]] = {"m.annotation": [], "m.thread": []}
        self.away = 0

    async def relations(self, room_id: str, event_id: str, rel_type: str) -> list[dict]:
        self.away -= 1
        if self.away >= 0:
            raise aiohttp.ClientConnectionError
        return self.related[rel_type]


class Sent(list):
    """Takes versions of segments, as the bridge and people in the call do."""

    put = list.append


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def stored() -> list:
    return []


@pytest.fixture
def meeting(session, stored):
    async def lines(room_id, call_id):
        assert (room_id, call_id) == ("!room", "$call")
        return stored

    means = SimpleNamespace(
        session=session, publisher=Sent(), past=SimpleNamespace(lines=lines), languages=("fr",),
        service_url="http://rtc", voices=None, translate=lambda segment: None, spool=None,
    )  # fmt: skip
    agrees = {
        "type": CONSENT, "sender": MARIE, "state_key": MARIE, "content": {"allow": True}, "origin_server_ts": 1,
        "event_id": "$yes",
    }  # fmt: skip
    return CaptionedMeeting(means, RoomView("!room", [agrees]), Note("$call", "$thread", MARIE, 5), resumed=True)


def in_thread(*segments) -> dict:
    return {
        "event_id": "$line",
        "sender": BOT,
        "type": "m.room.message",
        "content": caption_event(segments, "$t", "$t"),
    }


async def test_the_room_gets_what_it_lacks_and_broken_lines_end_everywhere(meeting, session, stored, segment):
    stored += [segment(0), segment(1), segment(2, final=False, rev=3, text="je voulais")]
    stored.append(segment(3, user_id=PAVEL, final=False, text="moi aussi"))
    session.related["m.thread"] = [in_thread(stored[0])]
    remembering = asyncio.create_task(meeting._remember())
    meeting._call_text = Sent()
    meeting._in_call.set()
    await remembering
    expected = [("S2", "je voulais", 4), ("S3", "", 2)]
    for sent in (meeting._means.publisher, meeting._call_text):
        assert [(line.id, line.text, line.rev) for line in sent] == expected
        assert all(line.final for line in sent)
    assert [line.id for line in meeting._transcript.segments()] == ["S0", "S1", "S2"]
    for line in meeting._means.publisher:
        meeting.settled(line)
    post = meeting._thread._pace.take(0.0)
    assert [line.id for line in post.segments] == ["S1", "S2"], "and none twice"


async def test_a_homeserver_that_is_away_when_the_bot_comes_back_is_waited_for(meeting, session, monkeypatch):
    monkeypatch.setattr("bots.matrix_rtc._AWAY_S", 0.001)
    session.away = 3
    await meeting._remember()
    assert meeting._remembered.is_set()


async def test_nothing_is_written_before_it_is_known_what_stands_there(meeting, session, until):
    going = asyncio.create_task(meeting._write())
    began = []
    meeting._thread.run = lambda: began.append(True) or asyncio.sleep(0)
    await asyncio.sleep(0)
    assert began == []
    await meeting._remember()
    await until(lambda: began)
    await going
