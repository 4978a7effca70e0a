# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What must the forwarder see of a payload? VP8's descriptor, and where key frames begin."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.core.selection import LayerFrame

Payload = bytes | bytearray | memoryview

_H264_IDR = 5
_H264_SPS = 7
_H264_STAP_A = 24
_H264_FU_A = 28

_H265_KEYS = frozenset({16, 17, 18, 19, 20, 21, 32, 33})
"""Pictures of random access, and the parameter sets before them."""
_H265_AP = 48
_H265_FU = 49


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """Where the fields that must stay continuous lie (RFC 7741 section 4.2); offset 0 means absent."""

    size: int
    starts_frame: bool
    picture_id: int
    picture_id_at: int
    wide: bool
    """15-bit picture id."""
    tl0: int
    tl0_at: int
    temporal: int = 0
    syncs: bool = False
    """Needs the base layer alone (Y): the receiver may go up to this temporal layer here."""


def parse_vp8(payload: Payload) -> Vp8Descriptor | None:
    """Read the payload descriptor; `None` when it is cut short."""
    size = len(payload)
    if size < 1:
        return None
    first = payload[0]
    at = 1
    picture_id, picture_id_at, wide, tl0, tl0_at, layer = 0, 0, False, 0, 0, 0
    if first & 0x80:
        if size < 2:
            return None
        flags = payload[1]
        at = 2
        if flags & 0x80:
            if size < at + 1:
                return None
            picture_id_at = at
            picture_id = payload[at]
            wide = bool(picture_id & 0x80)
            if wide:
                if size < at + 2:
                    return None
                picture_id = ((picture_id & 0x7F) << 8) | payload[at + 1]
            at += 2 if wide else 1
        if flags & 0x40:
            if size < at + 1:
                return None
            tl0_at = at
            tl0 = payload[at]
            at += 1
        if flags & 0x30:
            if size < at + 1:
                return None
            layer = payload[at] if flags & 0x20 else 0
            at += 1
    if at > size:
        return None
    starts = bool(first & 0x10) and not first & 0x07
    return Vp8Descriptor(at, starts, picture_id, picture_id_at, wide, tl0, tl0_at, layer >> 6, bool(layer & 0x20))


def vp8_place(descriptor: Vp8Descriptor, payload: Payload, *, ends: bool) -> LayerFrame:
    """Say where a VP8 packet stands among temporal layers; `ends` by the RTP marker."""
    key = descriptor.starts_frame and len(payload) > descriptor.size and not payload[descriptor.size] & 0x01
    return LayerFrame(0, descriptor.temporal, descriptor.starts_frame, ends, key, descriptor.syncs)


def parse_vp9(payload: Payload) -> LayerFrame | None:
    """Read the place of a VP9 packet out of its payload descriptor (RFC 9628 section 4.2); `None` when cut short."""
    if not payload:
        return None
    first, at = payload[0], 1
    if first & 0x80:
        if len(payload) < 2:
            return None
        at = 3 if payload[1] & 0x80 else 2
    temporal = spatial = 0
    switches_up = False
    if first & 0x20:
        if len(payload) <= at:
            return None
        layers = payload[at]
        temporal, switches_up, spatial = layers >> 5, bool(layers & 0x10), (layers >> 1) & 0x07
    starts, ends = bool(first & 0x08), bool(first & 0x04)
    return LayerFrame(spatial, temporal, starts, ends, starts and not first & 0x40 and spatial == 0, switches_up)


def _vp8_keyframe(payload: Payload) -> bool:
    descriptor = parse_vp8(payload)
    if descriptor is None or not descriptor.starts_frame or len(payload) <= descriptor.size:
        return False
    return not payload[descriptor.size] & 0x01


def _h264_keyframe(payload: Payload) -> bool:
    """The first packet of a decodable start: SPS, alone or aggregated, or a bare IDR (RFC 6184)."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind in {_H264_IDR, _H264_SPS}:
        return True
    if kind == _H264_STAP_A:
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 0x1F in {_H264_IDR, _H264_SPS}:
                return True
            at += 2 + ((payload[at] << 8) | payload[at + 1])
        return False
    if kind == _H264_FU_A and len(payload) > 1:
        return bool(payload[1] & 0x80) and payload[1] & 0x1F == _H264_IDR
    return False


def _h265_keyframe(payload: Payload) -> bool:
    """The first packet of a random access point: parameter sets, alone or aggregated, or the picture (RFC 7798)."""
    if len(payload) < 3:
        return False
    kind = (payload[0] >> 1) & 0x3F
    if kind == _H265_AP:
        return len(payload) > 4 and (payload[4] >> 1) & 0x3F in _H265_KEYS
    if kind == _H265_FU:
        return bool(payload[2] & 0x80) and payload[2] & 0x3F in _H265_KEYS
    return kind in _H265_KEYS


def _vp9_keyframe(payload: Payload) -> bool:
    """Start of a frame without inter-picture prediction in the lowest spatial layer (RFC 9628)."""
    place = parse_vp9(payload)
    return place is not None and place.key


def _av1_keyframe(payload: Payload) -> bool:
    """The N bit: a new coded video sequence starts here (AV1 RTP section 4.4)."""
    return bool(payload) and bool(payload[0] & 0x08)


def red_primary(payload: Payload) -> Payload | None:
    """Take the newest block out of a redundant packet (RFC 2198); `None` when it is malformed."""
    at = older = 0
    while at < len(payload) and payload[at] & 0x80:
        if at + 4 > len(payload):
            return None
        older += ((payload[at + 2] & 0x03) << 8) | payload[at + 3]
        at += 4
    start = at + 1 + older
    return payload[start:] if start <= len(payload) and at < len(payload) else None


def _any_packet(_payload: Payload) -> bool:
    return True


_KEYFRAMES: dict[str, Callable[[Payload], bool]] = {
    "video/vp8": _vp8_keyframe,
    "video/h264": _h264_keyframe,
    "video/h265": _h265_keyframe,
    "video/vp9": _vp9_keyframe,
    "video/av1": _av1_keyframe,
}


def keyframe_test(mime: str) -> Callable[[Payload], bool]:
    """Whether a payload begins a key frame; for codecs without that notion every packet does."""
    return _KEYFRAMES.get(mime.lower(), _any_packet)
