# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What somebody looks for in transcripts, and which part of a line they see with what was found marked.

Marks travel as parts of the text, never as markup, so that nothing that was said can become markup.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from bridge.domain.errors import Refused
from bridge.domain.plain import one_line

MAX_QUERY = 200
"""Characters. Stops: queries that keep the database busy."""
PAGE = 25
"""Lines in one answer. Stops: pages that never end."""
CONTEXT = 120
"""Characters shown before the first mark."""
SNIPPET = 360
"""Characters of a line that are shown."""

MARK_BEGIN, MARK_END = "\ue000", "\ue001"
"""Private signs around what was found; the database takes them out of what was said."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; `before` is the last line of the page before (its time and id)."""

    words: str
    meeting_id: str | None = None
    person: str = ""
    from_ms: int = 0
    to_ms: int = 2**53
    before: tuple[int, str] = (2**53, "")


@dataclass(frozen=True, slots=True)
class Hit:
    """A line in which something was found; `marked` is its text without accents, with the marks."""

    meeting_id: str
    title: str
    call_id: str
    id: str
    start_ms: int
    display_name: str
    lang: str
    text: str
    marked: str


def clean_words(raw: str) -> str:
    """Return what to look for as one line, or refuse it."""
    if len(raw) > MAX_QUERY:
        raise Refused(400, "PASSERELLE_BAD_QUERY", f"Please look for at most {MAX_QUERY} characters.")
    words = one_line(raw)
    if not words:
        raise Refused(400, "PASSERELLE_BAD_QUERY", "Please say what to look for.")
    return words


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a Hit as docs/ARCHITECTURE.md has it."""
    fields = ("meeting_id", "title", "call_id", "id", "start_ms", "display_name", "lang")
    return {name: getattr(hit, name) for name in fields} | {"parts": parts(hit.text, hit.marked)}


def parts(text: str, marked: str) -> list[dict[str, Any]]:
    """Return the part of a text around its first mark, cut where marks begin and end."""
    marks = _marks(text, marked)
    first = marks[0][0] if marks else 0
    begin = _word_before(text, first - CONTEXT)
    end = min(len(text), begin + SNIPPET)
    cut: list[dict[str, Any]] = []
    at = begin
    for start, stop in [*marks, (end, end)]:
        if start > at:
            cut.append({"text": text[at : min(start, end)], "hit": False})
        if start < stop <= end:
            cut.append({"text": text[start:stop], "hit": True})
        at = max(at, stop)
        if at >= end:
            break
    if cut and begin > 0:
        cut.insert(0, {"text": "…", "hit": False})
    if cut and end < len(text):
        cut.append({"text": "…", "hit": False})
    return cut


def _word_before(text: str, position: int) -> int:
    return 0 if position <= 0 else text.rfind(" ", 0, position) + 1


def _marks(text: str, marked: str) -> list[tuple[int, int]]:
    """Find the marks' places in the text as it was said: each sign of it became none, one or more without accents."""
    place = [index for index, sign in enumerate(text) for _ in _plain(sign)]
    if len(place) != len(marked) - marked.count(MARK_BEGIN) - marked.count(MARK_END):
        return []  # the database reads a rare letter otherwise than we do: better no mark than a wrong one
    marks, at, start = [], 0, 0
    for sign in marked:
        if sign == MARK_BEGIN:
            start = at
        elif sign == MARK_END:
            marks.append((place[start], place[at] if at < len(place) else len(text)))
        else:
            at += 1
    return marks


def _plain(sign: str) -> str:
    """Do to one sign what the database's `search_plain` does; only how many letters it becomes counts."""
    letters = unicodedata.normalize("NFD", sign).replace("œ", "oe").replace("Œ", "oe")
    letters = letters.replace("æ", "ae").replace("Æ", "ae")
    return "".join(letter for letter in letters if not "\u0300" <= letter <= "\u036f" and letter not in _MARKS)


_MARKS = frozenset((MARK_BEGIN, MARK_END))
