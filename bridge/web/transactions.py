# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What our homeserver pushes to us as an application service: stored first, acknowledged then, handled after."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import unquote

import structlog
from aiohttp import web

from bridge.domain.audit import Action, AuditRow
from bridge.domain.bot_commands import MAX_CHARS, PREFIXES, is_fresh
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.names import MAX_ID, RoomId, UserId
from bridge.domain.revocation import names_of
from bridge.matrix.call_events import CallEvent, CallMember, HandRaised, TakenBack, call_events
from bridge.matrix.events import (
    MemberChanged,
    MessageSent,
    Reacted,
    members_changed,
    messages_sent,
    powers_changed,
    reactions,
)
from bridge.store import audit, barred, bars, calls, errands, guests, hands, lobby, meetings, transactions
from bridge.store.database import Connection
from bridge.store.errands import Errand, Kind
from bridge.web.context import SERVICES, Services
from bridge.web.errors import error_response
from bridge.web.sessions import bearer_text

IDLE_S = 10.0
"""How often the worker looks for stored transactions when nobody wakes it."""
OUTAGE_PAUSE_S = 2.0

_LOG = structlog.get_logger(__name__)


def add_routes(app: web.Application) -> None:
    """Add the application service's side of the protocol."""
    app.router.add_put("/_matrix/app/v1/transactions/{txn}", _from_homeserver(_transaction))
    app.router.add_post("/_matrix/app/v1/ping", _from_homeserver(_ping))
    app.router.add_get("/_matrix/app/v1/users/{user_id}", _from_homeserver(_unknown))
    app.router.add_get("/_matrix/app/v1/rooms/{alias}", _from_homeserver(_unknown))


Handler = Callable[[web.Request], Awaitable[web.Response]]


def _from_homeserver(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.Response:
        expected = request.app[SERVICES].settings.homeserver.hs_token.get_secret_value()
        if not secrets.compare_digest(bearer_text(request).encode(), expected.encode()):
            raise Refused(403, "M_FORBIDDEN", "This is for the homeserver.")
        return await handler(request)

    return guarded


async def _transaction(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    txn_id = unquote(request.match_info["txn"])
    if len(txn_id) > MAX_ID or not txn_id.isprintable():
        raise Refused(400, "M_BAD_JSON", "This is no transaction id.")
    body = await request.read()
    async with services.database.transaction() as tx:
        await transactions.put(tx, txn_id, body)
    services.work_now()
    return web.json_response({})


async def _ping(request: web.Request) -> web.Response:
    del request
    return web.json_response({})


async def _unknown(request: web.Request) -> web.Response:
    del request  # every account and alias of ours is made before anybody hears of it
    return error_response(404, "M_NOT_FOUND", "There is no such user or alias.")


async def work(services: Services) -> None:
    """Handle what is stored, for ever; an outage of the database is waited out."""
    while True:
        try:
            while await handle_next(services):
                pass
            await services.work_now.wait(IDLE_S)
        except Unavailable:
            await services.work_now.wait(OUTAGE_PAUSE_S)


async def handle_next(services: Services) -> bool:
    """Handle the oldest stored transaction; False when none waits.

    Its effects and the mark that it is done are one database transaction: each happens exactly once, whenever we die.
    """
    async with services.database.transaction() as tx:
        waiting = await transactions.next_waiting(tx)
        if waiting is None:
            return False
        changes = members_changed(waiting.body)
        ended, told = False, False
        for change in changes:
            ended = await _member_changed(services, tx, change) or ended
        in_calls, powers = call_events(waiting.body), powers_changed(waiting.body)
        for event in in_calls:
            await _in_call(services, tx, event)
        for room_id in powers:
            await calls.ask_rights(tx, RoomId(room_id))
        for message in messages_sent(waiting.body, prefixes=PREFIXES, max_chars=MAX_CHARS):
            told = await _said(services, tx, message) or told
        for reacted in reactions(waiting.body):
            told = await _reacted(services, tx, reacted) or told
        rooms = {change.room_id for change in changes} | {event.room_id for event in in_calls} | set(powers)
        touched = await meetings.ids_of(tx, rooms) if rooms else []
        await transactions.done(tx, waiting.txn_id)
    for change in changes:
        services.rooms.forget(change.room_id, change.user_id)
    services.rights_now()
    for meeting_id in touched:
        services.watchers.tell(meeting_id)
    if ended:
        services.revoke_now()
    if told or changes:
        services.bot_now()
    return True


async def _in_call(services: Services, tx: Connection, event: CallEvent) -> None:
    """Write down who is in the call of a meeting and whose hand is up, as Element Call has it."""
    meeting = await meetings.by_room(tx, event.room_id)
    if meeting is None:
        return
    match event:
        case CallMember(event_id, room_id, user_id, state_key, there):
            if there:
                await hands.came(tx, room_id=room_id, user_id=user_id, state_key=state_key, event_id=event_id)
            else:
                await hands.gone(tx, room_id, state_key)
        case HandRaised(event_id, room_id, user_id, about):
            now = services.now()
            await hands.reacted(tx, meeting.id, room_id, user_id, now, event_id=event_id, about=about)
        case TakenBack(_, event_id):
            await hands.taken_back(tx, meeting.id, event_id)


async def _said(services: Services, tx: Connection, message: MessageSent) -> bool:
    """Write down what somebody told the bot; tell whether there is something to answer."""
    ours = {services.settings.homeserver.bot_user, services.settings.captions.bot_user}
    sent_at = datetime.fromtimestamp(message.sent_ms / 1000, UTC)
    if message.sender in ours or not is_fresh(sent_at, services.now()):
        return False
    room_id, sender = RoomId(message.room_id), UserId(message.sender)
    return await errands.put(tx, Errand(message.event_id, Kind.SAID, room_id, sender, message.body, sent_at))


async def _reacted(services: Services, tx: Connection, reacted: Reacted) -> bool:
    """Write down a sign that somebody set at a notice of who waits; who may decide is asked when it is done."""
    sent_at = datetime.fromtimestamp(reacted.sent_ms / 1000, UTC)
    if reacted.sender == services.settings.homeserver.bot_user or not is_fresh(sent_at, services.now()):
        return False
    if await lobby.card_by_event(tx, reacted.target) is None:
        return False
    room_id, sender = RoomId(reacted.room_id), UserId(reacted.sender)
    body = f"{reacted.key} {reacted.target}"
    return await errands.put(tx, Errand(reacted.event_id, Kind.REACTED, room_id, sender, body, sent_at))


async def _elsewhere(services: Services, tx: Connection, change: MemberChanged) -> None:
    """Write down that the bot was invited to a room that is no meeting, or that somebody left one."""
    room_id, sender, bot = RoomId(change.room_id), UserId(change.sender), services.settings.homeserver.bot_user
    if change.user_id == bot and change.membership == "invite":
        kind = Kind.INVITED
    elif change.membership in {"leave", "ban"} and await errands.is_guest_in(tx, room_id):
        if change.user_id == bot:
            await errands.left(tx, room_id)
            return
        kind = Kind.LEFT
    else:
        return
    await errands.put(tx, Errand(change.event_id, kind, room_id, sender, "", services.now()))


async def _member_changed(services: Services, tx: Connection, change: MemberChanged) -> bool:
    """Write down who came and went in rooms of ours; tell whether something of theirs has to end."""
    meeting = await meetings.by_room(tx, change.room_id)
    if meeting is None:
        await _elsewhere(services, tx, change)
        return False
    await audit.append(
        tx,
        AuditRow(
            change.sender,
            Action.MEMBER_CHANGED,
            meeting.id,
            {"user_id": change.user_id, "membership": change.membership, "event_id": change.event_id},
        ),
    )
    user_id = UserId(change.user_id)
    if change.membership == "ban":
        await bars.put(tx, meeting.id, user_id, change.sender, services.now())
    else:
        await bars.drop(tx, meeting.id, user_id, change.sender)
    if change.membership not in {"leave", "ban"}:
        if not await barred.is_barred(tx, names_of(change.user_id)):
            return False
        await barred.room_is_due(tx, meeting.id)
        return True
    await hands.left(tx, meeting.id, meeting.room_id, user_id)
    if change.sender != change.user_id:
        await meetings.drop_staff(tx, meeting.id, user_id)
        await meetings.forget_partner(tx, meeting.id, user_id)
        await lobby.sent_away(tx, meeting.id, user_id, services.now())
    was_guest = await guests.revoke(tx, user_id)
    return bool(await calls.revoke(tx, user_id, RoomId(change.room_id))) or was_guest
