# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.domain.bot_commands import (
    COMMANDS,
    HOST,
    MAX_AGE,
    MAX_CHARS,
    is_fresh,
    meeting_named,
    parse,
    read_date,
    read_promotion,
    read_rule,
    read_schedule,
)
from bridge.domain.errors import Refused
from bridge.domain.powers import Group, Role, Source

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("prefix", ["!meet", "/meet", "!Meet"])
def test_every_command_of_the_table_is_understood(name: str, prefix: str):
    said = parse(f"{prefix}  {name.upper()} some\nwords")
    assert said is not None
    assert (said.command, said.words) == (COMMANDS[name], ("some", "words"))


def test_whatever_changes_a_meeting_that_exists_is_for_its_hosts():
    everybodys = {"status", "hand", "hands"}
    for command in COMMANDS.values():
        assert (command.level == HOST) == (command.about_meeting and command.name not in everybodys), command.name
        assert not (command.about_meeting and command.makes_meeting)


@pytest.mark.parametrize(
    "body", ["", "hello !meet help", "!meeting help", "!captions off", "!meethelp", "> !meet help"]
)
def test_other_talk_is_left_alone(body: str):
    assert parse(body) is None


def test_the_bare_name_asks_for_help_and_what_there_is_not_is_told_so():
    bare, unknown = parse("!meet"), parse("!meet dance now")
    assert bare is not None
    assert bare.command is COMMANDS["help"]
    assert unknown is not None
    assert unknown.command is None


def test_nobody_makes_the_bot_read_a_book():
    said = parse("!meet start " + "word " * 100_000)
    assert said is not None
    assert len(" ".join(said.words)) <= MAX_CHARS


def test_what_was_said_long_ago_is_not_fresh():
    assert is_fresh(NOW - MAX_AGE, NOW)
    assert not is_fresh(NOW - MAX_AGE - timedelta(seconds=1), NOW)


def test_a_meeting_is_named_by_its_id_or_its_page():
    assert meeting_named(("h9Vt3kQ2x_Zb", "now")) == ("h9Vt3kQ2x_Zb", ("now",))
    assert meeting_named(("https://meet.example/m/h9Vt3kQ2x_Zb",)) == ("h9Vt3kQ2x_Zb", ())
    for words in ((), ("2026-12-24",), ("@jean:home",), ("https://meet.example/m/short",)):
        assert meeting_named(words) == (None, words)


@pytest.mark.parametrize(
    ("text", "start", "zone", "minutes", "rrule", "title"),
    [
        ("2026-12-24 18:00 Budget", "2026-12-24T18:00", "UTC", 60, None, "Budget"),
        ("2026-12-24T18:00 Budget 2027", "2026-12-24T18:00", "UTC", 60, None, "Budget 2027"),
        ("2026-12-24 1830 45m Europe/Paris weekly A b", "2026-12-24T18:30", "Europe/Paris", 45, "FREQ=WEEKLY", "A b"),
        ("2026-12-24 18h 1h30 hebdo Point", "2026-12-24T18:00", "UTC", 90, "FREQ=WEEKLY", "Point"),
        ("2026-12-24 18h15 2h freq=daily;count=3 x", "2026-12-24T18:15", "UTC", 120, "FREQ=DAILY;COUNT=3", "x"),
        ("2026-12-24 18:00 90", "2026-12-24T18:00", "UTC", 90, None, ""),
        (
            "2026-12-24 18:00 America/Argentina/Ushuaia x",
            "2026-12-24T18:00",
            "America/Argentina/Ushuaia",
            60,
            None,
            "x",
        ),
    ],
)
def test_a_time_is_read_as_people_write_it(
    text: str, start: str, zone: str, minutes: int, rrule: str | None, title: str
):
    times, found = read_schedule(tuple(text.split()), "UTC")
    assert times.start == datetime.fromisoformat(start)
    assert (times.zone, times.duration, times.rrule) == (zone, timedelta(minutes=minutes), rrule)
    assert found == title


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-12-24", "2026-13-01 10:00 x", "2026-12-24 25:00 x", "2026-12-24 noon", "Budget 18:00"],
)
def test_a_time_that_is_none_is_answered_with_an_example(text: str):
    with pytest.raises(Refused) as refused:
        read_schedule(tuple(text.split()), "UTC")
    assert "!meet schedule 2026-12-24 18:00" in refused.value.error


def test_a_day_is_read_or_refused():
    assert read_date(()) is None
    assert read_date(("2026-12-24",)) == date(2026, 12, 24)
    for word in ("tomorrow", "2026-02-30", "24.12.2026"):
        with pytest.raises(Refused):
            read_date((word,))


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("camera guests", (Source.CAMERA, Group.GUESTS)),
        ("Screen EVERYBODY", (Source.SCREEN, Group.EVERYBODY)),
        ("microphone", (Source.MICROPHONE, Group.MEMBERS)),
        ("", None),
        ("coffee", None),
        ("camera nobody", None),
    ],
)
def test_what_is_forbidden_to_whom(words: str, rule: object):
    if rule is not None:
        assert read_rule(tuple(words.split())) == rule
        return
    with pytest.raises(Refused):
        read_rule(tuple(words.split()))


@pytest.mark.parametrize(
    ("words", "promotion"),
    [
        ("Gina (Guest) speaker", ("Gina (Guest)", Role.SPEAKER)),
        ("@ada:home.example host", ("@ada:home.example", Role.HOST)),
        ("Gina (Guest)", ("Gina (Guest)", None)),
        ("Ada organiser", ("Ada organiser", None)),
        ("", ("", None)),
    ],
)
def test_who_is_promoted_to_what(words: str, promotion: object):
    assert read_promotion(tuple(words.split())) == promotion
