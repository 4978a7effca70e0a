# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who may correct a text, and how corrections of live lines come into the final text.

What a person wrote wins over what a model wrote: the words that the model heard while the corrected line was spoken
give way to it. Where it heard none, the correction stands as a paragraph of its own: nothing is lost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.domain.plain import one_line
from bridge.domain.transcripts import Paragraph

MAX_CORRECTION = 10_000
"""Characters of one corrected text. Stops: an edit that fills pages."""
MAX_CORRECTIONS = 10_000
"""Corrections of one call that are kept. Stops: a history without end."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody put in place of what was heard from `user_id` between two moments (Unix ms); "" strikes it out."""

    target: str
    user_id: str
    display_name: str
    voice: str
    lang: str
    start_ms: int
    end_ms: int
    text: str
    by: str
    by_name: str
    at: int


@dataclass(frozen=True, slots=True)
class Past:
    """One entry in a line's history: who put which text in place of which, and when (Unix ms)."""

    by: str
    name: str
    at: int
    before: str
    text: str


def clean_correction(raw: str) -> str:
    """Return the text as one line; an empty one strikes the line out."""
    return one_line(raw)


def may_correct(corrector: str, *, speaker: str, voice: str, host: bool) -> bool:
    """Tell whether somebody may correct a line: hosts every one, others their own words.

    At a shared microphone the track's owner is not who spoke.
    """
    return host or (corrector == speaker and not voice)


def apply(paragraphs: Sequence[Paragraph], corrections: Iterable[Correction]) -> list[Paragraph]:
    """Return the paragraphs with the corrections in place, each in its place in time; corrections come oldest first."""
    edits: dict[str, list[_Edit]] = {paragraph.id: [] for paragraph in paragraphs}
    beside: dict[str, Correction] = {}
    for correction in corrections:
        found = _covered(paragraphs, correction)
        if not found:
            beside[correction.target] = correction
        widest = max(found, key=lambda edit: edit.words, default=None)
        for edit in found:
            text = correction.text if edit is widest else ""
            kept = [other for other in edits[edit.paragraph] if other.end <= edit.start or edit.end <= other.start]
            edits[edit.paragraph] = [*kept, dataclasses.replace(edit, text=text)]
    merged = [_edited(paragraph, edits[paragraph.id]) for paragraph in paragraphs]
    taken = set(edits)
    merged += [_own_paragraph(correction, taken) for correction in beside.values() if correction.text]
    return sorted(merged, key=lambda paragraph: (paragraph.start_ms, paragraph.id))


@dataclass(frozen=True, slots=True)
class _Edit:
    """Characters `start` to `end` of a paragraph give way to `text`."""

    paragraph: str
    start: int
    end: int
    words: int
    correction: Correction
    text: str = ""


def _covered(paragraphs: Sequence[Paragraph], correction: Correction) -> list[_Edit]:
    found = []
    for paragraph in paragraphs:
        if paragraph.user_id != correction.user_id:
            continue
        same = (paragraph.start_ms, paragraph.end_ms) == (correction.start_ms, correction.end_ms)
        if same or (not paragraph.words and _mostly_within(paragraph, correction)):
            found.append(_Edit(paragraph.id, 0, len(paragraph.text), len(paragraph.text.split()), correction))
            continue
        spans = [
            span
            for span, (start_ms, end_ms, _) in zip(_word_spans(paragraph), paragraph.words, strict=False)
            if correction.start_ms <= (start_ms + end_ms) / 2 < correction.end_ms
        ]
        if spans:
            found.append(_Edit(paragraph.id, spans[0][0], spans[-1][1], len(spans), correction))
    return found


def _mostly_within(paragraph: Paragraph, correction: Correction) -> bool:
    shared = min(paragraph.end_ms, correction.end_ms) - max(paragraph.start_ms, correction.start_ms)
    return 2 * shared > paragraph.end_ms - paragraph.start_ms


def _word_spans(paragraph: Paragraph) -> list[tuple[int, int]]:
    """Where each word stands in the text; a word that is not there takes no room."""
    spans, position = [], 0
    for _, _, word in paragraph.words:
        wanted = word.strip()
        at = paragraph.text.find(wanted, position)
        if at >= 0:
            position = at + len(wanted)
            spans.append((at, position))
        else:
            spans.append((position, position))
    return spans


def _edited(paragraph: Paragraph, edits: Sequence[_Edit]) -> Paragraph:
    if not edits:
        return paragraph
    text = paragraph.text
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = f"{text[: edit.start]} {edit.text} {text[edit.end :]}"
    newest = max((edit.correction for edit in edits), key=lambda correction: correction.at)
    return _corrected(dataclasses.replace(paragraph, text=one_line(text), words=()), newest)


def _own_paragraph(correction: Correction, taken: set[str]) -> Paragraph:
    name = correction.target
    while name in taken:  # a live line and a paragraph may be called alike
        name += "'"
    taken.add(name)
    paragraph = Paragraph(
        name,
        correction.start_ms,
        correction.end_ms,
        correction.user_id,
        correction.display_name,
        correction.voice,
        correction.lang,
        correction.text,
    )
    return _corrected(paragraph, correction)


def _corrected(paragraph: Paragraph, correction: Correction) -> Paragraph:
    return dataclasses.replace(
        paragraph, corrected_by=correction.by, corrected_name=correction.by_name, corrected_at=correction.at
    )
