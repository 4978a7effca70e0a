# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do we say to people, in their language? gettext catalogues beside this file, README.md is for who translates.

`messages.pot` has the English texts, `fr.po` and its like what became of them. A text's context is its place and its
key (`page.skip`); refusals, whose key is the English sentence, stand in `refusal`. What is not translated, or waits
for a look (fuzzy), is said in English, as gettext does.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bridge.domain.languages import DEFAULT, known

FOLDER = Path(__file__).parent
REFUSAL = "refusal"
TEMPLATE = "messages.pot"
_SAMPLE = range(200)
"""Numbers among which each plural form of a language occurs."""

Forms = dict[str, str]
"""A text that depends on a number, by CLDR's plural categories (`one`, `other`, …), which browsers know, too."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language, by the part of the service that says them."""

    language: str
    page: dict[str, str] = field(default_factory=dict)
    script: dict[str, str | Forms] = field(default_factory=dict)
    """These travel inside the page to its scripts."""
    bot: dict[str, str] = field(default_factory=dict)
    mail: dict[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)
    """Around transcripts that are saved."""
    demo: dict[str, str] = field(default_factory=dict)
    """The local stack's own sign-in."""
    refusal: dict[str, str] = field(default_factory=dict)
    counted: dict[str, Forms] = field(default_factory=dict)
    """What depends on a number, by its context; only `script` has its own."""

    def text(self, key: str, **values: str) -> str:
        """Return a text of the templates; an unknown key or a missing value is a fault of ours (`KeyError`)."""
        return self.page[key].format(**values)

    def count(self, context: str, count: int, **values: str) -> str:
        """Return a text that depends on a number, which stands in it as `{count}`."""
        forms = self.counted[context]
        category = Locale.parse(self.language).plural_form(count)
        return forms.get(category, forms["other"]).format(count=count, **values)

    def in_language(self, language: str) -> Catalogue:
        """Return the same texts in another language."""
        return catalogue(language)


def catalogue(language: str) -> Catalogue:
    """Return a language's texts, or those of the default one; they are read once."""
    return _catalogue(known(language) or DEFAULT)


@cache
def _catalogue(language: str) -> Catalogue:
    made = Catalogue(language)
    translated = None if language == DEFAULT else read(FOLDER / f"{language}.po")
    plural_of = gettext.c2py("n != 1" if translated is None else translated.plural_expr)
    category_of = {plural_of(count): Locale.parse(language).plural_form(count) for count in _SAMPLE}
    for message in _template():
        if not isinstance(message.context, str):
            continue  # the header
        forms = said(message, None if translated is None else translated.get(message.id, message.context))
        part, _, key = message.context.partition(".")
        if not message.pluralizable:
            getattr(made, part)[key or message.id] = forms[0]
        elif part == "script":
            made.script[key] = {category_of[index]: form for index, form in enumerate(forms)}
        else:
            made.counted[message.context] = {category_of[index]: form for index, form in enumerate(forms)}
    return made


def read(path: Path) -> Catalog:
    """Return a catalogue or a template as it stands in a file."""
    with path.open("rb") as file:
        return read_po(file)


@cache
def _template() -> Catalog:
    return read(FOLDER / TEMPLATE)


def said(english: Message, translated: Message | None) -> tuple[str, ...]:
    """Return what is said for a text: as translated, where somebody looked at it, else in English."""
    known = () if translated is None or translated.fuzzy else forms_of(translated.string)
    return known if known and all(known) else forms_of(english.id)


def forms_of(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return what a catalogue has for a text: several where a number chooses."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)
