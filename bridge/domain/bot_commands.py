# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What people can tell the meetings' bot, who may say it, and what they said.

One table; `!meet help` is made from it. Words for people are in `bridge/locales`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.languages import LANGUAGES
from bridge.domain.names import MeetingId, is_our_id
from bridge.domain.planning import Times
from bridge.domain.powers import LEVELS, Group, Role, Source

PREFIXES = ("!meet", "/meet")
MAX_CHARS = 1000
"""Characters of a command. Stops: reading books."""
MAX_AGE = timedelta(minutes=5)
"""Whatever was said longer ago is not answered: nobody waits for it, and the world has moved on."""

MEMBER = LEVELS[Role.MEMBER]
HOST = LEVELS[Role.HOST]

DEFAULT_DURATION = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what follows it, the power level that it asks for, and whether it is about a meeting that exists."""

    name: str
    arguments: str = ""
    level: int = MEMBER
    about_meeting: bool = False
    makes_meeting: bool = False
    but: str = ""
    """A first word with which it is about no meeting, and its own rules say who may."""


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("help"),
        Command("start", "[title]", makes_meeting=True),
        Command("schedule", "2026-12-24 18:00 [45m] [Europe/Paris] [weekly] title", makes_meeting=True),
        Command("list"),
        Command("status", about_meeting=True),
        Command("invite", "[@name:server]", HOST, about_meeting=True),
        Command("open", "", HOST, about_meeting=True),
        Command("lock", "", HOST, about_meeting=True),
        Command("unlock", "", HOST, about_meeting=True),
        Command("lobby", "on|off|guests|outsiders|everybody", HOST, about_meeting=True),
        Command("waiting", "", HOST, about_meeting=True),
        Command("admit", "1|name|all", HOST, about_meeting=True),
        Command("refuse", "1|name|all", HOST, about_meeting=True),
        Command("end", "", HOST, about_meeting=True),
        Command("mute", "@name|all", HOST, about_meeting=True),
        Command("forbid", f"{'|'.join(Source)} [{'|'.join(Group)}]", HOST, about_meeting=True),
        Command("allow", "|".join(Source), HOST, about_meeting=True),
        Command("audience", "on|off", HOST, about_meeting=True),
        Command("promote", f"@name [{Role.SPEAKER}|{Role.HOST}]", HOST, about_meeting=True),
        Command("demote", "@name", HOST, about_meeting=True),
        Command("remove", "@name", HOST, about_meeting=True),
        Command("bar", "@name", HOST, about_meeting=True),
        Command("unbar", "@name", HOST, about_meeting=True),
        Command("hand", "[down]", about_meeting=True),
        Command("hands", about_meeting=True),
        Command("next", "", HOST, about_meeting=True),
        Command("cancel", "[2026-12-24]", HOST, about_meeting=True),
        Command("revoke", "link [url] | guest name | server name", HOST, about_meeting=True, but="server"),
        Command("lang", "|".join(LANGUAGES)),
    )
}

_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_TIME = re.compile(r"(\d\d):?(\d\d)\Z|(\d\d)h(\d\d)?\Z", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,2})h)?(?:(\d{1,4})(?:m|min)?)?\Z", re.ASCII)
_ZONE = re.compile(r"UTC\Z|[A-Z][A-Za-z_]+/[A-Za-z_/+-]+\Z", re.ASCII)
_RULES = {
    "daily": "FREQ=DAILY",
    "weekly": "FREQ=WEEKLY",
    "monthly": "FREQ=MONTHLY",
    "quotidien": "FREQ=DAILY",
    "hebdo": "FREQ=WEEKLY",
    "mensuel": "FREQ=MONTHLY",
    "täglich": "FREQ=DAILY",
    "wöchentlich": "FREQ=WEEKLY",
    "monatlich": "FREQ=MONTHLY",
}
_LINK = re.compile(r"\S*/m/([A-Za-z0-9_-]+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said to the bot; `command` is None for one that there is not."""

    command: Command | None
    words: tuple[str, ...]


def parse(body: str) -> Said | None:
    """Return what a message says to the bot, or None when it says nothing to it."""
    words = body[:MAX_CHARS].split()
    if not words or words[0].lower() not in PREFIXES:
        return None
    name = words[1].lower() if len(words) > 1 else "help"
    return Said(COMMANDS.get(name), tuple(words[2:]))


def is_fresh(sent_at: datetime, now: datetime) -> bool:
    """Tell whether something was said recently enough to be answered."""
    return now - sent_at <= MAX_AGE


def meeting_named(words: tuple[str, ...]) -> tuple[MeetingId | None, tuple[str, ...]]:
    """Return the meeting that the first word names, by its id or its page's address, and the other words."""
    if words:
        link = _LINK.match(words[0])
        name = words[0] if link is None else link[1]
        if is_our_id(name):
            return MeetingId(name), words[1:]
    return None, words


def read_schedule(words: tuple[str, ...], zone: str) -> tuple[Times, str]:
    """Return the times and the title that follow `!meet schedule`; `zone` is taken where none is named."""
    rest = list(words)
    if len(rest) == 1 or (rest and "T" in rest[0]):
        rest[:1] = rest[0].split("T", 1)
    day = _day(rest.pop(0)) if rest else None
    clock = _TIME.match(rest.pop(0)) if rest else None
    if day is None or clock is None:
        raise _usage()
    hour, minute = int(clock[1] or clock[3]), int(clock[2] or clock[4] or 0)
    duration, rrule = DEFAULT_DURATION, None
    while rest:
        if (length := _DURATION.match(rest[0])) and any(length.groups()):
            duration = timedelta(hours=int(length[1] or 0), minutes=int(length[2] or 0))
        elif _ZONE.match(rest[0]):
            zone = rest[0]
        elif rest[0].lower() in _RULES:
            rrule = _RULES[rest[0].lower()]
        elif rest[0].upper().startswith("FREQ="):
            rrule = rest[0].upper()
        else:
            break
        rest.pop(0)
    try:
        start = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001  # a wall time of `zone`
    except ValueError:
        raise _usage() from None
    return Times(start, zone, duration, rrule), " ".join(rest)


def read_rule(words: tuple[str, ...]) -> tuple[Source, Group]:
    """Return what `!meet forbid` and `allow` name, and from whom; hosts keep it where nobody is named."""
    try:
        return Source(words[0].lower()), Group(words[1].lower() if len(words) > 1 else Group.MEMBERS)
    except (IndexError, ValueError):
        text = "Please write !meet forbid camera guests, or !meet allow camera."
        raise Refused(400, "PASSERELLE_BOT_RULE", text) from None


def read_promotion(words: tuple[str, ...]) -> tuple[str, Role | None]:
    """Return who is to be promoted and to what; None: one step up."""
    role = {str(role): role for role in (Role.SPEAKER, Role.HOST)}.get(words[-1].lower() if words else "")
    return " ".join(words if role is None else words[:-1]), role


def read_switch(words: tuple[str, ...]) -> bool:
    """Return what `on` and `off` mean."""
    switch = {"on": True, "off": False}.get(words[0].lower() if words else "")
    if switch is None:
        raise Refused(400, "PASSERELLE_BOT_SWITCH", "Please write on or off.")
    return switch


def read_date(words: tuple[str, ...]) -> date | None:
    """Return the day that a command names, None without one."""
    if not words:
        return None
    day = _day(words[0])
    if day is None:
        raise Refused(400, "PASSERELLE_BOT_DATE", "Please write the day as year-month-day, for example 2026-12-24.")
    return day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.match(text) else None
    except ValueError:
        return None


def _usage() -> Refused:
    return Refused(
        400,
        "PASSERELLE_BOT_SCHEDULE",
        "Please write the day, the time and a title: !meet schedule 2026-12-24 18:00 45m Europe/Paris weekly Budget",
    )
