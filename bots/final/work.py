# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bots work`: one worker of the pool that writes final transcripts, a call at a time and with low priority.

Start as many as there is room for, on any machine that sees the spool and the database.
"""

import asyncio
import signal
import socket
import time

import structlog

from bots.engines.diarize import Diarizer, PipelineError
from bots.engines.silent_pyannote import DiarizationMissing
from bots.engines.words import WordReader
from bots.final.bridge import Bridge, BridgeError, State
from bots.final.custody import sweep
from bots.final.final_pass import Desk, FinalPass
from bots.final.hearing import LongHearing
from bots.final.spool import EndedCall, Spool
from bots.glossary import Glossary
from bots.passport import whisper_passport
from bots.settings import Settings, SettingsError, final_model_of
from bots.store.database import DatabaseAwayError, open_pool, upgrade
from bots.store.jobs import Jobs, Taken

_LOOK_S = 2.0
_AWAY_S = 5.0
_SWEEP_S = 600.0

log = structlog.get_logger(__name__)


class Worker:
    """Works until ``stop``; what it is at is then given back, and another goes on there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = Spool(settings.speech.spool_folder)
        self._stop = asyncio.Event()
        self._swept = float("-inf")

    def stop(self) -> None:
        """Begin to stop."""
        self._stop.set()

    async def run(self) -> None:
        """Work until ``stop``, however often the database goes away.

        Raises:
            SettingsError: there is no database, or no model.
        """
        settings = self._settings
        if settings.database is None:
            raise SettingsError("There is no [database] url in bots.toml, so there are no final transcripts.")
        url, bridge = settings.database.url.get_secret_value(), settings.bridge
        model = final_model_of(settings.speech)
        reader = WordReader(model)
        hearing = _hearing(settings)
        token = bridge.internal_token.get_secret_value()
        glossary = Glossary(bridge.internal_url, token)
        async with Bridge(bridge.internal_url, token) as client:
            while not self._stop.is_set():
                try:
                    await upgrade(url)
                    async with open_pool(url) as pool:
                        host = settings.speech.host or settings.homeserver.server_name
                        passport = await asyncio.to_thread(whisper_passport, model, host=host)
                        log.info("worker_ready", model=passport.name)
                        languages = settings.speech.languages
                        jobs, here = Jobs(pool), socket.gethostname()
                        desk = Desk(jobs, self._spool, client, glossary, reader, languages, passport, hearing, here)
                        await self._work(desk)
                except DatabaseAwayError as error:
                    log.warning("database_away", reason=str(error))
                    await self._pause(_AWAY_S)

    async def _work(self, desk: Desk) -> None:
        while not self._stop.is_set():
            await self._look(desk)
            taken = await desk.jobs.take()
            if taken is None:
                await self._pause(_LOOK_S)
                continue
            attempt = asyncio.create_task(self._attempt(desk, taken))
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({attempt, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait([attempt])
                await desk.jobs.give_back(taken)
                return
            attempt.result()

    async def _look(self, desk: Desk) -> None:
        """Queue the calls that ended, and delete what nobody came for, be it sound or what was read of it."""
        for call in await asyncio.to_thread(lambda: list(self._spool.ended())):
            if await desk.jobs.add(call.call_id):
                log.info("final_pass_queued", room_id=call.room_id)
                await desk.bridge.progress(call, State.QUEUED, 0.0)
        if time.monotonic() - self._swept >= _SWEEP_S:
            self._swept = time.monotonic()
            await sweep(self._spool)
            for one in await desk.jobs.dead():
                tracks = await asyncio.to_thread(self._spool.call(one.call_id).tracks)
                await desk.jobs.keep_only(one.call_id, [track.sid for track in tracks])

    async def _attempt(self, desk: Desk, taken: Taken) -> None:
        call = next((call for call in self._spool.ended() if call.call_id == taken.call_id), None)
        if call is None:  # a worker died between deleting the sound and saying so, or everybody withdrew
            await desk.jobs.done(taken)
            return
        log.info("final_pass", room_id=call.room_id, attempt=taken.attempt)
        try:
            await asyncio.to_thread(desk.reader.load)
            await FinalPass(desk, taken, call).run()
        except (BridgeError, DiarizationMissing, OSError, RuntimeError, ValueError, MemoryError) as error:
            await self._failed(desk, taken, call, error)
        else:
            log.info("final_pass_done", room_id=call.room_id)

    async def _failed(self, desk: Desk, taken: Taken, call: EndedCall, error: Exception) -> None:
        if await desk.jobs.failed(taken, error):
            log.warning("final_pass_put_off", room_id=call.room_id, reason=type(error).__name__, attempt=taken.attempt)
        else:
            log.error("final_pass_given_up", room_id=call.room_id, reason=type(error).__name__)
            await desk.bridge.progress(call, State.FAILED, 0.0)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _hearing(settings: Settings) -> LongHearing | None:
    if settings.diarization is None:
        return None
    try:
        return LongHearing(Diarizer(settings.diarization.pipeline), settings.diarization.same)
    except PipelineError as error:
        raise SettingsError(str(error)) from error


async def work(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, worker.stop)
    await worker.run()
