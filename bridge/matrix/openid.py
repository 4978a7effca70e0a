# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who somebody is, by what their own homeserver says: the OpenID check of the authorisation service.

The answer's `sub` must belong to the very server that was asked; otherwise any server could vouch for anybody.
"""

from __future__ import annotations

import json

from bridge.domain.errors import Refused, Unavailable
from bridge.domain.names import UserId, server_of
from bridge.netguard import NameRefusedError, Netguard, UnreachableError

USERINFO = "/_matrix/federation/v1/openid/userinfo"
MAX_USERINFO = 8 * 1024
"""Bytes. Stops: an endless answer to a short question."""
MAX_TOKEN = 1024
"""Characters. Stops: sending a page of somebody's text to another server in our name."""


class OpenIdCheck:
    """Asks homeservers who a token belongs to."""

    def __init__(self, netguard: Netguard, *, own_name: str) -> None:
        self._netguard = netguard
        self._own_name = own_name

    async def user_of(self, server_name: str, access_token: str) -> UserId:
        """Return the user that a token stands for.

        Raises `Refused` (401) whenever that is not beyond doubt, without saying why, and `Unavailable` only when our
        own homeserver is the one that does not answer.
        """
        if not 0 < len(access_token) <= MAX_TOKEN or not access_token.isascii() or not access_token.isprintable():
            raise _unauthorized()
        try:
            answer = await self._netguard.get(
                server_name, USERINFO, {"access_token": access_token}, max_bytes=MAX_USERINFO
            )
        except NameRefusedError:
            raise _unauthorized() from None
        except UnreachableError as error:
            if server_name == self._own_name:
                raise Unavailable("the homeserver") from error
            raise _unauthorized() from None
        subject = _subject(answer.body) if answer.status == 200 else None
        if subject is None or server_of(subject) != server_name:
            raise _unauthorized()
        return UserId(subject)


def _subject(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    subject = document.get("sub") if isinstance(document, dict) else None
    return subject if isinstance(subject, str) else None


def _unauthorized() -> Refused:
    return Refused(
        401, "M_UNAUTHORIZED", "Your homeserver did not confirm who you are. Please sign in again and retry."
    )
