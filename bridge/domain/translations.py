# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a caption says in another language."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MAX_LANGUAGES = 16
"""Languages of one caption. Stops: a translator without end filling tables and pages."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The text of one revision of a caption in one language; another revision makes it void."""

    segment_id: str
    room_id: str
    lang: str
    rev: int
    text: str

    @property
    def id(self) -> str:
        """Return its name among everything that waits for a page; a segment's own id holds no slash."""
        return f"{self.segment_id}/{self.lang}"

    @property
    def final(self) -> bool:
        """Tell that no later version is on its way."""
        return True


def as_json(translation: Translation) -> dict[str, Any]:
    """Return the Translation of docs/ARCHITECTURE.md."""
    return asdict(translation)
