# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a mail leave? By one server of the operator's; nothing else is ever connected to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

import aiosmtplib

from bridge.domain.errors import BridgeError, Unavailable

TIMEOUT_S = 20.0
"""For each answer of the server, and for all before the first mail. Stops: a server that accepts and says nothing."""

Security = Literal["starttls", "tls", "none"]
Send = Callable[[EmailMessage, str], Awaitable[None]]


class Rejected(BridgeError):  # noqa: N818  # what happened, in the words of the logs
    """The server will not take this mail for this person, now or later (5xx)."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes. `none` sends in the clear: for a relay on the same machine."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = ""
    ca_file: str | None = None


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Send]:
    """Give a function that sends one mail to one address, over one connection; `Unavailable` when there is none."""
    context = None if server.security == "none" else ssl.create_default_context(cafile=server.ca_file)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=context,
        timeout=TIMEOUT_S,
        username=server.user or None,
        password=server.password or None,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await client.connect()
    except (aiosmtplib.SMTPException, OSError) as error:  # a password that is refused is not the reader's fault
        client.close()
        raise Unavailable("the mail server") from error

    async def send(mail: EmailMessage, recipient: str) -> None:
        try:
            await client.send_message(mail, sender=server.sender, recipients=[recipient])
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
            if _code(error) >= 500:
                raise Rejected(str(_code(error))) from None  # the server's words may hold the address
            raise Unavailable("the mail server") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable("the mail server") from error

    try:
        yield send
    finally:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()
        client.close()


def _code(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return min((refused.code for refused in error.recipients), default=0)
    return error.code
