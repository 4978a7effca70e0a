# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do a light client's offers and answers say? As much as a server needs, and no more."""

import re

from sfu.core.media import Candidate, Fingerprint, IceCredentials
from sfu.load.traffic import LEVEL_ID, MID_ID, NUMBER_ID, RID_ID, SEND_TIME_ID, LoadError

OPUS_TYPE, VP8_TYPE, RTX_TYPE = 111, 96, 97
AUDIO_MID, VIDEO_MID = "0", "1"

_EXTENSIONS = (
    f"a=extmap:{SEND_TIME_ID} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    f"a=extmap:{NUMBER_ID} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    f"a=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid",
)
_AUDIO = (
    f"a=extmap:{LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    f"a=rtpmap:{OPUS_TYPE} opus/48000/2",
    f"a=rtcp-fb:{OPUS_TYPE} transport-cc",
    f"a=fmtp:{OPUS_TYPE} minptime=10;useinbandfec=1",
)
_VIDEO = (
    f"a=extmap:{RID_ID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    f"a=rtpmap:{VP8_TYPE} VP8/90000",
    *(f"a=rtcp-fb:{VP8_TYPE} {name}" for name in ("transport-cc", "ccm fir", "nack", "nack pli")),
    f"a=rtpmap:{RTX_TYPE} rtx/90000",
    f"a=fmtp:{RTX_TYPE} apt={VP8_TYPE}",
)
_COPIED = ("a=mid:", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:", "a=rtcp-mux", "a=sctp-port", "c=")
_ESTIMATES = re.compile(r"a=rtcp-fb:\S+ (transport-cc|goog-remb)|a=extmap:\S+ \S*transport-wide-cc")
"""A light client reports no arrivals: where it promised to, a server would wait for them and hold pictures back."""


def offer(local: IceCredentials, own: Fingerprint, audio: str, video: str, rids: tuple[str, ...]) -> str:
    """Offer a microphone and a camera, each named by its cid; empty: none."""
    sections = []
    if audio:
        sections.append((f"m=audio 9 UDP/TLS/RTP/SAVPF {OPUS_TYPE}", AUDIO_MID, [*_AUDIO, f"a=msid:load {audio}"]))
    if video:
        layers = [*(f"a=rid:{rid} send" for rid in rids), f"a=simulcast:send {';'.join(rids)}"] if rids else []
        head = f"m=video 9 UDP/TLS/RTP/SAVPF {VP8_TYPE} {RTX_TYPE}"
        sections.append((head, VIDEO_MID, [*_VIDEO, f"a=msid:load {video}", *layers]))
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines.append(f"a=group:BUNDLE {' '.join(mid for _, mid, _ in sections)}")
    for head, mid, rest in sections:
        lines += [head, "c=IN IP4 0.0.0.0", f"a=mid:{mid}", *_transport(local, own, "actpass")]
        lines += ["a=sendonly", "a=rtcp-mux", *_EXTENSIONS, *rest]
    return "\r\n".join(lines) + "\r\n"


class Answers:
    """Answers one receiver's offers. Sections that did not change are not written again."""

    def __init__(self, local: IceCredentials, own: Fingerprint) -> None:
        self._own = _transport(local, own, "active")
        self._written: dict[str, str] = {}

    def to(self, sdp: str) -> str:
        """Take everything in that is offered."""
        head, *sections = sdp.replace("\r\n", "\n").split("\nm=")
        group = next((line for line in head.split("\n") if line.startswith("a=group:")), "")
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", group]
        written = {section: self._written.get(section) or self._section(section) for section in sections}
        self._written = written
        return "\r\n".join([*filter(None, lines), *(written[section] for section in sections)]) + "\r\n"

    def _section(self, section: str) -> str:
        first, *rest = section.strip().split("\n")
        copied = [line for line in rest if line.startswith(_COPIED) and not _ESTIMATES.match(line)]
        direction = "a=inactive" if "a=inactive" in rest else "a=recvonly"
        lines = [f"m={first}", *copied, *self._own, *([] if first.startswith("application") else [direction])]
        return "\r\n".join(lines)


def remote(sdp: str) -> tuple[Candidate, IceCredentials, Fingerprint]:
    """Find where and who the server is. Raises LoadError."""
    candidate = re.search(r"(?mi)^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp)
    ufrag, pwd = _value(sdp, "ice-ufrag"), _value(sdp, "ice-pwd")
    algorithm, _, value = _value(sdp, "fingerprint").partition(" ")
    if candidate is None:
        raise LoadError("the server names no UDP candidate in its description; this client takes no trickled ones")
    return Candidate(candidate[1], int(candidate[2])), IceCredentials(ufrag, pwd), Fingerprint(algorithm, value)


def _transport(local: IceCredentials, own: Fingerprint, setup: str) -> list[str]:
    return [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        f"a=fingerprint:{own.algorithm} {own.value}",
        f"a=setup:{setup}",
    ]


def _value(sdp: str, name: str) -> str:
    found = re.search(rf"(?m)^a={name}:(.*?)\r?$", sdp)
    if found is None:
        raise LoadError(f"the server's description has no {name}")
    return found[1]
