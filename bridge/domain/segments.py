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


def as_json(segment: Segment) -> dict[str, Any]:
    """Return the Segment of docs/ARCHITECTURE.md."""
    return {name: getattr(segment, name) for name in Segment.__slots__}
