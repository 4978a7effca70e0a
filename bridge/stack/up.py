# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle up`: everything started in order, a meeting made ready, and kept running until Ctrl-C.

`ready.json` in the data folder is the interface for programs: it appears when all is ready and goes at the end.
"""

import asyncio
import fcntl
import os
import signal
import time
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bridge.stack import people
from bridge.stack.accounts import Admin, Homeserver
from bridge.stack.certificates import ensure_certificates
from bridge.stack.errors import StackError
from bridge.stack.meeting import Operator
from bridge.stack.ports import check_free, choose_ports
from bridge.stack.postgres import Database, ensure_databases, find_binaries, prepare_cluster
from bridge.stack.ready import Ready, has_desktop
from bridge.stack.render import BRIDGE_DATABASE, Addresses, render_all
from bridge.stack.report import Report
from bridge.stack.secrets import Secrets, load_secrets
from bridge.stack.services import Services
from bridge.stack.supervisor import Supervisor, supervise

_HTTP_TIMEOUT = aiohttp.ClientTimeout(total=60.0)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    port_base: int | None = None
    open_browser: bool = True
    without: frozenset[str] = frozenset()
    fsync: bool = True


async def up(options: Options, report: Report) -> None:
    """Start, stay until SIGINT, SIGTERM or SIGHUP, stop.

    Raises:
        StackError: alone or in a group; why it can't start.
    """
    task = asyncio.current_task()
    assert task is not None
    asked_to_stop = False

    def stop() -> None:
        nonlocal asked_to_stop
        if not asked_to_stop:
            report.say("Stopping.")
        asked_to_stop = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _locked(options.data):
            await _run(options, report)
    except asyncio.CancelledError:
        if not asked_to_stop:
            raise
        report.say("Stopped.")


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """One stack a data folder at a time. The kernel frees the lock however we end."""
    folder = data / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StackError(
                f"A stack is already running on {data} (process {file.read().strip() or 'unknown'}). "
                "Stop it with Ctrl-C there, or start another one with other --data and --port-base."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


async def _run(options: Options, report: Report) -> None:
    data = options.data.resolve()
    ready_file = data / "ready.json"
    ready_file.unlink(missing_ok=True)
    ports = choose_ports(data, options.port_base)
    check_free(ports)
    secrets = load_secrets(data)
    certificates = ensure_certificates(data / "tls")
    files = render_all(data, ports, secrets, certificates)
    async with aiohttp.ClientSession(timeout=_HTTP_TIMEOUT) as http, supervise(data, report.say) as supervisor:
        start = _Start(options, report, Addresses(ports), secrets, supervisor, http)
        services = Services(http, start.where, files)
        await start.postgres(services, data)
        admin = await start.homeservers(services)
        await start.programs(services, admin)
        ready = await start.make_ready(certificates.ca)
        ready.write(ready_file)
        report.ready(ready, ready_file)
        try:
            if options.open_browser and ready.meeting is not None and has_desktop(os.environ):
                await asyncio.to_thread(webbrowser.open, ready.url)
            await asyncio.Event().wait()
        finally:
            ready_file.unlink(missing_ok=True)


class _Start:
    """The steps of a start, in order."""

    def __init__(
        self,
        options: Options,
        report: Report,
        where: Addresses,
        secrets: Secrets,
        supervisor: Supervisor,
        http: aiohttp.ClientSession,
    ) -> None:
        self.where = where
        self._options = options
        self._report = report
        self._secrets = secrets
        self._supervisor = supervisor
        self._http = http

    async def postgres(self, services: Services, data: Path) -> None:
        async def start() -> None:
            cluster = await asyncio.to_thread(
                prepare_cluster,
                find_binaries(),
                data / "postgres",
                port=self.where.ports.postgres,
                superuser_password=self._secrets.postgres_password,
                fsync=self._options.fsync,
            )
            await self._supervisor.start(services.postgres(cluster, self._secrets.postgres_password))
            databases = [
                Database("home", self._secrets.home.database_password),
                Database("partner", self._secrets.partner.database_password),
                Database(BRIDGE_DATABASE, self._secrets.bridge_database_password),
            ]
            await ensure_databases(cluster.port, self._secrets.postgres_password, databases)

        await self._step("PostgreSQL", start)

    async def homeservers(self, services: Services) -> Admin:
        """Both homeservers with their accounts, and the OIDC provider beside them."""
        async with asyncio.TaskGroup() as tasks:
            home = tasks.create_task(self._home(services))
            tasks.create_task(self._partner(services))
            tasks.create_task(self._step("OIDC provider", lambda: self._supervisor.start(services.oidc())))
        return home.result()

    async def _home(self, services: Services) -> Admin:
        await self._step(f"homeserver home, {self.where.home_name}", lambda: self._supervisor.start(services.home()))
        secrets = self._secrets
        home = Homeserver(self._http, self.where.home_client, secrets.home.registration_shared_secret)
        await home.ensure_account(people.ADMIN_LOCALPART, secrets.home.admin_password, admin=True)
        await home.ensure_account(
            people.CAPTIONS_LOCALPART, secrets.captions_password, display_name=people.CAPTIONS_NAME
        )
        admin = await home.sign_in_admin(people.ADMIN_LOCALPART, secrets.home.admin_password)
        await admin.lift_rate_limit(f"@{people.CAPTIONS_LOCALPART}:{self.where.home_name}")
        return admin

    async def _partner(self, services: Services) -> None:
        await self._step(
            f"homeserver partner, {self.where.partner_name}", lambda: self._supervisor.start(services.partner())
        )
        secret = self._secrets.partner.registration_shared_secret
        partner = Homeserver(self._http, self.where.partner_client, secret)
        await partner.ensure_account(
            people.PARTNER_LOCALPART, self._secrets.partner_password, display_name=people.PARTNER_NAME
        )

    async def programs(self, services: Services, admin: Admin) -> None:
        async with asyncio.TaskGroup() as tasks:
            if "sfu" not in self._options.without:
                tasks.create_task(self._step("SFU", lambda: self._supervisor.start(services.sfu())))
            if "bridge" not in self._options.without:
                tasks.create_task(self._step("bridge", lambda: self._supervisor.start(services.bridge())))
        if "bots" not in self._options.without:
            await self._step("captions bot", lambda: self._supervisor.start(services.bots(admin)))
            await self._step("final transcripts", lambda: self._supervisor.start(services.worker()))

    async def make_ready(self, ca_file: Path) -> Ready:
        meeting, link = None, None
        if "bridge" not in self._options.without:
            operator = Operator(self._http, self.where.bridge_internal, self._secrets.internal_token)
            organizer, *staff = (person.user_id(self.where.home_name) for person in people.STAFF)
            meeting = await operator.ensure_meeting(people.MEETING_TITLE, organizer, staff)
            link = await operator.make_guest_link(meeting.id)
        return Ready(
            where=self.where,
            meeting=meeting,
            guest_link=link,
            partner_password=self._secrets.partner_password,
            internal_token=self._secrets.internal_token,
            ca_file=ca_file,
            pids=self._supervisor.pids(),
        )

    async def _step(self, what: str, do: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        await do()
        self._report.started(what, time.monotonic() - began)
