# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who agreed: every way to say yes and no."""

import pytest

from bots.captions.consent import CONSENT, MAX_PEOPLE, ConsentBook, Word, still_agree

NOTICE = "$notice"
ME = "@me:hs:8431"


def state(allow: object = True, *, sender: str = ME, key: str = ME, at: int = 10, event_id: str = "$state") -> dict:
    content = {} if allow is None else {"allow": allow}
    return {
        "type": CONSENT, "state_key": key, "sender": sender, "content": content, "origin_server_ts": at,
        "event_id": event_id,
    }  # fmt: skip


def reaction(key: str = "✅", *, to: str = NOTICE, sender: str = ME, at: int = 10, event_id: str = "$r") -> dict:
    relation = {"rel_type": "m.annotation", "event_id": to, "key": key}
    return {
        "type": "m.reaction", "sender": sender, "content": {"m.relates_to": relation}, "origin_server_ts": at,
        "event_id": event_id,
    }  # fmt: skip


def redaction(of: str, *, sender: str = ME, at: int = 20, old: bool = False) -> dict:
    where = {"redacts": of, "content": {}} if old else {"content": {"redacts": of}}
    return {"type": "m.room.redaction", "sender": sender, "origin_server_ts": at, "event_id": "$x", **where}


@pytest.mark.parametrize(
    ("events", "agreed"),
    [
        ([], False),
        ([state()], True),
        ([reaction()], True),
        ([reaction("✅\ufe0f")], True),
        ([state(False)], False),
        ([state(), state(False)], False),
        ([state(False), state()], True),
        ([reaction(), redaction("$r")], False),
        ([reaction(), redaction("$r", old=True)], False),
        ([reaction(), redaction("$r", sender="@moderator:hs")], False),
        ([state(), redaction("$state")], False),
        ([reaction(), state(False)], False),
        ([state(False), reaction()], True),
        ([state(), reaction(), redaction("$r")], False),
        ([reaction(), redaction("$other")], True),
        ([state(None)], False),
        ([state(), state(None)], False),
        ([state("yes")], False),
        ([state(1)], False),
        ([reaction("👍")], False),
        ([reaction(to="$another message")], False),
        ([state(sender="@other:hs")], False),
        ([state(), state(False, sender="@other:hs")], True),
        ([state(key="")], False),
        ([{"type": CONSENT, "state_key": ME, "sender": ME, "content": None, "origin_server_ts": 1}], False),
    ],
)
def test_the_last_word_counts(events, agreed):
    book = ConsentBook(NOTICE)
    for event in events:
        book.hear(event)
    assert book.agreed(ME) is agreed


def test_nobody_can_agree_or_refuse_for_somebody_else():
    book = ConsentBook(NOTICE)
    book.hear(state(sender="@other:hs", key=ME))
    book.hear(reaction(sender="@other:hs"))
    assert not book.agreed(ME)
    assert book.agreed("@other:hs")


def test_live_words_count_as_they_come_whatever_their_clock_says():
    book = ConsentBook(NOTICE)
    book.hear(state(at=1000))
    book.hear(state(False, at=5))
    assert not book.agreed(ME)


def test_after_a_restart_the_newest_word_counts():
    book = ConsentBook(NOTICE)
    book.recall([state(at=30), reaction(at=10)], [Word(ME, allow=False, at_ms=20)])
    assert book.agreed(ME)
    book = ConsentBook(NOTICE)
    book.recall([state(at=10)], [Word(ME, allow=False, at_ms=20)])
    assert not book.agreed(ME)


def test_after_a_restart_a_tie_is_a_no():
    book = ConsentBook(NOTICE)
    book.recall([state(at=20)], [Word(ME, allow=False, at_ms=20)])
    assert not book.agreed(ME)


def test_what_was_said_live_outranks_what_is_read_back():
    book = ConsentBook(NOTICE)
    book.hear(state(False, at=5))
    book.recall([reaction(at=10)])
    assert not book.agreed(ME)


def test_withdrawals_are_there_to_be_kept():
    book = ConsentBook(NOTICE)
    book.hear(reaction())
    assert book.withdrawals() == []
    book.hear(redaction("$r", at=77))
    assert book.withdrawals() == [Word(ME, allow=False, at_ms=77)]


def test_a_reaction_taken_away_while_events_were_missed_is_a_no():
    book = ConsentBook(NOTICE)
    book.hear(reaction())
    book.catch_up([], [])
    assert not book.agreed(ME)


def test_a_new_word_said_while_events_were_missed_counts():
    book = ConsentBook(NOTICE)
    book.hear(state())
    book.catch_up([state(False, at=50, event_id="$state2")], [reaction(sender="@late:hs", event_id="$r2")])
    assert not book.agreed(ME)
    assert book.agreed("@late:hs")


def test_catching_up_on_nothing_new_changes_nothing():
    book = ConsentBook(NOTICE)
    book.hear(state())
    book.hear(reaction())
    book.hear(redaction("$r"))
    book.catch_up([state()], [])
    assert not book.agreed(ME)


def test_people_past_the_limit_cannot_agree_but_can_refuse():
    book = ConsentBook(NOTICE)
    for number in range(MAX_PEOPLE):
        book.hear(state(sender=f"@{number}:hs", key=f"@{number}:hs", event_id=f"${number}"))
    book.hear(state())
    assert not book.agreed(ME)
    book.hear(state(False, sender="@1:hs", key="@1:hs"))
    assert not book.agreed("@1:hs")


@pytest.mark.parametrize(
    ("events", "agrees"),
    [
        ([state(at=10)], True),
        ([reaction(at=10)], True),
        ([], False),
        ([state(False, at=99)], False),
        ([state(None, at=10)], False),
        ([reaction(at=10), state(False, at=99)], False),
        ([state(at=5)], False),
        ([state(at=5), reaction(at=99)], True),
        ([state(False, at=5), reaction(at=10)], True),
        ([reaction(at=10, sender="@other:hs")], False),
        ([{"sender": ME, "origin_server_ts": "now"}], False),
    ],
    ids=[
        "a yes stands", "so does a reaction", "what said yes is gone", "a no came", "the yes was redacted",
        "a no came beside it", "an older yes was outdated by the one that is gone", "a new yes came",
        "an older no was outdated", "another's yes", "nonsense",
    ],
)  # fmt: skip
def test_after_the_call_what_stands_in_the_room_decides_from_when_somebody_agreed_on(events, agrees):
    assert still_agree(NOTICE, {ME: 10}, events) == ({ME} if agrees else set())


def test_the_times_of_those_who_agree_are_kept_for_after_the_call():
    book = ConsentBook(NOTICE)
    for event in (state(at=5), reaction(at=9), state(False, sender="@no:hs", key="@no:hs", at=7)):
        book.hear(event)
    assert book.agreements() == {ME: 9}
