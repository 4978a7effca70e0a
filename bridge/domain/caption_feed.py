# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What one page that listens to captions gets: what it may know, and what is dropped when it reads too slowly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from bridge.domain.segments import Segment
from bridge.domain.translations import Translation

MAX_WAITING = 200
"""Segments that wait for one page. Stops: a page that does not read filling our memory."""

MAX_KNOWN = 1_000
"""Segments of which a page is known to have the words. Stops: a guest's day in a meeting filling our memory."""


class Sieve:
    """Lets through what was said since a moment (Unix ms), with its corrections and translations."""

    def __init__(self, since_ms: int) -> None:
        self._since_ms = since_ms
        self._known: OrderedDict[str, None] = OrderedDict()

    def through(self, found: Iterable[Segment | Translation]) -> list[Segment | Translation]:
        """Return what the page may know, in the same order."""
        return [one for one in found if not self._since_ms or self._passes(one)]

    def _passes(self, one: Segment | Translation) -> bool:
        if isinstance(one, Translation):
            return one.segment_id in self._known
        if one.end_ms < self._since_ms:
            return False
        self._known[one.id] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return True


class Backlog:
    """Segments and their translations by id: a newer revision takes the older one's place.

    When it is full, the oldest unfinished segment goes (a later revision will bring it back); if all are final, the
    oldest of them.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Segment | Translation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, segment: Segment | Translation) -> None:
        """Add one, or replace its older revision."""
        known = self._waiting.get(segment.id)
        if known is not None and known.rev >= segment.rev:
            return
        self._waiting[segment.id] = segment
        if len(self._waiting) > MAX_WAITING:
            victim = next((key for key, waiting in self._waiting.items() if not waiting.final), None)
            self._waiting.pop(victim if victim is not None else next(iter(self._waiting)))

    def take(self) -> list[Segment | Translation]:
        """Return all that waits, in order of arrival, and forget it."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting
