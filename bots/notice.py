# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the bot says to a room in its own name."""

from typing import Any

from bots.captions.commands import Command, text_of
from bots.captions.ending import Ending
from bots.captions.health import Cause, Telling
from bots.locales import said

NOTICE = "org.passerelle.captions.notice"
_ME, _NAME, _SHARED = text_of(Command.ME), text_of(Command.NAME), text_of(Command.SHARED)


def text_event(body: str) -> dict[str, Any]:
    """Return a message nobody is called by."""
    return {"msgtype": "m.notice", "body": body, "m.mentions": {}}


def asked(name: str, user_id: str, *, keeps_sound: bool) -> dict[str, Any]:
    """Return the notice that comes before any audio is received; it says whether sound is kept."""
    keys = ("asked", "kept", "asked_commands") if keeps_sound else ("asked", "asked_commands")
    body = said(*keys, name=name, tile=text_of(Command.TILE), off=text_of(Command.OFF))
    return text_event(body) | {NOTICE: {"asked_by": user_id}}


def thread_root(title: str) -> dict[str, Any]:
    """Return the event that the captions hang below."""
    return text_event(" · ".join([*said("thread").splitlines(), *([title] if title else [])]))


NOT_ENTITLED = said("not_entitled")
OTHER_SERVER = said("other_server")
ENCRYPTED = said("encrypted")
FAILED = said("failed")


def health(telling: Telling, cause: Cause | None) -> str:
    """Return what to say when captions become worse than promised, and when that is over."""
    return said("better" if telling is Telling.OVER or cause is None else f"worse_{cause.value}")


FAREWELLS = {
    ending: said(f"farewell_{ending.name.lower()}")
    for ending in (Ending.ASKED, Ending.EMPTY, Ending.UNUSED, Ending.REFUSED)
}

NO_DIARIZATION = said("no_diarization")
WHOSE_MICROPHONE = said("whose_microphone", shared=_SHARED)
NOT_YOUR_MICROPHONE = said("not_your_microphone")
WHICH_VOICE = said("which_voice", me=_ME, named=_NAME)
CLAIMED = said("claimed", named=_NAME)


def several_voices(name: str) -> str:
    """Return what the bot says when it hears by itself that a microphone is shared."""
    return said("several_voices", name=name, me=_ME, off=f"{_SHARED} @… off")


def marked(name: str, *, shared: bool) -> str:
    """Return the answer to somebody who said whether a microphone is shared."""
    return said("marked" if shared else "unmarked", name=name, me=_ME)
