# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a bot that died left behind: lines that the room has not got, and lines in the middle of which it died."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bots.captions.endpoint import MAX_MS
from bots.captions.segment import Segment

_LATE_MS = MAX_MS + 3_000
"""A line that is missing among so much newer ones is missing on purpose: somebody removed it from the room."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """``unposted`` lines are finished and stored, and only the room lacks them. ``broken`` ones were being spoken; here
    they are final, as far as they were shown, and to be published as such.
    """

    unposted: tuple[Segment, ...]
    broken: tuple[Segment, ...]


def left_behind(
    stored: Iterable[Segment], posted: Iterable[Segment], agreed: Callable[[str], bool], before_ms: int
) -> Leftover:
    """Compare what the bridge has of a call with what the room's thread has.

    Lines that began after ``before_ms`` (Unix) are this process's own and in good hands. Of somebody who does not agree
    any more a broken line is taken back.
    """
    ends = {segment.id: segment.end_ms for segment in posted}
    since_ms = max(ends.values(), default=0) - _LATE_MS
    older = [segment for segment in stored if segment.start_ms < before_ms]
    return Leftover(
        tuple(line for line in older if line.final and line.id not in ends and line.end_ms > since_ms),
        tuple(_broken_off(line, line.text if agreed(line.user_id) else "") for line in older if not line.final),
    )


def _broken_off(line: Segment, text: str) -> Segment:
    return replace(line, text=text, stable_chars=len(text), final=True, rev=line.rev + 1)
