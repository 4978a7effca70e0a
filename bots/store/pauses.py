# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Should the workers on a machine wait, because live captions on it are short of time?

The bot asks again and again as long as that is so; what it asked for ends by itself, so that a bot that dies keeps
nobody waiting.
"""

import asyncpg

from bots.store.database import DatabaseAwayError, outages

HOLD_S = 15.0
"""How long workers wait for a bot that is not heard of again."""
_TIMEOUT_S = 5.0
_ASK = """INSERT INTO speech.pauses (host, until) VALUES ($1, now() + make_interval(secs => $2))
          ON CONFLICT (host) DO UPDATE SET until = excluded.until"""


async def ask_to_pause(url: str, host: str) -> None:
    """Have the workers on this host wait for the next ``HOLD_S``.

    Raises:
        DatabaseAwayError: nobody can be asked; captions go on without.
    """
    try:
        with outages():
            connection = await asyncpg.connect(url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
            try:
                await connection.execute(_ASK, host, HOLD_S)
            finally:
                await connection.close()
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return  # no worker was ever here
    except asyncpg.PostgresError as error:
        raise DatabaseAwayError(f"the database refuses: {type(error).__name__}") from error


async def must_pause(pool: asyncpg.Pool, host: str) -> bool:
    """Tell whether workers on this host are asked to wait now.

    Raises:
        DatabaseAwayError: nobody can say.
    """
    with outages():
        return bool(await pool.fetchval("SELECT true FROM speech.pauses WHERE host = $1 AND until > now()", host))
