# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The final pass of one call: its sound is read track by track, piece by piece, and the bridge gets the transcript.

What was read is kept in the database with each piece, so that another worker goes on where this one ended.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bots.captions.byvoice import by_voice
from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, Word, paragraphs
from bots.engines.words import hotwords
from bots.final.bridge import Bridge, State
from bots.final.custody import forget_withdrawn
from bots.final.hearing import LongHearing
from bots.final.reading import PieceRead, Reader, TrackReader
from bots.final.shared_track import Voices, voices_of
from bots.final.spool import EndedCall, Spool, SpooledTrack
from bots.glossary import Glossary
from bots.passport import Passport
from bots.store.database import DatabaseAwayError
from bots.store.jobs import HEARTBEAT_S, Jobs, PieceRow, Taken

_TELL_S = 2.0
PAUSE_S = 2.0
MAX_PAUSE_S = 60.0
"""stops: live captions that are always short of time keeping final transcripts waiting for ever: a piece a minute."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a worker has at hand for every call."""

    jobs: Jobs
    spool: Spool
    bridge: Bridge
    glossary: Glossary
    reader: Reader
    languages: tuple[str, ...]
    passport: Passport
    hearing: LongHearing | None = None
    host: str = ""

    @property
    def language(self) -> str:
        """In which language the words around a transcript are."""
        return next(iter(self.languages), "")


@dataclass(slots=True, eq=False)
class FinalPass:
    """One attempt at one call."""

    desk: Desk
    taken: Taken
    call: EndedCall
    _told: float = float("-inf")

    async def run(self) -> None:
        """Read what has not been read yet, hand over the whole, delete the sound.

        Raises:
            BridgeError, DatabaseAwayError, OSError, RuntimeError, ValueError, MemoryError: it is to be tried again.
        """
        desk = self.desk
        beating = asyncio.create_task(self._stay_alive())
        try:
            await self._read(await self._tracks())
            voices = await self._voices(await self._tracks())
            tracks = await self._tracks()
            rows = await desk.jobs.kept(self.call.call_id)
            made = transcript(self.call, tracks, rows, desk.passport, voices, desk.language)
            await desk.bridge.store(made, withdrawn=_withdrawn(self.call, tracks))
            await desk.bridge.progress(self.call, State.DONE, 1.0)
            await asyncio.to_thread(desk.spool.call(self.call.call_id).delete)
            await desk.jobs.done(self.taken)
        finally:
            beating.cancel()
            await asyncio.wait([beating])

    async def _tracks(self) -> list[SpooledTrack]:
        """Return the sound of those who agree now; of the others nothing stays, neither sound nor words."""
        desk, call_id = self.desk, self.call.call_id
        await forget_withdrawn(desk.spool, self.call, desk.bridge)
        tracks = await asyncio.to_thread(desk.spool.call(call_id).tracks)
        if not await asyncio.to_thread(desk.spool.call(call_id).handed_over):
            raise FileNotFoundError("the sound of the call was deleted: it lay there too long")
        await desk.jobs.keep_only(call_id, [track.sid for track in tracks])
        return tracks

    async def _read(self, tracks: Sequence[SpooledTrack]) -> None:
        desk = self.desk
        ends: dict[tuple[str, int], int] = {}
        for row in await desk.jobs.kept(self.call.call_id):
            ends[row.track_sid, row.stretch_ms] = row.end_sample
        lengths = await asyncio.to_thread(_lengths, tracks)
        total, before = sum(lengths.values()) or 1, 0
        terms = hotwords(await desk.glossary.read(self.call.room_id))
        for track in tracks:
            reader = TrackReader(desk.reader, desk.languages, terms)
            for stretch in track.stretches:
                begin = ends.get((track.sid, stretch.start_ms), 0)
                await self._tell((before + begin) / total)
                reads = reader.read(stretch.blocks(begin), begin)
                await self._give_way()
                while (read := await asyncio.to_thread(next, reads, None)) is not None:
                    await desk.jobs.keep(self.taken, _row(track, stretch.start_ms, read))
                    await self._tell((before + read.end) / total)
                    await self._give_way()
                before += lengths[track.sid, stretch.start_ms]

    async def _voices(self, tracks: Sequence[SpooledTrack]) -> dict[str, Voices]:
        """Tell the voices of the shared tracks apart, by their track."""
        found: dict[str, Voices] = {}
        for track in tracks:
            live = [turn for turn in self.call.turns if turn.track_sid == track.sid]
            if live:
                await self._give_way()
                owner = _owner(self.call, track)
                found[track.sid] = await asyncio.to_thread(
                    voices_of, track, owner, live, self.desk.hearing, self.desk.language
                )
        return found

    async def _give_way(self) -> None:
        """Wait while live captions on this machine are short of time."""
        until = time.monotonic() + MAX_PAUSE_S
        while time.monotonic() < until:
            if not await self.desk.jobs.must_pause(self.desk.host):
                return
            await asyncio.sleep(PAUSE_S)

    async def _tell(self, done: float) -> None:
        if time.monotonic() - self._told >= _TELL_S:
            self._told = time.monotonic()
            await self.desk.bridge.progress(self.call, State.RUNNING, min(done, 1.0))

    async def _stay_alive(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S / 3)
            with contextlib.suppress(DatabaseAwayError):  # the reading will notice
                await self.desk.jobs.alive(self.taken)


def transcript(
    call: EndedCall,
    tracks: Iterable[SpooledTrack],
    rows: Iterable[PieceRow],
    passport: Passport,
    voices: Mapping[str, Voices],
    lang: str,
) -> FinalTranscript:
    """Put together what was read of the tracks that are still there, worded in ``lang``: who withdrew has none."""
    owners = {track.sid: _owner(call, track) for track in tracks}
    utterances: list[Utterance] = []
    for row in rows:
        if not row.words or row.track_sid not in owners:
            continue
        words = tuple(
            Word(row.stretch_ms + word.start_ms, row.stretch_ms + word.end_ms, word.text) for word in row.words
        )
        said = Utterance(owners[row.track_sid], row.lang, words)
        shared = voices.get(row.track_sid)
        utterances += by_voice(said, shared.turns, shared.known) if shared else [said]
    return FinalTranscript(
        call.room_id,
        call.call_id,
        call.started_ms,
        call.ended_ms,
        passport.content(),
        passport.sentence(lang),
        paragraphs(call.call_id, utterances),
    )


def _withdrawn(call: EndedCall, tracks: Iterable[SpooledTrack]) -> set[str]:
    """Return who said no, during the call or since."""
    return {*call.withdrawn, *call.names} - {track.user_id for track in tracks}


def _owner(call: EndedCall, track: SpooledTrack) -> Voice:
    return Voice(track.user_id, call.names.get(track.user_id, track.user_id))


def _lengths(tracks: Iterable[SpooledTrack]) -> dict[tuple[str, int], int]:
    return {(track.sid, stretch.start_ms): stretch.samples() for track in tracks for stretch in track.stretches}


def _row(track: SpooledTrack, stretch_ms: int, read: PieceRead) -> PieceRow:
    return PieceRow(track.sid, stretch_ms, read.end, read.lang, read.words)
