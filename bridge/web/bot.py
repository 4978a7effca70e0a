# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the meetings' bot takes its errands: what it was told, where it was invited, where it is left alone.

It sets ✅ or ❌ at a command and answers by a notice. It answers no notice, nothing old, and nobody who talks too fast.
"""

from __future__ import annotations

import structlog

from bridge.domain.bot_commands import HOST, Command, Said, is_fresh, meeting_named, parse
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId, localpart_of
from bridge.locales import Catalogue, catalogue
from bridge.locales.refusals import in_language
from bridge.matrix.talk import DONE, FAILED
from bridge.store import errands, meetings
from bridge.store.errands import Errand, Kind
from bridge.store.sessions import Bearer
from bridge.web import admission, lobby_card, organizing
from bridge.web.bot_answers import Answerer
from bridge.web.bot_asked import Asked
from bridge.web.context import Services
from bridge.web.limits import BOT_COMMANDS, BOT_INVITES
from bridge.web.meetings import may_open
from bridge.web.sessions import STAFF

IDLE_S = 10.0
"""How often errands are looked for when nobody wakes us."""
OUTAGE_PAUSE_S = 2.0

_LOG = structlog.get_logger(__name__)


async def work(services: Services) -> None:
    """Do errands for ever; an outage of the database or the homeserver is waited out."""
    while True:
        try:
            while await do_next(services):
                pass
            await lobby_card.bring_partners(services)
            more = await lobby_card.move_on(services)
            await services.bot_now.wait(lobby_card.PAUSE.total_seconds() if more else IDLE_S)
        except Unavailable as gone:
            _LOG.warning("errand_postponed", what=gone.what)
            await services.bot_now.wait(OUTAGE_PAUSE_S)


async def do_next(services: Services) -> bool:
    """Do the oldest errand; False when there is none. What an outage stopped is done again later."""
    async with services.database.transaction() as tx:
        errand = await errands.claim(tx, services.now())
    if errand is None:
        return False
    if errand.kind is Kind.SAID:
        await _answer(services, errand)
    elif errand.kind is Kind.REACTED:
        await lobby_card.answered(services, errand)
    elif errand.kind is Kind.INVITED:
        await _follow_invitation(services, errand)
    else:
        await _leave_when_alone(services, errand)
    async with services.database.transaction() as tx:
        await errands.done(tx, errand.event_id)
    return True


async def _answer(services: Services, errand: Errand) -> None:
    said = parse(errand.body)
    if said is None or not is_fresh(errand.sent_at, services.now()):
        return
    if not services.limits.allows(BOT_COMMANDS, errand.sender):
        return  # an answer would make two messages of one
    sign, text = (errand.sign, errand.answer) if errand.sign else await _result(services, errand, said)
    if not errand.sign:
        async with services.database.transaction() as tx:
            await errands.settle(tx, errand.event_id, sign=sign, answer=text)
    await services.talk.react(errand.room_id, errand.event_id, sign)
    if text:
        await services.talk.notice(errand.room_id, text, answers=errand.event_id)


async def _result(services: Services, errand: Errand, said: Said) -> tuple[str, str]:
    words = await _words_for(services, errand.sender)
    if services.settings.homeserver.is_guest(errand.sender):
        return FAILED, words.bot["guests"]
    if said.command is None:
        return FAILED, words.bot["unknown"].format(help="!meet help")
    try:
        asked = await _asked(services, errand, said.command, said.words)
        return DONE, await Answerer(services, words).answer(asked)
    except Refused as refused:
        example = f"!meet status {services.settings.http.public_url}/m/…"
        text = words.bot.get(refused.errcode)
        if text is None:
            return FAILED, in_language(refused.error, words.language)
        return FAILED, text.format(example=example, which=refused.error)
    except Unavailable:
        return FAILED, words.bot["unavailable"]


async def _asked(services: Services, errand: Errand, command: Command, given: tuple[str, ...]) -> Asked:
    """Return what is asked of which meeting, once it is clear that this person may."""
    if command.makes_meeting and not _is_staff(services, errand.sender):
        raise Refused(403, "staff_only", "")
    meeting = None
    if command.about_meeting and given[:1] != (command.but,):
        meeting, given = await _meeting(services, errand, given)
        if command.level >= HOST:
            await organizing.require_level(services, meeting, errand.sender, command.level)
        elif not await may_open(services, Bearer(errand.sender, STAFF, None), meeting):
            raise _which()
    return Asked(errand.event_id, command.name, errand.sender, given, meeting)


async def _meeting(services: Services, errand: Errand, given: tuple[str, ...]) -> tuple[Meeting, tuple[str, ...]]:
    """Return the meeting that a command is about: the one that it names, or that of its room."""
    named, rest = meeting_named(given)
    if named is not None:
        meeting = await admission.meeting_by_id(services, named)
        if meeting is not None:
            return meeting, rest
        if "/" in given[0]:
            raise _which()  # a link; any other word may be somebody's name
    async with services.database.transaction() as tx:
        meeting = await meetings.by_room(tx, errand.room_id)
    if meeting is None:
        raise _which()
    return meeting, given


async def _words_for(services: Services, user_id: UserId) -> Catalogue:
    async with services.database.transaction() as tx:
        chosen = await errands.language_of(tx, user_id)
    return catalogue(chosen or services.settings.meetings.language)


def _which() -> Refused:
    return Refused(404, "which", "")


def _is_staff(services: Services, user_id: UserId) -> bool:
    homeserver = services.settings.homeserver
    return localpart_of(user_id, homeserver.name) is not None and not homeserver.is_guest(user_id)


async def _follow_invitation(services: Services, errand: Errand) -> None:
    """Come when somebody of our homeserver asks, say hello, and leave where we could not read."""
    welcome = _is_staff(services, errand.sender) and services.limits.allows(BOT_INVITES, errand.sender)
    if welcome:
        async with services.database.transaction() as tx:
            welcome = await errands.joined(tx, errand.room_id, errand.sender)
    if not welcome:
        await services.rooms.leave(errand.room_id)
        return
    if not await services.talk.join(errand.room_id):
        return
    words = await _words_for(services, errand.sender)
    if await services.talk.is_encrypted(errand.room_id):
        await services.talk.hello(errand.room_id, words.bot["encrypted"], named=errand.event_id)
        await _leave(services, errand)
        return
    text = Answerer(services, words).help("hello")
    await services.talk.hello(errand.room_id, text, named=errand.event_id)


async def _leave_when_alone(services: Services, errand: Errand) -> None:
    if await services.talk.is_alone(errand.room_id):
        await _leave(services, errand)


async def _leave(services: Services, errand: Errand) -> None:
    await services.rooms.leave(errand.room_id)
    async with services.database.transaction() as tx:
        await errands.left(tx, errand.room_id)
