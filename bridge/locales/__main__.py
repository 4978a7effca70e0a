# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which texts does a translation lack? `python -m bridge.locales` brings every `.po` file up to its template.

New texts are empty there, a text whose English changed keeps its translation as fuzzy, what is no more is gone. Other
folders with a template may be named. `pybabel init` begins a language.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from bridge.locales import FOLDER, REFUSAL, TEMPLATE, forms_of, read


def updated(template: Catalog, path: Path) -> str:
    """Return a translation's file with the texts of the template, in its order; the head of the file stays."""
    head, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    translation = read(path)
    before = {message.context: message for message in translation if message.context != REFUSAL}
    translation.update(template, no_fuzzy_matching=True)
    for message in translation:
        message.flags.discard("python-format")  # a per cent sign is no placeholder of ours
        known = before.get(message.context)
        if known is None or not message.id or any(forms_of(message.string)) or not any(forms_of(known.string)):
            continue
        if known.pluralizable == message.pluralizable:
            message.string, message.previous_id = known.string, list(forms_of(known.id))
            message.flags.add("fuzzy")
    written = io.BytesIO()
    write_po(written, translation, width=0, omit_header=True, ignore_obsolete=True, include_previous=True)
    return f"{head}\n\n{written.getvalue().decode().strip()}\n"


def main(folders: list[Path]) -> None:
    """Write the translations of the folders anew."""
    for folder in folders:
        for path in folder.glob("*.po"):
            path.write_text(updated(read(folder / TEMPLATE), path), encoding="utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [FOLDER])
