# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a call's final transcript is, as the final pass hands it over."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

Word = tuple[int, int, str]
"""When it begins and ends (Unix ms), and the word."""


class JobState(enum.StrEnum):
    """How far the final pass of a call is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Passport:
    """Which model wrote a text, where it ran, and that nothing was learnt from what was said."""

    name: str
    version: str
    sha256: str
    licence: str
    host: str
    engine: str
    not_used_for_training: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What one person said in one go; times are Unix ms. `id` is unique within its call only.

    A paragraph that somebody corrected says who (user id, name) and when (Unix ms), and has no timed words any more;
    with an empty text it was struck out.
    """

    id: str
    start_ms: int
    end_ms: int
    user_id: str
    display_name: str
    voice: str
    lang: str
    text: str
    words: tuple[Word, ...] = ()
    corrected_by: str = ""
    corrected_name: str = ""
    corrected_at: int = 0


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole text of one call, in the order in which it was said."""

    room_id: str
    call_id: str
    started_ms: int
    ended_ms: int
    model: Passport
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the final pass of a call is; `done` is a share of 1."""

    room_id: str
    call_id: str
    state: JobState
    done: float


def passport_json(model: Passport) -> dict[str, Any]:
    """Return the passport as docs/ARCHITECTURE.md has it."""
    return {name: getattr(model, name) for name in Passport.__slots__}
