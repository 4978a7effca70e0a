# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the caption bot say to a room? The same in every language, a line each: who is there may read any.

What stands inside transcripts (`in_language`) is in the one language that its reader asks for, or that is spoken there.

gettext catalogues stand beside this file; `bridge/locales/README.md` says how they are kept.
"""

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

_FOLDER = Path(__file__).parent
_ENGLISH = "en"


def said(*keys: str, **values: str) -> str:
    """Return texts as the lines that say them, English first; an unknown key is a fault of ours (`KeyError`)."""
    return "\n".join(" ".join(texts[key] for key in keys).format(**values) for texts in _languages().values())


def in_language(lang: str, key: str, **values: str) -> str:
    """Return a text in one language; in English where it is not translated into that."""
    languages = _languages()
    return languages.get(lang, languages[_ENGLISH])[key].format(**values)


def in_each(key: str) -> dict[str, str]:
    """Return a text as the catalogues have it, its placeholders unfilled, by language."""
    return {lang: texts[key] for lang, texts in _languages().items()}


@cache
def _languages() -> dict[str, dict[str, str]]:
    translated = sorted(_FOLDER.glob("*.po"), reverse=True)
    return {_ENGLISH: _read("messages.pot", translated=False)} | {
        path.stem: _read(path.name, translated=True) for path in translated
    }


def _read(name: str, *, translated: bool) -> dict[str, str]:
    with (_FOLDER / name).open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    return {
        str(message.context).removeprefix("notice."): str(message.string if translated else message.id)
        for message in messages
    }
