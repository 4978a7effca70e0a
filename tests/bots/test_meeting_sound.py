# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose sound a meeting keeps, and what becomes of it when somebody withdraws or the call ends."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bots import notice
from bots.captions.consent import CONSENT
from bots.captions.track import Speaker
from bots.final.spool import EndedCall, Spool
from bots.keepsound import SoundKeeper
from bots.matrix import RoomNews
from bots.meeting import CaptionedMeeting
from bots.meetingnote import Note
from bots.roomview import RoomView

MARIE, PAVEL = "@marie:hs", "@pavel:hs"


def consent(user: str, *, allow: bool, at_ms: int = 1) -> dict:
    return {
        "type": CONSENT, "sender": user, "state_key": user, "content": {"allow": allow},
        "origin_server_ts": at_ms, "event_id": f"${user}{at_ms}",
    }  # fmt: skip


def member(user: str, name: str) -> dict:
    return {
        "type": "m.room.member", "sender": user, "state_key": user,
        "content": {"membership": "join", "displayname": name}, "origin_server_ts": 1, "event_id": f"$member{user}",
    }  # fmt: skip


def meeting(spool: Spool | None, *, keeps_sound: bool = True, resumed: bool = False) -> CaptionedMeeting:
    session = SimpleNamespace(user_id="@captions:hs", device_id="D")
    means = SimpleNamespace(
        session=session, languages=("fr",), service_url="http://rtc", voices=None, translate=None, spool=spool
    )
    state = [member(MARIE, "Marie Curie"), member(PAVEL, "Pavel")]
    agreed = [consent(user, allow=True) for user in (MARIE, PAVEL)]
    view = RoomView("!r", [*state, *agreed])
    return CaptionedMeeting(means, view, Note("$notice", "$thread", MARIE, 5, keeps_sound=keeps_sound), resumed=resumed)


def speak(spool: Spool, user: str) -> None:
    keeper = SoundKeeper(spool.call("$notice"), Speaker("!r", "$notice", user, f"TR{user}"))
    keeper.write(np.zeros(16_000, np.float32), 1_700_000_000_000)
    keeper.close()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def kept(spool: Spool) -> list[str]:
    return sorted(track.user_id for track in spool.call("$notice").tracks())


def test_a_withdrawal_deletes_the_sound_of_this_person_at_once(spool: Spool):
    one = meeting(spool)
    speak(spool, MARIE)
    speak(spool, PAVEL)
    one.hear(RoomNews([consent(MARIE, allow=False, at_ms=2)], [], incomplete=False))
    assert kept(spool) == [PAVEL]


def test_after_a_restart_nothing_is_deleted_before_reactions_were_read(spool: Spool):
    speak(spool, "@by-reaction:hs")
    one = meeting(spool, resumed=True)
    one.hear(RoomNews([], [], incomplete=False))
    assert kept(spool) == ["@by-reaction:hs"]


def test_the_workers_get_the_call_with_who_spoke_when_they_agreed_and_who_said_no(spool: Spool):
    one = meeting(spool)
    speak(spool, MARIE)
    one.hear(RoomNews([consent(PAVEL, allow=False, at_ms=2)], [], incomplete=False))
    one._hand_over()
    (call,) = spool.ended()
    assert call == EndedCall(
        "!r", "$notice", 5, call.ended_ms, {MARIE: "Marie Curie"}, agreed={MARIE: 1}, withdrawn=(PAVEL,)
    )


def test_a_call_whose_notice_said_nothing_of_sound_keeps_none(spool: Spool):
    for one in (meeting(spool, keeps_sound=False), meeting(None)):
        assert one._sound is None
        one._hand_over()
    assert list(spool.ended()) == []


def test_the_notice_says_in_every_language_that_sound_is_kept_exactly_where_it_is():
    said = notice.asked("Marie", MARIE, keeps_sound=True)["body"]
    assert "sound of those who agree is kept" in said
    assert "conservé sur ce serveur" in said
    assert "auf diesem Server" in said
    assert "kept" not in notice.asked("Marie", MARIE, keeps_sound=False)["body"]


def test_the_note_remembers_over_a_restart_what_people_were_told():
    assert Note.read(Note("$n", "$t", MARIE, 5, keeps_sound=True).content()).keeps_sound
    old = Note("$n", "$t", MARIE, 5).content()
    del old["keeps_sound"]
    assert not Note.read(old).keeps_sound
