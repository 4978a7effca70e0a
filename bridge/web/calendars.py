# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What calendars and cameras get from us: each person's meetings to subscribe to, one meeting as a file, a link as QR.

A subscribed address is a secret, as calendars send no other proof: 256 random bits of which we keep the hash, replaced
or withdrawn at any time. It shows titles, times and agendas, and opens no door: links of its meetings want a sign-in.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from datetime import datetime

import segno
from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.invitation import Entry, Mailbox, publication
from bridge.domain.invites import TOKEN_BYTES, require_open, token_hash
from bridge.domain.meetings import Meeting, matrix_to
from bridge.store import calendars, meetings
from bridge.web import admission, secret_links
from bridge.web.context import SERVICES, Services
from bridge.web.limits import CALENDAR_READS
from bridge.web.meetings import enter
from bridge.web.requester import address_of
from bridge.web.sessions import require_staff

_QR_PIXELS = 6


def add_routes(app: web.Application) -> None:
    """Add calendars, files and pictures of links."""
    app.router.add_get("/api/v1/calendar", _about)
    app.router.add_post("/api/v1/calendar", _subscribe)
    app.router.add_delete("/api/v1/calendar", _unsubscribe)
    app.router.add_get("/calendar/{token}.ics", _calendar)
    app.router.add_get("/api/v1/meetings/{meeting_id}/calendar.ics", _of_meeting)
    app.router.add_get("/j/{token}/calendar.ics", _of_link)
    app.router.add_get("/j/{token}/qr.svg", _qr)


async def _about(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        known = await calendars.of_user(tx, who.user_id)
    return web.json_response({"created_at": None if known is None else known.created_at.isoformat(timespec="seconds")})


async def _subscribe(request: web.Request) -> web.Response:
    """Answer a new address, this once; one before is withdrawn."""
    services, who = request.app[SERVICES], await require_staff(request)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = token_hash(token)
    assert hashed is not None
    async with services.database.transaction() as tx:
        await calendars.replace(tx, who.user_id, hashed, services.now())
    url = f"{services.settings.http.public_url}/calendar/{token}.ics"
    return web.json_response({"url": url}, status=201, headers={"Cache-Control": "no-store"})


async def _unsubscribe(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        await calendars.revoke(tx, who.user_id)
    return web.json_response({})


async def _calendar(request: web.Request) -> web.Response:
    services, token = request.app[SERVICES], request.match_info["token"]
    withdrawn = Refused(404, "PASSERELLE_CALENDAR_UNKNOWN", "This calendar was withdrawn. Please subscribe anew.")
    known = await secret_links.find(services, token, address_of(request), calendars.by_token, withdrawn)
    async with services.database.transaction() as tx:
        found = await meetings.of_staff(tx, known.user_id)
    services.limits.take(CALENDAR_READS, known.user_id)
    entries = [entry for meeting in found if (entry := _entry(services, meeting)) is not None]
    # Only DTSTAMP tells two readings of the same meetings apart: the tag is of the calendar at its own beginning.
    etag = hashlib.sha256(await _published(services, entries, known.created_at)).hexdigest()[:32]
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}
    if any(tag.value in {etag, "*"} for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return _ics(await _published(services, entries, services.now()), headers)


async def _of_meeting(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    _, meeting = await enter(request)
    return _file(services, meeting, services.now())


async def _of_link(request: web.Request) -> web.Response:
    """Answer the meeting of a link as a file, with that link in it; uses nothing up."""
    services, token = request.app[SERVICES], request.match_info["token"]
    invite = await admission.find_invite(services, token, address_of(request))
    require_open(invite, services.now())
    meeting = await admission.meeting_by_id(services, invite.meeting_id)
    if meeting is None:
        raise Refused(404, "M_NOT_FOUND", "This meeting was deleted.")
    return _file(services, meeting, services.now(), f"{services.settings.http.public_url}/j/{token}")


async def _qr(request: web.Request) -> web.Response:
    """Answer a link that opens as a picture to hold before a camera; uses nothing up."""
    services, token = request.app[SERVICES], request.match_info["token"]
    invite = await admission.find_invite(services, token, address_of(request))
    require_open(invite, services.now())
    picture = io.BytesIO()
    code = segno.make(f"{services.settings.http.public_url}/j/{token}", error="m", micro=False)
    code.save(picture, kind="svg", scale=_QR_PIXELS, light="white", title="QR", xmldecl=False)
    return web.Response(
        body=picture.getvalue(), content_type="image/svg+xml", headers={"Cache-Control": "private, no-store"}
    )


def _file(services: Services, meeting: Meeting, now: datetime, url: str | None = None) -> web.Response:
    entry = _entry(services, meeting, url)
    if entry is None:
        raise Refused(409, "PASSERELLE_NO_SCHEDULE", "This meeting has no date; there is nothing to write down.")
    headers = {"Content-Disposition": 'attachment; filename="meeting.ics"', "Cache-Control": "private, no-store"}
    return _ics(publication([entry], now, name=meeting.title), headers)


async def _published(services: Services, entries: list[Entry], now: datetime) -> bytes:
    """Write hundreds of meetings without keeping others waiting."""
    return await asyncio.to_thread(publication, entries, now, name=services.settings.branding.name)


def _entry(services: Services, meeting: Meeting, url: str | None = None) -> Entry | None:
    """Return a meeting as calendars show it, or None for one without a date."""
    settings, schedule = services.settings, meeting.schedule
    if schedule is None:
        return None
    url = url or f"{settings.http.public_url}/m/{meeting.id}"
    matrix = matrix_to(meeting.room_id, settings.homeserver.name)
    service = settings.branding.name
    organizer = Mailbox("" if settings.mail is None else settings.mail.sender, service)
    return Entry(meeting.title, f"{url}\n{matrix}\n\n{meeting.agenda}".strip(), url, organizer, schedule, service)


def _ics(body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=headers)
