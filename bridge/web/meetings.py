# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Staff's meetings over HTTP: list, make, open, change, end, and who hosts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.invites import DEFAULT_TTL_S, DEFAULT_USES
from bridge.domain.lifecycle import LifeEvent, MeetingState
from bridge.domain.lobby import LobbyPolicy
from bridge.domain.meetings import Meeting, dates_json, matrix_to, matrix_uri
from bridge.domain.names import MAX_ID, UserId
from bridge.domain.planning import Times
from bridge.domain.powers import Role
from bridge.domain.recurrence import parse_local
from bridge.matrix.rooms import HOST_LEVEL, ORGANIZER_LEVEL
from bridge.store import invites, meetings
from bridge.store.meetings import Filter
from bridge.store.sessions import Bearer
from bridge.web import admission, life, moderating, organizing
from bridge.web.body import Body, Id, Short, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import MEETING_CHANGES, NEW_INVITES, NEW_MEETINGS
from bridge.web.sessions import STAFF, require, require_staff

MAX_DURATION_MINUTES = 24 * 60

Minutes = Annotated[int, Field(ge=1, le=MAX_DURATION_MINUTES)]
WallTime = Annotated[str, Field(max_length=19, examples=["2026-12-24T18:00"])]


class NewTime(Body):
    """When one date is: a wall time of the meeting's time zone."""

    start: WallTime
    duration_minutes: Minutes = 60


class NewSchedule(NewTime):
    """When a meeting is, once or as a series (RFC 5545, RRULE without its name)."""

    time_zone: str = Field(max_length=64, examples=["Europe/Paris"])
    rrule: str | None = Field(default=None, max_length=MAX_ID, examples=["FREQ=WEEKLY;COUNT=10"])


class NewMeeting(Body):
    """What a meeting is called, what it is about, and when it is; without a schedule it is open at once."""

    title: str = Field(examples=["Weekly with Lyon"])
    agenda: str = ""
    schedule: NewSchedule | None = None
    lobby: LobbyPolicy | None = Field(default=None, description="For whom; left out: what the operator chose.")


class MeetingChange(Body):
    """What is to be different; what is left out stays."""

    title: str | None = None
    agenda: str | None = None
    schedule: NewSchedule | None = None
    lobby: LobbyPolicy | None = None


class NewInvite(Body):
    """For how many and for how long."""

    uses: int = DEFAULT_USES
    ttl_s: int = DEFAULT_TTL_S
    organisation: str = ""
    verify_email: bool = False
    """Whether guests have to show a mail address of theirs, by a code; needs `[mail]`."""


class NewPartner(Body):
    """Whom to invite."""

    user_id: Short = Field(examples=["@pavel:partner.example"])


class NewHost(Body):
    """Whom to make a host."""

    user_id: Id = Field(examples=["@jean:home.example"])


def add_routes(app: web.Application) -> None:
    """Add the meetings."""
    one = "/api/v1/meetings/{meeting_id}"
    app.router.add_get("/api/v1/meetings", _list)
    app.router.add_post("/api/v1/meetings", _create)
    app.router.add_get(one, _open)
    app.router.add_patch(one, _change)
    app.router.add_delete(one, _delete)
    for name, handler in (("cancel", _cancel), ("end", _end), ("open", _reopen), ("archive", _archive)):
        app.router.add_post(f"{one}/{name}", handler)
    app.router.add_put(f"{one}/lock", _lock)
    app.router.add_delete(f"{one}/lock", _unlock)
    app.router.add_get(f"{one}/dates", _dates)
    app.router.add_patch(f"{one}/dates/{{date}}", _move_date)
    app.router.add_delete(f"{one}/dates/{{date}}", _cancel_date)
    app.router.add_get(f"{one}/hosts", _hosts)
    app.router.add_post(f"{one}/hosts", _add_host)
    app.router.add_delete(f"{one}/hosts/{{user_id}}", _drop_host)
    app.router.add_get(f"{one}/invites", _invites)
    app.router.add_post(f"{one}/invites", _invite)
    app.router.add_post(f"{one}/partners", _partner)


async def _list(request: web.Request) -> web.Response:
    """Answer what somebody organises or was let into; `state`, `from` and `to` narrow it down."""
    services, who = request.app[SERVICES], await require_staff(request)
    which = _filter(request)
    async with services.database.transaction() as tx:
        found = await meetings.of_staff(tx, who.user_id, which)
    return web.json_response({"meetings": [admission.meeting_json(services, meeting) for meeting in found]})


def _filter(request: web.Request) -> Filter:
    given = request.query
    which = Filter(begin=_instant(given.get("from"), "from"), end=_instant(given.get("to"), "to"))
    if "state" not in given:
        return which
    try:
        states = frozenset(MeetingState(name) for name in given["state"].split(","))
    except ValueError:
        names = ", ".join(state.value for state in MeetingState)
        raise Refused(400, "M_BAD_JSON", f"state must be some of: {names}.") from None
    return Filter(states, which.begin, which.end)


def _instant(text: str | None, name: str) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, "M_BAD_JSON", f"{name} must be a time like 2026-12-24T17:00:00Z.") from None


async def _create(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    body = await read(request, NewMeeting)
    services.limits.take(NEW_MEETINGS, who.user_id)
    meeting = await organizing.create(
        services,
        raw_title=body.title,
        organizer=who.user_id,
        actor=who.user_id,
        raw_agenda=body.agenda,
        times=_times(body.schedule),
        lobby=body.lobby,
    )
    return web.json_response(admission.meeting_json(services, meeting), status=201)


async def _open(request: web.Request) -> web.Response:
    """Answer the Meeting to whoever may open it, and bring staff into its room who ask by a page."""
    services = request.app[SERVICES]
    who, meeting = await enter(request)
    if who.door == STAFF and who.scopes is None and meeting.life.state is not MeetingState.ARCHIVED:
        await admission.admit_staff(services, meeting, who.user_id)
    return web.json_response(admission.meeting_json(services, meeting))


async def enter(request: web.Request) -> tuple[Bearer, Meeting]:
    """Return who calls and the meeting of the address, or refuse (404) whoever may not open it."""
    services = request.app[SERVICES]
    who = await require(request)
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None or not await may_open(services, who, meeting):
        raise _not_found()
    return who, meeting


async def may_open(services: Services, who: Bearer, meeting: Meeting) -> bool:
    """Tell whether somebody may open a meeting.

    A guest: their own. Staff: what they organise, were let into by its link, or are in by Matrix.
    """
    if who.door != STAFF:
        return who.meeting_id == meeting.id
    async with services.database.transaction() as tx:
        if await meetings.is_staff_of(tx, meeting, who.user_id):
            return True
    return await services.rooms.is_joined(meeting.room_id, who.user_id)


async def require_host(request: web.Request, level: int = HOST_LEVEL) -> tuple[Bearer, Meeting]:
    """Return the member of staff who calls and the meeting, or refuse whoever has not this level in its room."""
    who = await require_staff(request)
    services = request.app[SERVICES]
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None:
        raise _not_found()
    await organizing.require_level(services, meeting, who.user_id, level)
    services.limits.take(MEETING_CHANGES, who.user_id)
    return who, meeting


def _answer(request: web.Request, meeting: Meeting) -> web.Response:
    return web.json_response(admission.meeting_json(request.app[SERVICES], meeting))


async def _change(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    body = await read(request, MeetingChange)
    changed = await organizing.change(
        request.app[SERVICES],
        meeting,
        who.user_id,
        raw_title=body.title,
        raw_agenda=body.agenda,
        times=_times(body.schedule),
    )
    if body.lobby is not None:
        changed = await organizing.set_lobby(request.app[SERVICES], changed, who.user_id, body.lobby)
    return _answer(request, changed)


async def _delete(request: web.Request) -> web.Response:
    """Delete a meeting with its room and what was said in it: the organiser's alone."""
    who, meeting = await require_host(request, ORGANIZER_LEVEL)
    await life.happen(request.app[SERVICES], meeting, LifeEvent.DELETED, who.user_id)
    return web.json_response({})


async def _cancel(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await organizing.cancel(request.app[SERVICES], meeting, who.user_id))


async def _end(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await organizing.end(request.app[SERVICES], meeting, who.user_id))


async def _reopen(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await life.happen(request.app[SERVICES], meeting, LifeEvent.OPENED, who.user_id))


async def _archive(request: web.Request) -> web.Response:
    who, meeting = await require_host(request, ORGANIZER_LEVEL)
    return _answer(request, await life.happen(request.app[SERVICES], meeting, LifeEvent.ARCHIVED, who.user_id))


async def _lock(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await organizing.set_locked(request.app[SERVICES], meeting, who.user_id, locked=True))


async def _unlock(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await organizing.set_locked(request.app[SERVICES], meeting, who.user_id, locked=False))


async def _dates(request: web.Request) -> web.Response:
    """Answer the dates that are running or to come, in order."""
    _, meeting = await enter(request)
    return web.json_response({"dates": dates_json(meeting, request.app[SERVICES].now())})


async def _move_date(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    body = await read(request, NewTime)
    times = Times(parse_local(body.start), "", timedelta(minutes=body.duration_minutes))
    return _answer(request, await _change_date(request, who, meeting, times))


async def _cancel_date(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer(request, await _change_date(request, who, meeting, None))


async def _change_date(request: web.Request, who: Bearer, meeting: Meeting, times: Times | None) -> Meeting:
    date = parse_local(request.match_info["date"])
    return await organizing.change_date(request.app[SERVICES], meeting, who.user_id, date, times)


async def _hosts(request: web.Request) -> web.Response:
    _, meeting = await enter(request)
    return web.json_response({"hosts": await organizing.hosts(request.app[SERVICES], meeting)})


async def _add_host(request: web.Request) -> web.Response:
    who, meeting = await require_host(request, ORGANIZER_LEVEL)
    body = await read(request, NewHost)
    return await _set_host(request, who, meeting, body.user_id, host=True)


async def _drop_host(request: web.Request) -> web.Response:
    who, meeting = await require_host(request, ORGANIZER_LEVEL)
    return await _set_host(request, who, meeting, request.match_info["user_id"], host=False)


async def _set_host(request: web.Request, who: Bearer, meeting: Meeting, user_id: str, *, host: bool) -> web.Response:
    services, user = request.app[SERVICES], UserId(user_id)
    is_host = user in await organizing.hosts(services, meeting)
    if not (host and is_host):
        await moderating.set_role(services, meeting, who.user_id, user, Role.HOST if host else Role.MEMBER)
    return web.json_response({"hosts": await organizing.hosts(services, meeting)})


async def _invites(request: web.Request) -> web.Response:
    """Answer the links that still open; nobody sees their urls again."""
    services = request.app[SERVICES]
    _, meeting = await require_host(request)
    async with services.database.transaction() as tx:
        found = await invites.open_of(tx, meeting.id, services.now())
    return web.json_response({"invites": [admission.invite_json(invite) for invite in found]})


async def _invite(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    body = await read(request, NewInvite)
    services.limits.take(NEW_INVITES, who.user_id)
    created = await admission.create_invite(
        services,
        meeting,
        uses=body.uses,
        ttl_s=body.ttl_s,
        actor=who.user_id,
        sponsor=who.user_id,
        raw_organisation=body.organisation,
        verify_email=body.verify_email,
    )
    return web.json_response(created, status=201, headers={"Cache-Control": "no-store"})


async def _partner(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    body = await read(request, NewPartner)
    await admission.invite_partner(services, meeting, body.user_id, who.user_id)
    via = services.settings.homeserver.name
    found = {"matrix_to": matrix_to(meeting.room_id, via), "matrix_uri": matrix_uri(meeting.room_id, via)}
    return web.json_response({"room_id": meeting.room_id, **found})


def _times(body: NewSchedule | None) -> Times | None:
    if body is None:
        return None
    duration = timedelta(minutes=body.duration_minutes)
    return Times(parse_local(body.start), body.time_zone, duration, body.rrule)


def _not_found() -> Refused:
    return Refused(
        404, "M_NOT_FOUND", "There is no such meeting, or you are not invited to it. Open it by its invite link."
    )
