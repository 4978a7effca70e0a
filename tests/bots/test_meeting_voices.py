# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A shared microphone in a whole meeting: from the room's events to what the bridge and the room get."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bots import notice
from bots.captions.consent import CONSENT
from bots.captions.thread import caption_event
from bots.captions.track import Heard, Job, Speaker, Utterance
from bots.final.spool import Spool
from bots.matrix import RoomNews
from bots.meeting import CaptionedMeeting
from bots.meetingnote import Note
from bots.roomview import RoomView
from bots.voices import VoicePool
from tests.bots.captions.test_voices import LIKENESS
from tests.bots.test_sharing import Engine

SALLE, ANNE = "@salle:hs", "@anne:hs"


def member(user: str, name: str) -> dict:
    content = {"membership": "join", "displayname": name}
    return {"type": "m.room.member", "state_key": user, "sender": user, "content": content}


def consent(user: str, *, allow: bool, at_ms: int) -> dict:
    about = {"type": CONSENT, "state_key": user, "sender": user, "content": {"allow": allow}}
    return about | {"event_id": f"${at_ms}", "origin_server_ts": at_ms}


@pytest.fixture
def stored() -> list:
    return []


@pytest.fixture
async def meeting(stored, tmp_path):
    voices = VoicePool(Engine(), LIKENESS, look=True)
    working = asyncio.create_task(voices.run())
    means = SimpleNamespace(
        session=SimpleNamespace(user_id="@captions:hs", device_id="D"),
        pool=SimpleNamespace(submit=lambda job: None),
        publisher=SimpleNamespace(put=stored.append),
        languages=("fr",),
        service_url="http://rtc",
        translate=lambda segment: None,
        voices=voices,
        spool=Spool(tmp_path),
    )
    view = RoomView("!room", [member(SALLE, "Salle"), member(ANNE, "Anne"), consent(SALLE, allow=True, at_ms=1)])
    yield CaptionedMeeting(means, view, Note("$notice", "$thread", SALLE, 5, keeps_sound=True), resumed=False)
    working.cancel()
    await asyncio.wait([working])


def hear(meeting, *events: dict) -> None:
    meeting.hear(RoomNews(list(events), [], incomplete=False))


async def speak(meeting, segment, number: int, degrees: float) -> None:
    samples = np.full(80_000, degrees, np.float32)
    said = segment(number, user_id=SALLE, text="bonjour!", stable_chars=8)
    track = SimpleNamespace(speaker=SimpleNamespace(user_id=SALLE))
    meeting._read(Job(track, Utterance(said.id, said.start_ms, 0), final=True, frozen=Heard(samples, 0, 0)))
    meeting.deliver(said)
    await meeting._sharing.drained(10)


async def test_a_shared_microphone_is_marked_labelled_named_and_forgotten(meeting, segment, stored):
    command = {"msgtype": "m.text", "body": "!captions shared"}
    hear(meeting, {"type": "m.room.message", "sender": SALLE, "content": command})
    assert list(meeting._answers) == [notice.marked("Salle", shared=True)]
    await speak(meeting, segment, 1, 0)
    assert [(found.rev, found.display_name) for found in stored] == [(1, "Salle"), (2, "Voix 1 (Salle)")]
    assert [found.display_name for found in meeting._transcript.segments()] == ["Voix 1 (Salle)"]
    for found in stored:
        meeting.settled(found)
    meeting._thread._pace.take(0.0)
    meeting._thread._pace.done("$line")
    relation = {"rel_type": "m.annotation", "event_id": "$line", "key": "🙋"}
    hear(meeting, {"type": "m.reaction", "sender": ANNE, "content": {"m.relates_to": relation}})
    assert (stored[-1].rev, stored[-1].display_name, stored[-1].voice) == (3, "Anne", "voice-1")
    hear(meeting, consent(SALLE, allow=False, at_ms=9))
    assert not meeting._sharing._microphones.owners
    await speak(meeting, segment, 2, 0)
    assert (stored[-1].display_name, stored[-1].voice) == ("Salle", "")


@pytest.mark.parametrize("damaged", [False, True])
async def test_after_a_restart_a_voice_keeps_the_label_and_name_that_the_room_shows(
    meeting, segment, stored, *, damaged: bool
):
    before = segment(1, user_id=SALLE, track_sid="TR_S", voice="voice-1", display_name="Anne")
    before = replace(before, end_ms=before.start_ms + 6000)
    writer = meeting._sound.writer(Speaker("!room", "$notice", SALLE, "TR_S"))
    writer.write(np.zeros(6 * 16_000, np.float32), before.end_ms)
    writer.flush()
    if damaged:
        for path in meeting._sound._folder.rglob("*.flac"):
            path.write_bytes(b"no sound")
    line = {"sender": "@captions:hs", "event_id": "$line", "content": caption_event([before], "$thread", "$thread")}

    async def relations(room_id: str, event_id: str, kind: str) -> list[dict]:
        return [line] if kind == "m.thread" else []

    async def lines(room_id: str, call_id: str) -> list:
        return []

    meeting._means.session.relations = relations
    meeting._means.past = SimpleNamespace(lines=lines)
    meeting._resumed = True
    await meeting._remember()
    await speak(meeting, segment, 7, 3)
    shown = (stored[-1].voice, stored[-1].display_name)
    assert shown == (("voice-2", "Voix 2 (Salle)") if damaged else ("voice-1", "Anne"))
