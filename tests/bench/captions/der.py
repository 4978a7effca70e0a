# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who spoke when, at a microphone that several share: the diarization error rates, where the extra is installed."""

from dataclasses import dataclass, field

from tests.voices import pipeline, recordings


@dataclass(frozen=True, slots=True)
class Diarized:
    """Strict error rates (no collar, overlap counts) by recording; or why there are none."""

    der: dict[str, float] = field(default_factory=dict)
    reported: dict[str, float] = field(default_factory=dict)
    why_not: str = ""


def diarization_rows() -> Diarized:
    """Measure the recordings with the target, and those that are only reported."""
    if pipeline.missing():
        return Diarized(why_not=pipeline.missing())
    return Diarized(*recordings.measure())
