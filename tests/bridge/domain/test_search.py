# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.domain.errors import Refused
from bridge.domain.search import CONTEXT, MARK_BEGIN, MARK_END, MAX_QUERY, SNIPPET, clean_words, parts


def shown(text: str, marked: str) -> str:
    marked = marked.replace("[", MARK_BEGIN).replace("]", MARK_END)
    return "".join(f"[{part['text']}]" if part["hit"] else part["text"] for part in parts(text, marked))


@pytest.mark.parametrize(
    ("text", "marked", "expected"),
    [
        ("Les réunions d’Été", "les [reunions] d’[ete]", "Les [réunions] d’[Été]"),
        ("Œuvre, œuvre", "[oeuvre], oeuvre", "[Œuvre], œuvre"),
        ("e\u0301te\u0301 ici", "[ete] ici", "[e\u0301te\u0301] ici"),
        ("<b>été</b>", "<b>[ete]</b>", "<b>[été]</b>"),
        ("nothing", "nothing", "nothing"),
        ("own \ue000marks\ue001", "own [marks]", "own \ue000[marks\ue001]"),
        ("other letters", "[x] of another length", "other letters"),
    ],
)
def test_marks_come_back_to_the_text_as_it_was_said(text: str, marked: str, expected: str):
    assert shown(text, marked) == expected


def test_a_long_line_is_shown_around_its_first_mark():
    text = "word " * 100 + "réunion" + " word" * 100
    found = shown(text, "word " * 100 + "[reunion]" + " word" * 100)
    assert found.startswith("…word")
    assert found.endswith("…")
    assert "[réunion]" in found
    assert len(found) <= SNIPPET + 4
    assert found.index("[") <= CONTEXT + 10


@pytest.mark.parametrize("raw", ["", "  \n\u200b", "x" * (MAX_QUERY + 1)])
def test_a_query_that_is_none_is_refused(raw: str):
    with pytest.raises(Refused):
        clean_words(raw)
