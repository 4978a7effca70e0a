# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The caption bot as one process: its account, its meetings, its share of the processors."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import structlog

from bots import notice
from bots.canary import Canary, shipped
from bots.captions.commands import MODERATOR
from bots.captions.ending import Ending
from bots.captions.health import LOOK_S, Cause, Health, Readings
from bots.captions.schedule import Level
from bots.captions.segment import Segment
from bots.corrections import Corrections
from bots.engines.translate import LibreTranslate
from bots.final.bridge import Bridge
from bots.final.custody import look_after
from bots.final.spool import Spool
from bots.glossary import Glossary
from bots.matrix import Account, News, RoomNews
from bots.matrix_rtc import MatrixError, MatrixSession, until_answered
from bots.meeting import CaptionedMeeting, Means
from bots.meetingnote import NOTE, Note
from bots.metrics import CaptionMetrics
from bots.passport import Passport
from bots.past import Past
from bots.publish import Publisher
from bots.roomview import RoomView
from bots.settings import Settings
from bots.speech import speech_of
from bots.store.database import DatabaseAwayError
from bots.store.pauses import ask_to_pause
from bots.translate import SegmentTranslator
from bots.voices import voices_of
from bots.worker import SpeechPool

MAX_CALLS = 16
"""stops: invitations without end taking every processor and connection; more are declined."""
_RETRY_S = 2.0

Work = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


class CaptionService:
    """Runs until ``stop``; then leaves its calls, but not its rooms: captions go on after a restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._speech = speech_of(settings)
        self._metrics = CaptionMetrics()
        self._health = Health()
        engine = self._metrics.timed(self._speech.engine)
        self._pool = SpeechPool(engine, self._speech.workers, self._deliver)
        self._metrics.watch(self._pool, self._health)
        bridge = settings.bridge
        token = bridge.internal_token.get_secret_value()
        self._publisher = Publisher(bridge.internal_url, token, self._settled)
        self._corrections = Corrections(bridge.internal_url, token)
        self._glossary = Glossary(bridge.internal_url, token)
        self._past = Past(bridge.internal_url, token)
        self._translator = _translator(settings)
        self._voices = voices_of(settings)
        self._meetings: dict[str, CaptionedMeeting] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._next: dict[str, Work] = {}
        self._waiting: dict[str, list[RoomNews]] = {}
        self._stop = asyncio.Event()
        self._means: Means | None = None

    def stop(self) -> None:
        """Begin to stop."""
        self._stop.set()

    async def run(self) -> None:
        """Sign in and work until ``stop``.

        Raises:
            SessionEndedError: the homeserver does not know our session any more.
        """
        home = self._settings.homeserver
        account = Account(home.client_url, home.user_id, home.device_id)
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(self._work(account))
                await self._stop.wait()
                working.cancel()
        finally:
            await account.close()

    async def _work(self, account: Account) -> None:
        home = self._settings.homeserver
        if not self._settings.keeps_sound:
            log.info("no_final_transcripts", reason="off" if self._settings.database else "no database")
        await account.sign_in(home.password.get_secret_value())
        async with MatrixSession(home.user_id, home.device_id, account.access_token, home.client_url) as session:
            self._means = Means(
                session,
                self._pool,
                self._publisher,
                self._settings.speech.languages,
                self._settings.call.livekit_service_url,
                self._passport,
                self._corrections,
                self._health,
                self._translate,
                self._voices,
                self._glossary,
                self._past,
                Spool(self._settings.speech.spool_folder) if self._settings.keeps_sound else None,
            )
            async with self._metrics.served(self._settings.metrics.port), asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(self._pool.run()),
                    tasks.create_task(self._publisher.run()),
                    tasks.create_task(self._watch_health()),
                    tasks.create_task(self._keep_canary()),
                ]
                if self._settings.database is not None:
                    url = self._settings.database.url.get_secret_value()
                    background.append(tasks.create_task(self._keep_workers_waiting(url)))
                if self._means.spool is not None:
                    background.append(tasks.create_task(self._keep_custody(self._means.spool)))
                if self._translator is not None:
                    background.append(tasks.create_task(self._translator.run()))
                if self._voices is not None:
                    background.append(tasks.create_task(self._voices.run()))
                try:
                    for room_id in self._take_invitations(tasks, await account.next_news()).rooms:
                        self._occupy(tasks, room_id, partial(self._resume, room_id))
                    while True:
                        news = self._take_invitations(tasks, await account.next_news())
                        for room_id, room in news.rooms.items():
                            self._hear(tasks, room_id, room)
                finally:
                    await self._end_all()
                    for task in background:
                        task.cancel()

    def _take_invitations(self, tasks: asyncio.TaskGroup, news: News) -> News:
        for room_id in news.left:
            if room_id in self._meetings:
                self._meetings[room_id].end(Ending.REMOVED)
        for room_id, inviter in news.invited.items():
            self._occupy(tasks, room_id, partial(self._invited, room_id, inviter))
        return news

    def _hear(self, tasks: asyncio.TaskGroup, room_id: str, room: RoomNews) -> None:
        meeting = self._meetings.get(room_id)
        if meeting is not None:
            meeting.hear(room)
            if room.incomplete:
                tasks.create_task(self._catch_up(meeting))
        elif room_id in self._waiting:
            self._waiting[room_id].append(room)

    async def _catch_up(self, meeting: CaptionedMeeting) -> None:
        """Events were left out of a sync: a withdrawal may be among them."""
        while meeting.room_id in self._meetings:
            try:
                await meeting.catch_up()
            except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("state_not_read", room_id=meeting.room_id, reason=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    # --------------------------------------------------------------------------------------------- rooms

    def _occupy(self, tasks: asyncio.TaskGroup, room_id: str, work: Work) -> None:
        """Begin work on a room; while the last one still ends there, the newest waits for it."""
        if room_id in self._busy:
            self._next[room_id] = work
        else:
            self._busy[room_id] = tasks.create_task(self._guard(room_id, work))

    async def _guard(self, room_id: str, work: Work | None) -> None:
        """Shield the others from one room's failure: the outermost shell."""
        try:
            while work is not None:
                self._waiting[room_id] = []
                try:
                    await work()
                except Exception:
                    log.exception("room_failed", room_id=room_id)
                    await self._give_up(room_id)
                finally:
                    self._waiting.pop(room_id, None)
                    self._meetings.pop(room_id, None)
                work = self._next.pop(room_id, None)
        finally:
            self._busy.pop(room_id, None)

    async def _give_up(self, room_id: str) -> None:
        """Leave the room, so that its people see it and can ask again."""
        with contextlib.suppress(MatrixError, aiohttp.ClientError, TimeoutError):
            await self._say(room_id, notice.FAILED)
            await self._session.leave(room_id)

    async def _say(self, room_id: str, text: str) -> None:
        await self._session.send_event(room_id, "m.room.message", notice.text_event(text), f"say-{time.time_ns()}")

    async def _invited(self, room_id: str, inviter: str) -> None:
        """Come in, see who asked, and stay only if they may ask."""
        if len(self._busy) > MAX_CALLS:
            log.warning("too_many_calls", room_id=room_id)
            await self._session.leave(room_id)
            return
        try:
            await self._session.join(room_id)
        except MatrixError as error:
            log.warning("invitation_void", room_id=room_id, errcode=error.errcode)
            return
        view = RoomView(room_id, await self._session.state(room_id))
        refusal = self._refusal(view, inviter)
        if refusal is not None:
            log.warning("invitation_refused", room_id=room_id)
            with contextlib.suppress(MatrixError):
                await self._say(room_id, refusal)
            await self._session.leave(room_id)
            return
        assert self._means is not None
        await self._hold(await CaptionedMeeting.begin(self._means, view, inviter))

    def _refusal(self, view: RoomView, inviter: str) -> str | None:
        if view.power(inviter) < MODERATOR:
            return notice.NOT_ENTITLED
        if view.creator.partition(":")[2] != self._settings.homeserver.server_name:
            return notice.OTHER_SERVER
        return notice.ENCRYPTED if view.encrypted else None

    async def _resume(self, room_id: str) -> None:
        """Go on where captions were on; leave rooms that we have nothing to do in."""
        note = Note.read(await until_answered(partial(self._session.room_note, room_id, NOTE)))
        if note is None:
            await self._session.leave(room_id)
            return
        assert self._means is not None
        view = RoomView(room_id, await until_answered(partial(self._session.state, room_id)))
        log.info("captions_resume", room_id=room_id)
        await self._hold(CaptionedMeeting(self._means, view, note, resumed=True))

    async def _hold(self, meeting: CaptionedMeeting) -> None:
        self._meetings[meeting.room_id] = meeting
        missed = self._waiting.pop(meeting.room_id, [])
        for room in missed:
            meeting.hear(room)
        if any(room.incomplete for room in missed):
            await self._catch_up(meeting)
        await meeting.run()

    async def _end_all(self) -> None:
        self._next.clear()
        for meeting in list(self._meetings.values()):
            meeting.end(Ending.STOPPED)
        if self._busy:
            await asyncio.wait(list(self._busy.values()))

    @property
    def _session(self) -> MatrixSession:
        assert self._means is not None
        return self._means.session

    async def _watch_health(self) -> None:
        """Look at the engine and its load, for as long as we live."""
        while True:
            await asyncio.sleep(LOOK_S)
            counts = self._pool.counts
            self._health.look(Readings(counts.asked, counts.failed_in_row, self._pool.level))

    async def _keep_canary(self) -> None:
        """Read the canary every few minutes while somebody has captions; without a call no model is loaded for it."""
        settings = self._settings.canary
        if not settings.minutes:
            return
        recordings = await asyncio.to_thread(shipped, self._settings.speech.languages)
        canary = Canary(self._pool, self._metrics, self._health, max_wer=settings.max_wer)
        while True:
            await asyncio.sleep(settings.minutes * 60)
            if self._meetings:
                await canary.sing(recordings)

    async def _keep_workers_waiting(self, url: str) -> None:
        """Have the workers on this machine wait while words come late: live captions come first."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._pool.level is Level.USUAL and self._health.cause is not Cause.OVERLOAD:
                continue
            try:
                await ask_to_pause(url, socket.gethostname())
            except DatabaseAwayError as error:
                log.warning("workers_not_asked_to_wait", reason=str(error))

    async def _keep_custody(self, spool: Spool) -> None:
        """Look after the sound of calls that are over: people may withdraw until it is read."""
        settings = self._settings.bridge
        async with Bridge(settings.internal_url, settings.internal_token.get_secret_value()) as bridge:
            await look_after(spool, bridge)

    async def _passport(self) -> Passport:
        return await asyncio.to_thread(self._speech.passport)

    def _deliver(self, segment: Segment) -> None:
        meeting = self._meetings.get(segment.room_id)
        if meeting is not None:
            meeting.deliver(segment)

    def _settled(self, segment: Segment) -> None:
        if segment.text:
            self._metrics.delay.observe(time.time() - segment.end_ms / 1000)
        self._translate(segment)
        meeting = self._meetings.get(segment.room_id)
        if meeting is not None:
            meeting.settled(segment)

    def _translate(self, segment: Segment) -> None:
        if self._translator is not None:
            self._translator.put(segment)


def _translator(settings: Settings) -> SegmentTranslator | None:
    wanted, bridge = settings.translation, settings.bridge
    if wanted is None:
        return None
    server = LibreTranslate(wanted.url, wanted.api_key.get_secret_value())
    return SegmentTranslator(server, wanted.languages, bridge.internal_url, bridge.internal_token.get_secret_value())


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT."""
    service = CaptionService(settings)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, service.stop)
    await service.run()
