# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which calls await their final transcript, who is at work on them, and what they have read."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from pgqueuer.domain.models import Job, TracebackRecord
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from bots.captions.paragraphs import Word
from bots.store.database import outages, queue
from bots.store.pauses import must_pause

MAX_ATTEMPTS = 5
"""stops: a call that ends each worker that reads it going round without end."""
HEARTBEAT_S = 30.0
"""A worker that was silent for this long is taken for dead, and its job goes to another."""
_BACKOFF_S = (10, 60, 300, 1800)
_ENTRYPOINT = QueueEntrypoint("transcript")


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that is ours now; ``attempt`` counts from 1."""

    call_id: str
    attempt: int
    job: Job


@dataclass(frozen=True, slots=True)
class PieceRow:
    """A piece that was read: the words are timed from the beginning of its stretch."""

    track_sid: str
    stretch_ms: int
    end_sample: int
    lang: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Dead:
    """A job that failed for good, and why."""

    job_id: int
    call_id: str
    failure: str


class Jobs:
    """Jobs on a pool, for one worker. Every method raises ``DatabaseAwayError`` while PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._pool = pool
        self._heartbeat = timedelta(seconds=heartbeat_s)
        self._worker = QueueManagerId(uuid.uuid4())

    async def add(self, call_id: str) -> bool:
        """Queue a call once, however many ask; tell whether it was new."""
        with outages():
            async with self._pool.acquire() as connection, connection.transaction():
                new = await connection.fetchval(
                    "INSERT INTO speech.calls (call_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true", call_id
                )
                if new:
                    await queue(connection).enqueue(_ENTRYPOINT, call_id.encode(), dedupe_key=call_id)
                return bool(new)

    async def take(self) -> Taken | None:
        """Take the oldest job that nobody works on, or whose worker died; count the attempt."""
        with outages():
            async with self._pool.acquire() as connection:
                found = await queue(connection).dequeue(
                    1, {_ENTRYPOINT: EntrypointExecutionParameter(0)}, self._worker, None, self._heartbeat
                )
                if not found:
                    return None
                call_id = (found[0].payload or b"").decode()
                attempt = await connection.fetchval(
                    "UPDATE speech.calls SET attempts = attempts + 1 WHERE call_id = $1 RETURNING attempts", call_id
                )
                return Taken(call_id, attempt or MAX_ATTEMPTS + 1, found[0])

    async def alive(self, taken: Taken) -> None:
        """Say that we still work on it; more often than the heartbeat."""
        with outages():
            async with self._pool.acquire() as connection:
                await queue(connection).update_heartbeat([taken.job.id])

    async def must_pause(self, host: str) -> bool:
        """Tell whether live captions on this host are short of time, so that they come first."""
        return await must_pause(self._pool, host)

    async def keep(self, taken: Taken, piece: PieceRow) -> None:
        """Keep what was read; the same piece is kept once."""
        words = json.dumps([[word.start_ms, word.end_ms, word.text] for word in piece.words])
        with outages():
            await self._pool.execute(
                "INSERT INTO speech.pieces VALUES ($1, $2, $3, $4, $5, $6::jsonb) ON CONFLICT DO NOTHING",
                taken.call_id,
                piece.track_sid,
                piece.stretch_ms,
                piece.end_sample,
                piece.lang,
                words,
            )

    async def kept(self, call_id: str) -> list[PieceRow]:
        """Return what was read of a call so far, in order."""
        with outages():
            rows = await self._pool.fetch(
                "SELECT track_sid, stretch_ms, end_sample, lang, words FROM speech.pieces WHERE call_id = $1"
                " ORDER BY track_sid, stretch_ms, end_sample",
                call_id,
            )
        return [
            PieceRow(row["track_sid"], row["stretch_ms"], row["end_sample"], row["lang"], _words(row["words"]))
            for row in rows
        ]

    async def keep_only(self, call_id: str, tracks: Sequence[str]) -> None:
        """Delete what was read of a call's other tracks: whose they were withdrew."""
        with outages():
            await self._pool.execute(
                "DELETE FROM speech.pieces WHERE call_id = $1 AND track_sid <> ALL($2)", call_id, list(tracks)
            )

    async def done(self, taken: Taken) -> None:
        """Take the job off the queue, and what was read with it: the bridge has it."""
        with outages():
            async with self._pool.acquire() as connection, connection.transaction():
                await queue(connection).log_jobs([(taken.job, "successful", None)])
                await connection.execute("DELETE FROM speech.calls WHERE call_id = $1", taken.call_id)

    async def failed(self, taken: Taken, error: Exception) -> bool:
        """Put the job back, later each time; after ``MAX_ATTEMPTS`` it is held for people to see, and this is False."""
        record = TracebackRecord.from_exception(error, taken.job.id)
        again = taken.attempt < MAX_ATTEMPTS
        with outages():
            async with self._pool.acquire() as connection, connection.transaction():
                jobs = queue(connection)
                if again:
                    delay = timedelta(seconds=_BACKOFF_S[min(taken.attempt, len(_BACKOFF_S)) - 1])
                    await jobs.retry_job(taken.job, delay, record)
                else:
                    await jobs.log_jobs([(taken.job, "failed", record)])
                await connection.execute(
                    "UPDATE speech.calls SET failure = $2 WHERE call_id = $1", taken.call_id, str(error)[:500]
                )
        return again

    async def give_back(self, taken: Taken) -> None:
        """Let another worker go on at once: this attempt counts for nothing."""
        with outages():
            async with self._pool.acquire() as connection, connection.transaction():
                await queue(connection).retry_job(taken.job, timedelta(0), None)
                await connection.execute(
                    "UPDATE speech.calls SET attempts = attempts - 1 WHERE call_id = $1", taken.call_id
                )

    async def dead(self) -> list[Dead]:
        """Return the jobs that failed for good."""
        with outages():
            async with self._pool.acquire() as connection:
                held = {(job.payload or b"").decode(): job.id for job in await queue(connection).list_failed_jobs()}
                rows = await connection.fetch(
                    "SELECT call_id, failure FROM speech.calls WHERE call_id = ANY($1) ORDER BY seen_at", list(held)
                )
        return [Dead(held[row["call_id"]], row["call_id"], row["failure"]) for row in rows]

    async def revive(self, dead: Sequence[Dead]) -> None:
        """Have failed jobs tried again, from where they stopped."""
        with outages():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "UPDATE speech.calls SET attempts = 0 WHERE call_id = ANY($1)", [one.call_id for one in dead]
                )
                await queue(connection).requeue_jobs([one.job_id for one in dead])  # type: ignore[misc]  # JobId is an int


def _words(kept: str) -> tuple[Word, ...]:
    return tuple(Word(int(begin), int(end), str(text)) for begin, end, text in json.loads(kept))
