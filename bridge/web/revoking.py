# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is carried out what was revoked, and what has ended by itself? By one worker, from marks in the database.

`revoke` is the one way in for every door: page, API, bot, command line. What is marked (`bridge.store.revocations`) is
ended here, all kinds at once, so that a part that is away keeps nothing else waiting, and again until it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog

from bridge.domain.errors import BridgeError, Refused, Unavailable
from bridge.domain.names import OUR_ID_BYTES, MeetingId, RoomId, UserId, localpart_of, server_of
from bridge.domain.revocation import AT_ONCE, ENDS, Ending, Kind, Revocation, partners_of, pause_s, require_subject
from bridge.store import barred, calls, guests, meetings, revocations, sessions
from bridge.store.barred import Due
from bridge.store.calls import CallGrant
from bridge.store.database import Connection
from bridge.store.guests import Guest
from bridge.web.context import Services
from bridge.web.nudge import Nudge

IDLE_S = 15.0
"""How often is looked for what is marked when nobody wakes us."""

_LOG = structlog.get_logger(__name__)
_What = TypeVar("_What")


async def revoke(services: Services, kind: Kind, subject: str, actor: str) -> Revocation:
    """Revoke something; whoever calls has judged that they may. When this returns, no door opens any more."""
    own = services.settings.homeserver.name
    require_subject(kind, subject, own)
    there = await _partners_in_room(services, subject) if kind is Kind.PARTNERS else ()
    act = Revocation(secrets.token_urlsafe(OUR_ID_BYTES), kind, subject, actor, services.now(), there)
    async with services.database.transaction() as tx:
        act = await revocations.begin(tx, act, own_server=own)
    if kind is Kind.DEVICE:
        services.hub.close(session=subject)
    else:
        for user_id in act.users:
            services.hub.close(user_id)
    for user_id in act.users:
        services.watchers.close(user_id)
    services.revoke_now()
    if Ending.LETTERS in ENDS[kind]:
        services.mail_now()
    _LOG.info("revoked", kind=kind.value, revocation=act.id, people=len(act.users))
    return act


async def _partners_in_room(services: Services, subject: str) -> tuple[UserId, ...]:
    """Return a homeserver's people in a meeting's room; who came there without us is nowhere else written down."""
    meeting_id, server = partners_of(subject)
    async with services.database.transaction() as tx:
        meeting = await meetings.by_id(tx, meeting_id)
    if meeting is None:
        raise Refused(404, "M_NOT_FOUND", "There is no such meeting.")
    return tuple(UserId(user) for user in await services.rooms.members(meeting.room_id) if server_of(user) == server)


async def work(services: Services) -> None:
    """End what is marked, for ever, each kind by itself."""
    nudges = [Nudge() for _ in _WORK]
    async with asyncio.TaskGroup() as group:
        for one, nudge in zip(_WORK, nudges, strict=True):
            group.create_task(_work_at(services, one, nudge))
        while True:
            await services.revoke_now.wait(IDLE_S)
            with contextlib.suppress(Unavailable):  # the nudges find out by themselves
                await _mark(services)
            for nudge in nudges:
                nudge()


async def _work_at(services: Services, one: _Work[Any], nudge: Nudge) -> None:
    """End one kind for ever; what failed is tried again soon, then more and more seldom."""
    failures = 0
    while True:
        try:
            failures = 0 if await _end_all(services, one) else failures + 1
            await _settle(services)
        except Unavailable as gone:
            _LOG.warning("ends_postponed", what=gone.what)
            failures += 1
        await nudge.wait(pause_s(failures) if failures else IDLE_S)


async def finish(services: Services) -> None:
    """Try once to end all that is marked."""
    await _mark(services)
    await asyncio.gather(*(_end_all(services, one) for one in _WORK))
    await _settle(services)


async def _mark(services: Services) -> None:
    async with services.database.transaction() as tx:
        await revocations.mark_guests(tx)


async def remove_from_calls(services: Services) -> bool:
    """Take those out of their calls who were revoked or left the room; False when that has to be tried again."""
    return await _end_all(services, _CALLS)


async def _settle(services: Services) -> None:
    async with services.database.transaction() as tx:
        settled = await revocations.settle(tx, services.now())
    for act in settled:
        assert act.done_at is not None
        took_ms = int((act.done_at - act.asked_at).total_seconds() * 1000)
        _LOG.info("revocation_done", revocation=act.id, ms=took_ms)


async def _end_all(services: Services, work_at: _Work[_What]) -> bool:
    """End all of one kind, `AT_ONCE` at a time; False when something did not answer, or refused."""
    slots = asyncio.Semaphore(AT_ONCE)
    name = work_at.end.__name__

    async def one(what: _What) -> bool:
        async with slots:
            try:
                await work_at.end(services, what)
            except Unavailable as gone:
                _LOG.warning("end_postponed", what=gone.what, step=name)
            except BridgeError:
                _LOG.exception("end_refused", step=name)
            else:
                return True
            return False

    async with services.ending[name]:
        while True:
            async with services.database.transaction() as tx:
                found = await work_at.waiting(tx, services.now())
            if not all(await asyncio.gather(*(one(what) for what in found))):
                return False
            if len(found) < work_at.batch:
                return True


async def _remove_from_call(services: Services, what: CallGrant) -> None:
    await services.sfu.remove(what.livekit_room, what.identity)
    async with services.database.transaction() as tx:
        await calls.removed(tx, what, services.now())


async def _end_device(services: Services, over: tuple[bytes, str]) -> None:
    """Sign out the Matrix device of a session that has ended."""
    token_hash, kept = over
    if token := services.seal.open(kept).get("matrix"):
        await services.accounts.logout(token)
    async with services.database.transaction() as tx:
        await sessions.forget(tx, token_hash)


async def _sign_out_everywhere(services: Services, user_id: UserId) -> None:
    localpart = localpart_of(user_id, services.settings.homeserver.name)
    if localpart is not None:
        await services.accounts.sign_out_everywhere(localpart)
    async with services.database.transaction() as tx:
        await revocations.signed_out(tx, user_id)


async def _end_guest(services: Services, guest: Guest) -> None:
    """Close a guest's account and take them out of the room; both end the other's access, so neither waits."""
    services.hub.close(guest.user_id)
    async with services.database.transaction() as tx:
        meeting = await meetings.by_id_even_deleted(tx, guest.meeting_id)
    account = services.accounts.deactivate_guest(guest.user_id)
    if meeting is None:
        await account
    else:
        await _both(account, services.rooms.remove(meeting.room_id, guest.user_id))
    async with services.database.transaction() as tx:
        await guests.ended(tx, guest)


async def _both(*ends: Awaitable[None]) -> None:
    """Wait for both, also when one fails; then fail as it did."""
    for outcome in await asyncio.gather(*ends, return_exceptions=True):
        if outcome is not None:
            raise outcome


async def _remove_partner(services: Services, what: tuple[MeetingId, RoomId, UserId]) -> None:
    meeting_id, room_id, user_id = what
    await services.rooms.remove(room_id, user_id)
    async with services.database.transaction() as tx:
        await revocations.partner_removed(tx, meeting_id, user_id)


async def _bring_in_line(services: Services, due: Due) -> None:
    """Take whoever is barred out of a room, and let the room refuse what barred servers send."""
    async with services.database.transaction() as tx:
        names = await barred.every_name(tx)
    await services.rooms.shut_out(due.meeting.room_id, names, services.settings.homeserver.name)
    async with services.database.transaction() as tx:
        await barred.in_line(tx, due)


@dataclass(frozen=True, slots=True)
class _Work(Generic[_What]):
    """One kind of what is marked: how it is found, so many at a time, and ended."""

    waiting: Callable[[Connection, datetime], Awaitable[Sequence[_What]]]
    end: Callable[[Services, _What], Awaitable[None]]
    batch: int


_CALLS = _Work(lambda tx, _: calls.revoked(tx), _remove_from_call, calls.REMOVAL_BATCH)
_WORK: tuple[_Work[Any], ...] = (
    _CALLS,
    _Work(sessions.over, _end_device, sessions.OVER_AT_ONCE),
    _Work(lambda tx, _: revocations.sign_outs(tx), _sign_out_everywhere, revocations.BATCH),
    _Work(lambda tx, _: guests.to_end(tx), _end_guest, guests.SWEEP_BATCH),
    _Work(lambda tx, _: revocations.partners_to_remove(tx), _remove_partner, revocations.BATCH),
    _Work(lambda tx, _: barred.due(tx), _bring_in_line, barred.BATCH),
)
