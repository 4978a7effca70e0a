# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a guest's mail address become a verified one? A code is asked for, sent, typed, and used with the door.

The mail goes by an outbox as letters do (`bridge.store.mail_checks`), so a bridge that dies sends it later; the
page keeps the check's secret, so a reload costs nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from aiohttp import web
from pydantic import Field

from bridge.domain import mail_check
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.invitation import MAX_ADDRESS, clean_address
from bridge.domain.invites import TOKEN_BYTES, Invite, require_unspent
from bridge.domain.mail_check import LIFETIME, Check
from bridge.mail.code import compose_code
from bridge.mail.smtp import Rejected, Send, connected
from bridge.settings import MailSettings
from bridge.store import mail_checks, meetings
from bridge.web import admission
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import MAIL_CODES
from bridge.web.mail_server import mail_server
from bridge.web.requester import address_of

INTERVAL_S = 5.0
"""How often is looked for codes that have to be sent again."""

_LOG = structlog.get_logger(__name__)


class NewCheck(Body):
    """Where to send a code, and in which language."""

    address: str = Field(max_length=MAX_ADDRESS)
    language: Literal["en", "fr", "de"] = "en"


class Proof(Body):
    """The secret that came with a code's sending, and the code."""

    check: str = Field(max_length=64)
    code: str = Field(max_length=32)


def add_routes(app: web.Application) -> None:
    """Add where codes are asked for."""
    app.router.add_post("/j/{token}/email", _ask)


async def _ask(request: web.Request) -> web.Response:
    """Send a code; the answer is the same whether the mail will arrive or not."""
    services, address = request.app[SERVICES], address_of(request)
    invite = await admission.find_invite(services, request.match_info["token"], address)
    body = await read(request, NewCheck)
    if not asks(services, invite):
        raise Refused(409, "PASSERELLE_NO_MAIL", "This link asks for no mail address.")
    require_unspent(invite, services.now())
    services.limits.take(MAIL_CODES, address)
    check = secrets.token_urlsafe(TOKEN_BYTES)
    async with services.database.transaction() as tx:
        expires_at = await mail_checks.ask(
            tx,
            mail_check.check_hash(check),
            invite_id=invite.id,
            meeting_id=invite.meeting_id,
            address=clean_address(body.address),
            language=body.language,
            now=services.now(),
        )
    services.code_now()
    answer = {"check": check, "expires_at": expires_at.isoformat(timespec="seconds")}
    return web.json_response(answer, status=202, headers={"Cache-Control": "no-store"})


def asks(services: Services, invite: Invite) -> bool:
    """Tell whether guests of a link have to show a mail address; nobody has to where no mail leaves any more."""
    return invite.wants_email and services.settings.mail is not None


async def prove(
    services: Services, invite: Invite, proof: Proof | None, waiting: Callable[[], Awaitable[bytes | None]]
) -> Check | None:
    """Return whose address a guest has shown to be theirs; None where the link asks for none.

    Refused: no code, a wrong one (which counts), one too old. A right one stays right while it lives; whoever waits in
    the queue with it (`waiting` says by which) types it no second time.
    """
    if not asks(services, invite):
        return None
    if proof is None and (known := await waiting()) is not None:
        async with services.database.transaction() as tx:
            check = await mail_checks.find(tx, known, invite.id)
        if check is not None and check.verified:
            return check
    if proof is None:
        raise mail_check.needed()
    hashed = mail_check.check_hash(proof.check)
    async with services.database.transaction() as tx:
        check = await mail_checks.find(tx, hashed, invite.id)
        mail_check.require_live(check, services.now())
        assert check is not None  # refused above
        right = secrets.compare_digest(mail_check.typed(proof.code), mail_check.code_of(_key(services), hashed))
        await mail_checks.tried(tx, check, right=right)
    if not right:
        raise mail_check.wrong(check.tries + 1)
    return check


async def run(services: Services) -> None:
    """Send codes for ever; without a mail server there are none."""
    mail = services.settings.mail
    while mail is not None:
        try:
            await deliver(services, mail)
        except Unavailable as gone:
            _LOG.warning("codes_postponed", what=gone.what)
        await services.code_now.wait(INTERVAL_S)


async def deliver(services: Services, mail: MailSettings) -> None:
    """Send the codes that wait."""
    async with services.database.transaction() as tx:
        waiting = await mail_checks.claim(tx, services.now())
    left = list(waiting)
    try:
        if left:
            async with connected(mail_server(mail)) as send:
                while left:
                    await _send(services, mail, send, left.pop(0))
    except Unavailable as gone:
        _LOG.warning("codes_postponed", what=gone.what, codes=len(left))
        async with services.database.transaction() as tx:
            for check in left:
                await mail_checks.failed(tx, check, services.now(), for_good=False)


async def _send(services: Services, mail: MailSettings, send: Send, check: Check) -> None:
    async with services.database.transaction() as tx:
        meeting = await meetings.by_id_even_deleted(tx, check.meeting_id)
    assert meeting is not None  # a foreign key says so
    code = mail_check.code_of(_key(services), check.check_hash)
    message_id = f"<{check.check_hash.hex()[:24]}.code@{mail.sender.partition('@')[2]}>"
    message = compose_code(
        service=services.settings.branding.name,
        sender=mail.sender,
        reader=check.address,
        language=check.language,
        title=meeting.title,
        code=code,
        lifetime=LIFETIME,
        message_id=message_id,
        now=services.now(),
    )
    outcome = "sent"
    try:
        await send(message, check.address)
    except Rejected:
        outcome = "refused"
    except Unavailable:
        outcome = "postponed"
    async with services.database.transaction() as tx:
        if outcome == "sent":
            await mail_checks.sent(tx, check)
        else:
            await mail_checks.failed(tx, check, services.now(), for_good=outcome == "refused")
    _LOG.info("code", outcome=outcome, invite=check.invite_id)


def _key(services: Services) -> bytes:
    return services.settings.homeserver.jwt_login_secret.get_secret_value().encode()
