# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests (aiosmtpd), which keeps what it was given."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from bridge.mail.smtp import Server

USER, PASSWORD = "passerelle", "correct horse"


@dataclass
class SmallServer:
    """`refuse` maps an address to the answer that it gets instead of 250."""

    port: int = 0
    got: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    secured: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, _session: Session, envelope: Envelope, to: str, _options: list
    ) -> str:
        self.secured.append(server.transport.get_extra_info("ssl_object") is not None)
        if to in self.refuse:
            return self.refuse[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        mail = BytesParser(EmailMessage, policy=default).parsebytes(envelope.original_content)
        self.got.append((" ".join(envelope.rcpt_tos), mail))
        return "250 OK"

    def settings(self, **more: object) -> Server:
        return Server(**{"host": "localhost", "port": self.port, "security": "none", "sender": "meet@x.example"} | more)


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextlib.asynccontextmanager
async def serving(
    mailbox: SmallServer, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[SmallServer]:
    """Listen on a port of its own, or on the one that it had before."""

    def protocol() -> SMTP:
        auth = {"authenticator": _authenticate, "auth_required": True} if starttls else {}
        return SMTP(mailbox, tls_context=starttls, require_starttls=starttls is not None, hostname="mail", **auth)

    listening = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", mailbox.port, ssl=tls)
    mailbox.port = listening.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        listening.close()
        await listening.wait_closed()
