# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The texts of the pages: the same in every language, and each used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.web.locales import DEFAULT, LANGUAGES, MAX_RANGES, catalogue, negotiate

WEB = Path(__file__).parents[2] / "bridge" / "web"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", ["page", "script", "bot"])
def test_every_language_has_the_same_texts_with_the_same_placeholders(language: str, part: str) -> None:
    reference, texts = getattr(catalogue(DEFAULT), part), getattr(catalogue(language), part)
    assert list(texts) == list(reference)
    for key, text in texts.items():
        assert text.strip()
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(reference[key])), key


def test_french_punctuation_is_never_alone_on_a_line() -> None:
    french = catalogue("fr")
    texts = [*french.page.values(), *french.script.values(), *french.bot.values()]
    assert [text for text in texts if re.search(r" [:;?!%»]|« ", text)] == []


def test_each_text_of_the_catalogue_is_used() -> None:
    places = [*(WEB / "templates").iterdir(), *WEB.glob("*.py")]
    templates = "".join(path.read_text() for path in places)
    scripts = "".join(path.read_text() for path in (WEB / "static" / "ts").iterdir())
    unused = [key for key in catalogue(DEFAULT).page if f'"{key}"' not in templates and f"'{key}'" not in templates]
    assert unused == []
    built_from_parts = re.compile(
        r"(problem_.*_(heading|text)|(camera|microphone)_(on|off)|state_\w+|contractor_(renew|withdraw)_\w+)$"
    )
    unused = [key for key in catalogue(DEFAULT).script if f'"{key}"' not in scripts and not built_from_parts.match(key)]
    assert unused == []
    problems = set(re.findall(r'showProblem\("(\w+)"', scripts)) | set(re.findall(r': "(invite_\w+)",', scripts))
    problems |= set(re.findall(r'#fail\("(\w+)"', scripts)) | {"code"}
    keys = {key for key in catalogue(DEFAULT).script if key.startswith("problem_")}
    headings = {f"problem_{problem}_heading" for problem in problems}
    assert headings == {key for key in keys if key.endswith("_heading")}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.5", "fr"),
        ("en;q=0.4, fr;q=0.9", "fr"),
        ("de, fr;q=0.3", "fr"),
        ("de", "en"),
        ("fr;q=0", "en"),
        ("fr;q=nan, en;q=0.1", "en"),
        ("fr;q=7, en;q=0.1", "en"),
        (";;;,,=", "en"),
        ("*", "en"),
        (", ".join(["xx"] * MAX_RANGES + ["fr"]), "en"),
    ],
)
def test_the_language_is_the_best_that_the_browser_names(header: str, language: str) -> None:
    assert negotiate(header) == language


def test_the_language_asked_for_in_the_address_wins_if_we_speak_it() -> None:
    assert negotiate("fr", asked="en") == "en"
    assert negotiate("fr", asked="tlh") == "fr"
