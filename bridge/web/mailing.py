# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What tells people by mail: whoever is owed a letter gets it, now or when the mail server is back, once.

What is owed stands in the database (`bridge.store.invitees`), so that a bridge that dies only delays it. Dying between
the server's yes and the row costs a second copy of one letter, under the same Message-ID.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage

import structlog

from bridge.domain.errors import BridgeError, Refused, Unavailable
from bridge.domain.invitation import Entry, Mailbox, Method, cancellation, clean_address, request
from bridge.domain.invites import token_hash
from bridge.domain.letters import Invitee, Letter, owed, version_of
from bridge.domain.lifecycle import MeetingState
from bridge.domain.meetings import Meeting, matrix_to
from bridge.domain.names import InviteId, localpart_of
from bridge.domain.recurrence import Schedule, cancel_all, ends_at, occurrences
from bridge.locales import catalogue
from bridge.mail.compose import MAX_DATES, Draft, compose
from bridge.mail.smtp import Rejected, Send, connected
from bridge.settings import MailSettings
from bridge.store import invitees, invites, meetings, sessions
from bridge.web.context import Services
from bridge.web.limits import LETTERS
from bridge.web.mail_server import mail_server

INTERVAL_S = 5.0
"""How late a change of a meeting is noticed."""
LINK_GRACE = timedelta(days=1)
"""How long somebody's link opens after the last date: the meeting overran."""
OPEN_LINK = timedelta(days=7)
"""How long it opens in a meeting without a date."""

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A letter that only has to leave."""

    invitee: Invitee
    letter: Letter
    version: int
    mail: EmailMessage


def link_token(services: Services, invite_id: InviteId) -> str:
    """Return the secret of somebody's link: made anew for each letter from a secret of ours, so kept nowhere."""
    key = services.settings.homeserver.jwt_login_secret.get_secret_value().encode()
    secret = hmac.digest(key, b"passerelle mailed link " + invite_id.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def link_ends(schedule: Schedule | None, now: datetime) -> datetime:
    """Return when the links of a meeting's letters end."""
    last = None if schedule is None else ends_at(schedule)
    return now + OPEN_LINK if last is None else last + LINK_GRACE


async def run(services: Services) -> None:
    """Send for ever; without a mail server, forget what was still to be sent."""
    mail = services.settings.mail
    if mail is None:
        async with services.database.transaction() as tx:
            await invitees.forget_letters(tx)
        return
    while True:
        try:
            while await deliver(services, mail) == invitees.BATCH:
                pass
        except Unavailable as gone:
            _LOG.warning("letters_postponed", what=gone.what)
        await services.mail_now.wait(INTERVAL_S)


async def deliver(services: Services, mail: MailSettings) -> int:
    """Look at one batch of those who may be owed a letter, and send what is; return how many that were."""
    claimed = services.now()
    async with services.database.transaction() as tx:
        due = await invitees.claim(tx, claimed)
    ready = [letter for one in due if (letter := await _prepare(services, mail, one, claimed)) is not None]
    if not ready:
        return len(due)
    left = list(ready)
    try:
        async with connected(mail_server(mail)) as send:
            while left:
                await _send(services, send, left.pop(0), claimed)
    except Unavailable as gone:
        _LOG.warning("letters_postponed", what=gone.what, letters=len(left))
        async with services.database.transaction() as tx:
            for letter in left:
                await invitees.failed(tx, letter.invitee, services.now(), for_good=False, why=gone.what)
    return len(due)


async def _send(services: Services, send: Send, letter: _Ready, claimed: datetime) -> None:
    why = ""
    for_good = False
    try:
        await send(letter.mail, letter.invitee.address)
    except Rejected as refused:
        why, for_good = str(refused), True
    except Unavailable as gone:
        why = gone.what
    async with services.database.transaction() as tx:
        if why:
            await invitees.failed(tx, letter.invitee, services.now(), for_good=for_good, why=why)
        elif letter.letter is Letter.CANCELLATION:
            await invitees.forget(tx, letter.invitee)
        else:
            await invitees.told(tx, letter.invitee, letter.version, claimed, services.now())
    _LOG.info("letter", kind=letter.letter.value, sent=not why, invite=letter.invitee.invite_id)


async def _prepare(services: Services, mail: MailSettings, invitee: Invitee, claimed: datetime) -> _Ready | None:
    """Return the letter that somebody is owed; None, and that written down, when it is none, or not now."""
    async with services.database.transaction() as tx:
        meeting = await meetings.by_id_even_deleted(tx, invitee.meeting_id)
        assert meeting is not None  # a foreign key says so
        schedule, life = meeting.schedule, meeting.life
        off = invitee.withdrawn or life.state is MeetingState.DELETED or life.cancelled
        off = off or (schedule is not None and schedule.cancelled)
        letter = owed(invitee.told, version_of(schedule), off=off)
        dates = [] if schedule is None else occurrences(schedule, claimed, MAX_DATES + 1)
        over = schedule is not None and not off and not dates
        if letter is None or over:
            await (invitees.forget(tx, invitee) if off else invitees.settled(tx, invitee, claimed))
            return None
        try:
            services.limits.take(LETTERS, meeting.organizer)
        except Refused as slow:
            await invitees.postponed(tx, invitee, claimed + timedelta(seconds=slow.retry_after_s or 60))
            return None
        token = link_token(services, invitee.invite_id)
        hashed = token_hash(token)
        assert hashed is not None
        if not off:
            await invites.renew(tx, invitee.invite_id, token_hash=hashed, expires_at=link_ends(schedule, claimed))
        localpart = localpart_of(meeting.organizer, services.settings.homeserver.name) or ""
        address = await sessions.mail_address_of(tx, localpart)
    organizer = Mailbox(_checked(address), await _name_of(services, meeting, localpart))
    draft = _draft(services, mail, invitee, meeting, letter, organizer, token, claimed)
    return _Ready(invitee, letter, version_of(schedule), compose(draft, Mailbox(mail.sender), claimed))


def _checked(address: str) -> str:
    """Return what the sign-in provider says of an organiser's address, if it is one."""
    try:
        return clean_address(address)
    except Refused:
        return ""


async def _name_of(services: Services, meeting: Meeting, localpart: str) -> str:
    try:
        return await services.rooms.display_name(meeting.room_id, meeting.organizer)
    except BridgeError:  # a letter without the full name is better than none
        return localpart or meeting.organizer


def _draft(
    services: Services,
    mail: MailSettings,
    invitee: Invitee,
    meeting: Meeting,
    letter: Letter,
    organizer: Mailbox,
    token: str,
    now: datetime,
) -> Draft:
    settings, schedule = services.settings, meeting.schedule
    reader = Mailbox(invitee.address, invitee.name)
    join_url = f"{settings.http.public_url}/j/{token}"
    matrix_url = matrix_to(meeting.room_id, settings.homeserver.name)
    t = catalogue(invitee.language).mail
    cancelled = letter is Letter.CANCELLATION
    calendar = None
    if schedule is not None:
        if cancelled and not schedule.cancelled and not invitee.withdrawn:
            schedule = cancel_all(schedule)  # the meeting was deleted
        description = f"{t['join']}\n{join_url}\n\n{t['matrix']}\n{matrix_url}\n\n{meeting.agenda}".strip()
        owner = organizer if organizer.address else Mailbox(mail.sender, organizer.name)
        entry = Entry(
            meeting.title,
            description,
            join_url,
            owner,
            schedule,
            settings.branding.name,
            reads_answers=bool(organizer.address),
        )
        calendar = cancellation(entry, reader, now) if cancelled else request(entry, reader, now)
    host = mail.sender.partition("@")[2]
    thread_id = f"<{invitee.invite_id}.invitation@{host}>"
    this = f"<{invitee.invite_id}.{version_of(schedule)}.{letter}@{host}>"
    return Draft(
        brand=settings.branding.brand(),
        letter=letter,
        language=invitee.language,
        reader=reader,
        organizer=organizer,
        title=meeting.title,
        agenda=meeting.agenda,
        occurrences=[] if meeting.schedule is None else occurrences(meeting.schedule, now, MAX_DATES + 1),
        zone="UTC" if meeting.schedule is None else meeting.schedule.zone,
        join_url=join_url,
        matrix_url=matrix_url,
        calendar=calendar,
        method=(Method.CANCEL if cancelled else Method.REQUEST).value,
        message_id=thread_id if letter is Letter.INVITATION else this,
        thread_id=thread_id,
    )
