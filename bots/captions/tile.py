# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What stands on the caption tile: the last words, wrapped into the few rows that a small picture has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from bots.captions.segment import Segment
from bots.captions.transcript import one_line

MAX_SEGMENTS = 40
"""stops: a meeting of hours kept for a picture that shows its last seconds."""
NAME_SHARE = 0.75
"""stops: a name that leaves no room for words; it gets so much of a row at most. "Ana Silva (Guest):" takes 0.72."""
MAX_SPEAKERS = 1_000
"""stops: remembering who had which colour for ever; after so many people it begins anew."""
_MAX_CHARS = 400
"""Characters of one utterance that are looked at, from its end: far more than fit."""


class Tone(Enum):
    """How a piece of text is shown."""

    NAME = auto()
    STABLE = auto()
    TAIL = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in one tone. ``speaker`` counts those who spoke, so that their names can have colours of their own."""

    text: str
    tone: Tone
    speaker: int = 0


Row = tuple[Piece, ...]
Measure = Callable[[Piece], float]


@dataclass(slots=True)
class Tile:
    """The last utterances, newest revisions; in the order in which they were spoken."""

    _segments: dict[str, Segment] = field(default_factory=dict)
    _speakers: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, segment: Segment) -> bool:
        """Take a version of an utterance; tell whether the picture changes."""
        known = self._segments.get(segment.id)
        if known is not None and known.rev >= segment.rev:
            return False
        self._segments[segment.id] = segment
        if len(self._segments) > MAX_SEGMENTS:
            oldest = min(self._segments.values(), key=lambda kept: kept.start_ms)
            del self._segments[oldest.id]
            return oldest.id != segment.id
        return True

    def rows(self, measure: Measure, width: float, count: int) -> list[Row]:
        """Return at most ``count`` rows, none wider than ``width`` as ``measure`` says; the newest words are last.

        Whoever speaks is named where their words begin, and again where the beginning does not fit.
        """
        rows: list[Row] = []
        for speaker, name, pieces in reversed(self._turns()):
            left = count - len(rows)
            if left <= 0:
                break
            rows[:0] = _fit(_label(name, speaker, measure, width), pieces, measure, width, left)
        return rows

    def _turns(self) -> list[tuple[int, str, list[Piece]]]:
        """What people said, one entry for what one said in a row: which speaker, their name, words."""
        turns: list[tuple[int, str, list[Piece]]] = []
        for segment in sorted(self._segments.values(), key=lambda kept: (kept.start_ms, kept.user_id)):
            if not segment.text:
                continue
            speaker, name = self._speaker(segment), one_line(segment.display_name)
            if not turns or turns[-1][:2] != (speaker, name):
                turns.append((speaker, name, []))
            turns[-1][2].extend(_words(segment))
        return turns

    def _speaker(self, segment: Segment) -> int:
        if len(self._speakers) >= MAX_SPEAKERS:
            self._speakers.clear()
        return self._speakers.setdefault((segment.user_id, segment.voice), len(self._speakers))


def _label(name: str, speaker: int, measure: Measure, width: float) -> Piece:
    """A name that leaves room for words: a long one loses first what stands in brackets at its end, then letters."""
    label, shown = Piece(f"{name}:", Tone.NAME, speaker), name
    while shown and measure(label) > NAME_SHARE * width:
        shown = (shown.rpartition("(")[0] if shown.endswith(")") else "") or shown[:-1]
        label = Piece(f"{shown.rstrip()}…:", Tone.NAME, speaker)
    return label


def _words(segment: Segment) -> Iterator[Piece]:
    """Words; one that may still change in part may change."""
    stable = len(segment.text) if segment.final else segment.stable_chars
    at = max(0, len(segment.text) - _MAX_CHARS)
    for word in segment.text[at:].split(" "):
        if one_line(word):
            yield Piece(one_line(word), Tone.STABLE if at + len(word) <= stable else Tone.TAIL)
        at += len(word) + 1


def _fit(name: Piece, words: list[Piece], measure: Measure, width: float, count: int) -> list[Row]:
    """Wrap a turn; if it is too long, leave words out at its beginning until it fits below its name."""
    rows = _wrap([name, *words], measure, width)
    if len(rows) <= count:
        return rows
    kept = [piece for row in rows[-count:] for piece in row]
    more = Piece("…", Tone.STABLE)
    while kept and len(rows) > count:
        rows = _wrap([name, more, *kept], measure, width)
        kept = kept[1:]
    return rows[-count:]


def _wrap(pieces: list[Piece], measure: Measure, width: float) -> list[Row]:
    rows: list[list[Piece]] = [[]]
    used = 0.0
    space = measure(Piece(" ", Tone.STABLE))
    for piece in pieces:
        for part in _broken(piece, measure, width):
            size = measure(part)
            if rows[-1] and used + space + size > width:
                rows.append([])
                used = 0.0
            used += size + (space if rows[-1] else 0.0)
            rows[-1].append(part)
    return [tuple(row) for row in rows]


def _broken(piece: Piece, measure: Measure, width: float) -> Iterator[Piece]:
    """A word that is wider than a row, as a sentence in Chinese is, goes on in the next."""
    text = piece.text
    while measure(Piece(text, piece.tone, piece.speaker)) > width and len(text) > 1:
        fits = 1
        while fits < len(text) and measure(Piece(text[: fits + 1], piece.tone, piece.speaker)) <= width:
            fits += 1
        yield Piece(text[:fits], piece.tone, piece.speaker)
        text = text[fits:]
    yield Piece(text, piece.tone, piece.speaker)
