# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Shared microphones in a room: who may mark, claim and name, and what is left of voices afterwards."""

import asyncio

import numpy as np
import pytest

from bots import notice
from bots.captions.commands import Command, Wish, read_wish
from bots.captions.track import Heard, Job, Utterance
from bots.captions.turns import Turn
from bots.roomview import RoomView
from bots.sharing import Room, Sharing
from bots.voices import VoicePool
from tests.bots.captions.test_voices import LIKENESS, sounding

SALLE, ANNE, BEN, HOST = "@salle:hs", "@anne:hs", "@ben:hs", "@host:hs"
NAMES = {SALLE: "Salle Descartes", ANNE: "Anne", BEN: "Ben", HOST: "Host"}


class Engine:
    """One voice an utterance: its first sample is the direction that it sounds from."""

    def load(self) -> None:
        pass

    def turns(self, samples):
        return [Turn(0, len(samples) // 16, "A")]

    def voiceprint(self, samples):
        return sounding(float(samples[0]))


class Meeting:
    """What `Sharing` talks to, and the ways into it."""

    def __init__(self, pool, segment) -> None:
        member = [
            {"type": "m.room.member", "state_key": user, "content": {"membership": "join", "displayname": name}}
            for user, name in NAMES.items()
        ]
        levels = {"type": "m.room.power_levels", "state_key": "", "content": {"users": {HOST: 50}}}
        self.view = RoomView("!room", [*member, levels])
        self.published: dict[str, object] = {}
        self.said: list[str] = []
        self.withdrawn: set[str] = set()
        self.pool = pool
        self._segment = segment
        room = Room(
            "!room",
            lambda: self.view,
            lambda user: user not in self.withdrawn,
            lambda segment: self.published.update({segment.id: segment}),
            self.said.append,
            lambda event_id: [self.published[event_id]] if event_id in self.published else [],
        )
        self.sharing = Sharing(room, pool, "fr")

    def command(self, user: str, body: str, *mentions: str) -> None:
        content = {"msgtype": "m.text", "body": body, "m.mentions": {"user_ids": list(mentions)}}
        wish = read_wish({"type": "m.room.message", "sender": user, "content": content}, self.view.power)
        if wish is not None:
            self.sharing.grant(wish)

    def react(self, user: str, event_id: str, key: str = "🙋") -> None:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        self.sharing.react({"type": "m.reaction", "sender": user, "content": {"m.relates_to": relation}})

    async def speak(self, number: int, degrees: float, *, seconds: int = 5) -> None:
        """Say an utterance at the room's microphone; it is read and listened to."""
        samples = np.full(16_000 * seconds, degrees, np.float32)
        segment = self._segment(number, user_id=SALLE, display_name=NAMES[SALLE], stable_chars=8, text="bonjour!")
        track = type("Track", (), {"speaker": type("Speaker", (), {"user_id": SALLE})})
        self.sharing.listen(
            Job(track, Utterance(segment.id, segment.start_ms, 0), final=True, frozen=Heard(samples, 0, 0))
        )
        for part in self.sharing.said(segment):
            self.published[part.id] = part
        await self.sharing.drained(10)

    @property
    def names(self) -> list[str]:
        return [segment.display_name for segment in self.published.values()]


@pytest.fixture
async def pool():
    pool = VoicePool(Engine(), LIKENESS, look=True)
    working = asyncio.create_task(pool.run())
    yield pool
    working.cancel()
    await asyncio.wait([working])


@pytest.fixture
def meeting(pool, segment) -> Meeting:
    return Meeting(pool, segment)


@pytest.mark.parametrize(
    ("user", "body", "mentions"),
    [
        (SALLE, "!captions shared", ()),
        (HOST, "!captions shared @salle:hs", ()),
        (HOST, "!captions shared Salle Descartes", (SALLE,)),
    ],
)
async def test_its_owner_or_a_host_marks_a_microphone(meeting, user, body, mentions):
    meeting.command(user, body, *mentions)
    assert meeting.said == [notice.marked("Salle Descartes", shared=True)]
    await meeting.speak(1, 0)
    await meeting.speak(2, 90)
    assert meeting.names == ["Voix 1 (Salle Descartes)", "Voix 2 (Salle Descartes)"]
    meeting.command(user, f"{body} off", *mentions)
    assert meeting.names == ["Salle Descartes", "Salle Descartes"]


@pytest.mark.parametrize(
    ("user", "body", "mentions", "answer"),
    [
        (ANNE, "!captions shared @salle:hs", (), notice.NOT_YOUR_MICROPHONE),
        (HOST, "!captions shared @nobody:hs", (), notice.WHOSE_MICROPHONE),
        (HOST, "!captions shared Salle", (), notice.WHOSE_MICROPHONE),
        (HOST, "!captions shared both", (SALLE, ANNE), notice.WHOSE_MICROPHONE),
        (ANNE, "!captions me Voice 7", (), notice.WHICH_VOICE),
        (ANNE, "!captions me", (), notice.WHICH_VOICE),
        (HOST, "!captions name Voice 1 = Anne", (), notice.WHICH_VOICE),
        (HOST, "!captions name Anne", (), notice.WHICH_VOICE),
    ],
)
async def test_whoever_may_not_or_is_not_understood_is_told_so(meeting, user, body, mentions, answer):
    meeting.command(user, body, *mentions)
    assert meeting.said == [answer]
    assert not meeting.sharing._microphones.owners


async def test_the_bot_marks_a_microphone_at_which_it_hears_two_people_and_says_so_once(meeting):
    for number, degrees in enumerate((0, 90, 0, 90)):
        await meeting.speak(number, degrees)
    assert meeting.said == [notice.several_voices("Salle Descartes")]
    assert meeting.names == [f"Voix {number} (Salle Descartes)" for number in (1, 2, 1, 2)]


async def test_a_person_says_that_is_me_by_a_reaction_or_a_command_and_a_host_by_a_name(meeting):
    meeting.command(SALLE, "!captions shared")
    for number, degrees in enumerate((0, 90, 0)):
        await meeting.speak(number, degrees)
    meeting.react(ANNE, "S0", "🙋🏽\u200d♀\ufe0f")
    assert meeting.names == ["Anne", "Voix 2 (Salle Descartes)", "Anne"]
    meeting.command(BEN, "!captions me Voice 2")
    await meeting.speak(3, 90)
    assert meeting.names == ["Anne", "Ben", "Anne", "Ben"]
    meeting.react(BEN, "S0")
    assert meeting.said[-1] == notice.CLAIMED
    meeting.command(HOST, "!captions name Voix 1 = Dr. Martin")
    assert meeting.names == ["Dr. Martin", "Ben", "Dr. Martin", "Ben"]
    meeting.command(ANNE, "!captions name Voix 1 = Anne")
    assert meeting.names == ["Dr. Martin", "Ben", "Dr. Martin", "Ben"]


@pytest.mark.parametrize(("event_id", "key"), [("S0", "👍"), ("S0", "🙋 "), ("$other", "🙋")])
async def test_other_reactions_say_nothing(meeting, event_id, key):
    meeting.command(SALLE, "!captions shared")
    await meeting.speak(0, 0)
    meeting.said.clear()
    meeting.react(ANNE, event_id, key)
    assert meeting.names == ["Voix 1 (Salle Descartes)"]
    assert not meeting.said


@pytest.mark.parametrize("content", [None, {}, {"m.relates_to": 5}, {"m.relates_to": {"key": 1, "event_id": 2}}])
async def test_reactions_that_are_none_do_nothing(meeting, content):
    meeting.sharing.react({"type": "m.reaction", "sender": ANNE, "content": content})
    assert not meeting.said


async def test_a_corrected_line_is_left_alone(meeting):
    meeting.command(SALLE, "!captions shared")
    await meeting.speak(0, 0)
    await meeting.speak(1, 0)
    before = meeting.published["S0"]
    meeting.sharing.corrected(before)
    meeting.command(HOST, "!captions name Voice 1 = Anne")
    assert meeting.names == [before.display_name, "Anne"]


async def test_when_its_owner_withdraws_the_voices_of_a_microphone_are_forgotten_even_if_one_is_being_heard(meeting):
    meeting.command(SALLE, "!captions shared")
    await meeting.speak(0, 0)
    kept = meeting.sharing._microphones._microphones[SALLE].book._voices[0].total
    meeting.withdrawn.add(SALLE)
    meeting.sharing.follow_consent()
    assert not kept.any()
    await meeting.speak(1, 0)
    assert not meeting.sharing._microphones.owners


async def test_after_the_meeting_nothing_of_a_voice_is_left(meeting, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meeting.command(SALLE, "!captions shared")
    await meeting.speak(0, 0)
    kept = meeting.sharing._microphones._microphones[SALLE].book._voices[0].total
    meeting.sharing.end()
    assert not kept.any()
    assert meeting.sharing._microphones is None
    assert not meeting.pool._waiting
    assert not list(tmp_path.iterdir())


async def test_where_voices_cannot_be_told_apart_people_are_told_that(segment):
    meeting = Meeting(None, segment)
    meeting.sharing.grant(Wish(Command.SHARED, SALLE))
    meeting.react(ANNE, "S0")
    meeting.sharing.follow_consent()
    await meeting.speak(0, 0)
    meeting.sharing.end()
    assert meeting.said == [notice.NO_DIARIZATION]
    assert meeting.names == ["Salle Descartes"]


async def test_after_a_restart_voices_are_recognised_by_what_they_said_before(meeting, segment):
    meeting.sharing.recall([segment(1, user_id=SALLE, voice="voice-4", display_name="Anne")])
    meeting.sharing.hear_again(SALLE, "voice-4", np.full(16_000 * 5, 0.0, np.float32))
    await meeting.speak(7, 3)
    assert {(part.voice, part.display_name) for part in meeting.published.values()} == {("voice-4", "Anne")}


async def test_nobody_who_withdrew_is_heard_again(meeting, segment):
    meeting.withdrawn.add(SALLE)
    meeting.sharing.recall([segment(1, user_id=SALLE, voice="voice-4")])
    meeting.sharing.hear_again(SALLE, "voice-4", np.full(16_000 * 5, 0.0, np.float32))
    await meeting.sharing.drained(10)
    assert "voice-4" not in meeting.sharing._microphones._labels.values()
