# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A transcript as subtitles: WebVTT (with names as voices) and SubRip, its time counted from the call's first word.

A long paragraph becomes several cues that can be read in their time. No words can make a cue, a tag or a timing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.domain.plain import one_line
from bridge.domain.transcript_reading import Reading
from bridge.domain.transcripts import Paragraph

MAX_CUE = 84
"""Characters of one cue: two lines of 42, as subtitlers have it."""
MIN_CUE_MS = 1


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle; times are milliseconds from the beginning."""

    start_ms: int
    end_ms: int
    name: str
    text: str


def cues(reading: Reading) -> list[Cue]:
    """Return a transcript as cues, in order; what was struck out has none."""
    said = [paragraph for paragraph in reading.paragraphs if one_line(paragraph.text)]
    origin_ms = said[0].start_ms if said else 0
    return [cue for paragraph in said for cue in _cues_of(paragraph, origin_ms)]


def web_vtt(reading: Reading) -> str:
    """Return WebVTT (W3C); a line without text parts the cues."""
    blocks = ["WEBVTT"]
    for cue in cues(reading):
        times = f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}"
        blocks.append(f"{times}\n<v {_escaped(cue.name)}>{_escaped(cue.text)}")
    return "\n\n".join(blocks) + "\n"


def sub_rip(reading: Reading) -> str:
    """Return SubRip, which knows no escapes: signs that players take for tags or arrows become harmless look-alikes."""
    blocks = []
    for number, cue in enumerate(cues(reading), 1):
        times = f"{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}"
        blocks.append(f"{number}\n{times}\n{_harmless(cue.name)}: {_harmless(cue.text)}")
    return "\n\n".join(blocks) + "\n"


def _cues_of(paragraph: Paragraph, origin_ms: int) -> Iterator[Cue]:
    """Cut a paragraph where its words' times say, or in proportion to its letters where it has none."""
    name, text = one_line(paragraph.display_name), one_line(paragraph.text)
    timed = [(start, end, word) for start, end, raw in paragraph.words if (word := one_line(raw))]
    if " ".join(word for _, _, word in timed) != text:
        timed = _evenly(text, paragraph)
    line: list[tuple[int, int, str]] = []
    for timed_word in timed:
        if line and sum(len(part) + 1 for _, _, part in line) + len(timed_word[2]) > MAX_CUE:
            yield _cue(line, name, origin_ms)
            line = []
        line.append(timed_word)
    yield _cue(line, name, origin_ms)


def _evenly(text: str, paragraph: Paragraph) -> list[tuple[int, int, str]]:
    lasts_ms, letters = paragraph.end_ms - paragraph.start_ms, len(text)
    timed, position = [], 0
    for word in text.split(" "):
        start_ms = paragraph.start_ms + lasts_ms * position // letters
        position = min(position + len(word) + 1, letters)
        timed.append((start_ms, paragraph.start_ms + lasts_ms * position // letters, word))
    return timed


def _cue(line: list[tuple[int, int, str]], name: str, origin_ms: int) -> Cue:
    start_ms = max(0, line[0][0] - origin_ms)
    return Cue(
        start_ms, max(start_ms + MIN_CUE_MS, line[-1][1] - origin_ms), name, " ".join(word for _, _, word in line)
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _harmless(text: str) -> str:
    return text.replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")


def _time(ms: int, point: str) -> str:
    seconds, millis = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{millis:03d}"
