# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets a data packet, and is it new? Decisions on one packet's envelope."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sfu.core import limits
from sfu.core.media import DataChannel, PeerId

RELIABLE = "_reliable"
LOSSY = "_lossy"
"""Labels of the channels; the channel, not the packet, says whether it is reliable."""

SERVER_CHANNELS = (DataChannel(RELIABLE, reliable=True), DataChannel(LOSSY, reliable=False))
"""What the server opens on the second of two peer connections; the client opens its own on the first."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What routing needs of a data packet."""

    identities: tuple[str, ...]
    """Receivers by identity; with `sids` empty too, everybody else."""
    sids: tuple[str, ...]
    sequence: int
    """Counts a sender's reliable packets from 1; 0 when the client does not count."""
    nonce: bytes = b""
    """The same in copies of one packet that came in several ways; empty when it has none."""


@dataclass(slots=True)
class Sequence:
    """The last reliable packet of one sender."""

    last: int = field(default=0)

    def is_new(self, envelope: Envelope, label: str) -> bool:
        """Take a packet's number in; False for one that was relayed before."""
        if label != RELIABLE or not envelope.sequence:
            return True
        if envelope.sequence <= self.last:
            return False
        self.last = envelope.sequence
        return True


@dataclass(slots=True)
class Nonces:
    """The packets that a room had, by nonce; the oldest is forgotten first."""

    _seen: dict[bytes, None] = field(default_factory=dict)

    def is_new(self, nonce: bytes) -> bool:
        """Take a packet in; False for a copy of an earlier one."""
        if not nonce:
            return True
        if nonce in self._seen:
            return False
        self._seen[nonce] = None
        if len(self._seen) > limits.DATA_NONCES_MAX:
            del self._seen[next(iter(self._seen))]
        return True


@dataclass(slots=True)
class Channels:
    """Whether one receiver has the reliable channel open, and what waits for it.

    A newcomer is in the room before its channels are: reliable packets of that moment must not be lost.
    """

    _open: bool = False
    _held: list[bytes] = field(default_factory=list)
    _held_bytes: int = 0

    def hold(self, label: str, payload: bytes) -> bool:
        """Keep a packet that could not be sent; False when it is to be dropped."""
        if label != RELIABLE or self._open:
            return False
        if self._held_bytes + len(payload) > limits.DATA_HELD_MAX:
            return False
        self._held.append(payload)
        self._held_bytes += len(payload)
        return True

    def opened(self, label: str) -> list[bytes]:
        """Note an open channel; give what waited for it, in order."""
        if label != RELIABLE:
            return []
        self._open = True
        held, self._held, self._held_bytes = self._held, [], 0
        return held


def receivers(envelope: Envelope, others: Iterable[tuple[PeerId, str]]) -> tuple[PeerId, ...]:
    """Choose among the others in the room, (sid, identity) each."""
    if len(envelope.identities) + len(envelope.sids) > limits.DESTINATIONS_MAX:
        return ()
    identities, sids = set(envelope.identities), set(envelope.sids)
    everybody = not identities and not sids
    return tuple(sid for sid, identity in others if everybody or identity in identities or sid in sids)
