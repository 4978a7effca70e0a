# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the bridge runs: everything opened in order, closed in reverse, ended by SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import structlog
from aiohttp import web

from bridge.domain.errors import BridgeError
from bridge.domain.names import UserId
from bridge.matrix.accounts import Accounts
from bridge.matrix.homeserver import Homeserver
from bridge.matrix.notices import Notices
from bridge.matrix.openid import OpenIdCheck
from bridge.matrix.rooms import Rooms
from bridge.matrix.talk import Talk
from bridge.netguard import Netguard, OwnServer
from bridge.settings import Settings
from bridge.store.database import open_database
from bridge.store.upgrades import upgrade
from bridge.web import bot, call_rights, guest_mail, mailing, revoking, sweeper, transactions
from bridge.web.access_log import AccessLog
from bridge.web.app import build_internal, build_public
from bridge.web.caption_hub import CaptionHub
from bridge.web.context import Services
from bridge.web.limits import Limits
from bridge.web.nudge import Nudge
from bridge.web.presence import Presence
from bridge.web.sfu import Sfu

SHUTDOWN_S = 5.0
STARTUP_RETRY_S = 1.0
KEEPALIVE_TIMEOUT_S = 75.0

_LOG = structlog.get_logger(__name__)


def configure_logging() -> None:
    """Write JSON lines to standard error."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


@contextlib.asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open the database (migrated) and everything that leans on it."""
    url = settings.database.url.get_secret_value()
    steps = await upgrade(url)
    _LOG.info("database_ready", upgrades=steps)
    homeserver_settings = settings.homeserver
    async with (
        open_database(url) as database,
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        homeserver = Homeserver(
            http,
            base_url=homeserver_settings.client_url,
            as_token=homeserver_settings.as_token.get_secret_value(),
            bot_user=UserId(homeserver_settings.bot_user),
        )
        netguard = Netguard(
            exceptions=settings.federation.allow_private,
            own=OwnServer(homeserver_settings.name, homeserver_settings.federation_url),
            ca_file=settings.federation.ca_file,
        )
        rooms, sfu = Rooms(homeserver), Sfu(http, settings.sfu)
        yield Services(
            settings=settings,
            database=database,
            http=http,
            rooms=rooms,
            notices=Notices(homeserver),
            talk=Talk(homeserver),
            accounts=Accounts(
                homeserver,
                server_name=homeserver_settings.name,
                jwt_login_secret=homeserver_settings.jwt_login_secret.get_secret_value(),
                guest_prefix=homeserver_settings.guest_prefix,
            ),
            openid=OpenIdCheck(netguard, own_name=homeserver_settings.name),
            sfu=sfu,
            presence=Presence(database, rooms, sfu),
            hub=CaptionHub(),
            limits=Limits(),
            sweep_now=Nudge(),
            work_now=Nudge(),
            bot_now=Nudge(),
        )


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_services(settings) as services, contextlib.AsyncExitStack() as stack:
        await _listen(stack, build_internal(services), settings.http.host, settings.http.internal_port)
        await _listen(stack, build_public(services), settings.http.host, settings.http.port)
        stack.callback(services.hub.close)
        stack.callback(services.watchers.close)
        _LOG.info("listening", host=settings.http.host, port=settings.http.port)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_register_bot(services)),
                group.create_task(transactions.work(services)),
                group.create_task(bot.work(services)),
                group.create_task(revoking.work(services)),
                group.create_task(sweeper.run(services)),
                group.create_task(call_rights.run(services)),
                group.create_task(mailing.run(services)),
                group.create_task(guest_mail.run(services)),
            ]
            await stop.wait()
            _LOG.info("stopping")
            for task in tasks:
                task.cancel()


async def _listen(stack: contextlib.AsyncExitStack, app: web.Application, host: str, port: int) -> None:
    runner = web.AppRunner(
        app,
        access_log_class=AccessLog,
        keepalive_timeout=KEEPALIVE_TIMEOUT_S,
        shutdown_timeout=SHUTDOWN_S,
        handler_cancellation=False,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()


async def _register_bot(services: Services) -> None:
    """Make our bot's account as soon as the homeserver answers; it may start after us."""
    while True:
        try:
            await services.rooms.register_bot()
        except BridgeError as error:
            _LOG.info("waiting_for_homeserver", why=str(error))
            await asyncio.sleep(STARTUP_RETRY_S)
        else:
            return
