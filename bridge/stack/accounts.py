# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The accounts that every stack has, made through Synapse's registration secret and admin API.

Staff are not among them: their accounts come into being with their first sign-in.
"""

import hashlib
import hmac
from urllib.parse import quote

import aiohttp

from bridge.stack.errors import StackError

_ADMIN_DEVICE = "STACK"
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
        nonce = (await self.call("GET", _REGISTER))["nonce"]
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
        await self.call("POST", _REGISTER, body, accept_errcode="M_USER_IN_USE")

    async def sign_in_admin(self, localpart: str, password: str) -> "Admin":
        """Sign in with an admin account; one device, so each sign-in ends the one before.

        Raises:
            StackError: the homeserver refuses.
        """
        login = await self.call(
            "POST",
            "/_matrix/client/v3/login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": localpart},
                "password": password,
                "device_id": _ADMIN_DEVICE,
            },
        )
        return Admin(self, str(login["access_token"]))

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        *,
        token: str | None = None,
        accept_errcode: str | None = None,
    ) -> dict[str, object]:
        """One request.

        Raises:
            StackError: an answer of refusal, except the one with `accept_errcode`; or no answer.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError) as e:
            raise StackError(f"{self._url} does not answer {method} {path}: {e}") from e
        if not response.ok and answer.get("errcode") != accept_errcode:
            raise StackError(
                f"{self._url} refuses {method} {path}: {response.status} {answer.get('errcode')} {answer.get('error')}"
            )
        return dict(answer)


class Admin:
    """What the stack does and sees with an admin's session."""

    def __init__(self, homeserver: Homeserver, token: str) -> None:
        self._homeserver = homeserver
        self._token = token

    async def lift_rate_limit(self, user_id: str) -> None:
        """Exempt a user from the limits on messages, as our bots must be (0 means none)."""
        path = f"{_users_path('v1', user_id)}/override_ratelimit"
        await self._homeserver.call("POST", path, {"messages_per_second": 0, "burst_count": 0}, token=self._token)

    async def device_seen_at(self, user_id: str, device_id: str) -> float:
        """When this device last asked the homeserver for something, in Unix seconds; 0 for never."""
        path = f"{_users_path('v2', user_id)}/devices/{quote(device_id, safe='')}"
        answer = await self._homeserver.call("GET", path, token=self._token, accept_errcode="M_NOT_FOUND")
        seen_ms = answer.get("last_seen_ts")
        return seen_ms / 1000 if isinstance(seen_ms, int) else 0.0


def _users_path(version: str, user_id: str) -> str:
    return f"/_synapse/admin/{version}/users/{quote(user_id, safe='')}"
