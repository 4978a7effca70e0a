# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The accounts that every stack has, made through Synapse's registration secret and admin API.

Staff are not among them: their accounts come into being with their first sign-in.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp

from bridge.stack.errors import StackError

_REGISTER = "/_synapse/admin/v1/register"


class Homeserver:
    """The doors of one homeserver that are open to its operator."""

    def __init__(self, http: aiohttp.ClientSession, client_url: str, registration_shared_secret: str) -> None:
        self._http = http
        self._url = client_url
        self._secret = registration_shared_secret

    async def ensure_account(
        self, localpart: str, password: str, *, display_name: str | None = None, admin: bool = False
    ) -> None:
        """Register an account unless it is there already.

        Raises:
            StackError: the homeserver refuses.
        """
        nonce = (await self._call("GET", _REGISTER))["nonce"]
        role = "admin" if admin else "notadmin"
        signed = "\0".join((str(nonce), localpart, password, role)).encode()
        body = {
            "nonce": nonce,
            "username": localpart,
            "displayname": display_name,
            "password": password,
            "admin": admin,
            "mac": hmac.new(self._secret.encode(), signed, hashlib.sha1).hexdigest(),  # as Synapse's API has it
            "inhibit_login": True,
        }
        await self._call("POST", _REGISTER, body, accept_errcode="M_USER_IN_USE")

    @asynccontextmanager
    async def admin_session(self, localpart: str, password: str) -> AsyncIterator["AdminSession"]:
        """A session of an admin account that ends with the block."""
        login = await self._call(
            "POST",
            "/_matrix/client/v3/login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": localpart},
                "password": password,
                "initial_device_display_name": "local stack",
            },
        )
        token = str(login["access_token"])
        try:
            yield AdminSession(self, token)
        finally:
            await self._call("POST", "/_matrix/client/v3/logout", {}, token=token)

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        *,
        token: str | None = None,
        accept_errcode: str | None = None,
    ) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
            answer = await response.json()
        if not response.ok and answer.get("errcode") != accept_errcode:
            raise StackError(
                f"{self._url} refuses {method} {path.split('?')[0]}: {response.status} {answer.get('errcode')} "
                f"{answer.get('error')}"
            )
        return dict(answer)


class AdminSession:
    """What the stack does as an admin."""

    def __init__(self, homeserver: Homeserver, token: str) -> None:
        self._homeserver = homeserver
        self._token = token

    async def lift_rate_limit(self, user_id: str) -> None:
        """Exempt a user from the limits on messages, as our bots must be (0 means none)."""
        await self._homeserver._call(  # noqa: SLF001  one module, one door
            "POST",
            f"/_synapse/admin/v1/users/{quote(user_id, safe='')}/override_ratelimit",
            {"messages_per_second": 0, "burst_count": 0},
            token=self._token,
        )
