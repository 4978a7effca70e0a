# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What did it cost that the bot was away? Speech that no final caption covers, and captions that stand there twice."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bots.captions.thread import CAPTION

_EDGE_S = 0.4
"""So far a word may reach out of its caption: the way through the SFU, and voice detection."""
_TWICE_S = 0.3
"""Captions of one track that overlap by more than this say the same words."""


def lost_s(said: Sequence[tuple[float, float]], covered: Iterable[tuple[float, float]]) -> float:
    """Return the longest stretch of words (from, to) that no caption (from, to) covers; all in seconds."""
    spans = [(start - _EDGE_S, end + _EDGE_S) for start, end in covered]
    longest, since = 0.0, None
    for start, end in said:
        middle = (start + end) / 2
        if any(begin <= middle <= over for begin, over in spans):
            since = None
        else:
            since = start if since is None else since
            longest = max(longest, end - since)
    return longest


def said_twice(segments: Iterable[dict]) -> list[tuple[str, str]]:
    """Return texts of one track that were spoken at the same time."""
    found: list[tuple[str, str]] = []
    by_track: dict[str, list[dict]] = {}
    for segment in segments:
        by_track.setdefault(segment["track_sid"], []).append(segment)
    for track in by_track.values():
        track.sort(key=lambda segment: segment["start_ms"])
        for before, after in pairwise(track):
            if before["end_ms"] - after["start_ms"] > _TWICE_S * 1000:
                found.append((before["text"], after["text"]))
    return found


def posted_twice(events: Iterable[dict]) -> list[str]:
    """Return the ids of segments that more than one event of the room's thread holds."""
    posted = Counter(entry["segment_id"] for event in events for entry in event["content"].get(CAPTION, []))
    return [segment_id for segment_id, count in posted.items() if count > 1]
