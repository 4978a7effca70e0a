# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The Python engine's tables: peers, what they send, what they are sent."""

from collections.abc import Callable
from functools import lru_cache

from sfu.core.codecs import Vp8Descriptor, keyframe_test
from sfu.core.dependency_descriptor import DescriptorReader, Frame, Structure
from sfu.core.formats import RED, reader
from sfu.core.history import History
from sfu.core.ice_lite import Address
from sfu.core.layers import EVERY
from sfu.core.limits_media import AUDIO_HISTORY, VIDEO_HISTORY
from sfu.core.loudest import Loudest
from sfu.core.media import Codec, Downlink, Extensions, Kind, PeerId, TrackSid
from sfu.core.munge import Continuity
from sfu.core.rtp import HEADER, HEADER_SIZE, abs_send_time, write_extensions
from sfu.core.selection import DependencySelection, LayerFrame, LayerSelection, Selection
from sfu.core.send_log import SendLog
from sfu.core.sender_clock import SenderClock
from sfu.core.seqnum import Reception, ReplayWindow
from sfu.core.speakers import LOUD, Window
from sfu.media.contract import StreamId, StreamRow
from sfu.media.srtp import Receiver, Sender

DEPENDENCY_CODECS = frozenset({"video/vp9", "video/av1"})
"""Codecs whose receivers need the dependency descriptor; VP8 and H.264 carry what they need themselves,
and the descriptor's frame numbers would not survive a change of layer."""

MAX_PACKET_MS = 120.0
"""The longest Opus packet."""

_HEADS_KEPT = 4096
"""Extension blocks that are remembered: a large room's receivers number their sections alike. Stops: memory for
strangers' numbers."""


class Packet:
    """One accepted packet, shared by all downlinks and their histories."""

    __slots__ = ("dependency", "frame", "level", "marker", "payload", "timestamp", "vp8")

    def __init__(
        self,
        payload: bytes | bytearray,
        timestamp: int,
        marker: int,
        level: int,
        dependency: bytes | None,
        vp8: Vp8Descriptor | None,
        frame: Frame | LayerFrame | None = None,
    ) -> None:
        self.payload = payload
        """A bytearray where the VP8 numbers are overwritten per downlink."""
        self.timestamp = timestamp
        self.marker = marker
        """0x80 or 0."""
        self.level = level
        """The audio level byte, -1 without one."""
        self.dependency = dependency
        self.vp8 = vp8
        self.frame = frame
        """Its place among the layers of the stream, of VP9 and AV1."""


class Inbound:
    """One SSRC of a peer: its replay window lives as long as the peer, whatever the SSRC serves."""

    __slots__ = ("claimed", "rtx", "stream", "window")

    def __init__(self) -> None:
        self.window = ReplayWindow()
        self.claimed = False
        """Some stream has used it, now or before."""
        self.stream: Stream | None = None
        self.rtx = False
        """Carries retransmissions of `stream`."""


class Peer:
    """One transport."""

    __slots__ = (
        "address",
        "arrival_id",
        "arrivals",
        "downs",
        "downs_by_ssrc",
        "heard",
        "id",
        "inbound",
        "log",
        "receiver",
        "sender",
        "sent",
        "spent",
        "target",
        "unknown",
    )

    def __init__(self, peer: PeerId) -> None:
        self.id = peer
        self.address: Address | None = None
        self.target: Address | None = None
        """The address once there are keys too: send here."""
        self.receiver: Receiver | None = None
        self.sender: Sender | None = None
        self.heard = 0.0
        self.sent = {Kind.AUDIO: [0], Kind.VIDEO: [0]}
        """Bytes, as `SendLog.OVERHEAD` has it, by kind; nothing that was sent again."""
        self.arrival_id = 0
        """Header extension with the transport-wide number; 0: arrivals are not noted."""
        self.arrivals: list[tuple[int, float]] = []
        self.inbound: dict[int, Inbound] = {}
        self.unknown = 0
        """Inbound SSRCs that never fitted a stream."""
        self.downs: dict[TrackSid, Down] = {}
        self.downs_by_ssrc: dict[int, Down] = {}
        """By media SSRC and by RTX SSRC."""
        self.log = SendLog()
        """Of packets with a transport-wide number."""
        self.spent: dict[int, int] = {}
        """Next packet index of SSRCs that were sent before."""

    def admit(self, ssrc: int) -> Inbound:
        """Add the row of an SSRC."""
        inbound = self.inbound[ssrc] = Inbound()
        return inbound


class Stream:
    """One layer received."""

    __slots__ = (
        "active",
        "audio_level_id",
        "clock",
        "clock_rate",
        "codec",
        "codecs",
        "dependency_id",
        "followers",
        "has_layers",
        "id",
        "is_keyframe",
        "is_vp8",
        "is_vp9",
        "level_at",
        "loud_ms",
        "loudest",
        "media_types",
        "mime",
        "needs_extensions",
        "octets",
        "packets",
        "payload_type",
        "peer",
        "reception",
        "row",
        "rtx_ssrc",
        "rtx_types",
        "seated",
        "seats",
        "selective",
        "spatial_layers",
        "structure",
        "structures",
        "temporal_layers",
        "waiting",
        "window",
    )

    def __init__(self, row: StreamRow, peer: Peer, window: ReplayWindow) -> None:
        self.id: StreamId = row.stream
        self.peer = peer
        self.window = window
        self.rtx_ssrc = 0
        self.packets = 0
        self.octets = 0
        self.followers: list[Down] = []
        """Sent every packet as it is."""
        self.selective: list[Down] = []
        """Sent some packets, or parts of them."""
        self.waiting: list[Down] = []
        self.seats: Loudest | None = None
        """Who of the room is sent on, where not everybody is."""
        self.seated = True
        self.mime = ""
        """Of the codec that was used last, in lower case."""
        self._forget_layers()
        self.clock: SenderClock | None = None
        self.loud_ms = 0.0
        self.loudest = 127
        self.level_at: int | None = None
        """Timestamp of the last packet with a level."""
        self.clock_rate = row.codecs[0].clock_rate if row.codecs else 90000
        self.reception = Reception(self.clock_rate)
        self.change(row)

    def change(self, row: StreamRow) -> None:
        """Take over what the section says now."""
        self.row = row
        self.codecs = {codec.payload_type: codec for codec in row.codecs}
        self.rtx_types = {c.rtx_payload_type: c.payload_type for c in row.codecs if c.rtx_payload_type is not None}
        self.payload_type = -1
        self.codec: Codec | None = None
        self.is_vp8 = False
        self.is_vp9 = False
        self.is_keyframe: Callable[[bytes | bytearray], bool] = keyframe_test("")
        self.audio_level_id = row.extensions.audio_level if row.kind is Kind.AUDIO else 0
        self.dependency_id = row.extensions.dependency_descriptor if row.kind is Kind.VIDEO else 0
        self.has_layers = False
        self.needs_extensions = bool(self.audio_level_id)

    @property
    def waiting_count(self) -> int:
        """Downlinks that wait for a key frame."""
        blocked = sum(down.selection is not None and down.selection.needs_keyframe for down in self.selective)
        return len(self.waiting) + blocked

    def _forget_layers(self) -> None:
        """Nothing is known of them."""
        self.structures = DescriptorReader()
        self.structure: Structure | None = None
        self.active = 0
        """What was told of the layers last."""
        self.spatial_layers = 1
        self.temporal_layers = 1

    def use(self, codec: Codec) -> None:
        """Packets of another payload type than before begin."""
        self.codec = codec
        self.payload_type = codec.payload_type
        mime = codec.mime.lower()
        if mime != self.mime:
            self.mime = mime
            self._forget_layers()
        self.is_vp8 = mime == "video/vp8"
        self.is_vp9 = mime == "video/vp9"
        self.is_keyframe = keyframe_test(mime)
        self.has_layers = mime in DEPENDENCY_CODECS
        self.needs_extensions = bool(self.audio_level_id or (self.dependency_id and self.has_layers))
        for down in (*self.followers, *self.selective):
            before = down.selection
            self.release(down)
            self.take(down)
            if type(before) is type(down.selection):
                down.selection = before

    def await_keyframe(self, down: "Down") -> None:
        """Let this downlink begin with the next key frame."""
        self.waiting.append(down)

    def forgo(self, down: "Down") -> None:
        """It does not wait any longer."""
        self.waiting.remove(down)

    def take_waiting(self) -> "list[Down]":
        """Those who begin now."""
        waiting, self.waiting = self.waiting, []
        return waiting

    def take(self, down: "Down") -> None:
        """Send to this downlink from now on."""
        down.stream = self
        if self.codec is not None:
            down.match(self.codec)
        down.selection = self._selection(down)
        self._add(down, selective=down.selection is not None or down.primary_only)

    def release(self, down: "Down") -> None:
        """Send to it no longer."""
        self._remove(down, selective=down not in self.followers)
        down.stream = None

    def _add(self, down: "Down", *, selective: bool) -> None:
        (self.selective if selective else self.followers).append(down)

    def _remove(self, down: "Down", *, selective: bool) -> None:
        (self.selective if selective else self.followers).remove(down)

    def select(self, down: "Down") -> None:
        """Apply what a follower wants of the layers now."""
        if down.selection is not None:
            down.selection.want(down.spatial, down.temporal)
            return
        selection = self._selection(down)
        if selection is None:
            return
        if isinstance(selection, DependencySelection):
            self._adopt(selection)
        self._remove(down, selective=False)
        down.selection = selection
        self._add(down, selective=True)

    def _selection(self, down: "Down") -> Selection | None:
        """How packets are chosen for a downlink; `None` when it gets all of them."""
        if self.spatial_layers < 2 and down.temporal >= self.temporal_layers - 1:
            return None
        selection = self._new_selection()
        selection.want(down.spatial, down.temporal)
        return selection

    def _new_selection(self) -> Selection:
        return LayerSelection() if self.structures.structure is None else DependencySelection()

    def _adopt(self, selection: DependencySelection) -> None:
        """Let it begin in the middle."""
        if self.structures.structure is not None:
            selection.adopt(self.structures.structure, self.structures.active)

    def note_layers(self, spatial: int, temporal: int) -> None:
        """Take in how many layers there are."""
        self.spatial_layers, self.temporal_layers = spatial, temporal
        for down in list(self.followers):
            self.select(down)

    def begins(self, packet: Packet) -> bool:
        """Whether a downlink can begin with this packet."""
        if self.row.kind is Kind.AUDIO:
            return True
        if isinstance(packet.frame, Frame):
            return packet.frame.brings_structure and packet.frame.starts
        return self.is_keyframe(packet.payload)

    def hear(self, level: int, timestamp: int) -> None:
        """Count a packet's audio level (RFC 6464: low 7 bits are -dBov)."""
        before, self.level_at = self.level_at, timestamp
        level &= 0x7F
        if level < LOUD:
            ms = 20.0
            if before is not None:
                ms = min(((timestamp - before) & 0xFFFFFFFF) * 1000 / self.clock_rate, MAX_PACKET_MS)
            self.loud_ms += ms
            self.loudest = min(self.loudest, level)

    def is_seated(self, packet: Packet, index: int, now: float) -> bool:
        """Whether a packet is among the loudest of the room; those who get it again see no gap but in time."""
        if self.seats is None:
            return True
        level = packet.level & 0x7F if packet.level >= 0 else -1
        before, self.seated = self.seated, self.seats.passes(self.row.track, level, now)
        if self.seated and not before:
            for down in (*self.followers, *self.selective):
                aligned = (packet.timestamp + down.timestamp_offset) & 0xFFFFFFFF
                down.begin(index, packet.timestamp, now, self.clock_rate, aligned=aligned)
        return self.seated

    def take_window(self) -> Window:
        """End a window of levels."""
        window = Window(self.loud_ms, self.loudest)
        self.loud_ms, self.loudest = 0.0, 127
        return window


class Down(Continuity):
    """One track on its way to one peer."""

    __slots__ = (
        "encrypt",
        "head",
        "head_level",
        "history",
        "iv",
        "level_at",
        "level_time_at",
        "log",
        "meter",
        "octets",
        "packets",
        "payload_type",
        "peer",
        "primary_only",
        "row",
        "rtx_index",
        "rtx_iv",
        "rtx_payload_type",
        "selection",
        "spatial",
        "stream",
        "temporal",
        "time_at",
        "wanted",
    )

    def __init__(self, row: Downlink, peer: Peer, first_index: int, first_rtx: int) -> None:
        super().__init__(first_index)
        self.peer = peer
        self.meter = peer.sent[row.kind]
        self.packets = 0
        self.octets = 0
        self.stream: Stream | None = None
        """Followed now."""
        self.wanted: Stream | None = None
        """Followed from its next key frame on."""
        self.spatial = EVERY
        self.temporal = EVERY
        """The highest layers sent of the stream that is wanted last."""
        self.selection: Selection | None = None
        """Which packets of `stream` it gets; `None`: all of them."""
        self.primary_only = False
        """Redundant audio goes out as its newest block."""
        self.rtx_index = first_rtx
        self.history = self._new_history(AUDIO_HISTORY if row.kind is Kind.AUDIO else VIDEO_HISTORY)
        self.change(row)

    def _new_history(self, size: int) -> History[Packet | bytes | bytearray]:
        return History(size)

    def change(self, row: Downlink) -> None:
        """Take over what the section says now: payload types and extension ids."""
        self.row = row
        self.payload_type = -1
        self.rtx_payload_type = 0
        self.log: SendLog | None = self.peer.log if row.numbered else None
        """Where packets get their transport-wide number; without one they carry their send time."""
        block, self.time_at, _ = _head_block(row.extensions, row.mid, numbered=row.numbered, level=False)
        self.head = self._assemble(block)
        block, self.level_time_at, self.level_at = _head_block(
            row.extensions, row.mid, numbered=row.numbered, level=True
        )
        self.head_level = self._assemble(block)
        self.history.clear()
        self.set_keys()
        if self.stream is not None and self.stream.codec is not None:
            self.stream.use(self.stream.codec)

    def set_keys(self) -> None:
        """Prepare the protection with the receiver's keys."""
        sender = self.peer.sender
        self.encrypt = sender.encrypt if sender else None
        self.iv = (sender.salt if sender else 0) ^ (self.row.ssrc << 48)

    @property
    def following(self) -> StreamId | None:
        """The stream that is followed now."""
        return self.stream.id if self.stream else None

    def match(self, codec: Codec) -> None:
        """Look the followed codec up in what the receiver accepted; -1 when it has none."""
        found = reader(codec, self.row.codecs)
        payload_type = found.payload_type if found else -1
        if payload_type != self.payload_type:
            self.history.clear()
        self.payload_type = payload_type
        self.primary_only = found is not None and codec.mime == RED and found.mime != RED
        has_rtx = found is not None and found.rtx_payload_type is not None and self.row.rtx_ssrc
        self.rtx_payload_type = (found.rtx_payload_type or 0) if found and has_rtx else 0

    def stamp(self, now: float, size: int) -> tuple[int, bytes]:
        """The extension by which the receiver, or we, estimate the path; the packet counts as sent."""
        extensions = self.row.extensions
        if self.log is None:
            return extensions.abs_send_time, abs_send_time(now)
        return extensions.transport_cc, self.log.note(now, size).to_bytes(2, "big")

    def head_with(self, dependency: bytes) -> tuple[bytearray, int]:
        """A header whose block carries a dependency descriptor, and where its stamp lies."""
        extensions = self.row.extensions
        ident, blank = _blank_stamp(extensions, numbered=self.row.numbered)
        elements = [(extensions.mid, self.row.mid.encode()), (ident, blank)]
        elements.append((extensions.dependency_descriptor, dependency))
        block, offsets = write_extensions(elements)
        return self._assemble(block), HEADER_SIZE + offsets[bool(extensions.mid)] if ident else 0

    def _assemble(self, block: bytes) -> bytearray:
        first = 0x90 if block else 0x80
        return bytearray(HEADER.pack(first, 0, 0, 0, self.row.ssrc) + block)


def _blank_stamp(extensions: Extensions, *, numbered: bool) -> tuple[int, bytes]:
    return (extensions.transport_cc, bytes(2)) if numbered else (extensions.abs_send_time, bytes(3))


@lru_cache(maxsize=_HEADS_KEPT)
def _head_block(extensions: Extensions, mid: str, *, numbered: bool, level: bool) -> tuple[bytes, int, int]:
    """Write the extensions of a header to patch per packet; where its stamp and audio level lie, 0 is nowhere."""
    ident, blank = _blank_stamp(extensions, numbered=numbered)
    elements = [(extensions.mid, mid.encode())]
    if level:
        elements.append((extensions.audio_level, b"\0"))
    elements.append((ident, blank))
    present = [ident for ident, _ in elements if ident]
    block, offsets = write_extensions(elements)
    places = {ident: HEADER_SIZE + at for ident, at in zip(present, offsets, strict=True)}
    return block, places.get(ident, 0), places.get(extensions.audio_level, 0) if level else 0
