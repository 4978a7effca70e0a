# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What did the voices of shared microphones say before a restart?

They are recognised again by sound that is kept for the final transcript anyway: what they sound like is written nowhere
(docs/decisions/0007).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bots.captions.segment import Segment
from bots.engines.contract import SAMPLE_RATE, Samples
from bots.final.spool import CallSpool

ENOUGH_S = 20
"""stops: a restart late in a long meeting listening to all of it again."""


@dataclass(frozen=True, slots=True, eq=False)
class SaidBefore:
    """What one voice said at one person's microphone."""

    owner: str
    voice: str
    samples: Samples


def said_before(spool: CallSpool, said: Iterable[Segment]) -> list[SaidBefore]:
    """Return some of what each voice said, its longest lines first; blocks while files are read."""
    tracks = {track.sid: track for track in spool.tracks()}
    lines: defaultdict[tuple[str, str], list[Segment]] = defaultdict(list)
    for segment in said:
        if segment.voice and segment.track_sid in tracks:
            lines[segment.user_id, segment.voice].append(segment)
    found = []
    for (owner, voice), theirs in lines.items():
        parts = [np.zeros(0, np.float32)]
        for line in sorted(theirs, key=lambda line: line.start_ms - line.end_ms):
            if sum(map(len, parts)) >= ENOUGH_S * SAMPLE_RATE:
                break
            parts.append(tracks[line.track_sid].between(line.start_ms, line.end_ms))
        found.append(SaidBefore(owner, voice, np.concatenate(parts)))
    return found
