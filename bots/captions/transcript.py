# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was said in a call, as plain text and as WebVTT."""

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo

import webvtt

from bots.captions.segment import Segment

MAX_SEGMENTS = 20_000
"""stops: a call that never ends filling the memory; over a day of speech. What comes later is left out."""

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")


class Transcript:
    """The final segments of one call, each once, in the order they were spoken."""

    def __init__(self) -> None:
        self._segments: dict[str, Segment] = {}

    def __len__(self) -> int:
        return len(self._segments)

    def add(self, segment: Segment) -> None:
        """Take a final segment; a higher revision replaces, an empty one removes."""
        known = self._segments.get(segment.id)
        if not segment.final or (known is not None and known.rev > segment.rev):
            return
        if not segment.text:
            self._segments.pop(segment.id, None)
        elif known is not None or len(self._segments) < MAX_SEGMENTS:
            self._segments[segment.id] = segment

    def shared_tracks(self) -> set[str]:
        """Return the tracks on which somebody else than their owner spoke."""
        return {segment.track_sid for segment in self._segments.values() if segment.voice}

    def segments(self) -> list[Segment]:
        """Everything that was said, in order."""
        return sorted(self._segments.values(), key=lambda segment: (segment.start_ms, segment.user_id))

    def text(self, timezone: tzinfo, *, model: str = "") -> str:
        """One line an utterance: time of day, name, words; the model that wrote it first."""
        return (f"{one_line(model)}\n\n" if model else "") + "".join(
            f"[{datetime.fromtimestamp(segment.start_ms / 1000, timezone):%H:%M:%S}]"
            f" {one_line(segment.display_name)}: {one_line(segment.text)}\n"
            for segment in self.segments()
        )

    def vtt(self, *, model: str = "") -> str:
        """WebVTT, its time counted from the first utterance; names are voices, the model stands in a note."""
        segments = self.segments()
        origin_ms = segments[0].start_ms if segments else 0
        document = webvtt.WebVTT()
        if model:
            document.header_comments.append(cue_text(model))
        document.captions.extend(_cues(segments, origin_ms))
        return str(document.content)


def one_line(text: str) -> str:
    """Replace line breaks and control characters, so that text stays where it is put."""
    return _BREAKS.sub(" ", text).strip()


def _cues(segments: Iterable[Segment], origin_ms: int) -> Iterable[webvtt.Caption]:
    for segment in segments:
        yield webvtt.Caption(
            start=timestamp(segment.start_ms - origin_ms),
            end=timestamp(max(segment.end_ms, segment.start_ms + 1) - origin_ms),
            text=f"<v {cue_text(segment.display_name)}>{cue_text(segment.text)}",
            identifier=segment.id,
        )


def cue_text(text: str) -> str:
    """Escape cue text (WebVTT 4.2.2), arrows too, so that no words can make a cue, a tag or a timing."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def timestamp(ms: int) -> str:
    """Write a time as WebVTT does: hours, minutes, seconds, thousandths."""
    seconds, millis = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{millis:03d}"
