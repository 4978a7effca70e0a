# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`make bench-search`: how long a search over 1,000 meetings of one person takes, on a PostgreSQL of its own.

Each meeting has an hour of talk: half of them with a final text, half with live lines alone. Words are drawn as people
use them (Zipf), from 20,000.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg

from bridge.domain.search import Query
from bridge.stack.postgres import (
    SUPERUSER,
    accepts_connections,
    clean_environment,
    find_binaries,
    prepare_cluster,
)
from bridge.store import search
from bridge.store.database import Connection, Database, open_database
from bridge.store.upgrades import upgrade
from tests.ports import free_ports

MEETINGS = 1_000
LINES = 600
"""Live lines of an hour: one in six seconds."""
PARAGRAPHS = 150
WORDS_A_LINE = 12
STEMS = 20_000
SEARCHES = 300
TARGET_MS = 300.0
REPORT = Path("build/bench/search.json")
READER = "@marie:home"


def vocabulary(chance: random.Random) -> tuple[list[str], list[float]]:
    """Return words and how often each is said, the nth one n times more seldom than the first."""
    syllables = [
        "ba",
        "be",
        "bi",
        "bo",
        "bu",
        "da",
        "de",
        "di",
        "do",
        "la",
        "le",
        "li",
        "lo",
        "ma",
        "me",
        "mi",
        "mo",
        "na",
        "ne",
        "no",
        "pa",
        "pe",
        "po",
        "ra",
        "re",
        "ri",
        "ro",
        "sa",
        "se",
        "so",
        "ta",
        "te",
        "to",
        "va",
    ]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 5))) for _ in range(STEMS)]
    return words, [1 / (rank + 10) for rank in range(STEMS)]


async def fill(tx: Connection, number: int, chance: random.Random, words: list[str], often: list[float]) -> None:
    """Make one meeting and everything that was said in it."""
    room, call, final = f"!{number}", f"${number}", number % 2 == 0
    await tx.execute(
        "INSERT INTO meetings (id, title, room_id, organizer) VALUES ($1, $2, $3, $4)",
        f"{number:012}",
        f"Meeting {number}",
        room,
        READER,
    )
    drawn = chance.choices(words, often, k=LINES * WORDS_A_LINE)
    lines = [" ".join(drawn[at : at + WORDS_A_LINE]) for at in range(0, len(drawn), WORDS_A_LINE)]
    start_ms = 1_700_000_000_000 + number * 86_400_000
    await tx.execute(
        """INSERT INTO segments (id, room_id, call_id, user_id, display_name, track_sid, start_ms, end_ms, text,
               stable_chars, lang, final, rev)
           SELECT $1 || '-' || n, $1, $2, '@p' || n % 5 || ':home', 'Person ' || n % 5, 'T',
               $3 + 6000 * n, $3 + 6000 * n + 5000,
               line, 0, CASE WHEN n % 3 = 0 THEN 'en' ELSE 'fr' END, true, 1
           FROM unnest($4::text[]) WITH ORDINALITY AS said (line, n)""",
        room,
        call,
        start_ms,
        lines,
    )
    if final:
        size = LINES // PARAGRAPHS
        paragraphs = [". ".join(lines[at : at + size]) for at in range(0, LINES, size)]
        await tx.execute(
            """INSERT INTO transcripts (room_id, call_id, state, done, started_ms, ended_ms, model)
                            VALUES ($1, $2, 'done', 1, $3, $3, '{}')""",
            room,
            call,
            start_ms,
        )
        await tx.execute(
            """INSERT INTO paragraphs (room_id, call_id, id, start_ms, end_ms, user_id, display_name, voice, lang,
                   text, words)
               SELECT $1, $2, 'p' || n, $3 + 24000 * n, $3 + 24000 * n + 20000, '@p' || n % 5 || ':home',
                   'Person ' || n % 5, '',
                   CASE WHEN n % 3 = 0 THEN 'en' ELSE 'fr' END, line, '[]'
               FROM unnest($4::text[]) WITH ORDINALITY AS said (line, n)""",
            room,
            call,
            start_ms,
            paragraphs,
        )


def queries(chance: random.Random, words: list[str], often: list[float]) -> list[tuple[str, Query]]:
    """Return what people look for: words as often as they are said, two together, rare ones, and each narrowed."""
    made = []
    for number in range(SEARCHES):
        one, two = chance.choices(words, often, k=2)
        rare, meeting = chance.choice(words), chance.randrange(MEETINGS)
        kinds = {
            "one": Query(one),
            "rare": Query(rare),
            "two": Query(f"{one} {two}"),
            "person": Query(one, person=f"person {number % 5}"),
            "meeting": Query(one, meeting_id=f"{meeting:012}"),
            "since": Query(rare, from_ms=1_700_000_000_000 + meeting * 86_400_000),
            "none": Query(f"{one} zzz"),
        }
        made.append(list(kinds.items())[number % len(kinds)])
    return made


async def measure(database: Database, asked: list[tuple[str, Query]]) -> dict[str, list[float]]:
    """Return how long the searches of each kind took, in milliseconds."""
    took: dict[str, list[float]] = {}
    for kind, query in asked:
        async with database.transaction() as tx:
            began = time.perf_counter()
            await search.find(tx, query, user_id=READER, guest_of=None, since_ms=0)
            took.setdefault(kind, []).append(1000 * (time.perf_counter() - began))
    return took


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run(url: str) -> tuple[int, dict[str, list[float]]]:
    """Fill and measure; return how many lines there were and how long each search took."""
    await upgrade(url)
    chance = random.Random(4)
    words, often = vocabulary(chance)
    async with open_database(url) as database:
        for number in range(MEETINGS):
            async with database.transaction() as tx:
                await fill(tx, number, chance, words, often)
        await analyse(url)
        async with database.transaction() as tx:
            lines = await tx.value("SELECT (SELECT count(*) FROM segments) + (SELECT count(*) FROM paragraphs)")
        return lines, await measure(database, queries(chance, words, often))


async def analyse(url: str) -> None:
    """Let PostgreSQL count words, as it does by itself in time; longer than a statement of the bridge may take."""
    connection = await asyncpg.connect(url)
    try:
        for table in ("meetings", "segments", "paragraphs", "transcripts"):
            await connection.execute(f"ANALYZE {table}")
    finally:
        await connection.close()


async def ready(port: int, password: str) -> None:
    """Wait until the database answers."""
    async with asyncio.timeout(60):
        while not await accepts_connections(port, password):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)


def main() -> int:
    """Start a PostgreSQL for the benchmark alone, report, and return 1 when the target is missed."""
    with tempfile.TemporaryDirectory() as folder:
        password, port = secrets.token_hex(16), free_ports()[0]
        made = prepare_cluster(find_binaries(), Path(folder), port=port, superuser_password=password, fsync=False)
        process = subprocess.Popen(
            made.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment()
        )
        try:
            asyncio.run(ready(port, password))
            lines, took = asyncio.run(run(f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{SUPERUSER}"))
        finally:
            process.terminate()
            process.wait(30)
    every = [time_ms for times_ms in took.values() for time_ms in times_ms]
    times = {"p50_ms": percentile(every, 0.5), "p95_ms": percentile(every, 0.95), "max_ms": max(every)}
    times |= {f"{kind}.p95_ms": percentile(times_ms, 0.95) for kind, times_ms in took.items()}
    report = {"meetings": MEETINGS, "lines": lines, "searches": len(every), "target_p95_ms": TARGET_MS}
    report |= {name: round(value, 1) for name, value in times.items()}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))
    return int(times["p95_ms"] >= TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
