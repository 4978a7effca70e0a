# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The media of some rooms over one port, by UDP and TCP: what `sfu.core.media.Plane` asks for."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from aiortc.rtcdtlstransport import RTCCertificate

from sfu.core.demux import Traffic, classify
from sfu.core.ice_lite import Address, IceLite, Refused
from sfu.core.limits_media import CONSENT_S, MAX_PEERS, SILENT_S
from sfu.core.media import (
    Candidate,
    DataChannel,
    Downlink,
    Fingerprint,
    IceCredentials,
    MediaEvent,
    MediaStats,
    PeerHeard,
    PeerId,
    PeerLost,
    PeerSilent,
    TrackSid,
    Uplink,
    Wish,
)
from sfu.core.reach import reach
from sfu.media.contract import Engine, EngineEvents, SrtpKeys
from sfu.media.native_engine import NativeEngine
from sfu.media.network import Network
from sfu.media.python_engine import PythonEngine
from sfu.media.router import Router
from sfu.media.transport import Transport
from sfu.native import MissingError

TICK_S = 0.02
CONSENT_CHECK_S = 1.0


class EngineMissingError(RuntimeError):
    """The configured engine is not part of this build."""


class MediaPlane:
    """Create it, `await start()`, use it from the loop that started it, `await close()`.

    `hosts` are addresses to bind (one, or several with the preferred one first), `advertise` those that
    clients are told instead. `clock` gives monotonic seconds. `certificate` is the server's, if it has one yet. Raises
    ValueError for addresses that can't be (`sfu.core.reach`), EngineMissingError for an unknown engine.
    """

    def __init__(
        self,
        hosts: str | Sequence[str],
        port: int,
        on_event: Callable[[MediaEvent], None],
        *,
        advertise: Sequence[str] = (),
        tcp: bool = True,
        engine: str = "auto",
        clock: Callable[[], float] = time.monotonic,
        certificate: RTCCertificate | None = None,
    ) -> None:
        if engine not in {"auto", "python", "native"}:
            raise EngineMissingError(f'unknown engine {engine!r}; use "auto", "native" or "python"')
        self._reach = reach([hosts] if isinstance(hosts, str) else hosts, advertise)
        self._port = port
        self._tcp = tcp
        self._on_event = on_event
        self._clock = clock
        self._certificate = certificate or RTCCertificate.generateCertificate()
        self._ice = IceLite()
        self._transports: dict[PeerId, Transport] = {}
        self._tasks: dict[asyncio.Task[str], PeerId] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._dropped: Counter[str] = Counter()
        self._network = Network(self._on_datagram, self._on_gone, clock, self._dropped)
        self._native: NativeEngine | None = None
        """Where it reads the sockets itself."""
        self.engine_missing: str | None = None
        """Why `auto` could not take the native one."""
        self._router = Router(lambda events: self._make_engine(engine, events), on_event, clock)
        self._engine = self._router.engine
        self.engine = self._engine.name

    def _make_engine(self, name: str, events: EngineEvents) -> Engine:
        if name == "python":
            return PythonEngine(self._network.send, events)
        try:
            native = NativeEngine(self._network.send, events, fileno_of=self._network.fileno_of)
        except MissingError as error:
            if name == "native":
                raise EngineMissingError(f'{error}; or set engine to "auto" or "python"') from error
            self.engine_missing = str(error)
            return PythonEngine(self._network.send, events)
        if self._clock is time.monotonic:  # C reads that clock itself
            self._native = native
        return native

    async def start(self) -> None:
        """Open the port. Raises OSError when it is taken; its `filename` says which, and the address and protocol."""
        read = self._native.read if self._native else None
        self._port = self._network.open(self._reach.hosts, self._port, tcp=self._tcp, read=read)
        self._tick()
        self._check_consent()

    async def close(self) -> None:
        """Say goodbye to every peer and close the port. Emits nothing."""
        for timer in self._timers.values():
            timer.cancel()
        for peer in list(self._transports):
            self.close_peer(peer)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._native is not None:
            self._native.stop()
        self._network.close()

    @property
    def realtime(self) -> bool:
        """Whether media has a thread of its own that goes before everything else; only after `start`."""
        return self._native is not None and self._native.realtime

    @property
    def fingerprint(self) -> Fingerprint:
        """The certificate of this plane."""
        own = next(f for f in self._certificate.getFingerprints() if f.algorithm == "sha-256")
        return Fingerprint(own.algorithm, own.value)

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Where clients reach the media port; only after `start`."""
        return self._reach.candidates(self._port, tcp=self._tcp)

    @property
    def peers(self) -> int:
        """How many there are."""
        return len(self._transports)

    def open_peer(
        self,
        peer: PeerId,
        local: IceCredentials,
        remote: Sequence[Fingerprint],
        channels: Sequence[DataChannel] = (),
    ) -> None:
        """Await checks, then DTLS. Beyond the cap the peer is lost at once."""
        self.close_peer(peer)
        if len(self._transports) >= MAX_PEERS:
            asyncio.get_running_loop().call_soon(self._on_event, PeerLost(peer, "worker full"))
            return
        state = self._ice.open(peer, local, self._clock())
        self._router.open_peer(peer)
        transport = Transport(
            state,
            self._certificate,
            remote,
            channels,
            self._network.send,
            self._on_event,
            self._connected,
            self._dropped,
        )
        self._transports[peer] = transport
        task = asyncio.get_running_loop().create_task(transport.run(), name=f"transport {peer}")
        self._tasks[task] = peer
        task.add_done_callback(lambda done: self._ended(done, transport))

    def restart_ice(self, peer: PeerId, local: IceCredentials) -> None:
        """Accept checks with new credentials too."""
        self._ice.restart(peer, local, self._clock())

    def close_peer(self, peer: PeerId) -> None:
        """Forget a peer; emits nothing."""
        if self._transports.pop(peer, None) is None:
            return
        for task, owner in self._tasks.items():
            if owner == peer:
                task.cancel()
        self._ice.close(peer)
        self._router.close_peer(peer)

    def receive(self, uplink: Uplink) -> None:
        """Take a peer's section in."""
        self._router.receive(uplink)

    def stop_receiving(self, track: TrackSid) -> None:
        """Drop an uplink and all its downlinks."""
        self._router.stop_receiving(track)

    def forward(self, downlink: Downlink) -> None:
        """Send a track to a peer."""
        self._router.forward(downlink)

    def stop_forwarding(self, peer: PeerId, track: TrackSid) -> None:
        """Drop one downlink."""
        self._router.stop_forwarding(peer, track)

    def wish(self, peer: PeerId, track: TrackSid, wish: Wish) -> None:
        """Apply what a receiver shows of a track."""
        self._router.wish(peer, track, wish)

    def cap_bandwidth(self, peer: PeerId, bps: int) -> None:
        """Limit what is sent to a peer."""
        self._router.congestion.cap(peer, float(bps) if bps else None, self._clock())

    def expect(self, track: TrackSid, max_quality: int) -> None:
        """Layers up to this quality come back soon."""
        self._router.expect(track, max_quality)

    def send_data(self, peer: PeerId, label: str, payload: bytes) -> bool:
        """Write to the channel of that label."""
        transport = self._transports.get(peer)
        return transport is not None and transport.write(label, payload)

    def data_waiting(self, peer: PeerId) -> int:
        """Give the bytes that wait in a peer's channels to be sent."""
        transport = self._transports.get(peer)
        return 0 if transport is None or transport.channels is None else transport.channels.waiting

    def hold_data(self, peer: PeerId, *, held: bool) -> None:
        """Take no reliable messages from a peer, or go on."""
        transport = self._transports.get(peer)
        if transport is not None and transport.channels is not None:
            transport.channels.hold(held=held)

    def stats(self) -> MediaStats:
        """Counters of this plane."""
        dropped = self._engine.dropped + self._dropped
        limited, estimated = self._router.congestion.totals()
        return replace(
            self._engine.stats,
            packets_lost=self._router.feedback.lost,
            receivers_limited=limited,
            estimated_bps=estimated,
            tcp_connections=self._network.tcp_connections,
            dropped=dropped,
        )

    # packets

    def _on_datagram(self, datagram: memoryview, source: Address) -> None:
        if not datagram:
            self._dropped["empty"] += 1
            return
        traffic = classify(datagram)
        now = self._clock()
        if traffic is Traffic.STUN:
            self._on_stun(bytes(datagram), source, now)
            return
        if traffic is Traffic.UNKNOWN:
            self._dropped["unknown"] += 1
            return
        state = self._ice.owner(source)
        if state is None:
            self._dropped["stranger"] += 1
        elif traffic is Traffic.RTP:
            self._engine.on_rtp(state.peer, datagram, now)
        elif traffic is Traffic.RTCP:
            self._engine.on_rtcp(state.peer, bytes(datagram), now)
        else:
            self._transports[state.peer].on_dtls(bytes(datagram))

    def _on_stun(self, datagram: bytes, source: Address, now: float) -> None:
        before = self._ice.owner(source)
        verdict = self._ice.on_check(datagram, source, now)
        if isinstance(verdict, Refused):
            self._dropped[verdict.cause] += 1
            return
        self._network.proven(source)
        self._network.send(verdict.response, source)
        if verdict.state is not before:
            self._doubt(source)
        if verdict.given_up is not None:
            self._doubt(verdict.given_up)
            self._network.hang_up(verdict.given_up)
        if verdict.displaced is not None:
            self._engine.set_address(verdict.displaced, None)
        peer, transport = verdict.state.peer, self._transports[verdict.state.peer]
        if verdict.moved:
            self._engine.set_address(peer, verdict.state.selected)
            transport.reachable()
        if transport.silent:
            transport.silent = False
            self._on_event(PeerHeard(peer))

    def _on_gone(self, address: Address) -> None:
        state = self._ice.gone(address)
        if state is not None:
            self._engine.set_address(state.peer, None)

    # life of peers

    def _connected(self, peer: PeerId, keys: SrtpKeys) -> None:
        self._engine.set_keys(peer, keys)
        self._router.connected(peer)

    def _ended(self, task: asyncio.Task[str], transport: Transport) -> None:
        peer = self._tasks.pop(task)
        for address in list(transport.ice.addresses):
            self._network.hang_up(address)
        if task.cancelled() or self._transports.get(peer) is not transport:
            return
        error = task.exception()
        self._lose(peer, "internal error" if error else task.result())
        if error is not None:
            raise error

    def _doubt(self, address: Address) -> None:
        if self._native is not None:
            self._native.doubt(address)

    def _lose(self, peer: PeerId, reason: str) -> None:
        self.close_peer(peer)
        self._on_event(PeerLost(peer, reason))

    def _tick(self) -> None:
        self._timers["tick"] = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self._router.tick(self._clock())

    def _check_consent(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers["consent"] = loop.call_later(CONSENT_CHECK_S, self._check_consent)
        now = self._clock()
        if self._native is not None:
            self._native.sweep()
        self._network.sweep(now)
        for peer, transport in list(self._transports.items()):
            ice = transport.ice
            ice.heard = max(ice.heard, self._engine.heard(peer))
            if now - ice.heard > CONSENT_S:
                self._lose(peer, "consent expired")
            elif now - ice.heard > SILENT_S and transport.connected and not transport.silent:
                transport.silent = True
                self._on_event(PeerSilent(peer))
