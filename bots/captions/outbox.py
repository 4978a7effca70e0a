# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What waits for the bridge, and what is given up when it stays away."""

from collections import OrderedDict

from bots.captions.segment import Segment

MAX_FINALS = 2_000
"""stops: memory growing while the bridge is away; hours of speech. The oldest final text is given up, and counted."""
MAX_PARTIALS = 200
"""stops: unfinished texts piling up; nobody misses an old one, so the oldest is dropped."""


class Outbox:
    """A queue with one place a segment: a newer revision takes the older one's place. Oldest first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Segment] = OrderedDict()
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, segment: Segment) -> Segment | None:
        """Queue a version; returns a final segment that had to be given up for it, if any."""
        known = self._waiting.get(segment.id)
        if known is not None and known.rev >= segment.rev:
            return None
        self._waiting[segment.id] = segment
        same = [entry for entry in self._waiting.values() if entry.final is segment.final]
        if len(same) <= (MAX_FINALS if segment.final else MAX_PARTIALS):
            return None
        oldest = same[0]
        del self._waiting[oldest.id]
        if not oldest.final:
            return None
        self.given_up += 1
        return oldest

    def peek(self) -> Segment | None:
        """Return what to send next; it stays queued until ``done``."""
        return next(iter(self._waiting.values()), None)

    def done(self, segment: Segment) -> None:
        """Forget a version that was stored or refused; a newer one that came meanwhile stays."""
        if self._waiting.get(segment.id) is segment:
            del self._waiting[segment.id]
