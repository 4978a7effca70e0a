# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the secret in a link stand for? One answer to every wrong one, and a limit to guessing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from bridge.domain.errors import Refused
from bridge.domain.invites import token_hash
from bridge.store.database import Connection
from bridge.web.context import Services

REFUSAL_S = 0.1
"""How long every refusal of a link takes, whatever is wrong with it. Stops: telling by the clock what is wrong."""
_TELLING = frozenset((404, 410))

_Found = TypeVar("_Found")


@contextlib.asynccontextmanager
async def even_refusals() -> AsyncIterator[None]:
    """Let refusals of links that are unknown, over or used up leave after the same time."""
    clock = asyncio.get_running_loop().time
    leaves_at = clock() + REFUSAL_S
    try:
        yield
    except Refused as refused:
        if refused.status in _TELLING:
            await asyncio.sleep(leaves_at - clock())
        raise


async def find(
    services: Services,
    token: str,
    address: str,
    by_hash: Callable[[Connection, bytes], Awaitable[_Found | None]],
    wrong: Refused,
) -> _Found:
    """Return what a token stands for; every wrong one is refused alike and counted against its address."""
    services.limits.check_invite_guess(address)
    hashed = token_hash(token)
    if hashed is not None:
        async with services.database.transaction() as tx:
            found = await by_hash(tx, hashed)
        if found is not None:
            return found
    services.limits.count_invite_guess(address)
    raise wrong
