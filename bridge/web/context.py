# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the handlers share: one object, built by `bridge.web.serve` and handed over in the application."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from bridge.domain.scopes import Scope
from bridge.matrix.accounts import Accounts
from bridge.matrix.notices import Notices
from bridge.matrix.openid import OpenIdCheck
from bridge.matrix.rooms import Rooms
from bridge.matrix.talk import Talk
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web.caption_hub import CaptionHub
from bridge.web.limits import Limits
from bridge.web.nudge import Nudge
from bridge.web.presence import Presence
from bridge.web.seal import Seal
from bridge.web.sfu import Sfu
from bridge.web.watchers import Watchers


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a handler may need."""

    settings: Settings
    database: Database
    http: aiohttp.ClientSession
    rooms: Rooms
    talk: Talk
    accounts: Accounts
    notices: Notices
    openid: OpenIdCheck
    sfu: Sfu
    presence: Presence
    hub: CaptionHub
    limits: Limits
    sweep_now: Nudge
    """Wakes the sweeper: somebody was revoked or has left."""
    work_now: Nudge
    """Wakes the worker: a transaction was stored."""
    bot_now: Nudge
    """Wakes the bot: it was told something."""
    now: Callable[[], datetime] = utc_now
    revoke_now: Nudge = field(default_factory=Nudge)
    """Wakes what ends people: somebody was revoked, was taken out or has left."""
    ending: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """By what is ended, held while it is: nothing is ended twice at once."""
    code_now: Nudge = field(default_factory=Nudge)
    """Wakes the sending of codes to guests' mail addresses."""
    mail_now: Nudge = field(default_factory=Nudge)
    """Wakes the mailing: somebody was invited."""
    rights_now: Nudge = field(default_factory=Nudge)
    """Wakes those who tell the media server: somebody left, or may send something else than before."""
    watchers: Watchers = field(default_factory=Watchers)
    """Pages that follow what a meeting's hosts, or those who wait for it, have to know."""

    @property
    def seal(self) -> Seal:
        """What tokens are sealed with in the database."""
        return Seal(self.settings.homeserver.jwt_login_secret.get_secret_value())


API_SCOPES: web.AppKey[Mapping[tuple[str, str], Scope]] = web.AppKey("api_scopes", Mapping)
"""What an API token needs for a method and a route; what is not in it takes no token."""
SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
