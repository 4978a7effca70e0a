# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The native engine's tables: rows as in `sfu.media.rows` whose numbers live where the C code counts them.

Decisions are made by the same Python code for both engines. What the packet path needs of them is copied down when it
changes; what the packet path counts is read where it lies.
"""

import itertools
import struct
from hashlib import blake2b
from typing import cast

from sfu.core.history import History
from sfu.core.loudest import Loudest
from sfu.core.media import Codec, Downlink, Kind, TrackSid
from sfu.core.selection import DependencySelection, LayerSelection, Selection
from sfu.core.send_log import SendLog
from sfu.core.seqnum import Reception, ReplayWindow
from sfu.media.contract import SrtpKeys, SrtpProfile, StreamRow
from sfu.media.rows import Down, Inbound, Packet, Peer, Stream
from sfu.media.srtp import derive
from sfu.native import CData, address, load

_CODECS = {
    "video/vp8": "CODEC_VP8",
    "video/h264": "CODEC_H264",
    "video/h265": "CODEC_H265",
    "video/vp9": "CODEC_VP9",
    "video/av1": "CODEC_AV1",
}
_FOLLOWERS_ROOM = 8
_tokens = itertools.count(1)
_ARRIVAL = struct.Struct("@dI4x")
"""`arrival_t` of `src/engine.h`."""


def _shared(name: str) -> CData:
    """Let an attribute be a field of the row's C struct `c`."""

    def read(row: CData) -> CData:
        return getattr(row.c, name)

    def write(row: CData, value: CData) -> None:
        setattr(row.c, name, value)

    return property(read, write)


def read_arrivals(arrivals: CData, count: int) -> list[tuple[int, float]]:
    """(transport-wide number, arrival) of the first ones of an array."""
    ffi, _ = load()
    copied = bytes(ffi.buffer(arrivals, count * _ARRIVAL.size)) if count else b""
    return [(number, time) for time, number in _ARRIVAL.iter_unpack(copied)]


def track_number(track: TrackSid) -> int:
    """Name a track by 63 bits, for comparing."""
    return int.from_bytes(blake2b(track.encode(), digest_size=8).digest(), "big") >> 1


class NativeSendLog(SendLog):
    """Written by the packet path."""

    __slots__ = ("_pinned", "c")

    def __init__(self, peer: CData) -> None:
        ffi, _ = load()
        self.c = peer
        super().__init__()
        self._pinned = ffi.from_buffer("double[]", self.times), ffi.from_buffer("uint16_t[]", self.sizes)
        self.c.log_times, self.c.log_sizes = self._pinned

    next = _shared("log_next")


class NativeWindow(ReplayWindow):
    """A view of an SSRC's replay window."""

    __slots__ = ("c",)

    def __init__(self, window: CData) -> None:
        self.c = window
        super().__init__()
        self.c.highest = -1

    highest = _shared("highest")

    @property
    def mask(self) -> CData:
        """The indices that came, as bits in an order of its own."""
        return tuple(self.c.seen)

    @mask.setter
    def mask(self, _value: int) -> None:
        """Only to begin with."""


class NativeInbound(Inbound):
    """One SSRC of a peer."""

    __slots__ = ("_stream", "c")

    def __init__(self, ssrc: int) -> None:
        ffi, _ = load()
        self.c = ffi.new("inbound_t *", {"ssrc": ssrc})
        super().__init__()
        self.window = NativeWindow(ffi.addressof(self.c, "window"))

    rtx = _shared("rtx")

    @property
    def stream(self) -> "Stream | None":
        """Which one it carries."""
        return self._stream

    @stream.setter
    def stream(self, stream: "Stream | None") -> None:
        ffi, _ = load()
        self._stream = stream
        self.c.stream = stream.c if isinstance(stream, NativeStream) else ffi.NULL


class NativePeer(Peer):
    """One transport."""

    __slots__ = ("at", "c")

    def __init__(self, peer: CData) -> None:
        ffi, lib = load()
        self.c = ffi.gc(ffi.new("peer_t *", {"token": next(_tokens)}), lib.peer_close)
        self.at = address(self.c)
        super().__init__(peer)
        self.log = NativeSendLog(self.c)

    heard = _shared("heard")
    arrival_id = _shared("arrival_id")
    unknown = _shared("unknown")

    @property
    def sent(self) -> dict[Kind, list[int]]:
        """Bytes by kind, as the packet path counted them."""
        audio, video = self.c.sent
        return {Kind.AUDIO: [audio], Kind.VIDEO: [video]}

    @sent.setter
    def sent(self, _nothing: dict[Kind, list[int]]) -> None:
        """Only to begin with."""

    @property
    def arrivals(self) -> list[tuple[int, float]]:
        """What was noted."""
        return read_arrivals(self.c.arrivals, self.c.arrival_count)

    @arrivals.setter
    def arrivals(self, _empty: list[tuple[int, float]]) -> None:
        self.c.arrival_count = 0

    def admit(self, ssrc: int) -> Inbound:
        """Add the row of an SSRC."""
        _, lib = load()
        inbound = self.inbound[ssrc] = NativeInbound(ssrc)
        if not lib.peer_add(self.c, inbound.c):
            raise MemoryError
        return inbound

    def set_keys(self, keys: SrtpKeys) -> None:
        """Protect RTP with these; SRTCP stays libsrtp's."""
        _, lib = load()
        for name, master, encrypts in (("receive", keys.receive, 0), ("send", keys.send, 1)):
            lib.keys_free(getattr(self.c, name))
            made = lib.keys_new(keys.profile is SrtpProfile.GCM, *derive(master, keys.profile), encrypts)
            setattr(self.c, name, made)
            if not made:
                raise MemoryError

    def aim(self, kind: int, fd: int = 0, address: bytes = b"") -> None:
        """Let its packets go there."""
        self.c.target, self.c.fd, self.c.address_size = kind, fd, len(address)
        self.c.address = list(address)


class NativeSeats(Loudest):
    """Who of a room is sent on."""

    def __init__(self, seats: int) -> None:
        ffi, _ = load()
        super().__init__(seats)
        self._room = ffi.new("voice_t[]", seats)
        self.c = ffi.new("seats_t *", {"seats": seats, "voices": self._room})

    def forget(self, track: TrackSid) -> None:
        """The track is gone; its seat is free."""
        _, lib = load()
        lib.seats_forget(self.c, track_number(track))


class NativeDependencySelection(DependencySelection):
    """Follows one decode target: decided in C (`src/layers.c`)."""

    __slots__ = ("_targets", "c")

    def __init__(self) -> None:
        ffi, _ = load()
        self._targets = ffi.new("targets_t *")
        self.c = ffi.new("layers_t *", {"targets": self._targets})
        super().__init__()

    spatial = _shared("spatial")
    temporal = _shared("temporal")
    needs_keyframe = _shared("needs_keyframe")

    def want(self, spatial: int, temporal: int) -> None:
        """Change the highest layers that are sent."""
        _, lib = load()
        lib.layers_want(self.c, spatial, temporal)


class NativeLayerSelection(LayerSelection):
    """Temporal and spatial layers by number: decided in C (`src/layers.c`)."""

    __slots__ = ("c",)

    def __init__(self) -> None:
        ffi, _ = load()
        self.c = ffi.new("layers_t *")
        super().__init__()

    spatial = _shared("spatial")
    temporal = _shared("temporal")
    needs_keyframe = _shared("needs_keyframe")
    _now_spatial = _shared("now_spatial")
    _now_temporal = _shared("now_temporal")
    _top = _shared("top")


class NativeStream(Stream):
    """One layer received."""

    __slots__ = ("_arrays", "_reader", "_reception", "_seats", "at", "c")

    def __init__(self, row: StreamRow, peer: Peer, window: ReplayWindow) -> None:
        ffi, _ = load()
        first = {"first": -1, "highest": -1, "level_at": -1, "id": row.stream, "track": track_number(row.track)}
        self.c = ffi.new("stream_t *", first)
        self.at = address(self.c)
        self._arrays = [ffi.new("down_t *[]", _FOLLOWERS_ROOM) for _ in range(2)]
        """Of followers and of those who get parts; grown by doubling."""
        assert isinstance(window, NativeWindow)
        self.c.window = window.c
        super().__init__(row, peer, window)
        self.c.clock_rate = self.clock_rate

    packets = _shared("packets")
    octets = _shared("octets")
    loud_ms = _shared("loud_ms")
    loudest = _shared("loudest")
    seated = _shared("seated")
    spatial_layers = _shared("spatial_layers")
    temporal_layers = _shared("temporal_layers")

    @property
    def reception(self) -> Reception:
        """As the packet path counted it."""
        seen, c = self._reception, self.c
        seen.first, seen.highest, seen.received, seen.jitter = c.first, c.highest, c.received, c.jitter
        return seen

    @reception.setter
    def reception(self, reception: Reception) -> None:
        self._reception = reception

    @property
    def seats(self) -> Loudest | None:
        """Who of the room is sent on, where not everybody is."""
        return self._seats

    @seats.setter
    def seats(self, seats: Loudest | None) -> None:
        ffi, _ = load()
        self._seats = seats
        self.c.seats = seats.c if isinstance(seats, NativeSeats) else ffi.NULL

    def change(self, row: StreamRow) -> None:
        """Take over what the section says now."""
        super().change(row)
        self.c.is_audio = row.kind is Kind.AUDIO
        self.c.known_types = [number in self.codecs for number in range(128)]
        self.c.rtx_types = [self.rtx_types.get(number, -1) for number in range(128)]
        self._describe()

    def _forget_layers(self) -> None:
        ffi, _ = load()
        super()._forget_layers()
        self.c.reader = ffi.NULL
        self._reader: CData = None
        """Of dependency descriptors, for a codec whose receivers get them."""

    def use(self, codec: Codec) -> None:
        """Packets of another payload type than before begin."""
        super().use(codec)
        self._describe()

    def await_keyframe(self, down: Down) -> None:
        """Let this downlink begin with the next key frame."""
        super().await_keyframe(down)
        self.c.waiting = len(self.waiting)

    def forgo(self, down: Down) -> None:
        """It does not wait any longer."""
        super().forgo(down)
        self.c.waiting = len(self.waiting)

    def take_waiting(self) -> list[Down]:
        """Those who begin now."""
        self.c.waiting = 0
        return super().take_waiting()

    def _add(self, down: Down, *, selective: bool) -> None:
        ffi, _ = load()
        super()._add(down, selective=selective)
        count, array = len(self.selective if selective else self.followers), self._arrays[selective]
        if count > len(array):
            array = ffi.new("down_t *[]", 2 * len(array))
            ffi.memmove(array, self._arrays[selective], (count - 1) * ffi.sizeof("down_t *"))
        array[count - 1] = cast("NativeDown", down).c
        self._list(array, count, selective=selective)

    def _remove(self, down: Down, *, selective: bool) -> None:
        ffi, _ = load()
        listed, array = self.selective if selective else self.followers, self._arrays[selective]
        at = listed.index(down)
        super()._remove(down, selective=selective)
        ffi.memmove(array + at, array + at + 1, (len(listed) - at) * ffi.sizeof("down_t *"))
        self._list(array, len(listed), selective=selective)

    def _list(self, array: CData, count: int, *, selective: bool) -> None:
        """Let C go through these."""
        self._arrays[selective] = array
        if selective:
            self.c.selective, self.c.selective_count = array, count
        else:
            self.c.followers, self.c.follower_count = array, count

    def _new_selection(self) -> Selection:
        described = self._reader is not None and self._reader.structures
        return NativeDependencySelection() if described else NativeLayerSelection()

    def _adopt(self, selection: DependencySelection) -> None:
        _, lib = load()
        if isinstance(selection, NativeDependencySelection):
            lib.layers_adopt(selection.c, self._reader)

    def _describe(self) -> None:
        ffi, lib = load()
        if self.has_layers and self._reader is None:
            self._reader = self.c.reader = ffi.new("reader_t *")
        self.c.payload_type = self.payload_type
        self.c.codec = getattr(lib, _CODECS.get(self.codec.mime.lower() if self.codec else "", "CODEC_OTHER"))
        self.c.audio_level_id = self.audio_level_id
        self.c.dependency_id = self.dependency_id


class NativeHistory(History[Packet | bytes | bytearray]):
    """What is kept is C's; here is its size."""

    __slots__ = ("c",)

    def __init__(self, c: CData, size: int) -> None:
        self.c = c
        self.mask = c.history_mask = size - 1

    @property
    def ring(self) -> CData:
        """As many places."""
        return range(self.mask + 1)

    @ring.setter
    def ring(self, _entries: CData) -> None:
        """They are C's."""

    def clear(self) -> None:
        """Forget everything."""
        _, lib = load()
        lib.down_forget(self.c)


class NativeDown(Down):
    """One track on its way to one peer."""

    __slots__ = ("_selection", "c")

    def __init__(self, row: Downlink, peer: Peer, first_index: int, first_rtx: int) -> None:
        ffi, lib = load()
        assert isinstance(peer, NativePeer)
        fresh = {"peer": peer.c, "skipped_picture": -1, "is_video": row.kind is Kind.VIDEO}
        self.c = ffi.gc(ffi.new("down_t *", fresh), lib.down_close)
        super().__init__(row, peer, first_index, first_rtx)

    started = _shared("started")
    first = _shared("first")
    seq_offset = _shared("seq_offset")
    timestamp_offset = _shared("timestamp_offset")
    picture_offset = _shared("picture_offset")
    tl0_offset = _shared("tl0_offset")
    last_index = _shared("last_index")
    last_timestamp = _shared("last_timestamp")
    last_time = _shared("last_time")
    last_picture = _shared("last_picture")
    last_tl0 = _shared("last_tl0")
    rtx_index = _shared("rtx_index")
    packets = _shared("packets")
    octets = _shared("octets")
    payload_type = _shared("payload_type")
    rtx_payload_type = _shared("rtx_payload_type")
    primary_only = _shared("primary_only")

    def _new_history(self, size: int) -> NativeHistory:
        return NativeHistory(self.c, size)

    @property
    def selection(self) -> Selection | None:
        """Which packets of `stream` it gets; `None`: all of them."""
        return self._selection

    @selection.setter
    def selection(self, selection: Selection | None) -> None:
        ffi, _ = load()
        self._selection = selection
        native = NativeLayerSelection | NativeDependencySelection
        self.c.layers = selection.c if isinstance(selection, native) else ffi.NULL

    def change(self, row: Downlink) -> None:
        """Take over what the section says now."""
        ffi, _ = load()
        c, extensions, mid = self.c, row.extensions, row.mid.encode()
        c.ssrc, c.rtx_ssrc, c.numbered = row.ssrc, row.rtx_ssrc, row.numbered
        c.mid_id, c.mid_size = (extensions.mid, len(mid)) if len(mid) <= 255 else (0, 0)
        ffi.memmove(c.mid, mid[:255], c.mid_size)
        c.stamp_id = extensions.transport_cc if row.numbered else extensions.abs_send_time
        c.dependency_id = extensions.dependency_descriptor
        super().change(row)
        c.head_size, c.level_head_size, c.time_at = len(self.head), len(self.head_level), self.time_at
        ffi.memmove(c.head, self.head, c.head_size)
        ffi.memmove(c.level_head, self.head_level, c.level_head_size)
        c.level_time_at, c.level_at = self.level_time_at, self.level_at

    def begin(
        self,
        index: int,
        timestamp: int,
        now: float,
        clock_rate: int,
        *,
        aligned: int | None = None,
        picture: int = 0,
        tl0: int = 0,
    ) -> None:
        """Follow a source from this packet on."""
        _, lib = load()
        has_aligned = aligned is not None
        lib.down_begin(self.c, index, timestamp, now, clock_rate, has_aligned, aligned or 0, picture, tl0)

    def skip(self, index: int, picture: int = -1) -> None:
        """Leave out this packet, the newest one of the source."""
        _, lib = load()
        if not lib.down_skip(self.c, index, picture):
            raise MemoryError

    def offsets(self, index: int) -> tuple[int, int] | None:
        """(sequence, picture id) offsets of any packet of the source; `None` for one that is too old to be sent."""
        ffi, lib = load()
        sequence, pictures = ffi.new("int64_t *"), ffi.new("int64_t *")
        return (sequence[0], pictures[0]) if lib.down_offsets(self.c, index, sequence, pictures) else None
