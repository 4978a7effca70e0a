# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The texts of the pages: the same in every language, and each used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bridge.domain.languages import DEFAULT, LANGUAGES, MAX_RANGES, negotiate
from bridge.domain.lifecycle import _REFUSALS
from bridge.domain.scopes import Scope
from bridge.locales import FOLDER, TEMPLATE, catalogue, forms_of, read, said
from bridge.locales.__main__ import main, updated
from bridge.locales.refusals import in_language
from bridge.web.errors import _WORDS

WEB = Path(__file__).parents[2] / "bridge" / "web"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


TRANSLATED = [language for language in LANGUAGES if language != DEFAULT]


FOLDERS = [FOLDER, WEB.parents[1] / "bots" / "locales"]


def texts(language: str) -> list[str]:
    """Return all that a language says."""
    messages = [message for folder in FOLDERS for message in read(folder / f"{language}.po") if message.id]
    return [form for message in messages for form in forms_of(message.string)]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_is_whole_and_matches_the_template(folder: Path, language: str) -> None:
    template, path = read(folder / TEMPLATE), folder / f"{language}.po"
    assert path.read_text() == updated(template, path), "make texts brings it up to the template"
    translation = read(path)
    assert not translation.obsolete
    for message in translation:
        if not message.id:
            continue
        assert not message.fuzzy, message.context
        forms = forms_of(message.string)
        assert len(forms) == (translation.num_plurals if message.pluralizable else 1), message.context
        for form in forms:
            assert form.strip(), message.context
            placeholders = {frozenset(PLACEHOLDER.findall(english)) for english in forms_of(message.id)}
            assert {frozenset(PLACEHOLDER.findall(form))} == placeholders, message.context


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_depends_on_a_number_has_a_form_for_each(language: str) -> None:
    words = catalogue(language)
    assert [words.count("bot.waiting", count).split()[0] for count in (0, 1, 2, 7, 1000)] == [
        "0",
        "1",
        "2",
        "7",
        "1000",
    ]
    counted = [forms for forms in words.script.values() if isinstance(forms, dict)]
    assert counted
    assert all(forms.keys() == {"one", "other"} for forms in (*counted, *words.counted.values()))


def test_french_counts_none_with_one() -> None:
    few = [catalogue("fr").count("bot.waiting_more", count) for count in (0, 1, 2)]
    assert few == ["… et 0 autre", "… et 1 autre", "… et 2 autres"]
    assert catalogue("de").count("bot.waiting_more", 0) == "… und 0 weitere Personen"


def entry(key: str, english: str, said: str = "") -> str:
    return f'\nmsgctxt "{key}"\nmsgid "{english}"\nmsgstr "{said}"\n'


def test_what_a_translator_has_not_looked_at_is_said_in_english(tmp_path: Path) -> None:
    path, head = tmp_path / "fr.po", 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    (tmp_path / TEMPLATE).write_text(head + entry("page.save", "Save") + entry("page.new", "New"))
    path.write_text(head + entry("page.old", "Old", "Vieux") + entry("page.save", "Save it", "Enregistrer"))
    main([tmp_path])
    translation = read(path)
    save, new = translation.get("Save", "page.save"), translation.get("New", "page.new")
    assert save is not None
    assert new is not None
    assert (save.string, save.fuzzy, new.string) == ("Enregistrer", True, "")
    assert "Old" not in path.read_text()
    assert [said(message, message) for message in (save, new)] == [("Save",), ("New",)]


def test_french_punctuation_is_never_alone_on_a_line() -> None:
    assert [text for text in texts("fr") if re.search(r" [:;?!%»]|« ", text)] == []


def test_german_has_its_own_quotes_and_keeps_signs_with_their_words() -> None:
    assert [text for text in texts("de") if re.search(r"[«»”]|\w…| […%](?!\w)", text)] == []


def test_each_text_of_the_catalogue_is_used() -> None:
    places = [*(WEB / "templates").iterdir(), *WEB.glob("*.py")]
    templates = "".join(path.read_text() for path in places)
    scripts = "".join(path.read_text() for path in (WEB / "static" / "ts").iterdir())
    used = {key for key in catalogue(DEFAULT).page if f'"{key}"' in templates or f"'{key}'" in templates}
    used |= {f"oops_{kind}_{part}" for kind in ("missing", "refused", "away") for part in ("heading", "text")}
    used |= {f"scope_{scope.replace(':', '_')}" for scope in Scope}
    unused = catalogue(DEFAULT).page.keys() - used
    assert unused == set()
    built_from_parts = re.compile(
        r"(problem_.*_(heading|text)|(camera|microphone)_(on|off)|state_\w+|contractor_(renew|withdraw)_\w+|invitee_\w+)$"
    )
    texts = catalogue(DEFAULT).script
    assert [key for key in texts if f'"{key}"' not in scripts and not built_from_parts.match(key)] == []
    problems = set(re.findall(r'showProblem\("(\w+)"', scripts)) | set(re.findall(r': "(invite_\w+)",', scripts))
    problems |= set(re.findall(r'#fail\("(\w+)"', scripts)) | {"code"}
    keys = {key for key in catalogue(DEFAULT).script if key.startswith("problem_")}
    headings = {f"problem_{problem}_heading" for problem in problems}
    assert headings == {key for key in keys if key.endswith("_heading")}


REFUSING = ("Refused", "refusal")
FOR_PROGRAMS = [
    f"web/{name}.py"
    for name in ("body", "consents", "final_pass", "internal", "meetings", "rtc", "search", "tokens", "transactions")
] + ["web/translations.py"]
"""Modules whose refusals only programs meet; those of all others are for people, on pages and from the bot."""


def refusals() -> set[str]:
    """Return the sentences of those for people, `{}` where something is filled in."""
    found = set()
    for path in WEB.parent.rglob("*.py"):
        if str(path.relative_to(WEB.parent)) in FOR_PROGRAMS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in REFUSING:
                found |= {sentence for argument in node.args if " " in (sentence := written(argument))}
    programs = {"This room is no meeting."}
    commands = {sentence for sentence in found if sentence.startswith("!meet")}
    return found - programs - commands | set(_REFUSALS.values()) | {text for _, text in _WORDS.values()}


def written(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "{}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_what_people_are_refused_is_in_the_template() -> None:
    known = {PLACEHOLDER.sub("{}", english) for english in catalogue(DEFAULT).refusal}
    missing = {PLACEHOLDER.sub("{}", sentence) for sentence in refusals()} - known
    assert missing - {"This meeting is not open yet.{}"} == set()


def test_what_is_filled_into_a_refusal_is_translated_where_it_is_a_word_of_ours() -> None:
    assert in_language("Only the host of this meeting may do this.", "de") == (
        "Das geht nur als gastgebende Person dieser Besprechung."
    )
    assert in_language("Too many tries. Please wait 7 s.", "fr") == "Trop d’essais. Attendez 7 s."
    assert in_language("Nobody wrote this.", "fr") == "Nobody wrote this."
    assert in_language("This meeting was deleted.", "en") == "This meeting was deleted."
    assert in_language("x could not be removed.\nx", "fr") == "x could not be removed.\nx"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.5", "fr"),
        ("en;q=0.4, fr;q=0.9", "fr"),
        ("nl, fr;q=0.3", "fr"),
        ("de-AT", "de"),
        ("nl", "en"),
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
