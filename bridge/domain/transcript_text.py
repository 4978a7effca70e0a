# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A transcript as people keep it: plain text and Markdown, with its date, its people and the model that wrote it.

Whatever a stranger said or is called is one line of its own here: it makes no second line, no heading, no link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bridge.domain.plain import one_line
from bridge.domain.transcript_reading import Reading
from bridge.domain.transcripts import Paragraph, Passport

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:])")


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of one language around a transcript; `date_format` as strftime has it."""

    lang: str
    colon: str
    date: str
    people: str
    model: str
    not_used: str
    live: str
    corrected: str
    date_format: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one person said before somebody else spoke."""

    name: str
    start_ms: int
    texts: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A transcript, worded for readers: a title, lines of facts, turns."""

    title: str
    facts: tuple[tuple[str, str], ...]
    note: str
    turns: tuple[Turn, ...]
    zone: tzinfo
    labels: Labels

    def clock(self, ms: int) -> str:
        """Return the time of day of a moment."""
        return f"{datetime.fromtimestamp(ms / 1000, self.zone):%H:%M:%S}"

    def day(self, ms: int) -> str:
        """Return the date of a moment, for a file's name."""
        return f"{datetime.fromtimestamp(ms / 1000, self.zone):%Y-%m-%d}"


def page_of(reading: Reading, zone: tzinfo, labels: Labels) -> Page:
    """Word a transcript for readers in a language and a time zone; struck out lines are left out."""
    said = [paragraph for paragraph in reading.paragraphs if one_line(paragraph.text)]
    people = list(dict.fromkeys(one_line(paragraph.display_name) for paragraph in said))
    facts = [(labels.date, _when(reading, zone, labels)), (labels.people, ", ".join(people))]
    if reading.model is not None:
        facts.append((labels.model, _model(reading.model, labels)))
    note = "" if reading.call.final else labels.live
    return Page(one_line(reading.title), tuple(facts), note, turns_of(said), zone, labels)


def turns_of(said: list[Paragraph]) -> tuple[Turn, ...]:
    """Return paragraphs as turns: those of one speaker in a row belong together."""
    turns: list[list[Paragraph]] = []
    for paragraph in said:
        if turns and _speaker(turns[-1][-1]) == _speaker(paragraph):
            turns[-1].append(paragraph)
        else:
            turns.append([paragraph])
    return tuple(Turn(one_line(turn[0].display_name), turn[0].start_ms, tuple(turn)) for turn in turns)


def plain_text(page: Page) -> str:
    """Return the transcript as plain text, a line for each paragraph."""
    lines = [page.title, *(f"{label}{page.labels.colon} {value}" for label, value in page.facts)]
    if page.note:
        lines.append(page.note)
    for turn in page.turns:
        lines += ["", f"[{page.clock(turn.start_ms)}] {turn.name}:"]
        lines += [f"    {one_line(paragraph.text)}{_corrected(paragraph, page.labels)}" for paragraph in turn.texts]
    return "\n".join(lines) + "\n"


def markdown(page: Page) -> str:
    """Return the transcript as Markdown (CommonMark)."""
    lines = [
        f"# {_escaped(page.title)}",
        "",
        *(f"- **{label}{page.labels.colon}** {_escaped(value)}" for label, value in page.facts),
    ]
    if page.note:
        lines += ["", f"*{_escaped(page.note)}*"]
    for turn in page.turns:
        lines += ["", f"**{_escaped(turn.name)}** · {page.clock(turn.start_ms)}"]
        for paragraph in turn.texts:
            lines += ["", f"{_escaped(one_line(paragraph.text) + _corrected(paragraph, page.labels))}"]
    return "\n".join(lines) + "\n"


def corrected_line(paragraph: Paragraph, labels: Labels) -> str:
    """Say who corrected a paragraph, or nothing."""
    return labels.corrected.format(name=one_line(paragraph.corrected_name)) if paragraph.corrected_by else ""


def _corrected(paragraph: Paragraph, labels: Labels) -> str:
    line = corrected_line(paragraph, labels)
    return f" ({line})" if line else ""


def _speaker(paragraph: Paragraph) -> tuple[str, str]:
    return paragraph.user_id, paragraph.voice


def _when(reading: Reading, zone: tzinfo, labels: Labels) -> str:
    begin = datetime.fromtimestamp(reading.call.started_ms / 1000, zone)
    end = datetime.fromtimestamp(reading.call.ended_ms / 1000, zone)
    offset = f"{begin:%z}"
    return f"{begin.strftime(labels.date_format)} {begin:%H:%M}–{end:%H:%M} ({begin:%Z}, UTC{offset[:3]}:{offset[3:5]})"


def _model(model: Passport, labels: Labels) -> str:
    parts = [
        f"{model.name} {model.version}".strip(),
        model.engine,
        f"SHA-256 {model.sha256}",
        model.licence,
        model.host,
    ]
    if model.not_used_for_training:
        parts.append(labels.not_used)
    return ", ".join(one_line(part) for part in parts if one_line(part))


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
