# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose data has to wait, and for whom? Senders of data packets against their own rates and slow receivers.

A reliable channel must not lose packets: a file of which one chunk is missing is worthless. So a sender that is
faster than it may be, or than one of its receivers takes, is *held*: nothing is read from its association, its
window closes, and its client waits (every SDK watches what it has buffered). But no receiver may stop the others
for long: one that takes less than `DATA_SLOW_BYTES` in `DATA_SLOW_S` is given up, and misses what does not fit
its buffer, until it has caught up. Lossy packets beyond a sender's rates are dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.core import limits
from sfu.core.media import PeerId
from sfu.core.meter import Meter

TICK_S = 0.05
"""How often `tick` wants to be called while `busy`."""


@dataclass(slots=True)
class _Sender:
    """How fast somebody sends, and whom it waits for."""

    bytes: Meter = field(default_factory=lambda: Meter(limits.DATA_BYTES_PER_SECOND, limits.DATA_BYTES_BURST))
    messages: Meter = field(default_factory=lambda: Meter(limits.DATA_MESSAGES_PER_SECOND, limits.DATA_MESSAGES_BURST))
    waits_for: set[PeerId] = field(default_factory=set)
    until: float = 0.0


@dataclass(slots=True)
class _Receiver:
    """How much waited for somebody when it was last looked at."""

    waiting: int
    since: float
    given_up: bool = False


class Backpressure:
    """All senders and slow receivers of one worker; after each call, `drain` says who is held and who no more."""

    def __init__(self) -> None:
        self._senders: dict[PeerId, _Sender] = {}
        self._receivers: dict[PeerId, _Receiver] = {}
        self._held: set[PeerId] = set()
        self._changes: list[tuple[PeerId, bool]] = []

    @property
    def busy(self) -> bool:
        """Whether time alone may change something."""
        return bool(self._held or self._receivers)

    def drain(self) -> list[tuple[PeerId, bool]]:
        """Give whom to hold (True) and to hold no longer (False), once, in order."""
        changes, self._changes = self._changes, []
        return changes

    def sends(self, sender: PeerId, size: int, copies: int, now: float, *, reliable: bool) -> bool:
        """Count one packet of a sender to so many receivers; False when it is to be dropped."""
        entry = self._senders.setdefault(sender, _Sender())
        if reliable:
            owed = max(entry.bytes.owe(now, size * copies), entry.messages.owe(now, copies))
            if owed:
                entry.until = now + owed
                self._hold(sender)
            return True
        return entry.messages.take(now, copies) and entry.bytes.take(now, size * copies)

    def waits(self, sender: PeerId, receiver: PeerId, waiting: int, now: float) -> None:
        """Take in how many bytes of reliable data wait for a receiver after it was sent to."""
        if waiting <= limits.DATA_WAITING_HIGH:
            return
        slow = self._receivers.setdefault(receiver, _Receiver(waiting, now))
        if not slow.given_up:
            self._senders.setdefault(sender, _Sender()).waits_for.add(receiver)
            self._hold(sender)

    def tick(self, now: float, waiting: Callable[[PeerId], int]) -> None:
        """Look again at slow receivers, let go whoever has waited enough."""
        for peer, receiver in list(self._receivers.items()):
            left = waiting(peer)
            if left <= limits.DATA_WAITING_LOW:
                del self._receivers[peer]
            elif now - receiver.since >= limits.DATA_SLOW_S:
                receiver.given_up = receiver.given_up or receiver.waiting - left < limits.DATA_SLOW_BYTES
                receiver.waiting, receiver.since = left, now
        for sender in sorted(self._held):
            entry = self._senders[sender]
            entry.waits_for = {peer for peer in entry.waits_for if self._blocks(peer)}
            if not entry.waits_for and now >= entry.until:
                self._held.discard(sender)
                self._changes.append((sender, False))

    def left(self, peer: PeerId) -> None:
        """Forget somebody who is gone."""
        self._senders.pop(peer, None)
        self._receivers.pop(peer, None)
        self._held.discard(peer)

    def _hold(self, sender: PeerId) -> None:
        if sender not in self._held:
            self._held.add(sender)
            self._changes.append((sender, True))

    def _blocks(self, receiver: PeerId) -> bool:
        found = self._receivers.get(receiver)
        return found is not None and not found.given_up
