# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What somebody gets to read of a call, and from which moment on.

A meeting's room shows nobody what was said before they came (`history_visibility: joined`), and its transcripts follow
it: guests read from when they came in, for as long as their pass is valid. The organiser and the staff of the meeting
read everything, as they answer for it. A policy may keep transcripts from people of named servers.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.domain.names import server_of
from bridge.domain.segments import CORRECTED, Segment
from bridge.domain.transcripts import JobState, Paragraph, Passport, passport_json

LIVE_QUIET_S = 300.0
"""A call of which nothing was heard for so long, and that no final pass waits for, has ended."""


class CallState(enum.StrEnum):
    """How the text of a call stands."""

    LIVE = "live"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ENDED = "ended"
    """No final pass was asked for: the live text is what there is."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and from when on (Unix ms)."""

    user_id: str
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a meeting. `final`: its final text is there; `quiet_s`: since when nothing live was stored."""

    call_id: str
    started_ms: int
    ended_ms: int
    job: JobState | None
    done: float
    final: bool
    quiet_s: float | None

    @property
    def state(self) -> CallState:
        """How the text of the call stands now."""
        if self.job is not None:
            return CallState(self.job.value)
        live = self.quiet_s is not None and self.quiet_s < LIVE_QUIET_S
        return CallState.LIVE if live else CallState.ENDED


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a call as somebody may read it; without a model the live text stands in for the final one."""

    title: str
    call: Call
    model: Passport | None
    paragraphs: tuple[Paragraph, ...]


def policy_allows(user_id: str, denied_servers: frozenset[str]) -> bool:
    """Tell whether somebody may have transcripts at all: where a policy for partner servers says no."""
    return server_of(user_id) not in denied_servers


def of_segments(segments: Sequence[Segment]) -> tuple[Paragraph, ...]:
    """Return live lines as paragraphs; the id of each is its segment's."""
    return tuple(
        Paragraph(
            segment.id,
            segment.start_ms,
            segment.end_ms,
            segment.user_id,
            segment.display_name,
            segment.voice,
            segment.lang,
            segment.text,
            corrected_by=segment.corrected_by,
            corrected_name=segment.corrected_name,
            corrected_at=segment.corrected_at,
        )
        for segment in segments
    )


def visible(paragraphs: Sequence[Paragraph], reader: Reader) -> tuple[Paragraph, ...]:
    """Return what the reader was there to hear."""
    return tuple(paragraph for paragraph in paragraphs if paragraph.end_ms >= reader.since_ms)


def call_json(call: Call) -> dict[str, Any]:
    """Return the Call of docs/ARCHITECTURE.md."""
    return {
        "call_id": call.call_id,
        "started_ms": call.started_ms,
        "ended_ms": call.ended_ms,
        "state": call.state.value,
        "done": call.done,
        "final": call.final,
    }


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return the Reading of docs/ARCHITECTURE.md."""
    return call_json(reading.call) | {
        "title": reading.title,
        "model": None if reading.model is None else passport_json(reading.model),
        "paragraphs": [paragraph_json(paragraph) for paragraph in reading.paragraphs],
    }


def paragraph_json(paragraph: Paragraph) -> dict[str, Any]:
    """Return a paragraph; who corrected it only where somebody did."""
    hidden = () if paragraph.corrected_by else CORRECTED
    return {name: getattr(paragraph, name) for name in Paragraph.__slots__ if name not in hidden}
