# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which words of an utterance belong to which voice, where only the times of the voices are known?"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from bots.captions.segment import Segment, segment_id
from bots.captions.turns import Turn

MIN_TURN_MS = 700
"""A shorter turn is part of its neighbour: a cough, or a guess of the model at the edge of a turn."""
MAX_PARTS = 8
"""stops: one utterance (12 s) becoming a page of crumbs."""
_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.?!…]$")
_NEAR_CHARS = 12
"""How far from the expected place the end of a sentence is looked for: people rarely take over in mid-sentence."""


def in_one_breath(turns: Sequence[Turn]) -> list[Turn]:
    """Join neighbouring turns of one voice, and short ones with their longer neighbour."""
    joined = _joined(sorted(turns, key=lambda turn: turn.start_ms))
    while len(joined) > 1:
        shortest = min(joined, key=lambda turn: turn.end_ms - turn.start_ms)
        if shortest.end_ms - shortest.start_ms >= MIN_TURN_MS and len(joined) <= MAX_PARTS:
            break
        at = joined.index(shortest)
        neighbour = max(
            (turn for turn in joined[max(0, at - 1) : at + 2] if turn is not shortest),
            key=lambda turn: turn.end_ms - turn.start_ms,
        )
        joined[at] = replace(shortest, voice=neighbour.voice)
        joined = _joined(joined)
    return joined


def split(segment: Segment, turns: Sequence[Turn]) -> list[Segment]:
    """Return the segment once for each turn (at least one; times in Unix milliseconds), its words dealt out by time.

    The first keeps the id and the ``rev``; the others are new. A turn for which no words are left over is no segment.
    """
    ends = [_boundary(segment, turn.start_ms) for turn in turns[1:]]
    cuts = [0, *ends, len(segment.text)]
    parts: list[Segment] = []
    for turn, (begin, end) in zip(turns, pairwise(cuts), strict=True):
        text = segment.text[begin:end].strip()
        if not text:
            continue
        first = not parts
        parts.append(
            replace(
                segment,
                id=segment.id if first else segment_id(segment.call_id, segment.track_sid, turn.start_ms),
                start_ms=segment.start_ms if first else turn.start_ms,
                end_ms=turn.end_ms,
                text=text,
                stable_chars=len(text),
                voice=turn.voice,
                rev=segment.rev if first else 1,
            )
        )
    if not parts:
        return [segment]
    parts[-1] = replace(parts[-1], end_ms=segment.end_ms)
    return parts


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].voice == turn.voice:
            joined[-1] = replace(joined[-1], end_ms=max(turn.end_ms, joined[-1].end_ms))
        else:
            joined.append(turn)
    return joined


def _boundary(segment: Segment, at_ms: int) -> int:
    """Return the place between two words that is said at this time, if people speak evenly."""
    share = (at_ms - segment.start_ms) / max(1, segment.end_ms - segment.start_ms)
    expected = share * len(segment.text)
    ends = [(word.end(), bool(_SENTENCE_END.search(word[0]))) for word in _WORD.finditer(segment.text)]
    near = [end for end, last in ends[:-1] if last and abs(end - expected) <= _NEAR_CHARS]
    return min(near or [0, *(end for end, _ in ends)], key=lambda end: abs(end - expected))
