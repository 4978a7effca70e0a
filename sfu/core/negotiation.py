# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which section of a client's offers carries which track?

One peer connection, the client always offers. Sections in which it sends belong to its own tracks.
Sections in which it only receives are *slots*: each carries one track that we send on, or waits for one.
A slot that lost its track is answered inactive once before it carries another, because a client notices a
new track only when the direction changes.

To get an offer the server asks for sections (`wanted`); zero and zero asks for an offer alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.core.formats import readable_as
from sfu.core.media import Codec, Kind, TrackSid
from sfu.core.media_description import (
    Direction,
    OfferedSection,
    OfferedSession,
    OwnSection,
    SentMedia,
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A track that shall go to this client."""

    track: TrackSid
    kind: Kind
    mime: str
    stream_id: str


@dataclass(slots=True)
class Slot:
    """A section in which the client receives."""

    kind: Kind
    sending: Sending | None = None
    sent: SentMedia | None = None
    draining: bool = False

    @property
    def track(self) -> TrackSid | None:
        """The track that it carries, when that shall go on."""
        return None if self.sending is None or self.draining else self.sending.track


@dataclass(frozen=True, slots=True)
class Started:
    """A slot that begins to carry a track."""

    track: TrackSid
    kind: Kind
    section: OfferedSection
    sent: SentMedia


@dataclass(slots=True)
class Negotiated:
    """What one offer led to."""

    sections: list[OwnSection] = field(default_factory=list)
    taken_in: list[tuple[TrackSid, OfferedSection]] = field(default_factory=list)
    """Own tracks of the client that have a section now (again, where its sources changed)."""
    ended: list[TrackSid] = field(default_factory=list)
    """Own tracks of the client whose section stopped sending."""
    unclaimed: list[str] = field(default_factory=list)
    """Track ids under which the client sends what it has not announced (yet)."""
    started: list[Started] = field(default_factory=list)
    stopped: list[TrackSid] = field(default_factory=list)
    """Forwarded tracks whose slot the client took away; they wait for another one."""
    tracks: list[tuple[str, TrackSid]] = field(default_factory=list)
    """The whole map from section to forwarded track."""
    unreadable: list[TrackSid] = field(default_factory=list)
    """Tracks that waited for a slot and are in a codec that the client does not take."""


class Negotiation:
    """The sections of one participant; `fresh_ssrc` gives unused non-zero SSRCs."""

    def __init__(self, fresh_ssrc: Callable[[], int]) -> None:
        self._fresh_ssrc = fresh_ssrc
        self._slots: dict[str, Slot] = {}
        self._uplinks: dict[str, tuple[TrackSid, OfferedSection]] = {}
        self._waiting: dict[TrackSid, Sending] = {}
        self._promised = {Kind.AUDIO: 0, Kind.VIDEO: 0}
        self._asked = False
        self._offered = False
        self._unclaimed: frozenset[str] = frozenset()
        self._again = False
        self._readable: set[str] = set()

    def send(self, sending: Sending) -> None:
        """Let a track that this client does not have be carried by the next free slot."""
        self._waiting[sending.track] = sending

    def stop(self, track: TrackSid) -> bool:
        """Carry a track no longer; True when a slot carried it."""
        self._waiting.pop(track, None)
        for slot in self._slots.values():
            if slot.track == track:
                slot.draining = True
                return True
        return False

    def unpublished(self, track: TrackSid) -> None:
        """The server ended a track of the client: its section, should it go on sending, carries nothing known."""
        self._uplinks = {mid: uplink for mid, uplink in self._uplinks.items() if uplink[0] != track}

    def announced(self, cids: frozenset[str]) -> None:
        """Ask for an offer when the last one already held this track, which was unknown then."""
        self._again = self._again or not self._unclaimed.isdisjoint(cids)

    def wanted(self) -> tuple[int, int] | None:
        """Say how many audio and video sections to ask for; None when no offer is needed or one is due.

        Whoever calls this sends the request: it is remembered as sent.
        """
        if not self._offered or not self._pending():
            return None
        missing = {kind: max(0, self._missing(kind)) for kind in Kind}
        if self._asked and not any(missing.values()):
            return None
        for kind, number in missing.items():
            self._promised[kind] = max(self._promised[kind], self._known(kind)) + number
        self._asked = True
        return missing[Kind.AUDIO], missing[Kind.VIDEO]

    def resumed(self) -> None:
        """The client is on a new socket: what it was asked for may be lost, and it will offer by itself."""
        self._asked = False
        self._promised = dict.fromkeys(Kind, 0)

    @property
    def offer_due(self) -> bool:
        """Whether the client was asked for an offer that has not come."""
        return self._asked

    def answer(self, offer: OfferedSession, own_track: Callable[[OfferedSection], TrackSid | None]) -> Negotiated:
        """Answer an offer; `own_track` names the client's track of a section in which it sends."""
        result = Negotiated()
        self._offered = True
        for section in offer.sections:
            result.sections.append(self._answer_section(section, own_track, result))
        for mid in sorted((self._uplinks.keys() | self._slots.keys()) - {section.mid for section in offer.sections}):
            self._release(mid, result)
        self._again = False
        self._unclaimed = frozenset(result.unclaimed)
        self._asked = any(self._promised[kind] > self._known(kind) for kind in Kind)
        self._note_readable(offer)
        result.unreadable = [sending.track for sending in self._waiting.values() if not self.reads(sending.mime)]
        for unreadable in result.unreadable:
            del self._waiting[unreadable]
        result.tracks = [(mid, slot.track) for mid, slot in self._slots.items() if slot.track is not None]
        return result

    def reads(self, mime: str) -> bool:
        """Whether the client takes a codec; before its first offer it is believed to."""
        kind = mime.partition("/")[0]
        known = {name for name in self._readable if name.startswith(kind)}
        return not known or any(name in known for name in readable_as(mime))

    def published(self, mid: str) -> TrackSid | None:
        """Give the client's own track of a section."""
        return self._uplinks[mid][0] if mid in self._uplinks else None

    def _note_readable(self, offer: OfferedSession) -> None:
        receiving = [section for section in offer.sections if section.mid in self._slots]
        self._readable |= {codec.mime for section in receiving for codec in section.codecs}

    def _answer_section(
        self,
        section: OfferedSection,
        own_track: Callable[[OfferedSection], TrackSid | None],
        result: Negotiated,
    ) -> OwnSection:
        if section.is_data and not section.rejected:
            return OwnSection(section, Direction.SENDRECV)
        kind = section.kind
        if section.rejected or kind is None:
            self._release(section.mid, result)
            return OwnSection(section, Direction.INACTIVE, rejected=True)
        if section.direction.sends:
            return self._take_in(section, own_track, result)
        if section.mid in self._uplinks:
            result.ended.append(self._uplinks.pop(section.mid)[0])
        if not section.direction.receives:
            # Its track ended. Rejected, the client may use the section again, for what it publishes next; the first
            # one holds all others' transport (RFC 9143 section 7.2).
            self._release(section.mid, result)
            return OwnSection(section, Direction.INACTIVE, rejected=bool(result.sections))
        return self._fill(section, kind, result)

    def _take_in(
        self,
        section: OfferedSection,
        own_track: Callable[[OfferedSection], TrackSid | None],
        result: Negotiated,
    ) -> OwnSection:
        known = self._uplinks.get(section.mid)
        if known is not None and known[1].msid == section.msid:
            if (known[1].ssrcs, known[1].rids) != (section.ssrcs, section.rids):
                result.taken_in.append((known[0], section))
            self._uplinks[section.mid] = (known[0], section)
            return OwnSection(section, Direction.RECVONLY)
        if known is not None:
            result.ended.append(self._uplinks.pop(section.mid)[0])
        track = own_track(section)
        if track is None:
            if section.msid is not None:
                result.unclaimed.append(section.msid[1])
            return OwnSection(section, Direction.INACTIVE)
        self._uplinks[section.mid] = (track, section)
        result.taken_in.append((track, section))
        return OwnSection(section, Direction.RECVONLY)

    def _fill(self, section: OfferedSection, kind: Kind, result: Negotiated) -> OwnSection:
        slot = self._slots.setdefault(section.mid, Slot(kind))
        if slot.draining:
            self._slots[section.mid] = Slot(kind)
            return OwnSection(section, Direction.INACTIVE)
        if slot.sending is None:
            sending = self._next_waiting(section, kind)
            if sending is None:
                return OwnSection(section, Direction.INACTIVE)
            codec = carried_codec(section, sending.mime)
            assert codec is not None  # _next_waiting looked
            slot.sending = sending
            slot.sent = SentMedia(
                sending.stream_id,
                sending.track,
                self._fresh_ssrc(),
                self._fresh_ssrc() if codec.rtx_payload_type is not None else 0,
            )
            result.started.append(Started(sending.track, kind, section, slot.sent))
        return OwnSection(section, Direction.SENDONLY, sent=slot.sent)

    def _next_waiting(self, section: OfferedSection, kind: Kind) -> Sending | None:
        for sending in self._waiting.values():
            if sending.kind is kind and carried_codec(section, sending.mime) is not None:
                return self._waiting.pop(sending.track)
        return None

    def _release(self, mid: str, result: Negotiated) -> None:
        """A section is out of use: the client's track ended, a forwarded one waits for another slot."""
        if mid in self._uplinks:
            result.ended.append(self._uplinks.pop(mid)[0])
        slot = self._slots.pop(mid, None)
        if slot is not None and slot.sending is not None and not slot.draining:
            result.stopped.append(slot.sending.track)
            self._waiting[slot.sending.track] = slot.sending

    def _pending(self) -> bool:
        return self._again or bool(self._waiting) or any(slot.draining for slot in self._slots.values())

    def _known(self, kind: Kind) -> int:
        return sum(slot.kind is kind for slot in self._slots.values())

    def _missing(self, kind: Kind) -> int:
        waiting = sum(sending.kind is kind for sending in self._waiting.values())
        usable = sum(slot.kind is kind and slot.track is None for slot in self._slots.values())
        under_way = max(0, self._promised[kind] - self._known(kind))
        return waiting - usable - under_way


def carried_codec(section: OfferedSection, mime: str) -> Codec | None:
    """Find a section's payload type for a track."""
    return next((codec for name in readable_as(mime) for codec in section.codecs if codec.mime == name), None)
