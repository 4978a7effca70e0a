# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Matrix accounts that we make or open: a guest's for a meeting, a member of staff's by a signed login."""

from __future__ import annotations

import time
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import OctKey
from mautrix.api import Method, Path, PathBuilder

from bridge.domain.display_name import MAX_SHOWN_NAME
from bridge.domain.errors import Unavailable
from bridge.domain.names import RoomId, UserId
from bridge.domain.plain import one_line
from bridge.matrix.homeserver import Homeserver, HomeserverRefusedError

LOGIN_LIFETIME_S = 60
LOGIN_ISSUER = "passerelle"
GUEST_MODULE = "the homeserver's module for guests (passerelle_guests)"
GUEST_MODULE_CACHE_S = 60.0
"""How long we believe that the module guards our guests; a homeserver that lost it restarted, which takes seconds."""

_GUEST_MODULE_PATH = PathBuilder("_synapse/client/passerelle/guests")


@dataclass(frozen=True, slots=True)
class MatrixSession:
    """A device of a user, with the token that the browser will use; stored sealed only (`bridge.web.seal`)."""

    user_id: UserId
    device_id: str
    access_token: str


class Accounts:
    """Makes, opens and closes accounts on our own homeserver."""

    def __init__(self, homeserver: Homeserver, *, server_name: str, jwt_login_secret: str, guest_prefix: str) -> None:
        self._homeserver = homeserver
        self._server_name = server_name
        self._guest_prefix = guest_prefix
        self._key = OctKey.import_key(jwt_login_secret)
        self._guarded_until = 0.0

    async def require_guarded(self) -> None:
        """See that the homeserver holds guests to their meeting; without its module there are none (`Unavailable`)."""
        if time.monotonic() < self._guarded_until:
            return
        try:
            status = await self._homeserver.with_token("", Method.GET, _GUEST_MODULE_PATH)
        except HomeserverRefusedError as error:
            raise Unavailable(GUEST_MODULE) from error
        guarded = {"guest_prefix": self._guest_prefix, "bot": self._homeserver.bot_user}
        if {key: status.get(key) for key in guarded} != guarded:
            raise Unavailable(GUEST_MODULE)
        self._guarded_until = time.monotonic() + GUEST_MODULE_CACHE_S

    async def register_guest(self, localpart: str, device_id: str) -> MatrixSession:
        """Make a guest's account with one device."""
        answer = await self._homeserver.as_bot(
            Method.POST,
            Path.v3.register,
            {
                "type": "m.login.application_service",
                "username": localpart,
                "device_id": device_id,
                "initial_device_display_name": "Passerelle",
            },
        )
        return MatrixSession(UserId(answer["user_id"]), answer["device_id"], answer["access_token"])

    async def deactivate_guest(self, user_id: UserId) -> None:
        """Close a guest's account: its tokens end, it leaves every room. An account that never was is fine, too."""
        try:
            await self._homeserver.as_guest(user_id, Method.POST, Path.v3.account.deactivate, {"erase": False})
        except HomeserverRefusedError as error:
            # Not registered, or deactivated before: Synapse answers 403 to masquerading as such a user.
            if error.status not in {401, 403, 404}:
                raise

    async def login_staff(self, localpart: str, display_name: str | None = None) -> MatrixSession:
        """Open a member of staff's account (made at the first sign-in) as one more device."""
        answer = await self._homeserver.with_token(
            "",
            Method.POST,
            Path.v3.login,
            {
                "type": "org.matrix.login.jwt",
                "token": self._login_token(localpart),
                "initial_device_display_name": "Passerelle",
            },
        )
        session = MatrixSession(UserId(answer["user_id"]), answer["device_id"], answer["access_token"])
        if display_name:
            await self.name(session, display_name)
        return session

    async def join_staff(self, localpart: str, room_id: RoomId) -> None:
        """Let an invited member of staff into a room, by a device that lives for this one request."""
        session = await self.login_staff(localpart)
        try:
            await self._homeserver.with_token(session.access_token, Method.POST, Path.v3.rooms[room_id].join, {})
        finally:
            await self.logout(session.access_token)

    async def logout(self, access_token: str) -> None:
        """Sign a device out, which deletes it. One that is gone already is fine, too."""
        try:
            await self._homeserver.with_token(access_token, Method.POST, Path.v3.logout, {})
        except HomeserverRefusedError as error:
            if error.status not in {401, 403}:
                raise

    async def display_name(self, user_id: UserId) -> str:
        """Return what a user of ours is called: the name of their profile, or their user id."""
        try:
            answer = await self._homeserver.as_bot(Method.GET, Path.v3.profile[user_id].displayname)
        except HomeserverRefusedError:
            answer = {}
        name = answer.get("displayname")
        return one_line(name)[:MAX_SHOWN_NAME] or user_id if isinstance(name, str) else user_id

    async def sign_out_everywhere(self, localpart: str) -> None:
        """End every Matrix session of a member of staff, in whatever app; a closed account has none."""
        try:
            session = await self.login_staff(localpart)
            await self._homeserver.with_token(session.access_token, Method.POST, Path.v3.logout.all, {})
        except HomeserverRefusedError as error:
            if error.status not in {401, 403}:
                raise

    async def name(self, session: MatrixSession, display_name: str) -> None:
        """Say what an account is called."""
        await self._homeserver.with_token(
            session.access_token,
            Method.PUT,
            Path.v3.profile[session.user_id].displayname,
            {"displayname": display_name},
        )

    def _login_token(self, localpart: str) -> str:
        now = int(time.time())
        claims = {
            "iss": LOGIN_ISSUER,
            "aud": self._server_name,
            "sub": localpart,
            "iat": now,
            "exp": now + LOGIN_LIFETIME_S,
        }
        return jwt.encode({"alg": "HS256"}, claims, self._key, algorithms=["HS256"])
