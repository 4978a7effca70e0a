# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who, in this process, wants to hear that something about a meeting changed: pages with an open stream.

A watcher is told that there is something to look at, never what: it reads anew. So nothing is lost when several things
change at once, or when a page comes back after a restart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bridge.domain.errors import Refused
from bridge.web.nudge import Nudge

MAX_PER_MEETING = 400
"""Open streams of one meeting, those of its hosts counted apart. Stops: streams without number, and those who wait
shutting the hosts out."""
MAX_PER_KEY = 8
"""Open streams of one person, or of one place in a queue. Stops: one browser holding all of them."""


class Watcher:
    """One stream. `key` says whose it is; `host`, whether a host of the meeting sits before it."""

    def __init__(self, key: str, *, host: bool) -> None:
        self.key = key
        self.host = host
        self.changed = Nudge()
        self.closed = False


class Watchers:
    """Watchers by meeting."""

    def __init__(self) -> None:
        self._meetings: dict[str, set[Watcher]] = {}

    @contextlib.contextmanager
    def watch(self, meeting_id: str, key: str, *, host: bool = False) -> Iterator[Watcher]:
        """Watch a meeting for as long as the block lasts; refuse (429) past the limits."""
        there = self._meetings.setdefault(meeting_id, set())
        if (
            sum(one.host == host for one in there) >= MAX_PER_MEETING
            or sum(one.key == key for one in there) >= MAX_PER_KEY
        ):
            raise Refused(429, "M_LIMIT_EXCEEDED", "This meeting is open in too many windows.", retry_after_s=10)
        watcher = Watcher(key, host=host)
        there.add(watcher)
        try:
            yield watcher
        finally:
            there.discard(watcher)
            if not there:
                self._meetings.pop(meeting_id, None)

    def tell(self, meeting_id: str) -> None:
        """Say that something about a meeting changed."""
        for watcher in self._meetings.get(meeting_id, ()):
            watcher.changed()

    def host_watches(self, meeting_id: str) -> bool:
        """Tell whether a host has the page of this meeting's hosts open."""
        return any(watcher.host for watcher in self._meetings.get(meeting_id, ()))

    def close(self, key: str | None = None) -> None:
        """End the streams of somebody, or every stream. Who may still watch opens another one."""
        for there in self._meetings.values():
            for watcher in there:
                if key in {None, watcher.key}:
                    watcher.closed = True
                    watcher.changed()
