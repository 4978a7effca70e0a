# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a meeting's room hears of who waits: one notice, edited as the queue changes, which hosts answer by reactions.

A new notice, which calls the hosts, comes only when the one before is settled or old; so a crowd at the door makes one
notice, and a host who looks at a telephone sees it ring once.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import structlog

from bridge.domain.errors import BridgeError, Refused, Unavailable
from bridge.domain.lobby import Door, Place, PlaceEvent, PlaceState
from bridge.domain.lobby_answers import meant, read_reaction
from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId
from bridge.locales import Catalogue, catalogue
from bridge.matrix.rooms import HOST_LEVEL
from bridge.store import errands, lobby, meetings
from bridge.store.errands import Errand
from bridge.store.lobby import Card
from bridge.web import admission, waiting
from bridge.web.context import Services

PAUSE = timedelta(seconds=2)
"""Between two edits of one notice at least. Stops: an edit for each of a hundred who come at once."""
ROUND = timedelta(minutes=5)
"""After so long a notice is too far up in the room: the next who comes gets a new one."""
MAX_NAMED = 20
"""People in one notice; the others are counted. Stops: notices that fill a screen."""

_LOG = structlog.get_logger(__name__)


async def move_on(services: Services) -> bool:
    """Tell rooms what they do not know yet; True when something is left that has to wait for `PAUSE`."""
    now = services.now()
    async with services.database.transaction() as tx:
        stale = await lobby.stale_cards(tx, now - PAUSE)
    for card in stale:
        try:
            await _tell(services, card)
        except Unavailable:
            async with services.database.transaction() as tx:
                await lobby.mark_card(tx, card.meeting_id)
            raise
    async with services.database.transaction() as tx:
        return bool(await lobby.stale_cards(tx, now + PAUSE))


async def _tell(services: Services, card: Card) -> None:
    now = services.now()
    async with services.database.transaction() as tx:
        await lobby.read_card(tx, card.meeting_id)
        meeting = await meetings.by_id(tx, card.meeting_id)
        there = await lobby.waiting(tx, card.meeting_id)
        before = await lobby.of_round(tx, card)
        chosen = None if meeting is None else await errands.language_of(tx, meeting.organizer)
    if meeting is None or not (there or before):
        return
    words = catalogue(chosen or services.settings.meetings.language)
    begun = min((place.announced_at for place in before if place.announced_at is not None), default=now)
    open_still = any(place.state is PlaceState.WAITING for place in before) and now - begun < ROUND
    if there and not open_still:
        card = Card(card.meeting_id, None, None, card.round + 1)
        before = []
    text = _text(services, words, meeting, there, before)
    if card.event_id is None:
        levels = (await services.rooms.powers(meeting.room_id)).users
        hosts = [user for user, level in levels.items() if level >= HOST_LEVEL and user != services.talk.bot_user]
        event_id = await services.talk.card(meeting.room_id, text, hosts, named=f"{meeting.id} {card.round}")
    else:
        named = hashlib.sha256(f"{now} {text}".encode()).hexdigest()
        await services.talk.edit(meeting.room_id, card.event_id, text, named=named)
        event_id = card.event_id
    async with services.database.transaction() as tx:
        sent = Card(card.meeting_id, event_id, now, card.round)
        await lobby.told(tx, sent, [place.id for place in there[:MAX_NAMED]], now)


def _text(services: Services, words: Catalogue, meeting: Meeting, there: list[Place], before: list[Place]) -> str:
    say = words.bot
    lines = [line(words, place) for place in there[:MAX_NAMED]]
    if more := len(there) - MAX_NAMED:
        lines += [words.count("bot.waiting_more", more)] if more > 0 else []
    head = words.count("bot.waiting", len(there)) if there else say["waiting_none"]
    done = [
        say[key].format(names=", ".join(place.name for place in before if place.state in states))
        for key, states in _BECAME.items()
        if any(place.state in states for place in before)
    ]
    page = f"{services.settings.http.public_url}/m/{meeting.id}/host"
    how = [say["waiting_how"].format(admit="!meet admit 1", refuse="!meet refuse 1"), say["page"].format(url=page)]
    return "\n".join((head, *lines, *done, *(how if there else ())))


_BECAME = {
    "waiting_let_in": frozenset((PlaceState.ADMITTED, PlaceState.ENTERED)),
    "waiting_refused": frozenset((PlaceState.REFUSED,)),
}


def line(words: Catalogue, place: Place) -> str:
    """Return one who waits, in a line: number, name, from where, by which door, who answers for them."""
    where = waiting.from_where(place)
    name = f"{place.name} ({where})" if where and where not in place.name else place.name
    facts = [name, words.bot[f"door_{place.door.value}"]]
    if place.email:  # all of the room read this: where from is enough, hosts see the whole on their page
        facts.append(words.bot["waiting_verified"].format(domain=place.email.rpartition("@")[2]))
    if place.sponsor is not None and place.door is not Door.STAFF:
        facts.append(words.bot["waiting_sponsor"].format(user=place.sponsor))
    return f"{place.number}. " + " · ".join(facts)


async def answered(services: Services, errand: Errand) -> None:
    """Do what a host's reaction to the notice says; anybody else's says nothing."""
    key, _, event_id = errand.body.partition(" ")
    said = read_reaction(key)
    async with services.database.transaction() as tx:
        card = await lobby.card_by_event(tx, event_id)
        meeting = None if card is None else await meetings.by_id(tx, card.meeting_id)
        there = [] if meeting is None else await lobby.waiting(tx, meeting.id)
    if said is None or meeting is None or meeting.room_id != errand.room_id:
        return
    if not await services.rooms.is_host(meeting.room_id, errand.sender):
        return
    event, number = said
    if not (which := meant(there, number, errand.sent_at)):
        return
    try:
        await waiting.decide(services, meeting, errand.sender, event, which)
    except Refused as refused:
        await services.talk.hello(meeting.room_id, refused.error, named=errand.event_id)


async def bring_partners(services: Services) -> None:
    """Invite partners who were admitted, also when their page is gone; what fails for good is refused."""
    async with services.database.transaction() as tx:
        admitted = await lobby.partners_to_bring(tx)
    for place in admitted:
        try:
            await admission.bring_partner(services, place)
        except Unavailable as gone:
            _LOG.warning("partner_postponed", what=gone.what)
        except BridgeError:
            async with services.database.transaction() as tx:
                known = await lobby.by_id(tx, place.id)
                if known is not None and known.state is PlaceState.ADMITTED:
                    bot = UserId(services.settings.homeserver.bot_user)
                    await lobby.happen(tx, known, PlaceEvent.REFUSED, actor=bot, now=services.now())
            services.watchers.tell(place.meeting_id)
