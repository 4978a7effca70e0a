# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where does Synapse ask? The callbacks of its module API, each answered by `passerelle_guests.rules`.

What goes wrong in a check refuses: Synapse answers 500 when one raises. The bridge lets no guest in unless this module
says at `STATUS_PATH` that it guards the accounts which the bridge makes.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Literal

from synapse.module_api import NOT_SPAM, ModuleApi, UserID
from synapse.module_api.errors import Codes, ConfigError
from twisted.web.resource import Resource

from passerelle_guests.rules import BadConfigError, Config, Member, Rules, parse

if TYPE_CHECKING:
    from synapse.module_api import EventBase, ProfileInfo, RoomAlias, StateMap, UserProfile
    from twisted.web.server import Request

STATUS_PATH = "/_synapse/client/passerelle/guests"
VERSION = 1

Verdict = Literal["NOT_SPAM"] | Codes
"""`NOT_SPAM`, or the code to refuse with."""

_CREATE_NAMES = (
    "CREATE TABLE IF NOT EXISTS passerelle_guest_names (user_id TEXT PRIMARY KEY, displayname TEXT NOT NULL)"
)


class GuestLimits:
    """The module as homeserver.yaml names it: `passerelle_guests.module.GuestLimits`."""

    def __init__(self, config: Config, api: ModuleApi) -> None:
        self._api = api
        self._rules = rules = Rules(config, api.server_name)
        self._names_exist = False
        if not config.bot.endswith(f":{api.server_name}"):
            raise ConfigError(f"passerelle_guests: bot must be a user of {api.server_name}, not {config.bot}")
        api.register_spam_checker_callbacks(
            user_may_invite=self._user_may_invite,
            user_may_join_room=self._user_may_join_room,
            user_may_send_3pid_invite=self._user_may_send_3pid_invite,
            user_may_create_room=self._user_may_create_room,
            user_may_create_room_alias=self._user_may_create_room_alias,
            user_may_publish_room=self._user_may_publish_room,
            check_username_for_spam=self._check_username_for_spam,
        )
        api.register_third_party_rules_callbacks(
            check_event_allowed=self._check_event_allowed,
            on_profile_update=self._on_profile_update,
        )
        api.register_account_validity_callbacks(is_user_expired=self._is_user_expired)
        api.register_account_data_callbacks(on_account_data_updated=self._on_account_data_updated)
        api.register_media_repository_callbacks(
            get_media_config_for_user=self._get_media_config_for_user,
            is_user_allowed_to_upload_media_of_size=self._is_user_allowed_to_upload_media_of_size,
        )
        api.register_web_resource(STATUS_PATH, _Status(rules))

    @staticmethod
    def parse_config(raw: dict[str, Any]) -> Config:
        """Check the configuration when Synapse starts; a mistake stops the start with a sentence."""
        try:
            return parse(raw)
        except BadConfigError as error:
            raise ConfigError(f"passerelle_guests: {error}") from error

    async def _user_may_invite(self, inviter: str, invitee: str, room_id: str) -> Verdict:
        del room_id
        return NOT_SPAM if self._rules.may_invite(inviter, invitee) else Codes.FORBIDDEN

    async def _user_may_join_room(self, user: str, room: str, is_invited: bool) -> Verdict:
        del room
        return NOT_SPAM if self._rules.may_join(user, invited=is_invited) else Codes.FORBIDDEN

    async def _user_may_send_3pid_invite(self, inviter: str, medium: str, address: str, room_id: str) -> Verdict:
        del medium, address, room_id
        return self._unless_guest(inviter)

    async def _user_may_create_room(self, user: str) -> Verdict:
        return self._unless_guest(user)

    async def _user_may_create_room_alias(self, user: str, alias: RoomAlias) -> Verdict:
        del alias
        return self._unless_guest(user)

    async def _user_may_publish_room(self, user: str, room_id: str) -> Verdict:
        del room_id
        return self._unless_guest(user)

    def _unless_guest(self, user_id: str) -> Verdict:
        return Codes.FORBIDDEN if self._rules.is_guest(user_id) else NOT_SPAM

    async def _check_username_for_spam(self, profile: UserProfile, requester_id: str) -> bool:
        return self._rules.is_hidden(profile["user_id"], requester_id)

    async def _check_event_allowed(self, event: EventBase, state: StateMap[EventBase]) -> tuple[bool, None]:
        """Judge what spam checks do not see: knocks, kicks, names, and state, whatever power somebody gave a guest."""
        if event.type != "m.room.member":
            return self._rules.may_send(event.sender, event.type, event.get_state_key()), None
        target = event.state_key
        before = state.get(("m.room.member", target))
        known = None if before is None else Member.of(before.content)
        return self._rules.may_become(event.sender, target, Member.of(event.content), known), None

    async def _is_user_expired(self, user: str) -> bool | None:
        if not self._rules.is_guest(user):
            return None
        return self._rules.is_over(user, self._api.get_current_time_msec() / 1000)

    async def _on_profile_update(self, user_id: str, profile: ProfileInfo, by_admin: bool, deactivation: bool) -> None:
        """Put a guest's first name back: `(Guest)` and the organisation stay. Synapse asks only afterwards here."""
        del by_admin
        if not self._rules.is_guest(user_id):
            return
        if not self._names_exist:
            with contextlib.suppress(Exception):  # another worker makes it at this moment; if not, what follows fails
                await self._api.run_db_interaction("passerelle_guest_names", lambda txn: txn.execute(_CREATE_NAMES))
        change = _forget_name if deactivation else _first_name
        name = await self._api.run_db_interaction("passerelle_guest_name", change, user_id, profile.display_name)
        self._names_exist = True
        if name is not None and name != profile.display_name:
            await self._api.set_displayname(UserID.from_string(user_id), name)

    async def _on_account_data_updated(
        self, user_id: str, room_id: str | None, data_type: str, content: dict[str, Any]
    ) -> None:
        """Empty what a guest keeps in its account: nobody else reads it, and it is no storage."""
        if self._rules.is_guest(user_id) and room_id is None and content:
            await self._api.account_data_manager.put_global(user_id, data_type, {})

    async def _get_media_config_for_user(self, user_id: str) -> dict[str, int] | None:
        return {"m.upload.size": self._rules.config.max_upload_bytes} if self._rules.is_guest(user_id) else None

    async def _is_user_allowed_to_upload_media_of_size(self, user_id: str, size: int) -> bool:
        return self._rules.may_upload(user_id, size)


class _Status(Resource):
    """Says which accounts are guarded, so that the bridge can see that they are."""

    isLeaf = True  # noqa: N815  # twisted's name

    def __init__(self, rules: Rules) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # twisted's
        config = rules.config
        status = {"version": VERSION, "guest_prefix": config.guest_prefix, "bot": config.bot}
        self._body = json.dumps(status).encode()

    def render_GET(self, request: Request) -> bytes:  # noqa: N802  # twisted's name
        request.setHeader(b"Content-Type", b"application/json")  # type: ignore[no-untyped-call]  # as above
        return self._body


def _first_name(txn: Any, user_id: str, name: str | None) -> str | None:  # noqa: ANN401  # Synapse's cursor
    """Return what a guest was called first; the first time that is now."""
    if name is not None:
        txn.execute(
            "INSERT INTO passerelle_guest_names (user_id, displayname) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (user_id, name),
        )
    txn.execute("SELECT displayname FROM passerelle_guest_names WHERE user_id = ?", (user_id,))
    row = txn.fetchone()
    return None if row is None else row[0]


def _forget_name(txn: Any, user_id: str, name: str | None) -> None:  # noqa: ANN401  # as above
    """Forget the name of an account that is closed."""
    del name
    txn.execute("DELETE FROM passerelle_guest_names WHERE user_id = ?", (user_id,))
