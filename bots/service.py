# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The caption bot as one process: its account, its meetings, its share of the processors."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
import nio
import structlog

from bots import notice
from bots.captions.ending import Ending
from bots.captions.segment import Segment
from bots.engines.whisper import WhisperEngine
from bots.matrix_rtc import Json, MatrixError, MatrixSession
from bots.meeting import NOTE, CaptionedMeeting, Means, Note
from bots.publish import Publisher
from bots.roomview import MODERATOR, RoomView
from bots.settings import Settings, model_of
from bots.worker import SpeechPool

MAX_CALLS = 16
"""stops: invitations without end taking every processor and connection; more are declined."""
_SYNC_TIMEOUT_MS = 30_000
_RETRY_S = 2.0

Work = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


class CaptionService:
    """Runs until ``stop``; then leaves its calls, but not its rooms: captions go on after a restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        speech = settings.speech
        engine = WhisperEngine(model_of(speech), workers=speech.worker_count)
        self._pool = SpeechPool(engine, speech.worker_count, self._deliver)
        bridge = settings.bridge
        self._publisher = Publisher(bridge.internal_url, bridge.internal_token.get_secret_value(), self._settled)
        self._meetings: dict[str, CaptionedMeeting] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._next: dict[str, Work] = {}
        self._waiting: dict[str, list[Json]] = {}
        self._stop = asyncio.Event()
        self._means: Means | None = None

    def stop(self) -> None:
        """Begin to stop."""
        self._stop.set()

    async def run(self) -> None:
        """Sign in and work until ``stop``."""
        home = self._settings.homeserver
        config = nio.AsyncClientConfig(encryption_enabled=False, store_sync_tokens=False, max_timeout_retry_wait_time=5)
        client = nio.AsyncClient(home.client_url, home.user_id, device_id=home.device_id, config=config)
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(self._work(client))
                await self._stop.wait()
                working.cancel()
        finally:
            await client.close()

    async def _work(self, client: nio.AsyncClient) -> None:
        await self._sign_in(client)
        home = self._settings.homeserver
        async with MatrixSession(home.user_id, home.device_id, client.access_token, home.client_url) as session:
            self._means = Means(
                session,
                self._pool,
                self._publisher,
                self._settings.speech.languages,
                self._settings.call.livekit_service_url,
            )
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._pool.run()), tasks.create_task(self._publisher.run())]
                try:
                    await self._sync(client, tasks)
                finally:
                    await self._end_all()
                    for task in background:
                        task.cancel()

    async def _sign_in(self, client: nio.AsyncClient) -> None:
        """Sign in with the fixed device; waits for a homeserver that is not up yet."""
        password = self._settings.homeserver.password.get_secret_value()
        while True:
            answer = await client.login(password, device_name="Captions")
            if isinstance(answer, nio.LoginResponse):
                log.info("signed_in", user_id=client.user_id)
                return
            log.warning("sign_in_failed", errcode=getattr(answer, "status_code", None))
            await asyncio.sleep(_RETRY_S)

    async def _sync(self, client: nio.AsyncClient, tasks: asyncio.TaskGroup) -> None:
        first = True
        wanted = _sync_filter(time.time_ns())
        while True:
            answer = await client.sync(timeout=0 if first else _SYNC_TIMEOUT_MS, sync_filter=wanted)
            if not isinstance(answer, nio.SyncResponse):
                if getattr(answer, "status_code", "") == "M_UNKNOWN_TOKEN":
                    raise ServiceError("the homeserver has ended our session")
                log.warning("sync_failed", errcode=getattr(answer, "status_code", None))
                await asyncio.sleep(_RETRY_S)
                continue
            for room_id, invited in answer.rooms.invite.items():
                inviter = _inviter([_source(event) for event in invited.invite_state], client.user_id)
                self._occupy(tasks, room_id, partial(self._invited, room_id, inviter))
            for room_id in answer.rooms.leave:
                if room_id in self._meetings:
                    self._meetings[room_id].end(Ending.REMOVED)
            for room_id, room in answer.rooms.join.items():
                if first:
                    self._occupy(tasks, room_id, partial(self._resume, room_id))
                else:
                    self._hear(tasks, room_id, room)
            first = False

    def _hear(self, tasks: asyncio.TaskGroup, room_id: str, room: nio.RoomInfo) -> None:
        events = [_source(event) for event in (*room.state, *room.timeline.events)]
        meeting = self._meetings.get(room_id)
        if meeting is None:
            if room_id in self._waiting:
                self._waiting[room_id].extend(events)
            return
        for event in events:
            meeting.hear(event)
        if room.timeline.limited:
            tasks.create_task(self._catch_up(meeting))

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
        note = Note.read(await self._session.room_note(room_id, NOTE))
        if note is None:
            await self._session.leave(room_id)
            return
        assert self._means is not None
        view = RoomView(room_id, await self._session.state(room_id))
        log.info("captions_resume", room_id=room_id)
        await self._hold(CaptionedMeeting(self._means, view, note, resumed=True))

    async def _hold(self, meeting: CaptionedMeeting) -> None:
        self._meetings[meeting.room_id] = meeting
        for event in self._waiting.pop(meeting.room_id, []):
            meeting.hear(event)
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

    def _deliver(self, segment: Segment) -> None:
        meeting = self._meetings.get(segment.room_id)
        if meeting is not None:
            meeting.deliver(segment)

    def _settled(self, segment: Segment) -> None:
        meeting = self._meetings.get(segment.room_id)
        if meeting is not None:
            meeting.settled(segment)


class ServiceError(Exception):
    """The bot can't go on; the text says why. Its supervisor starts it anew."""


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT."""
    service = CaptionService(settings)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, service.stop)
    await service.run()


def _sync_filter(started_ns: int) -> Json:
    """Return what to be told of.

    The time of our start is in it because Synapse answers equal first syncs from a cache for two minutes: after a
    quick restart it would show the rooms as they were before.
    """
    nothing: Json = {"types": []}
    return {
        "presence": nothing,
        "account_data": nothing,
        "room": {"ephemeral": nothing, "account_data": nothing, "timeline": {"limit": 50}},
        "org.passerelle.started": started_ns,
    }


def _source(event: object) -> Json:
    source = getattr(event, "source", None)
    return source if isinstance(source, dict) else {}


def _inviter(events: list[Mapping[str, Any]] | list[Json], own: str) -> str:
    for event in events:
        if event.get("type") == "m.room.member" and event.get("state_key") == own:
            return str(event.get("sender", ""))
    return ""
