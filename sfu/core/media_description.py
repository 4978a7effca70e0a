# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What offers and answers say, as values: the words between SDP text and negotiation.

Only what this server negotiates is kept: the codecs in `sfu.core.formats.CARRIED` with their RTX, one data
section, and the header extensions in `EXTENSION_URIS`.
"""

from dataclasses import dataclass, replace
from enum import Enum

from sfu.core.media import Codec, Extensions, Fingerprint, IceCredentials, Kind

_EXTENSION_FIELDS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": "mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": "rid",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": "repaired_rid",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": "audio_level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": "abs_send_time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": "transport_cc",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": (
        "dependency_descriptor"
    ),
}

EXTENSION_URIS = frozenset(_EXTENSION_FIELDS) | {
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
}
"""Every extension that we may ever need: libwebrtc never offers again what the first answer left out."""


class Direction(Enum):
    """Who sends, seen from whoever wrote the description (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the writer sends."""
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        """Whether the writer receives."""
        return self in {Direction.SENDRECV, Direction.RECVONLY}


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One `m=` section as whoever offers it describes it; and as a client's answer does."""

    media: str
    """The media word as it stands: `audio`, `video`, `application` or what we refuse."""
    protocol: str
    formats: str
    """The format list as it stands, to echo in a refused section."""
    mid: str
    rejected: bool
    """Port 0, or nothing in it that this server speaks."""
    direction: Direction
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    """(id, URI) of the offered ones in `EXTENSION_URIS`."""
    msid: tuple[str, str] | None = None
    """(stream id, track id)."""
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: tuple[tuple[int, int], ...] = ()
    rids: tuple[str, ...] = ()
    """In the order of `a=simulcast:send`, which is no order of quality."""
    ice: IceCredentials | None = None
    fingerprints: tuple[Fingerprint, ...] = ()

    @property
    def kind(self) -> Kind | None:
        """Audio, video, or None for everything else."""
        return {"audio": Kind.AUDIO, "video": Kind.VIDEO}.get(self.media)

    def restricted(self, mimes: tuple[str, ...]) -> "OfferedSection":
        """Leave out codecs that are not allowed here."""
        codecs = tuple(codec for codec in self.codecs if codec.mime in mimes)
        if len(codecs) == len(self.codecs):
            return self
        return replace(self, codecs=codecs, rejected=self.rejected or not codecs)

    @property
    def is_data(self) -> bool:
        """Whether this is the section of data channels (RFC 8841)."""
        return self.media == "application" and self.protocol.endswith("DTLS/SCTP")


@dataclass(frozen=True, slots=True)
class OfferedSession:
    """A client's whole offer, or its answer to ours."""

    sections: tuple[OfferedSection, ...]
    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    bundle: tuple[str, ...]

    def restricted(self, mimes: tuple[str, ...]) -> "OfferedSession":
        """Leave out codecs that are not allowed here; a section of media without any is rejected."""
        return replace(self, sections=tuple(section.restricted(mimes) for section in self.sections))


@dataclass(frozen=True, slots=True)
class SentMedia:
    """What our section says of a track that we send in it."""

    stream_id: str
    track_id: str
    ssrc: int
    rtx_ssrc: int
    """0 where the section has no RTX."""


@dataclass(frozen=True, slots=True)
class OwnSection:
    """One section of a description of ours: an answer, in the offer's order, or our own offer."""

    offered: OfferedSection
    direction: Direction
    rejected: bool = False
    sent: SentMedia | None = None


def extension_ids(extensions: tuple[tuple[int, str], ...]) -> Extensions:
    """Give the media plane's view of a section's header extensions."""
    fields = {_EXTENSION_FIELDS[uri]: number for number, uri in extensions if uri in _EXTENSION_FIELDS}
    return Extensions(**fields)
