# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the SFU start, serve and end?"""

import asyncio
import errno
import gc
import logging
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from sfu.core import limits
from sfu.core.media import MediaEvent
from sfu.media.plane import EngineMissingError
from sfu.media.planes import MediaPlanes
from sfu.shell import metrics, room_service, twirp, websocket
from sfu.shell.settings import Settings
from sfu.shell.webhooks import Webhooks
from sfu.shell.websocket import WORKER
from sfu.shell.worker import Worker

log = structlog.get_logger()

SHUTDOWN_S = 3.0
"""How long clients are given to take their goodbye."""

COLLECT_AFTER = 20_000, 20, 50
"""Allocations, and collections of each generation, before the next one of garbage in cycles: a whole one looks at every
row of every room, and a growing room would have one after the other."""

_REQUEST_LINE_MAX = 16 * 1024
"""A join_request of 3 kB beside a token of 8 kB. stops: endless lines."""

_HEADER_MAX = 16 * 1024
"""One header: a token of 8 kB, and longer ones, which then get a clear answer. stops: endless headers."""


class StartError(Exception):
    """The server cannot start; the text says what to change."""


def make_app(worker: Worker) -> web.Application:
    """Lay out the paths."""
    app = web.Application(client_max_size=limits.API_BODY_MAX, middlewares=[_preflight])
    app[WORKER] = worker
    app.router.add_get("/", _ok)
    app.router.add_get("/metrics", metrics.metrics)
    app.router.add_get("/rtc/v1", websocket.signalling, allow_head=False)
    app.router.add_get("/rtc", websocket.signalling, allow_head=False)
    app.router.add_get("/rtc/v1/validate", websocket.validate)
    app.router.add_get("/rtc/validate", websocket.validate)
    app.router.add_post("/twirp/livekit.RoomService/{method}", twirp.service(room_service.METHODS))
    app.on_response_prepare.append(_allow_any_origin)
    return app


async def _ok(_request: web.Request) -> web.Response:
    return web.Response(text="OK")


@web.middleware
async def _preflight(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.method != hdrs.METH_OPTIONS:
        return await handler(request)
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: "OPTIONS, HEAD, GET, POST, PATCH, DELETE",
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "*"),
        hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
    }
    return web.Response(status=204, headers=headers)


async def _allow_any_origin(_request: web.Request, response: web.StreamResponse) -> None:
    """Let pages of any origin read answers, refusals above all: tokens protect this server, not origins."""
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Worker]:
    """Run the server inside of the block; at its end everybody is told and everything closed.

    Raises `StartError` when a port cannot be had.
    """
    async with _webhooks(settings) as webhooks, _serving(settings, webhooks) as worker:
        yield worker


@asynccontextmanager
async def _serving(settings: Settings, webhooks: Webhooks) -> AsyncIterator[Worker]:
    planes: list[MediaPlanes] = []

    def make_plane(on_event: Callable[[MediaEvent], None]) -> MediaPlanes:
        plane = MediaPlanes(
            settings.media_host,
            settings.media_port,
            on_event,
            threads=settings.media_threads,
            advertise=settings.advertise,
            tcp=settings.media_tcp,
            engine=settings.engine,
        )
        planes.append(plane)
        return plane

    try:
        worker = Worker(
            settings.plain_keys(),
            make_plane,
            auto_create=settings.auto_create,
            codecs=settings.carried(),
            max_speakers=settings.max_speakers,
            remote_unmute=settings.enable_remote_unmute,
            turn=None if settings.turn is None else settings.turn.shared(),
            webhooks=webhooks,
        )
    except EngineMissingError as error:
        raise StartError(str(error)) from error
    plane = planes[0]
    try:
        await plane.start()
    except OSError as error:
        raise StartError(_why("media", error.filename, error)) from error
    runner = web.AppRunner(
        make_app(worker),
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        max_line_size=_REQUEST_LINE_MAX,
        max_field_size=_HEADER_MAX,
    )
    server_logger.addFilter(_is_ours)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        except OSError as error:
            raise StartError(_why("http", f"{settings.http_port} on {settings.http_host}", error)) from error
        if plane.engine_missing is not None:
            log.warning("native_engine_missing", why=plane.engine_missing)
        if plane.threads < settings.media_threads:
            log.warning("media_threads_unused", why="the Python engine has one thread; the native one has several")
        log.info(
            "sfu_started",
            http=f"http://{settings.http_host}:{settings.http_port}",
            media=[f"{one.protocol} {one.host} {one.port}" for one in plane.candidates],
            engine=plane.engine,
            media_threads=plane.threads,
            realtime=plane.realtime,
            auto_create=settings.auto_create,
        )
        try:
            yield worker
        finally:
            worker.shut_down()
    finally:
        await runner.cleanup()
        worker.stop()
        await plane.close()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # every signalling socket and media connection is one
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    async with serving(settings):
        await stop.wait()
        log.info("sfu_stopping")
    log.info("sfu_stopped")


def _webhooks(settings: Settings) -> Webhooks:
    if settings.webhook is None:
        return Webhooks()
    key = settings.webhook.api_key
    return Webhooks(settings.webhook.urls, key, settings.plain_keys()[key])


def _is_ours(record: logging.LogRecord) -> bool:
    """Keep what strangers wrote instead of HTTP out of the log: it is answered 400 and may hold a token."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


def _why(what: str, where: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{what} port {where} is in use: stop what listens there, or choose another {what}_port"
    return f"{what} port {where} cannot be opened: {error.strerror}"
