# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a client's offer or answer say? SDP text (RFC 8866, RFC 9429) into the core's words.

Tolerant of what it does not know: unknown lines, codecs and extensions are passed over. Strict about what
the answer depends on: sections, mids, ICE credentials and fingerprints. Attributes have RFC 8866's names.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sfu.core import limits
from sfu.core.formats import CARRIED, OPUS, RED, Format, fmtp_parameters, format_of
from sfu.core.media import Codec, Fingerprint, IceCredentials
from sfu.core.media_description import EXTENSION_URIS, Direction, OfferedSection, OfferedSession

_CLOCKS = {OPUS: (48000, 2), RED: (48000, 2)}
_CODECS = {(*mime.lower().split("/"), *_CLOCKS.get(mime, (90000, 1))): mime for mime in CARRIED}
"""(media, encoding name, clock rate, channels) of what this server carries, to LiveKit's spelling."""

_FEEDBACK = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"}
"""Accepted feedback."""

_FINGERPRINT_HASHES = {"sha-256", "sha-384", "sha-512"}

_MID_MAX = 32
"""Characters of a section's name. stops: long names repeated in every answer."""


_FORMATS_KEPT, _FORMATS_TEXT_MAX = 256, 16 * 1024
"""Sets of payload types that were read lately, each with so many characters; a browser's has 4,000. stops: memory for
strangers' texts."""


_TWICE = "two sections of the description have the same mid"


class SdpError(Exception):
    """A description that cannot be answered; theirs, the text is safe to show."""


@dataclass(slots=True)
class _Attributes:
    """The attributes of the session or of one section, by name, in order."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        name, _, value = text.partition(":")
        self.values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def first(self, name: str) -> str | None:
        values = self.values.get(name)
        return values[0] if values else None


def parse_description(text: str) -> OfferedSession:
    """Read an offer or an answer. Raises `SdpError` for whatever is neither."""
    return Descriptions().read(text)


class Descriptions:
    """Those of one client: sections that stand as they stood in the one before are not read again."""

    def __init__(self) -> None:
        self._last: dict[int, OfferedSection] = {}
        """By the hash of their text, which nobody can foretell; the texts would take a hundred times the room."""

    def read(self, text: str) -> OfferedSession:
        """Read an offer or an answer. Raises `SdpError` for whatever is neither."""
        if len(text) > limits.SDP_MAX:
            raise SdpError(f"a description has at most {limits.SDP_MAX} characters")
        first, *blocks = text.replace("\r\n", "\n").split("\nm=")
        if not first.startswith("v=0"):
            raise SdpError("a description begins with v=0")
        if not blocks:
            raise SdpError("the description has no section")
        if len(blocks) > limits.SDP_SECTIONS_MAX:
            raise SdpError(f"a description has at most {limits.SDP_SECTIONS_MAX} sections")
        session = _attributes(first)
        sections = self._sections(blocks)
        mids = {section.mid for section in sections}
        if len(mids) != len(sections):
            raise SdpError(_TWICE)
        ice = _ice(session) or next((section.ice for section in sections if section.ice is not None), None)
        if ice is None:
            raise SdpError("the description has no ICE credentials (a=ice-ufrag, a=ice-pwd)")
        fingerprints = [*_fingerprints(session), *(each for section in sections for each in section.fingerprints)]
        if not fingerprints:
            raise SdpError("the description has no certificate fingerprint")
        bundle = next((group.split()[1:] for group in session.all("group") if group.split()[:1] == ["BUNDLE"]), [])
        return OfferedSession(
            sections, ice, tuple(dict.fromkeys(fingerprints)), tuple(mid for mid in bundle if mid in mids)
        )

    def _sections(self, blocks: list[str]) -> tuple[OfferedSection, ...]:
        """Read the sections; texts that differ in nothing but the mid are read once.

        An offer to a large room has hundreds of equal receiving sections.
        """
        alike: dict[str, OfferedSection] = {}
        read: dict[int, OfferedSection] = {}
        for block in blocks:
            key = hash(block)
            section = self._last.get(key)
            if section is None:
                mid, rest = _split_mid(block)
                if rest not in alike:
                    alike[rest] = _section(rest)
                section = replace(alike[rest], mid=mid)
            if key in read:
                raise SdpError(_TWICE)
            read[key] = section
        self._last = read
        return tuple(read.values())


def _split_mid(block: str) -> tuple[str, str]:
    start = block.find("\na=mid:")
    if start < 0:
        raise SdpError("a section has no a=mid")
    end = block.find("\n", start + 1)
    line, rest = (block[start:], "") if end < 0 else (block[start:end], block[end:])
    mid = line.removeprefix("\na=mid:").strip()
    if not mid or len(mid) > _MID_MAX or not mid.isprintable() or " " in mid:
        raise SdpError("a section has no usable a=mid")
    return mid, block[:start] + rest


def _attributes(block: str) -> _Attributes:
    lines = block.split("\n")
    if len(lines) > limits.SDP_LINES_PER_SECTION_MAX:
        raise SdpError(f"a section has at most {limits.SDP_LINES_PER_SECTION_MAX} lines")
    attributes = _Attributes()
    for line in lines:
        if line.startswith("a="):
            attributes.add(line[2:].rstrip())
    return attributes


def _section(block: str) -> OfferedSection:
    parts = block.split("\n", 1)[0].split()
    if len(parts) < 4 or not parts[1].split("/")[0].isdecimal():
        raise SdpError("a section does not begin with m=<media> <port> <protocol> <formats>")
    media, port, protocol, numbers = parts[0], parts[1], parts[2], parts[3:]
    attributes = _attributes(block)
    codecs = _codecs(media, numbers, attributes)
    rtx_ssrcs = _rtx_ssrcs(attributes)
    return OfferedSection(
        media=media,
        protocol=protocol,
        formats=" ".join(numbers),
        mid="",
        rejected=port.split("/")[0] == "0" or (media in {"audio", "video"} and not codecs),
        direction=_direction(attributes),
        codecs=codecs,
        extensions=_extensions(attributes),
        msid=_msid(attributes),
        ssrcs=_ssrcs(attributes, {rtx for _, rtx in rtx_ssrcs}),
        rtx_ssrcs=rtx_ssrcs,
        rids=_rids(attributes),
        ice=_ice(attributes),
        fingerprints=tuple(_fingerprints(attributes)),
    )


def _direction(attributes: _Attributes) -> Direction:
    for direction in Direction:
        if attributes.first(direction.value) is not None:
            return direction
    return Direction.SENDRECV


def _codecs(media: str, numbers: list[str], attributes: _Attributes) -> tuple[Codec, ...]:
    """Read the payload types in the client's order of preference, one of each format."""
    names = ("rtpmap", "fmtp", "rtcp-fb")
    lines = tuple(tuple(attributes.all(name)) for name in names)
    short = sum(len(value) for values in lines for value in values) < _FORMATS_TEXT_MAX
    return (_formats if short else _formats.__wrapped__)(media, tuple(numbers), *lines)


@lru_cache(maxsize=_FORMATS_KEPT)
def _formats(
    media: str, numbers: tuple[str, ...], rtpmaps: tuple[str, ...], fmtps: tuple[str, ...], feedbacks: tuple[str, ...]
) -> tuple[Codec, ...]:
    """The same, for every section of every client of one kind at once: a crowd's sections hardly differ in these."""
    rtpmap, fmtp = dict(_pairs(rtpmaps)), dict(_pairs(fmtps))
    feedback: dict[str, list[str]] = {}
    for number, value in _pairs(feedbacks):
        feedback.setdefault(number, []).append(value)
    rtx_of: dict[str, int] = {}
    found: dict[Format, Codec] = {}
    for number in (number for number in numbers if _number(number, 127) is not None):
        name, rate, channel_count = (*rtpmap.get(number, "").lower().split("/"), "", "", "")[:3]
        clock_rate, channels = _number(rate, 1_000_000), _number(channel_count or "1", 255)
        parameters = fmtp.get(number, "")
        if name == "rtx":
            rtx_of.setdefault(fmtp_parameters(parameters).get("apt", ""), int(number))
        mime = _CODECS.get((media, name, clock_rate or 0, channels or 0))
        if mime is None:
            continue
        accepted = [value for value in (*feedback.get(number, ()), *feedback.get("*", ())) if value in _FEEDBACK]
        codec = Codec(int(number), mime, clock_rate or 0, channels or 0, parameters, feedback=tuple(accepted))
        variant = format_of(codec)
        if variant is not None:
            found.setdefault(variant, codec)
    return tuple(replace(codec, rtx_payload_type=rtx_of.get(str(codec.payload_type))) for codec in found.values())


def _pairs(values: Iterable[str]) -> list[tuple[str, str]]:
    """Split `<first> <rest>` of each attribute; those without a rest are left out."""
    split = (value.split(maxsplit=1) for value in values)
    return [(parts[0], parts[1].strip()) for parts in split if len(parts) == 2]


def _extensions(attributes: _Attributes) -> tuple[tuple[int, str], ...]:
    """Known header extensions (RFC 8285); ids above 14 would need two-byte headers in every packet."""
    extensions: dict[int, str] = {}
    for number, rest in _pairs(attributes.all("extmap")):
        identifier = _number(number.split("/")[0], 14)
        uri = rest.split()[0]
        if identifier and uri in EXTENSION_URIS:
            extensions.setdefault(identifier, uri)
    return tuple(extensions.items())


def _msid(attributes: _Attributes) -> tuple[str, str] | None:
    for value in attributes.all("msid"):
        parts = value.split()
        if len(parts) == 2:
            return parts[0], parts[1]
    return None


def _rtx_ssrcs(attributes: _Attributes) -> tuple[tuple[int, int], ...]:
    pairs = []
    for value in attributes.all("ssrc-group"):
        parts = value.split()
        if len(parts) == 3 and parts[0] == "FID" and all(map(_is_ssrc, parts[1:])):
            pairs.append((int(parts[1]), int(parts[2])))
    return tuple(pairs)


def _ssrcs(attributes: _Attributes, rtx: set[int]) -> tuple[int, ...]:
    numbers = (value.split(maxsplit=1)[0] for value in attributes.all("ssrc") if value.strip())
    ssrcs = dict.fromkeys(int(number) for number in numbers if _is_ssrc(number))
    return tuple(ssrc for ssrc in ssrcs if ssrc not in rtx)


def _is_ssrc(text: str) -> bool:
    return bool(_number(text, 2**32 - 1))


def _number(text: str, maximum: int) -> int | None:
    """Read a decimal number of at most ten digits."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    number = int(text)
    return number if number <= maximum else None


def _rids(attributes: _Attributes) -> tuple[str, ...]:
    """RIDs that the client sends in simulcast (RFC 8853), paused ones too; alternatives count once."""
    value = attributes.first("simulcast")
    if value is None:
        return ()
    parts = value.split()
    sent = next((streams for way, streams in itertools.pairwise(parts) if way == "send"), "")
    listed = [words for words in (rid.split() for rid in attributes.all("rid")) if words[1:2] == ["send"]]
    known = {words[0] for words in listed if len(words[0]) <= limits.RID_MAX_CHARS}
    rids = [alternatives.split(",")[0].lstrip("~") for alternatives in sent.split(";") if alternatives]
    return tuple(rid for rid in dict.fromkeys(rids) if rid in known)[: limits.LAYERS_MAX]


def _ice(attributes: _Attributes) -> IceCredentials | None:
    ufrag, password = attributes.first("ice-ufrag"), attributes.first("ice-pwd")
    if ufrag is None or password is None:
        return None
    if not (4 <= len(ufrag) <= 256 and 22 <= len(password) <= 256):
        raise SdpError("ICE credentials have a wrong length (RFC 8839 section 5.4)")
    return IceCredentials(ufrag, password)


def _fingerprints(attributes: _Attributes) -> list[Fingerprint]:
    return [
        Fingerprint(algorithm.lower(), value.upper())
        for algorithm, value in _pairs(attributes.all("fingerprint"))
        if algorithm.lower() in _FINGERPRINT_HASHES
    ]
