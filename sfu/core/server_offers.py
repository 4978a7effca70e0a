# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which section of our own offers carries which track?

Two peer connections: on the second one the server offers and the client answers. One offer is outstanding at
a time; what changes meanwhile is in the next one. Sections are never taken away but used again: one that lost
its track is offered inactive once before it carries another, because a client notices a new track only when
the direction changes. The first section is that of data channels, so that there is something to offer before
there is a track.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from sfu.core import limits
from sfu.core.formats import readable_as
from sfu.core.media import Kind, TrackSid
from sfu.core.media_description import Direction, OfferedSection, OfferedSession, OwnSection, SentMedia
from sfu.core.negotiation import Sending, Started, carried_codec
from sfu.core.offered_codecs import CODECS, EXTENSIONS

DATA_MID = "0"


class Stage(Enum):
    """Where the exchange of descriptions stands."""

    SETTLED = auto()
    """The client has what there is."""
    DUE = auto()
    """Something changed that no offer holds."""
    OFFERED = auto()
    """An offer waits for its answer."""
    STALE = auto()
    """The same, and something changed since."""


class Happening(Enum):
    """What moves it."""

    CHANGED = auto()
    OFFER = auto()
    ANSWER = auto()
    RESTART = auto()
    """The client came back over another socket: what was outstanding may never be answered."""


TABLE: dict[tuple[Stage, Happening], Stage] = {
    (Stage.SETTLED, Happening.CHANGED): Stage.DUE,
    (Stage.DUE, Happening.CHANGED): Stage.DUE,
    (Stage.OFFERED, Happening.CHANGED): Stage.STALE,
    (Stage.STALE, Happening.CHANGED): Stage.STALE,
    (Stage.DUE, Happening.OFFER): Stage.OFFERED,
    (Stage.OFFERED, Happening.ANSWER): Stage.SETTLED,
    (Stage.STALE, Happening.ANSWER): Stage.DUE,
    **{(stage, Happening.RESTART): Stage.DUE for stage in Stage},
}
"""What is not written down changes nothing: an answer that nobody waits for, an offer that nothing asks for."""


@dataclass(slots=True)
class Slot:
    """A media section of ours."""

    mid: str
    kind: Kind
    sending: Sending | None = None
    sent: SentMedia | None = None
    draining: bool = False
    """Its track shall not go on; free when a client has answered it inactive."""
    started: OfferedSection | None = None
    """How the client took its track in."""
    shown: OwnSection | None = None
    """As it was offered last."""
    rejected: bool = False
    """The client took the whole section away, for good (RFC 9429 section 5.3.1)."""

    @property
    def is_free(self) -> bool:
        """Whether the next track of its kind may have it."""
        return self.sending is None and not self.draining and not self.rejected

    @property
    def track(self) -> TrackSid | None:
        """The track that it carries, when that shall go on."""
        return None if self.sending is None or self.draining else self.sending.track


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer of ours."""

    id: int
    sections: tuple[OwnSection, ...]
    tracks: tuple[tuple[str, TrackSid], ...]
    """The map from section to track."""


@dataclass(slots=True)
class Accepted:
    """What one answer led to."""

    started: list[Started] = field(default_factory=list)
    """Tracks that a section carries now (again, where the client takes them in otherwise)."""
    refused: list[TrackSid] = field(default_factory=list)
    """Tracks that the client takes in under none of our codecs."""


class ServerOffers:
    """The sections that one receiver is offered, with the codecs in `mimes`.

    `fresh_ssrc` gives unused non-zero SSRCs. With `at_once` the first offer is due before there is a track.
    """

    def __init__(self, fresh_ssrc: Callable[[], int], mimes: tuple[str, ...], *, at_once: bool) -> None:
        self._fresh_ssrc = fresh_ssrc
        self._mimes = mimes
        self._data = _data_section()
        self._plain = {kind: _media_section(kind).restricted(mimes) for kind in Kind}
        """What sections of a kind have in common."""
        self._readable: dict[Kind, frozenset[str]] = {}
        self._stage = Stage.DUE if at_once else Stage.SETTLED
        self._id = 0
        self._slots: list[Slot] = []
        self._waiting: dict[TrackSid, Sending] = {}
        self._shown: frozenset[str] = frozenset()
        """Sections that the last offer had active."""

    def send(self, sending: Sending) -> None:
        """Let a track that this client does not have be in the next offer."""
        self._waiting[sending.track] = sending
        self._step(Happening.CHANGED)

    def stop(self, track: TrackSid) -> bool:
        """Carry a track no longer; True when a section carried it."""
        if self._waiting.pop(track, None) is not None:
            return False
        for slot in self._slots:
            if slot.track == track:
                slot.draining = True
                self._step(Happening.CHANGED)
                return True
        return False

    def reads(self, mime: str) -> bool:
        """Whether the client takes a codec; before its first answer it is believed to."""
        readable = self._readable.get(Kind(mime.partition("/")[0]), frozenset(self._mimes))
        return any(name in readable for name in readable_as(mime))

    def restart(self) -> None:
        """Forget an outstanding offer and make another one due."""
        self._step(Happening.RESTART)

    @property
    def answer_due(self) -> bool:
        """Whether an offer waits for its answer."""
        return self._stage in {Stage.OFFERED, Stage.STALE}

    def offer(self) -> Offered | None:
        """Make the offer that is due; None when none is, or one waits for its answer.

        Whoever calls this sends it: it is remembered as sent.
        """
        if not self._step(Happening.OFFER):
            return None
        self._id += 1
        free = {kind: [slot for slot in reversed(self._slots) if slot.is_free and slot.kind is kind] for kind in Kind}
        for sending in list(self._waiting.values()):
            self._place(sending, free[sending.kind])
        self._shown = frozenset(slot.mid for slot in self._slots if slot.track is not None)
        tracks = tuple((slot.mid, slot.track) for slot in self._slots if slot.track is not None)
        return Offered(self._id, tuple(self._sections()), tracks)

    def answer(self, number: int, session: OfferedSession) -> Accepted | None:
        """Take an answer in; None when it answers no outstanding offer. Number 0 fits every offer (Go, Rust)."""
        if number not in {0, self._id} or not self._step(Happening.ANSWER):
            return None
        result = Accepted()
        sections = {section.mid: section for section in session.sections}
        for slot in self._slots:
            section = sections.get(slot.mid)
            if section is not None and section is slot.started and slot.mid in self._shown and not slot.draining:
                continue  # it stands as it stood
            if section is None or section.rejected:
                self._refuse(slot, result)
                slot.rejected = True
                continue
            self._readable[slot.kind] = frozenset(codec.mime for codec in section.codecs)
            if slot.mid in self._shown:
                self._start(slot, section, result)
            elif slot.draining:
                self._clear(slot)
        free = {slot.kind for slot in self._slots if slot.is_free}
        if any(sending.kind in free for sending in self._waiting.values()):
            self._step(Happening.CHANGED)
        return result

    def _step(self, happening: Happening) -> bool:
        following = TABLE.get((self._stage, happening))
        if following is None:
            return False
        self._stage = following
        return True

    def _place(self, sending: Sending, free: list[Slot]) -> None:
        """Give a track a section: a free one, else a new one. Without room for more sections it waits."""
        if not free:
            if len(self._slots) + 1 >= limits.SDP_SECTIONS_MAX:
                return
            free.append(Slot(str(len(self._slots) + 1), sending.kind))
            self._slots.append(free[-1])
        slot = free.pop()
        del self._waiting[sending.track]
        has_rtx = any(codec.rtx_payload_type is not None for codec in CODECS[sending.kind])
        slot.sending = sending
        slot.sent = SentMedia(
            sending.stream_id, sending.track, self._fresh_ssrc(), self._fresh_ssrc() if has_rtx else 0
        )

    def _start(self, slot: Slot, section: OfferedSection, result: Accepted) -> None:
        if slot.sending is None or slot.sent is None or slot.draining:
            return
        codec = carried_codec(section, slot.sending.mime)
        if codec is None or not section.direction.receives:
            self._refuse(slot, result)
            slot.draining = True
            self._step(Happening.CHANGED)
        elif slot.started is None or not _same(slot.started, section):
            slot.started = section
            sent = slot.sent if codec.rtx_payload_type is not None else replace(slot.sent, rtx_ssrc=0)
            result.started.append(Started(slot.sending.track, slot.kind, section, sent))

    def _refuse(self, slot: Slot, result: Accepted) -> None:
        if slot.track is not None:
            result.refused.append(slot.track)
        self._clear(slot)

    def _clear(self, slot: Slot) -> None:
        slot.sending = slot.sent = slot.started = None
        slot.draining = False

    def _sections(self) -> Iterator[OwnSection]:
        yield self._data
        for slot in self._slots:
            sent = slot.sent if slot.track is not None else None
            shown = slot.shown
            if shown is None or (shown.sent, shown.rejected) != (sent, slot.rejected):
                direction = Direction.INACTIVE if sent is None else Direction.SENDONLY
                plain = self._plain[slot.kind]
                section = replace(plain, mid=slot.mid, rejected=plain.rejected or slot.rejected, direction=direction)
                shown = slot.shown = OwnSection(section, direction, slot.rejected, sent)
            yield shown


def _data_section() -> OwnSection:
    data = OfferedSection(
        media="application",
        protocol="UDP/DTLS/SCTP",
        formats="webrtc-datachannel",
        mid=DATA_MID,
        rejected=False,
        direction=Direction.SENDRECV,
    )
    return OwnSection(data, Direction.SENDRECV)


def _media_section(kind: Kind) -> OfferedSection:
    return OfferedSection(
        media=kind.value,
        protocol="UDP/TLS/RTP/SAVPF",
        formats=" ".join(str(codec.payload_type) for codec in CODECS[kind]),
        mid="",
        rejected=False,
        direction=Direction.INACTIVE,
        codecs=CODECS[kind],
        extensions=EXTENSIONS[kind],
    )


def _same(one: OfferedSection, other: OfferedSection) -> bool:
    return (one.codecs, one.extensions) == (other.codecs, other.extensions)
