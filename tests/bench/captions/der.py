# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who spoke when, at a microphone that several share: the diarization error rates, where the extra is installed."""

import importlib.util
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Diarized:
    """Strict error rates (no collar, overlap counts) by recording; or why there are none."""

    der: dict[str, float] = field(default_factory=dict)
    reported: dict[str, float] = field(default_factory=dict)
    why_not: str = ""


def diarization_rows() -> Diarized:
    """Measure the recordings with the target, and those that are only reported."""
    if importlib.util.find_spec("pyannote") is None:
        return Diarized(why_not="passerelle[diarization] is not installed")
    return Diarized(why_not="shared microphones are not diarized yet")
