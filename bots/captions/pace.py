# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the room's thread gets next, and when: new lines, and changes of lines that stand there already."""

from dataclasses import dataclass, field

from bots.captions.segment import Segment
from bots.captions.thread import weight

POST_INTERVAL_S = 5.0
"""At most one event in this time, changes included: homeservers and clients are made for people's pace."""
MAX_WEIGHT = 24_000
"""Bytes of what one event shows; with a change of all of it, it stays below Matrix's 64 KiB."""
MAX_EVENTS = 5_000
"""stops: what stands in the room filling the memory; seven hours without a pause. Older lines can't be changed."""


@dataclass(frozen=True, slots=True)
class Post:
    """An event to send."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """An event to change: what it shows from now on, and which of it is new. Nothing to show: take it away."""

    event_id: str
    segments: tuple[Segment, ...]
    changed: tuple[Segment, ...]


@dataclass(slots=True)
class Pace:
    """The thread's lines. Call ``put`` with finals, ``take`` when ``due_in`` says 0, then ``done`` with the outcome.

    New lines and changes take turns, so that renaming a voice after an hour doesn't keep what is said now from the
    room. What waits is bounded by the sender: each final was stored or given up before.
    """

    _waiting: dict[str, Segment] = field(default_factory=dict)
    _standing: dict[str, dict[str, Segment]] = field(default_factory=dict)
    _event_of: dict[str, str] = field(default_factory=dict)
    _changed: dict[str, dict[str, Segment]] = field(default_factory=dict)
    _under_way: Post | Change | None = None
    _meanwhile: list[Segment] = field(default_factory=list)
    _last: float = float("-inf")
    _posted_last: bool = False

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits and nothing is being sent."""
        return not (self._waiting or self._changed or self._under_way)

    def put(self, segment: Segment) -> None:
        """Take a final segment: new, or a higher revision of one that the thread has or will have."""
        if isinstance(self._under_way, Post) and any(segment.id == known.id for known in self._under_way.segments):
            self._meanwhile.append(segment)
        elif segment.id in self._event_of:
            self._change(segment)
        elif not segment.text:
            self._waiting.pop(segment.id, None)
        elif segment.id not in self._waiting or self._waiting[segment.id].rev <= segment.rev:
            self._waiting[segment.id] = segment

    def recall(self, event_id: str, segments: list[Segment]) -> None:
        """Take what an event of ours shows, as after a restart."""
        self._remember(event_id, tuple(segments))

    def shown(self, event_id: str) -> tuple[Segment, ...]:
        """Return what an event of ours shows now; nothing if it is none."""
        return tuple(self._standing.get(event_id, {}).values())

    def due_in(self, now: float) -> float | None:
        """Return the seconds until the next event may be sent, or nothing if nothing waits."""
        return max(0.0, self._last + POST_INTERVAL_S - now) if self._waiting or self._changed else None

    def take(self, now: float) -> Post | Change:
        """Return what to send next: as many new lines as fit into one event, or all changes of one event."""
        self._last = now
        if self._changed and (self._posted_last or not self._waiting):
            self._under_way = self._next_change()
        else:
            self._under_way = self._next_post()
        self._posted_last = isinstance(self._under_way, Post)
        return self._under_way

    def done(self, event_id: str | None) -> None:
        """Learn that what was taken stands in the room, in this event; or (without) that the room refused it."""
        if isinstance(self._under_way, Post) and event_id is not None:
            self._remember(event_id, self._under_way.segments)
        self._under_way = None
        meanwhile, self._meanwhile = self._meanwhile, []
        for segment in meanwhile:
            self.put(segment)

    def _next_post(self) -> Post:
        taken: list[Segment] = []
        size = 0
        for segment in sorted(self._waiting.values(), key=lambda segment: (segment.start_ms, segment.user_id)):
            size += weight(segment)
            if taken and size > MAX_WEIGHT:
                break
            taken.append(segment)
        for segment in taken:
            del self._waiting[segment.id]
        return Post(tuple(taken))

    def _next_change(self) -> Change:
        event_id, changed = next(iter(self._changed.items()))
        del self._changed[event_id]
        shown = tuple(segment for segment in self._standing[event_id].values() if segment.text)
        return Change(event_id, shown, tuple(segment for segment in changed.values() if segment.text))

    def _change(self, segment: Segment) -> None:
        event_id = self._event_of[segment.id]
        known = self._standing[event_id][segment.id]
        if segment.rev < known.rev:
            return
        self._standing[event_id][segment.id] = segment
        if (segment.text, segment.display_name) != (known.text, known.display_name):
            self._changed.setdefault(event_id, {})[segment.id] = segment

    def _remember(self, event_id: str, segments: tuple[Segment, ...]) -> None:
        self._standing[event_id] = {segment.id: segment for segment in segments}
        self._event_of.update(dict.fromkeys(self._standing[event_id], event_id))
        if len(self._standing) > MAX_EVENTS:
            oldest = next(iter(self._standing))
            self._changed.pop(oldest, None)
            for name in self._standing.pop(oldest):
                del self._event_of[name]
