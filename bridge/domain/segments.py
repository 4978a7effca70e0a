# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a caption is on its way through the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REPLAY = 50
"""Segments that a page gets first when it begins to listen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance of one person; times are Unix ms; the first `stable_chars` of the text will not change.

    `voice` tells the people at one shared microphone apart; it is empty where the track's owner speaks.
    """

    id: str
    room_id: str
    call_id: str
    user_id: str
    display_name: str
    track_sid: str
    start_ms: int
    end_ms: int
    text: str
    stable_chars: int
    lang: str
    final: bool
    rev: int
    voice: str = ""
    corrected_by: str = ""
    corrected_name: str = ""
    corrected_at: int = 0


CORRECTED = ("corrected_by", "corrected_name", "corrected_at")
"""Who corrected a text (user id, name) and when (Unix ms); the bot knows nothing of them."""
SPOKEN = tuple(name for name in Segment.__slots__ if name not in CORRECTED)
"""What the bot says of a segment."""


def as_json(segment: Segment) -> dict[str, Any]:
    """Return the Segment of docs/ARCHITECTURE.md; the correction only where there is one."""
    names = SPOKEN + CORRECTED if segment.corrected_by else SPOKEN
    return {name: getattr(segment, name) for name in names}
