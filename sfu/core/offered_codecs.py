# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which codecs and header extensions do our own offers hold, and under which numbers?

With two peer connections the server offers what it sends. One number means the same in every section, because
all of them share a transport; payload types are LiveKit's, that of RTX is one higher.
"""

from sfu.core.formats import AV1, H264, H265, OPUS, RED, VP8, VP9
from sfu.core.media import Codec, Kind


def _video(payload_type: int, mime: str, fmtp: str = "") -> Codec:
    feedback = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
    return Codec(payload_type, mime, 90000, fmtp=fmtp, rtx_payload_type=payload_type + 1, feedback=feedback)


CODECS: dict[Kind, tuple[Codec, ...]] = {
    Kind.AUDIO: (
        Codec(111, OPUS, 48000, 2, feedback=("transport-cc", "nack")),
        Codec(63, RED, 48000, 2, fmtp="111/111", feedback=("transport-cc",)),
    ),
    Kind.VIDEO: (
        _video(96, VP8),
        _video(125, H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        _video(102, H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
        _video(98, VP9, "profile-id=0"),
        _video(35, AV1, "level-idx=5;profile=0;tier=0"),
        _video(116, H265, "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"),
    ),
}
"""What a receiver may take of each kind; its answer says what it does take."""

_EVERYWHERE = (
    (2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    (3, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    (4, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (5, "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"),
)

EXTENSIONS: dict[Kind, tuple[tuple[int, str], ...]] = {
    Kind.AUDIO: (*_EVERYWHERE, (1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")),
    Kind.VIDEO: (
        *_EVERYWHERE,
        (6, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
        (7, "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"),
    ),
}
"""(id, URI) of what a packet may carry on its way to a receiver."""
