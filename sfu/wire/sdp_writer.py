# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How are our offers and answers written? The core's words into SDP text.

An ICE-lite server on one bundled transport, which is always the DTLS server, and whose candidates are all in
the description, so that nothing needs to be trickled.
"""

from collections.abc import Sequence
from functools import lru_cache

from sfu.core.formats import OPUS, answered_fmtp
from sfu.core.media import Candidate, Codec, Fingerprint
from sfu.core.media_description import Direction, OwnSection, SentMedia
from sfu.core.messages import Answer, Description

SCTP_PORT = 5000

_SCTP_MESSAGE_MAX = 65_535

_FORMATS_KEPT = 256
"""Sets of codecs and extensions that were written lately: one or two a kind of client. stops: memory for strangers'."""

_UDP_PREFERENCE, _TCP_PREFERENCE = 126, 90
"""Host candidates by type (RFC 8445 section 5.1.2.2); by TCP less, so that UDP is chosen where it works."""

_PASSIVE = 4
"""Direction preference of a passive host candidate (RFC 6544 section 4.2)."""


def render(description: Description, fingerprint: Fingerprint, candidates: Sequence[Candidate]) -> str:
    """Write an offer or an answer; it ends with a line break, as SDP must."""
    bundled = [section.offered.mid for section in description.sections if not section.rejected]
    lines = [
        "v=0",
        f"o=- 1 {description.id + 1} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(bundled)}" if bundled else "a=group:BUNDLE",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ]
    transport = "\r\n".join(
        (
            f"a=ice-ufrag:{description.ice.ufrag}",
            f"a=ice-pwd:{description.ice.pwd}",
            f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
            "a=setup:passive" if isinstance(description, Answer) else "a=setup:actpass",
        )
    )
    with_candidates = bundled[0] if bundled else None
    known: dict[tuple[int, int], tuple[str, str]] = {}
    for section in description.sections:
        offered = section.offered
        alike = id(offered.codecs), id(offered.extensions)  # hundreds of sections share them, and they are long to hash
        if alike not in known:
            known[alike] = _formats(offered.codecs, offered.extensions, description.opus_fmtp)
        lines.append(_section(section, transport, *known[alike]))
        if offered.mid == with_candidates:
            lines += _candidates(candidates)
    return "\r\n".join(lines) + "\r\n"


def _section(section: OwnSection, transport: str, numbers: str, formats: str) -> str:
    offered, mid = section.offered, section.offered.mid
    if section.rejected:
        return (
            f"m={offered.media} 0 {offered.protocol} {offered.formats}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:{mid}"
        )
    head = f"c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n{transport}"
    if offered.is_data:
        return (
            f"m={offered.media} 9 {offered.protocol} {offered.formats}\r\n{head}\r\n"
            f"a=sctp-port:{SCTP_PORT}\r\na=max-message-size:{_SCTP_MESSAGE_MAX}"
        )
    more = (*_simulcast(section), *(_sent(section.sent) if section.sent is not None else ()))
    text = f"m={offered.media} 9 {offered.protocol} {numbers}\r\n{head}\r\na={section.direction.value}\r\n{formats}"
    return "\r\n".join((text, *more))


@lru_cache(maxsize=_FORMATS_KEPT)
def _formats(codecs: tuple[Codec, ...], extensions: tuple[tuple[int, str], ...], opus_fmtp: str) -> tuple[str, str]:
    """Give the payload types and the lines about them."""
    lines = [
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(f"a=extmap:{number} {uri}" for number, uri in extensions),
        *(line for codec in codecs for line in _codec(codec, opus_fmtp)),
    ]
    return " ".join(str(number) for codec in codecs for number in _payload_types(codec)), "\r\n".join(lines)


def _payload_types(codec: Codec) -> list[int]:
    rtx = [] if codec.rtx_payload_type is None else [codec.rtx_payload_type]
    return [codec.payload_type, *rtx]


def _codec(codec: Codec, opus_fmtp: str) -> list[str]:
    number = codec.payload_type
    name = codec.mime.partition("/")[2]
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{number} {name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in codec.feedback]
    parameters = opus_fmtp if codec.mime == OPUS else answered_fmtp(codec)
    if parameters:
        lines.append(f"a=fmtp:{number} {parameters}")
    if codec.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{codec.rtx_payload_type} rtx/{codec.clock_rate}")
        lines.append(f"a=fmtp:{codec.rtx_payload_type} apt={number}")
    return lines


def _simulcast(section: OwnSection) -> list[str]:
    """Accept every layer of a section in which the client sends (RFC 8853 section 5.2)."""
    if section.direction is not Direction.RECVONLY or not section.offered.rids:
        return []
    rids = section.offered.rids
    return [*(f"a=rid:{rid} recv" for rid in rids), f"a=simulcast:recv {';'.join(rids)}"]


def _sent(sent: SentMedia) -> list[str]:
    msid, cname = f"msid:{sent.stream_id} {sent.track_id}", f"cname:{sent.stream_id.partition('|')[0]}"
    lines = [f"a={msid}"]
    if sent.rtx_ssrc:
        lines.append(f"a=ssrc-group:FID {sent.ssrc} {sent.rtx_ssrc}")
    lines += (f"a=ssrc:{ssrc} {cname}\r\na=ssrc:{ssrc} {msid}" for ssrc in (sent.ssrc, sent.rtx_ssrc) if ssrc)
    return lines


def _candidates(candidates: Sequence[Candidate]) -> list[str]:
    """Host candidates, the first ones preferred (RFC 8445 section 5.1.2.1, RFC 6544 section 4.2)."""
    lines = []
    for index, candidate in enumerate(candidates):
        tcp = candidate.protocol == "tcp"
        preference = (_PASSIVE << 13) | (8191 - index) if tcp else 65_535 - index
        priority = ((_TCP_PREFERENCE if tcp else _UDP_PREFERENCE) << 24) | (preference << 8) | 255
        lines.append(
            f"a=candidate:{index + 1} 1 {candidate.protocol} {priority} {candidate.host} {candidate.port} typ host"
            f"{' tcptype passive' if tcp else ''}"
        )
    return [*lines, "a=end-of-candidates"]
