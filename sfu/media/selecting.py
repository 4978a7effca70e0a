# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which of an accepted packet's receivers get it? Those who follow the stream, wait for it, or get a part of it."""

from dataclasses import replace
from functools import cached_property

from sfu.core.codecs import parse_vp9, red_primary, vp8_place
from sfu.core.dependency_descriptor import Frame
from sfu.core.media import Codec
from sfu.core.selection import LayerFrame
from sfu.media.contract import EngineEvents
from sfu.media.rows import Down, Packet, Stream
from sfu.media.sending import Outlet, switch

MARKER = 0x80


def pass_on(
    engine: Outlet, events: EngineEvents, stream: Stream, packet: Packet, before: int, index: int, now: float
) -> None:
    """Give an accepted packet to all who are to get it; `before` was the highest index of the stream."""
    vp8 = packet.vp8
    if stream.has_layers:
        packet.frame = describe(stream, packet.payload, packet.dependency)
    if packet.frame is not None or (vp8 is not None and vp8.temporal >= stream.temporal_layers):
        layers = layers_of(stream, packet)
        if layers is not None:
            events.layered(stream.id, *layers)
    if stream.waiting and index >= before and stream.begins(packet):
        begin(events, stream, packet, index, now)
    if stream.seats is not None and not stream.is_seated(packet, index, now):
        return
    if stream.followers:
        engine.forward(stream.followers, packet, index, now)
    if stream.selective and forward_parts(engine, stream, packet, index, now, newest=index > before):
        events.blocked(stream.id, now)


def start(events: EngineEvents, stream: Stream, codec: Codec) -> None:
    """Go on with packets of this codec; another one than before has no layers until they are seen."""
    before = stream.spatial_layers, stream.temporal_layers
    stream.use(codec)
    events.started(stream.id, codec)
    layers = stream.spatial_layers, stream.temporal_layers
    if layers != before:
        events.layered(stream.id, *layers)


def begin(events: EngineEvents, stream: Stream, packet: Packet, index: int, now: float) -> None:
    """Let all who wait for it follow the stream from this packet on."""
    for down in stream.take_waiting():
        down.wanted = None
        switch(down, stream, packet, index, now)
        events.switched(down.peer.id, down.row.track, stream.id)


def describe(stream: Stream, payload: bytes | bytearray, dependency: bytes | None) -> Frame | LayerFrame | None:
    """Read a VP9 or AV1 packet's place among the layers: by the descriptor where there is one."""
    if dependency is not None:
        return stream.structures.read(dependency)
    return parse_vp9(payload) if stream.is_vp9 else None


def layers_of(stream: Stream, packet: Packet) -> tuple[int, int] | None:
    """Note the (spatial, temporal) layers that a stream has; gives those that flow when that is news."""
    frame, vp8 = packet.frame, packet.vp8
    if isinstance(frame, Frame):
        if frame.structure is stream.structure and frame.active == stream.active:
            return None
        stream.structure, stream.active = frame.structure, frame.active
        targets = frame.structure.targets
        active = [target for number, target in enumerate(targets) if frame.active >> number & 1] or targets
        stream.note_layers(1 + max(t.spatial for t in targets), 1 + max(t.temporal for t in targets))
        return 1 + max(target.spatial for target in active), 1 + max(target.temporal for target in active)
    spatial, temporal = (frame.spatial, frame.temporal) if frame else (0, vp8.temporal if vp8 else 0)
    if spatial < stream.spatial_layers and temporal < stream.temporal_layers:
        return None
    stream.note_layers(max(spatial + 1, stream.spatial_layers), max(temporal + 1, stream.temporal_layers))
    return stream.spatial_layers, stream.temporal_layers


def forward_parts(engine: Outlet, stream: Stream, packet: Packet, index: int, now: float, *, newest: bool) -> bool:
    """Send a packet to those who want it; True when one of them cannot go on without a key frame since now."""
    blocked = False
    vp8, frame = packet.vp8, packet.frame
    if vp8 is not None:
        frame = vp8_place(vp8, packet.payload, ends=bool(packet.marker))
    picture = vp8.picture_id if vp8 is not None and vp8.picture_id_at else -1
    forms = _Forms(packet)
    getting: list[tuple[Packet, list[Down]]] = []
    for down in stream.selective:
        if index < down.first:
            continue
        offsets = None if newest else down.offsets(index)
        if offsets is None and not newest:
            engine.dropped["too_late"] += 1
            continue
        chosen: Packet | None = packet
        selection = down.selection
        if selection is not None:
            before = selection.needs_keyframe
            if not isinstance(frame, selection.reads) or not selection.takes(frame, newest=newest):  # type: ignore[arg-type]  # of one stream
                chosen = None
            elif not packet.marker and selection.marks(frame):  # type: ignore[arg-type]
                chosen = forms.marked
            blocked = blocked or (selection.needs_keyframe and not before)
        if chosen is not None and down.primary_only:
            chosen = forms.primary
        if offsets is not None:
            _send_at(engine, down, chosen or forms.empty, index, offsets, now)
        elif chosen is None:
            down.skip(index, picture)
        elif getting and getting[-1][0] is chosen:
            getting[-1][1].append(down)
        else:
            getting.append((chosen, [down]))
    for chosen, downs in getting:
        engine.forward(downs, chosen, index, now)
    return blocked


class _Forms:
    """What a packet is to those who get it otherwise than it came."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet

    @cached_property
    def marked(self) -> Packet:
        """Ends the picture."""
        return self._copy(self._packet.payload, MARKER)

    @cached_property
    def primary(self) -> Packet | None:
        """Without redundancy; `None` where it can't be told apart."""
        primary = red_primary(self._packet.payload)
        return None if primary is None else self._copy(bytes(primary), self._packet.marker)

    @cached_property
    def empty(self) -> Packet:
        """Goes out under a number that was kept and that nobody wants any more: it would be asked for for ever."""
        return Packet(b"", self._packet.timestamp, 0, -1, None, None)

    def _copy(self, payload: bytes | bytearray, marker: int) -> Packet:
        packet = self._packet
        return Packet(payload, packet.timestamp, marker, packet.level, packet.dependency, packet.vp8, packet.frame)


def _send_at(engine: Outlet, down: Down, packet: Packet, index: int, offsets: tuple[int, int], now: float) -> None:
    """Send an older packet under the numbers that were kept for it."""
    sequence, pictures = offsets
    shift = pictures - down.picture_offset
    if shift and packet.vp8 is not None:
        moved = replace(packet.vp8, picture_id=packet.vp8.picture_id + shift)
        packet = Packet(packet.payload, packet.timestamp, packet.marker, packet.level, packet.dependency, moved)
    engine.forward((down,), packet, index + sequence - down.seq_offset, now)
