# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which final transcripts failed for good? What `passerelle bots jobs` shows."""

from rich.console import Console

from bots.settings import Settings, SettingsError
from bots.store.database import DatabaseAwayError, open_pool, upgrade
from bots.store.jobs import Jobs


async def show(settings: Settings, *, retry: bool) -> int:
    """Print them, or have them tried again; 1 if some stay failed.

    Raises:
        SettingsError: there is no database, or it can't be reached.
    """
    if settings.database is None:
        raise SettingsError("There is no [database] url, so there are no final transcripts.")
    url = settings.database.url.get_secret_value()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        await upgrade(url)
        async with open_pool(url) as pool:
            dead = await Jobs(pool).dead()
            if retry and dead:
                await Jobs(pool).revive(dead)
    except DatabaseAwayError as error:
        raise SettingsError(str(error)) from error
    for one in dead:
        console.print(f"{one.call_id}: {one.failure}")
    if not dead:
        console.print("No final transcript failed.")
    elif retry:
        console.print(f"{len(dead)} will be tried again.")
    return int(bool(dead) and not retry)
