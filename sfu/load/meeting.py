# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a simulated meeting go? People come, all are there, it is measured, they go."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
from aiortc.rtcdtlstransport import RTCCertificate
from livekit import api

from sfu.load import cpu
from sfu.load.checking import Checking
from sfu.load.person import Person, http_url
from sfu.load.plan import Plan
from sfu.load.server import Server
from sfu.load.traffic import Counts, Flow, LoadError, Traffic

LOOK_EVERY_S = 0.05
REFRESH_EVERY_S = 5.0
"""Consent lasts 30 s."""
SAY_EVERY_S = 1.0
SETTLE_S = 2.0
"""Between the last one's arrival and the measuring: what was asked for then has come."""
ALL_THERE_WITHIN_S = 60.0


@dataclass(slots=True)
class Outcome:
    """What was seen. Times in seconds."""

    connected: list[float] = field(default_factory=list)
    """From the first byte to all transports being up, one for each person."""
    first_media: list[float] = field(default_factory=list)
    """From the first byte (or from when somebody else first published, if that was later) to the first packet."""
    without_media: int = 0
    joining_s: float = 0.0
    """From the first one's first byte to the last one's transports being up."""
    measured_s: float = 0.0
    expected: int = 0
    """Packets of the measured time, by their sequence numbers."""
    received: int = 0
    octets: int = 0
    sent: int = 0
    good: int = 0
    bad: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    joining_cpu: dict[str, float] = field(default_factory=dict)
    measured_cpu: dict[str, float] = field(default_factory=dict)
    stolen_s: float | None = None
    messages: int = 0
    signal_bytes: int = 0
    offers: int = 0
    counts: Counts = field(default_factory=Counts)


class Meeting:
    """One run. `say` shows progress."""

    def __init__(self, plan: Plan, server: Server, room: str, traffic: Traffic, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._server = server
        self._room = room
        self._traffic = traffic
        self._say = say
        self._checking = Checking()
        self._outcome = Outcome()
        certificate = RTCCertificate.generateCertificate()
        self._people = [Person(number, plan, traffic, certificate) for number in range(plan.people)]

    async def run(self) -> Outcome:
        """Raise LoadError when the server refuses somebody, or ends before the meeting does."""
        url = http_url(self._server.url).replace("http", "ws", 1)
        self._traffic.start()
        done = asyncio.Event()
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
                asyncio.TaskGroup() as tasks,
            ):
                crowd = tasks.create_task(self._crowd(http, url))
                tasks.create_task(self._look(done))
                refreshing = tasks.create_task(self._refresh())
                await self._course()
                done.set()
                crowd.cancel()
                refreshing.cancel()
        except ExceptionGroup as group:
            raise _first(group) from group
        finally:
            self._traffic.stop()
            await asyncio.gather(*(person.close() for person in self._people))
        return self._finish()

    async def _crowd(self, http: aiohttp.ClientSession, url: str) -> None:
        async with asyncio.TaskGroup() as tasks:
            began = asyncio.get_running_loop().time()
            for person in self._people:
                due = began + person.number * self._plan.within_s / self._plan.people
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                tasks.create_task(person.run(http, url, self._token(person.name)))

    async def _course(self) -> None:
        """Everybody comes, then it is measured."""
        pid, loop = self._server.pid, asyncio.get_running_loop()
        before = {} if pid is None else cpu.by_thread(pid)
        if pid is not None and not before:
            raise LoadError(f"there is no process {pid}, or this system has no /proc")
        await self._until(self._all_there, self._plan.within_s + ALL_THERE_WITHIN_S, self._coming)
        settled = loop.time() + SETTLE_S
        await self._until(lambda: loop.time() > settled, ALL_THERE_WITHIN_S, self._going)
        ready = {} if pid is None else cpu.by_thread(pid)
        self._outcome.joining_cpu = cpu.since(before, ready)
        flows, counts, stolen, began = self._flows(), self._traffic.counts(), cpu.stolen(), loop.time()
        self._checking.latencies.clear()
        over = began + self._plan.seconds
        await self._until(lambda: loop.time() > over, self._plan.seconds + ALL_THERE_WITHIN_S, self._going)
        self._measure(flows, counts, loop.time() - began)
        self._outcome.measured_cpu = {} if pid is None else cpu.since(ready, cpu.by_thread(pid))
        after = cpu.stolen()
        self._outcome.stolen_s = None if stolen is None or after is None else round(after - stolen, 2)

    async def _until(self, reached: Callable[[], bool], within: float, describe: Callable[[], str]) -> None:
        loop = asyncio.get_running_loop()
        deadline, said = loop.time() + within, loop.time()
        while not reached():
            if loop.time() > deadline:
                raise LoadError(f"not everybody is in the meeting after {within:.0f} s: {self._coming()}")
            await asyncio.sleep(LOOK_EVERY_S)
            if loop.time() > said + SAY_EVERY_S:
                said = loop.time()
                self._say(describe())

    def _all_there(self) -> bool:
        return all(person.joined.is_set() for person in self._people)

    def _coming(self) -> str:
        here = sum(person.joined.is_set() for person in self._people)
        return f"{here} of {self._plan.people} are there"

    def _going(self) -> str:
        counts = self._traffic.counts()
        return f"{counts.sent} packets sent, {counts.received} received, {self._checking.good} checked"

    async def _look(self, done: asyncio.Event) -> None:
        """Decrypt samples, obey requests for key pictures."""
        known: set[Person] = set()
        while not done.is_set():
            for person in self._people:
                if person not in known:  # packets may come before the last transport is up
                    self._learn(person)
                    if person.joined.is_set():
                        known.add(person)
            for sample in self._traffic.take_samples():
                if not sample.control:
                    self._checking.packet(sample)
                    continue
                for ssrc in self._checking.key_pictures(sample):
                    self._traffic.key_picture(sample.owner, ssrc)
            await asyncio.sleep(LOOK_EVERY_S)

    def _learn(self, person: Person) -> None:
        if person.receiver is not None and person.subscriber.keys is not None:
            self._checking.expect_packets(person.receiver, person.subscriber.keys)
        if person.sender is not None and person.publisher.keys is not None:
            self._checking.expect_control(person.sender, person.publisher.keys)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_EVERY_S)
            for person in self._people:
                for endpoint in person.endpoints:
                    endpoint.refresh()

    def _flows(self) -> dict[tuple[int, int], Flow]:
        receivers = [person.receiver for person in self._people if person.receiver is not None]
        return {(receiver, flow.ssrc): flow for receiver in receivers for flow in self._traffic.flows(receiver)}

    def _measure(self, before: dict[tuple[int, int], Flow], counts: Counts, seconds: float) -> None:
        outcome, now = self._outcome, self._traffic.counts()
        outcome.measured_s = seconds
        for key, flow in self._flows().items():
            older = before.get(key)
            outcome.expected += flow.expected - (older.expected if older else 0)
            outcome.received += flow.packets - (older.packets if older else 0)
            outcome.octets += flow.octets - (older.octets if older else 0)
        outcome.sent = now.sent - counts.sent
        outcome.latencies_ms = [ns / 1e6 for ns in self._checking.latencies]

    def _finish(self) -> Outcome:
        outcome = self._outcome
        starts = sorted((person.sends_from, person.number) for person in self._people if person.sends_from is not None)
        for person in self._people:
            began = [flow.began for flow in self._traffic.flows(person.receiver)] if person.receiver is not None else []
            others = next((at for at, number in starts if number != person.number), None)
            if not began or others is None:
                outcome.without_media += 1
            else:
                outcome.first_media.append((min(began) - max(person.began, others)) / 1e9)
        first = min(person.began for person in self._people)
        outcome.joining_s = max(person.began / 1e9 + person.connected_s for person in self._people) - first / 1e9
        outcome.connected = [person.connected_s for person in self._people]
        outcome.messages = sum(person.messages for person in self._people)
        outcome.signal_bytes = sum(person.signal_bytes for person in self._people)
        outcome.offers = sum(person.offers for person in self._people)
        outcome.good, outcome.bad = self._checking.good, self._checking.bad
        outcome.counts = self._traffic.counts()
        return outcome

    def _token(self, identity: str) -> str:
        grants = api.VideoGrants(room_join=True, room=self._room)
        token = api.AccessToken(self._server.key, self._server.secret).with_identity(identity).with_grants(grants)
        return str(token.to_jwt())


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the value below which a share lies; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _first(group: BaseExceptionGroup[BaseException]) -> LoadError:
    """Of several ends that one server's end causes, tell the first."""
    for one in group.exceptions:
        if isinstance(one, LoadError):
            return one
        if isinstance(one, BaseExceptionGroup):
            return _first(one)
    return LoadError(f"the load failed: {group.exceptions[0]!r}")
