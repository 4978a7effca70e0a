# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who in the call has which line: a later version goes to them, and to nobody who came in since."""

from collections.abc import Set
from dataclasses import dataclass

from bots.captions.segment import Segment

MAX_LINES = 1_000
"""stops: remembering every line of a day; of lines before the last so many later versions reach nobody."""


@dataclass(slots=True)
class _Line:
    start_ms: int
    rev: int
    final: bool
    people: Set[str]


class Audience:
    """One call's, through all its connections. What is still being said is for everybody; what was said belongs to
    those who were there, as it does in the room (``history_visibility: joined``).
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._forgotten_ms = -1

    def of(self, segment: Segment, present: Set[str]) -> Set[str] | None:
        """Take a version that is about to be sent; return which of those present are to get it, None for everybody."""
        line = self._lines.get(segment.id)
        if line is None:
            if segment.start_ms <= self._forgotten_ms:
                return frozenset()
            line = self._lines[segment.id] = _Line(segment.start_ms, -1, final=False, people=frozenset())
            self._bound()
        if segment.rev <= line.rev:
            return frozenset()
        line.rev = segment.rev
        if line.final and segment.text:  # what is taken back, is so for everybody
            return line.people & present
        line.people, line.final = present, segment.final
        return None

    def _bound(self) -> None:
        if len(self._lines) > MAX_LINES:
            oldest = min(self._lines, key=lambda key: self._lines[key].start_ms)
            self._forgotten_ms = max(self._forgotten_ms, self._lines.pop(oldest).start_ms)
