# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The engine in C: packets pass without Python; what is rare comes up here and is decided by the same Python code.

UDP sockets are read by a thread of C's own (`src/lane.c`). It and Python take turns at this engine's tables, by a lock
that is held for one datagram or for one change.
"""

import asyncio
import errno
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar, cast

from sfu.core.codecs import Vp8Descriptor
from sfu.core.ice_lite import Address, Link
from sfu.core.limits_media import MAX_NACK_ANSWERS
from sfu.core.media import MediaStats, PeerId, TrackSid
from sfu.core.rtp import read_extensions
from sfu.core.speakers import Window
from sfu.media.contract import EngineEvents, SendDatagram, SrtpKeys, StreamId
from sfu.media.native_rows import NativeDown, NativePeer, NativeSeats, NativeStream, read_arrivals
from sfu.media.rows import Packet, Stream
from sfu.media.selecting import begin, start
from sfu.media.sockaddr import packed_address, unpacked_address
from sfu.media.tables import Tables
from sfu.native import CData, address, load, unyielding

MESSAGES_S = 0.02
"""So long messages of the media thread are taken in per wake-up; then other callbacks get their turn."""

_CAUSES = (
    *("before_keys", "rtp_malformed", "ssrc_cap", "replay", "srtp_auth", "unknown_ssrc", "unknown_payload_type"),
    *("rtx_early", "codec_missing", "too_long", "too_late", "send_full", "send_error", "receive_error", "oversize"),
    "lane_full",
)
"""In the order of `src/engine.h`."""

_COUNTERS = ("packets_in", "bytes_in", "packets_out", "bytes_out", "retransmitted", "probes")
_EVENTS = ("admit", "learn", "use", "gap", "late", "layered", "begins", "blocked", "send", "other")
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _locked(
    method: "Callable[Concatenate[NativeEngine, _Parameters], _Result]",
) -> "Callable[Concatenate[NativeEngine, _Parameters], _Result]":
    """Let a method change tables while no packet passes."""

    @wraps(method)
    def call(engine: "NativeEngine", /, *arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        unyielding().tables_lock(engine.lock_at)
        try:
            return method(engine, *arguments, **options)
        finally:
            unyielding().tables_unlock(engine.lock_at)

    return call


class NativeEngine(Tables):
    """Fulfils `sfu.media.contract.Engine`.

    `fileno_of` gives the socket of a UDP link, into which packets are written without `send`. Raises
    `sfu.native.MissingError` where there is no native engine.
    """

    name = "native"
    peer_row = NativePeer
    stream_row = NativeStream
    down_row = NativeDown
    seats_row = NativeSeats

    def __init__(
        self,
        send: SendDatagram,
        events: EngineEvents,
        randbelow: Callable[[int], int] = secrets.randbelow,
        fileno_of: Callable[[Link], int | None] = lambda _link: None,
    ) -> None:
        ffi, lib = load()
        _listen()
        self._lock = ffi.gc(lib.lock_open(), lib.lock_close)
        if not self._lock:
            raise MemoryError
        self.lock_at = address(self._lock)
        """Of these tables, for `sfu.native.unyielding`."""
        self._c = ffi.gc(ffi.new("engine_t *", {"lock": self._lock}), lib.engine_close)
        self._at = address(self._c)
        self._taken, self._loudest = ffi.new("arrival_t[]", lib.MAX_ARRIVALS), ffi.new("int *")
        """Where C writes what is taken out of its tables."""
        self._stats, self._dropped = MediaStats(), Counter[str]()
        self._lane = ffi.NULL
        """The media thread, once it has a socket to read."""
        self._lane_dropped = [0] * len(_CAUSES)
        super().__init__(randbelow)
        if not lib.engine_open(self._c):
            raise MemoryError
        self._handle = ffi.new_handle(self)
        self._c.owner = self._handle
        for event in _EVENTS:
            setattr(self._c.up, event, getattr(lib, f"up_{event}"))
        self.send = send
        self.events = events
        self._fileno_of = fileno_of
        self._by_token: dict[int, NativePeer] = {}
        self._depth = 0
        self._gone: list[object] = []
        """Rows that were dropped while C may still look at them."""
        self.failure: BaseException | None = None
        self._source: tuple[int, bytes] | None = None
        """(link, address) of the datagram that is being handed up."""
        self._on_datagram: Callable[[memoryview, Address], None] | None = None

    # counters

    @property
    def stats(self) -> MediaStats:
        """Counters since start."""
        engines = self._engines()
        for name in _COUNTERS:
            setattr(self._stats, name, sum(getattr(engine, name) for engine in engines))
        self._count()
        return self._stats

    @stats.setter
    def stats(self, stats: MediaStats) -> None:
        self._stats = stats

    @property
    def dropped(self) -> Counter[str]:
        """What was refused, by cause."""
        self._count()
        return self._dropped

    @dropped.setter
    def dropped(self, dropped: Counter[str]) -> None:
        self._dropped = dropped

    def _count(self) -> None:
        for number, cause in enumerate(_CAUSES):
            if self._c.dropped[number]:
                self._dropped[cause] += self._c.dropped[number]
                self._c.dropped[number] = 0
            if self._lane:  # it goes on counting
                count = load()[1].lane_engine(self._lane).dropped[number]
                if count > self._lane_dropped[number]:
                    self._dropped[cause] += count - self._lane_dropped[number]
                    self._lane_dropped[number] = count

    def _engines(self) -> list[CData]:
        return [self._c, *([load()[1].lane_engine(self._lane)] if self._lane else [])]

    # tables

    def open_peer(self, peer: PeerId) -> None:
        """A row without keys or address."""
        super().open_peer(peer)
        row = cast("NativePeer", self._peers[peer])
        self._by_token[row.c.token] = row

    @_locked
    def close_peer(self, peer: PeerId) -> None:
        """Drop its row, streams and downlinks."""
        row = cast("NativePeer | None", self._peers.get(peer))
        super().close_peer(peer)
        if row is not None:
            self._by_token.pop(row.c.token, None)
            if self._lane:
                load()[1].engine_forget(load()[1].lane_engine(self._lane), row.c)
            self._retire(row)

    note_arrivals = _locked(Tables.note_arrivals)
    put_stream = _locked(Tables.put_stream)
    put_rtx = _locked(Tables.put_rtx)
    put_downlink = _locked(Tables.put_downlink)
    drop_downlink = _locked(Tables.drop_downlink)
    follow = _locked(Tables.follow)

    def take_arrivals(self, peer: PeerId) -> list[tuple[int, float]]:
        """(number, arrival) of what came since the last call."""
        row = cast("NativePeer | None", self._peers.get(peer))
        if row is None:
            return []
        return read_arrivals(self._taken, unyielding().peer_take_arrivals(self._at, row.at, address(self._taken)))

    def take_levels(self) -> dict[TrackSid, Window]:
        """End a window of audio levels."""
        return {stream.row.track: self._window(stream) for stream in self._streams.values() if stream.audio_level_id}

    def _window(self, stream: Stream) -> Window:
        at = cast("NativeStream", stream).at
        return Window(unyielding().stream_take_levels(self._at, at, address(self._loudest)), self._loudest[0])

    @_locked
    def drop_stream(self, stream: StreamId) -> None:
        """Its followers stand still."""
        known = self._streams.get(stream)
        super().drop_stream(stream)
        self._retire(known)

    @_locked
    def set_keys(self, peer: PeerId, keys: SrtpKeys) -> None:
        """From the finished handshake."""
        super().set_keys(peer, keys)
        row = self._peers.get(peer)
        if isinstance(row, NativePeer):
            row.set_keys(keys)
            self._aim(row)

    @_locked
    def set_address(self, peer: PeerId, address: Address | None) -> None:
        """Where its packets go."""
        super().set_address(peer, address)
        row = self._peers.get(peer)
        if isinstance(row, NativePeer):
            self._aim(row)

    def _aim(self, row: NativePeer) -> None:
        _, lib = load()
        fd = self._fileno_of(row.target[0]) if row.target else None
        if row.target is None:
            row.aim(lib.NOWHERE)
        elif fd is None:
            row.aim(lib.BY_PYTHON)
        else:
            row.aim(lib.BY_UDP, fd, packed_address(row.target[1]))

    def _retire(self, row: object) -> None:
        if self._depth:
            self._gone.append(row)

    # packets

    def on_rtp(self, peer: PeerId, datagram: memoryview, now: float) -> None:
        """Unprotect, account, forward."""
        ffi, lib = load()
        row = self._peers.get(peer)
        if row is None:
            self._dropped["before_keys"] += 1
            return
        if self._source is not None:
            lib.lane_know(self._lane, *self._source, len(self._source[1]), cast("NativePeer", row).c)
        self._call(lib.engine_rtp, cast("NativePeer", row).c, ffi.from_buffer(datagram), len(datagram), now)

    def read(self, fd: int, link: Link, on_datagram: Callable[[memoryview, Address], None]) -> None:
        """Let the media thread read a socket: RTP of known addresses goes its way, all else up to `on_datagram`.

        From the loop that is to hear of it. Raises OSError where there can't be such a thread.
        """
        ffi, lib = load()
        self._on_datagram = on_datagram
        if not self._lane:
            own = self._lock  # is there until the thread has ended
            self._lane = ffi.gc(lib.lane_open(own), lambda lane, _own=own: lib.lane_close(lane))
            if not self._lane:
                raise OSError(errno.ENOMEM, "no media thread")
            asyncio.get_running_loop().add_reader(lib.lane_told(self._lane), self._on_told)
        if not lib.lane_read(self._lane, fd, link):
            raise OSError(errno.EAGAIN, "no media thread")

    @property
    def realtime(self) -> bool:
        """Whether the media thread goes before everything else that the machine does."""
        return bool(self._lane and load()[1].lane_realtime(self._lane))

    def stop(self) -> None:
        """End the media thread: its sockets may be closed."""
        _, lib = load()
        if self._lane:
            asyncio.get_running_loop().remove_reader(lib.lane_told(self._lane))
            lib.lane_stop(self._lane)

    def doubt(self, address: Address) -> None:
        """An address may have changed hands: ask again whose its next datagram is."""
        _, lib = load()
        if self._lane and self._fileno_of(address[0]) is not None:
            packed = packed_address(address[1])
            lib.engine_doubt(lib.lane_engine(self._lane), address[0], packed, len(packed))

    def sweep(self) -> None:
        """Forget whose the addresses are that sent nothing since the last time."""
        _, lib = load()
        if self._lane:
            lib.engine_sweep(lib.lane_engine(self._lane))

    def _on_told(self) -> None:
        os.eventfd_read(load()[1].lane_told(self._lane))
        self._take_messages()

    def _take_messages(self) -> None:
        _, lib = load()
        until = time.monotonic() + MESSAGES_S
        while time.monotonic() < until:
            message = lib.lane_next(self._lane)
            if not message:
                return
            try:
                self._take_message(message)
            except BaseException:
                asyncio.get_running_loop().call_soon(self._take_messages)  # the others have done nothing
                raise
            finally:
                lib.lane_done(self._lane)
        asyncio.get_running_loop().call_soon(self._take_messages)

    def _take_message(self, message: CData) -> None:
        ffi, lib = load()
        kind = message.kind
        if kind == lib.TO_DECIDE:
            try:
                address = bytes(ffi.buffer(message.address, message.address_size))
                self.other(message.link, address, message.datagram, message.size)
            finally:
                self._decided(message.id, message.stream)
        elif kind == lib.TO_TAKE:
            row = self._by_token.get(message.id)
            try:
                if row is None:
                    self._dropped["before_keys"] += 1
                else:
                    self._call(lib.engine_rtp, row.c, message.datagram, message.size, message.time)
            finally:
                self._decided(message.id, message.stream)
        elif kind == lib.TO_SEND:
            self.send_by_python(message.id, message.datagram, message.size)
        elif kind == lib.TOLD_GAP:
            self.events.gap(message.id, message.first, message.stop, message.time)
        elif kind == lib.TOLD_LATE:
            self.events.late(message.id, message.first)
        elif kind == lib.TOLD_BLOCKED:
            self.events.blocked(message.id, message.time)
        elif kind == lib.TOLD_LAYERED:
            self._layered(message.id, message.first, message.stop)

    def _decided(self, token: int, stream: int) -> None:
        row = self._by_token.get(token) if stream < 0 else self._streams.get(StreamId(stream))
        if row is not None:
            pending = load()[0].addressof(cast("NativePeer | NativeStream", row).c, "pending")
            unyielding().pending_done(self._at, address(pending))

    def on_rtcp(self, peer: PeerId, datagram: bytes, now: float) -> None:
        """Unprotect and hand up."""
        row = self._peers.get(peer)
        if row is None or row.receiver is None:
            self._dropped["before_keys"] += 1
            return
        packet = row.receiver.rtcp(datagram)
        if packet is None:
            self._dropped["srtcp_auth"] += 1
            return
        row.heard = now
        self.events.rtcp(peer, packet, now)

    def send_rtcp(self, peer: PeerId, packet: bytes) -> None:
        """Protect and send a compound packet."""
        row = self._peers.get(peer)
        if row is None or row.sender is None or row.target is None:
            return
        protected = row.sender.rtcp(packet)
        if protected is not None:
            self.send(protected, row.target)

    def resend(
        self,
        peer: PeerId,
        ssrc: int,
        sequences: Sequence[int],
        now: float,
        rtt: float,
        *,
        since_switch: bool = False,
        most: int = MAX_NACK_ANSWERS,
    ) -> int:
        """Answer a receiver's NACK from the history."""
        row = self._peers.get(peer)
        down = row.downs_by_ssrc.get(ssrc) if row else None
        if down is None or down.row.ssrc != ssrc or (since_switch and down.wanted is not None):
            return 0
        _, lib = load()
        wanted = [sequence & 0xFFFF for sequence in sequences[:MAX_NACK_ANSWERS]]
        c = cast("NativeDown", down).c
        return self._call(lib.engine_resend, c, wanted, len(wanted), now, rtt, since_switch, most)

    def probe(self, peer: PeerId, octets: int, now: float) -> int:
        """Send old packets again to fill a path."""
        _, lib = load()
        row = self._peers.get(peer)
        for down in row.downs.values() if row else ():
            if down.rtx_payload_type:
                sent = self._call(lib.engine_probe, cast("NativeDown", down).c, octets, now)
                if sent:
                    return sent
        return 0

    def _call(self, function: Callable[..., int | None], *arguments: object) -> int:
        self._depth += 1
        try:
            done = function(self._c, *arguments)
        finally:
            self._depth -= 1
        if not self._depth:
            self._gone.clear()
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        return done or 0

    # up from C

    def admit(self, peer: CData, ssrc: int) -> int:
        """An authentic packet of an SSRC without a row."""
        row = self._by_token.get(peer.token)
        if row is None:
            return 0
        row.admit(ssrc)
        row.unknown += 1
        return 1

    def learn(self, peer: CData, ssrc: int, payload_type: int, datagram: CData, size: int) -> None:
        """An authentic packet of an SSRC that no stream has."""
        ffi, _ = load()
        row = self._by_token.get(peer.token)
        if row is not None:
            self.events.learn(row.id, ssrc, payload_type, read_extensions(bytes(ffi.buffer(datagram, size))))

    def use(self, stream: CData, payload_type: int) -> None:
        """A stream's payload type is another than before."""
        known = self._streams.get(stream.id)
        if known is not None:
            start(self.events, known, known.codecs[payload_type])

    def layered(self, stream: CData, spatial: int, temporal: int) -> int:
        """So many layers of a stream flow."""
        self._layered(stream.id, spatial, temporal)
        return 1

    @_locked
    def _layered(self, stream: StreamId, spatial: int, temporal: int) -> None:
        known = self._streams.get(stream)
        if known is not None:
            known.note_layers(known.spatial_layers, known.temporal_layers)
            self.events.layered(known.id, spatial, temporal)

    def begins(self, stream: CData, packet: CData, index: int, now: float) -> None:
        """A key frame for which somebody waits."""
        known = self._streams.get(stream.id)
        if known is not None:
            vp8 = Vp8Descriptor(0, True, packet.picture_id, 0, False, packet.tl0, 0) if packet.has_vp8 else None
            begin(self.events, known, Packet(b"", packet.timestamp, packet.marker, -1, None, vp8), index, now)

    def send_by_python(self, token: int, datagram: CData, size: int) -> None:
        """Send a datagram over what is no UDP socket of ours."""
        ffi, _ = load()
        row = self._by_token.get(token)
        if row is not None and row.target is not None:
            self.send(bytes(ffi.buffer(datagram, size)), row.target)

    def other(self, link: int, address: bytes, datagram: CData, size: int) -> None:
        """A datagram that is no RTP, or from an address that C does not know."""
        ffi, _ = load()
        if self._on_datagram is None:
            return
        self._source = link, address
        try:
            view = memoryview(bytes(ffi.buffer(datagram, size)))
            self._on_datagram(view, (Link(link), unpacked_address(address)))
        finally:
            self._source = None


@cache
def _listen() -> None:
    """Let C call the engines; an exception goes on where Python called C."""
    ffi, _ = load()

    def failed(_kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
        ffi.from_handle(trace.tb_frame.f_locals["owner"]).failure = error

    def listen(name: str, method: str) -> None:
        def call(owner: CData, *arguments: CData) -> CData:
            return getattr(ffi.from_handle(owner), method)(*arguments)

        ffi.def_extern(name=f"up_{name}", onerror=failed)(call)

    for name in ("admit", "learn", "use", "layered", "begins"):
        listen(name, name)
    listen("send", "send_by_python")

    @ffi.def_extern(onerror=failed)  # type: ignore[untyped-decorator]
    def up_gap(owner: CData, stream: CData, first: int, stop: int, now: float) -> None:
        ffi.from_handle(owner).events.gap(stream.id, first, stop, now)

    @ffi.def_extern(onerror=failed)  # type: ignore[untyped-decorator]
    def up_late(owner: CData, stream: CData, index: int) -> None:
        ffi.from_handle(owner).events.late(stream.id, index)

    @ffi.def_extern(onerror=failed)  # type: ignore[untyped-decorator]
    def up_blocked(owner: CData, stream: CData, now: float) -> None:
        ffi.from_handle(owner).events.blocked(stream.id, now)

    @ffi.def_extern(onerror=failed)  # type: ignore[untyped-decorator]
    def up_other(owner: CData, link: int, address: CData, length: int, datagram: CData, size: int) -> None:
        ffi.from_handle(owner).other(link, bytes(ffi.buffer(address, length)), datagram, size)
