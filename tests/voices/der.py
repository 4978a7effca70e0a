# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The strict diarization error rate: no collar around the ends of turns, overlapping speech counted."""

import warnings
from collections.abc import Iterable

from bots.captions.turns import Turn
from bots.engines import silent_pyannote


def der(reference: Iterable[Turn], found: Iterable[Turn]) -> float:
    """Return missed, false and wrongly attributed time by the time that was spoken (pyannote.metrics)."""
    silent_pyannote.load()
    from pyannote.metrics.diarization import DiarizationErrorRate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the extent, which is what both lists span
        return float(DiarizationErrorRate(collar=0.0, skip_overlap=False)(_annotation(reference), _annotation(found)))


def _annotation(turns: Iterable[Turn]) -> object:
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for number, turn in enumerate(turns):
        annotation[Segment(turn.start_ms / 1000, turn.end_ms / 1000), number] = turn.voice
    return annotation
