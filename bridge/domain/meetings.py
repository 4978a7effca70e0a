# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a meeting is, and what room Matrix makes for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from bridge.domain.lifecycle import Life, MeetingState
from bridge.domain.lobby import LobbyPolicy
from bridge.domain.names import MeetingId, RoomId, UserId
from bridge.domain.powers import NOBODY, Content
from bridge.domain.recurrence import Schedule, occurrences

ROOM_VERSION = "12"

CALL_MEMBER = "org.matrix.msc3401.call.member"
CONSENT = "org.passerelle.captions.consent"
CAPTION_MODEL = "org.passerelle.captions.model"
CAPTION_STATUS = "org.passerelle.captions.status"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting is a room with a title, an organiser and a life."""

    id: MeetingId
    title: str
    room_id: RoomId
    organizer: UserId
    created_at: datetime
    life: Life
    agenda: str = ""
    locked: bool = False
    lobby: LobbyPolicy = LobbyPolicy.OFF
    schedule: Schedule | None = None


def as_json(meeting: Meeting, public_url: str) -> dict[str, Any]:
    """Return the Meeting of docs/ARCHITECTURE.md."""
    life = meeting.life
    return {
        "id": meeting.id,
        "title": meeting.title,
        "room_id": meeting.room_id,
        "organizer": meeting.organizer,
        "url": f"{public_url}/m/{meeting.id}",
        "state": life.state.value,
        "agenda": meeting.agenda,
        "locked": meeting.locked,
        "lobby": meeting.lobby.value,
        "starts_at": _instant(life.starts_at),
        "ends_at": _instant(life.ends_at),
        "cancelled": life.state is MeetingState.ENDED and life.cancelled,
        "schedule": None if meeting.schedule is None else schedule_json(meeting.schedule),
    }


def dates_json(meeting: Meeting, now: datetime) -> list[dict[str, Any]]:
    """Return the dates of a meeting that run or are to come; `date` names each within its series, wherever it moved."""
    found = [] if meeting.schedule is None else occurrences(meeting.schedule, now)
    return [
        {"date": wall_time(one.recurrence_id), "starts_at": _instant(one.begin), "ends_at": _instant(one.end)}
        for one in found
    ]


def schedule_json(schedule: Schedule) -> dict[str, Any]:
    """Return the Schedule of docs/ARCHITECTURE.md: wall times of its zone, to the minute."""
    return {
        "start": wall_time(schedule.start),
        "time_zone": schedule.zone,
        "duration_minutes": _minutes(schedule.duration),
        "rrule": schedule.rrule,
        "cancelled_dates": [wall_time(at) for at in schedule.exdates],
        "moved_dates": [
            {
                "date": wall_time(move.recurrence_id),
                "start": wall_time(move.start),
                "duration_minutes": _minutes(move.duration),
            }
            for move in schedule.moves
        ],
        "sequence": schedule.sequence,
    }


def wall_time(at: datetime) -> str:
    """Write a naive local time as `bridge.domain.recurrence.parse_local` reads it."""
    return at.isoformat(timespec="minutes")


def _minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def matrix_to(room_id: str, via: str) -> str:
    """Return the link by which any Matrix client finds the room; a version 12 id says nothing about servers."""
    return f"https://matrix.to/#/{quote(room_id, safe='')}?via={quote(via, safe='')}"


def matrix_uri(room_id: str, via: str) -> str:
    """Return the same for an application that is installed (Matrix v1.11, appendices, "matrix: URI scheme")."""
    return f"matrix:roomid/{quote(room_id.removeprefix('!'), safe='')}?via={quote(via, safe='')}&action=join"


def room_recipe(title: str, organizer: str) -> dict[str, Any]:
    """Return the body of createRoom.

    Version 12: the creator (our bot) stands above all levels and must not be listed. Ordinary members may join the
    call, react, and say whether they agree to captions; nobody reads what was said before they came.
    """
    return {
        "preset": "private_chat",
        "room_version": ROOM_VERSION,
        "name": title,
        "invite": [organizer],
        "initial_state": [
            _state("m.room.join_rules", {"join_rule": "invite"}),
            _state("m.room.guest_access", {"guest_access": "forbidden"}),
            _state("m.room.history_visibility", {"history_visibility": "joined"}),
        ],
        "power_level_content_override": {
            "users": {organizer: 100},
            "users_default": 0,
            "events_default": 0,
            "state_default": 50,
            "invite": 50,
            "kick": 50,
            "ban": 50,
            "redact": 50,
            "events": {
                CALL_MEMBER: 0,
                "m.call.member": 0,  # the name it will have once it is stable
                CONSENT: 0,
                CAPTION_MODEL: 0,  # keyed by the bot's own id, which nobody else may write
                CAPTION_STATUS: 0,
                "m.reaction": 0,
                "io.element.call.reaction": 0,
                "m.room.power_levels": 100,
                "m.room.history_visibility": 100,
                "m.room.encryption": 100,  # captions end where encryption begins: the organiser's choice alone
                "m.room.server_acl": 100,
                "m.room.tombstone": 150,
            },
        },
    }


_WRITING = 0


def room_levels(levels: Content, *, closed: bool) -> dict[str, Any]:
    """Return power levels by which members may only read a room, or, as it was made, write and call again."""
    recipe: dict[str, Any] = room_recipe("", "")["power_level_content_override"]
    level = NOBODY if closed else _WRITING
    opened = {name: level for name, usual in recipe["events"].items() if usual == _WRITING}
    events = levels.get("events")
    return {**levels, "events_default": level, "events": {**(events if isinstance(events, dict) else {}), **opened}}


def _state(event_type: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": event_type, "state_key": "", "content": content}
