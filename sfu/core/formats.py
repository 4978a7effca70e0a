# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which codecs does this server carry, and which payload types of two sections mean the same?

A payload type is carried when its format is: the mime type and those parameters that decide whether a decoder can
read what an encoder wrote. Of H.264 these are constrained baseline and baseline in packetization mode 1, of VP9 and
AV1 profile 0: what every receiver of the codec has.
"""

from dataclasses import dataclass
from functools import lru_cache

from sfu.core.media import Codec

OPUS = "audio/opus"
RED = "audio/red"
VP8 = "video/VP8"
H264 = "video/H264"
VP9 = "video/VP9"
AV1 = "video/AV1"
H265 = "video/H265"

CARRIED = (VP8, H264, VP9, AV1, H265, OPUS, RED)
"""LiveKit's spelling, in LiveKit's order: a client whose choice is not taken uses the first video codec."""

_READERS_KEPT = 1024
"""Answers of `reader` that are remembered: a few for each kind of client. stops: memory for strangers' lists."""

_H264_PROFILES = {"42e0": "constrained", "42c0": "constrained", "4200": "baseline"}
"""profile_idc and the constraint flags (RFC 6184 section 8.1)."""

_DECIDING = {
    H264.lower(): ("level-asymmetry-allowed", "packetization-mode", "profile-level-id"),
    VP9.lower(): ("profile-id",),
    AV1.lower(): ("level-idx", "profile", "tier"),
    H265.lower(): ("level-id", "profile-id", "tier-flag", "tx-mode"),
}
"""Parameters that an answer repeats. Others are hints of one client to itself, and must not differ between the
sections of an answer."""


@dataclass(frozen=True, slots=True)
class Format:
    """What an encoder writes and a decoder must know of: equal formats can be exchanged."""

    mime: str
    """In lower case."""
    variant: str = ""


def format_of(codec: Codec) -> Format | None:
    """Give a payload type's format; None when it is none that this server carries."""
    mime, parameters = codec.mime.lower(), fmtp_parameters(codec.fmtp)
    if mime == H264.lower():
        profile = _H264_PROFILES.get(parameters.get("profile-level-id", "420010")[:4].lower())
        one = parameters.get("packetization-mode", "0") == "1"
        return Format(mime, profile) if profile and one else None
    if mime == VP9.lower() and parameters.get("profile-id", "0") != "0":
        return None
    if mime == AV1.lower() and parameters.get("profile", "0") != "0":
        return None
    if mime == H265.lower() and parameters.get("profile-id", "1") != "1":
        return None
    return Format(mime)


def decodes(sent: Codec, accepted: Codec) -> bool:
    """Whether what is sent as one payload type can be read as the other."""
    if sent.clock_rate != accepted.clock_rate:
        return False
    one, other = format_of(sent), format_of(accepted)
    # Every baseline decoder reads constrained baseline; libwebrtc's encoders write nothing else as baseline.
    return one is not None and other is not None and one.mime == other.mime


@lru_cache(maxsize=_READERS_KEPT)
def reader(sent: Codec, accepted: tuple[Codec, ...]) -> Codec | None:
    """Find the payload type under which a receiver reads what is sent: one of the same format if it has one."""
    readers = [codec for codec in accepted if decodes(sent, codec)]
    if not readers and sent.mime == RED:
        readers = [codec for codec in accepted if codec.mime == OPUS]  # its primary block
    return next((codec for codec in readers if format_of(codec) == format_of(sent)), next(iter(readers), None))


def readable_as(mime: str) -> tuple[str, ...]:
    """Name the codecs as which a track can be sent on, the best first: of RED the primary block is plain Opus."""
    return (RED, OPUS) if mime == RED else (mime,)


def answered_fmtp(codec: Codec) -> str:
    """Say of an offered payload type's parameters what an answer repeats; nothing for opus, which has its own."""
    kept = _DECIDING.get(codec.mime.lower())
    if kept is None:
        return codec.fmtp if codec.mime == RED else ""
    parameters = fmtp_parameters(codec.fmtp)
    return ";".join(f"{name}={parameters[name]}" for name in kept if name in parameters)


def fmtp_parameters(text: str) -> dict[str, str]:
    """Read `name=value;…`."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def mime_of(name: str) -> str:
    """Give LiveKit's spelling of a codec that a client names, as `vp8` or `video/VP8`; empty when not carried."""
    wanted = name.lower().rpartition("/")[2]
    return next((mime for mime in CARRIED if mime.lower().rpartition("/")[2] == wanted), "")
