# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a restart must know of a room whose captions are on."""

from dataclasses import dataclass, field, replace
from typing import Self

from bots.captions.consent import Word
from bots.matrix_rtc import Json

NOTE = "org.passerelle.captions"
"""Our own account data about a room: where captions are on, so that a restart finds them."""


@dataclass(frozen=True, slots=True)
class Note:
    """What we keep about a room whose captions are on. The notice's event id is also the call's id in segments."""

    notice: str
    thread: str
    asked_by: str
    started_ms: int
    withdrawn: tuple[Word, ...] = field(default=())
    tile: bool = False
    keeps_sound: bool = False

    @classmethod
    def read(cls, content: Json) -> Self | None:
        """Read it back; nothing where captions are off or somebody else's words stand there."""
        try:
            withdrawn = tuple(Word(str(user), allow=False, at_ms=int(at)) for user, at in content["withdrawn"].items())
            started, active = int(content["started_ms"]), content["active"] is True
            event_ids = str(content["notice"]), str(content["thread"])
            note = cls(*event_ids, str(content["asked_by"]), started, withdrawn, tile=content.get("tile") is True)
            note = replace(note, keeps_sound=content.get("keeps_sound") is True)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return note if active else None

    def content(self) -> Json:
        """Return what is kept."""
        return {
            "active": True,
            "notice": self.notice,
            "thread": self.thread,
            "asked_by": self.asked_by,
            "started_ms": self.started_ms,
            "withdrawn": {word.user_id: word.at_ms for word in self.withdrawn},
            "tile": self.tile,
            "keeps_sound": self.keeps_sound,
        }
