# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the processes of a stack: the shell around `supervision`.

Each process has a session of its own (Ctrl-C in the terminal reaches only us), writes to a log of its own, and
is told by the kernel to end when we die, however we die. `status.json` says what runs.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.stack.droproot import die_with_parent
from bridge.stack.errors import StackError
from bridge.stack.secrets import write_private
from bridge.stack.supervision import Action, Event, State, Supervision

# Whether a process is ready; asked with the Unix time at which it was started.
Probe = Callable[[float], Awaitable[bool]]
_PROBE_EVERY_S = 0.1
_READY_WITHIN_S = 120.0
_STOP_WITHIN_S = 15.0
_LOG_LINES_SHOWN = 15
_LOG_TAIL_BYTES = 8192
# stops: logs that fill the disk over many starts; one older log is kept.
_LOG_BYTES_KEPT = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """One process: how to start it, how to see that it is ready, how to ask it to end."""

    name: str
    command: Sequence[str]
    ready: Probe
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class _Runner:
    """One service's processes, one after the other."""

    def __init__(self, service: Service, logs: Path, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"
        self.supervision = Supervision()
        self.process: asyncio.subprocess.Process | None = None
        self.first_outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop_asked = asyncio.Event()
        self._spawned_at = 0.0
        self._changed = changed
        self._say = say

    async def stop(self, task: asyncio.Task[None]) -> None:
        self._stop_asked.set()
        await asyncio.wait([task])

    async def run(self) -> None:
        try:
            await self._spawn()
            wait_s = _READY_WITHIN_S
            while self.supervision.state is not State.STOPPED:
                event = await self._next_event(wait_s)
                wait_s = await self._follow(event)
                self._changed()
        except OSError as e:  # the program can't be executed at all
            self._fail(f"{self.service.name} can't be started: {e}")
        finally:
            if self.process is not None and self.process.returncode is None:
                self._signal_group(signal.SIGKILL)
                await self.process.wait()
            self._fail(f"{self.service.name} was stopped while it started.")
            self._changed()

    async def _follow(self, event: Event) -> float:
        """Do what the table says; answers how long to wait for the next event."""
        was = self.supervision.state
        decision = self.supervision.handle(event, now=time.monotonic(), jitter=random.random())  # noqa: S311
        if event is Event.BECAME_READY:
            if not self.first_outcome.done():
                self.first_outcome.set_result(None)
            else:
                self._say(f"{self.service.name} is back.")
        elif was is State.FIRST_START and event is not Event.STOP_ASKED:
            self._fail(self._why_not_started(event))
        match decision.action:
            case Action.SPAWN:
                await self._spawn()
                return _READY_WITHIN_S
            case Action.PAUSE:
                self._say(self._why_restarted(decision.pause_s))
                self.process = None
                return decision.pause_s
            case Action.TERMINATE:
                self._signal(self.service.stop_signal)
            case Action.KILL:
                self._say(f"{self.service.name} takes too long; ending it by force.")
                self._signal_group(signal.SIGKILL)
            case Action.NOTHING:
                pass
        return _STOP_WITHIN_S

    async def _spawn(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES_KEPT:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._spawned_at = time.time()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.service.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                env=dict(self.service.environment),
                preexec_fn=lambda: die_with_parent(self.service.stop_signal),
            )
        finally:
            os.close(descriptor)
        self._changed()

    async def _next_event(self, wait_s: float) -> Event:
        """Wait for the first of: its end, its readiness, an order to stop, the end of the time given."""
        state = self.supervision.state
        waits: dict[asyncio.Task[object], Event] = {}
        if self.process is not None:
            waits[asyncio.create_task(self.process.wait())] = Event.EXITED
        if state in {State.FIRST_START, State.RESTARTING}:
            waits[asyncio.create_task(self._probe_until_ready())] = Event.BECAME_READY
        if state is not State.STOPPING:
            waits[asyncio.create_task(self._stop_asked.wait())] = Event.STOP_ASKED
        timeout = None if state is State.READY else wait_s
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for task, event in waits.items():  # in this order: an end outweighs readiness seen at the same moment
            if task in done:
                task.result()
                return event
        return Event.PAUSE_OVER if state is State.PAUSING else Event.TOOK_TOO_LONG

    async def _probe_until_ready(self) -> None:
        while not await self.service.ready(self._spawned_at):  # noqa: ASYNC110  another process, nothing of ours to wait on
            await asyncio.sleep(_PROBE_EVERY_S)

    def _signal(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def _signal_group(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _fail(self, reason: str) -> None:
        if not self.first_outcome.done():
            self.first_outcome.set_exception(StackError(reason))

    def _exit_text(self) -> str:
        code = self.process.returncode if self.process is not None else None
        if code is None:
            return "was not there"
        return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"

    def _why_not_started(self, event: Event) -> str:
        what = (
            f"{self._exit_text()} while it started"
            if event is Event.EXITED
            else f"was not ready after {_READY_WITHIN_S:.0f} s"
        )
        return f"{self.service.name} {what}. The end of {self.log}:\n{self._log_tail()}"

    def _why_restarted(self, pause_s: float) -> str:
        when = f" in {pause_s:.1f} s" if pause_s else ""
        text = f"{self.service.name} {self._exit_text()}; starting it again{when}."
        if self.supervision.keeps_failing:
            text += f" It keeps failing, {self.supervision.failures_in_a_row} times in a row: see {self.log}"
        return text

    def _log_tail(self) -> str:
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LOG_LINES_SHOWN:]) or "  (empty)"


class Supervisor:
    """Starts services, keeps them running, stops them in reverse order. Made by `supervise`."""

    def __init__(self, tasks: asyncio.TaskGroup, data: Path, say: Callable[[str], None]) -> None:
        self._tasks = tasks
        self._logs = data / "logs"
        self._status = data / "run" / "status.json"
        self._say = say
        self._runners: list[tuple[_Runner, asyncio.Task[None]]] = []

    async def start(self, service: Service) -> None:
        """Start it and wait until it is ready.

        Raises:
            StackError: it ended or was not ready in time; the text holds the end of its log.
        """
        runner = _Runner(service, self._logs, self._write_status, self._say)
        self._runners.append((runner, self._tasks.create_task(runner.run(), name=service.name)))
        await runner.first_outcome

    def pids(self) -> dict[str, int]:
        """The processes that run now, by name."""
        return {
            runner.service.name: runner.process.pid
            for runner, _ in self._runners
            if runner.process is not None and runner.process.returncode is None
        }

    async def stop(self) -> None:
        """Stop everything, the last started first."""
        for runner, task in reversed(self._runners):
            await runner.stop(task)

    def _write_status(self) -> None:
        services = {
            runner.service.name: {
                "state": runner.supervision.state.value,
                "pid": self.pids().get(runner.service.name),
                "restarts": runner.supervision.restarts,
            }
            for runner, _ in self._runners
        }
        write_private(self._status, json.dumps({"pid": os.getpid(), "services": services}, indent=1) + "\n")


@asynccontextmanager
async def supervise(data: Path, say: Callable[[str], None]) -> AsyncIterator[Supervisor]:
    """A supervisor whose services are all gone when the block is left, whatever ended it."""
    for folder in (data / "logs", data / "run"):
        folder.mkdir(mode=0o700, exist_ok=True)
    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(tasks, data, say)
        try:
            yield supervisor
        finally:
            await supervisor.stop()
