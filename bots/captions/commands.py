# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What people can tell the bot in the room, and who may say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

PREFIX = "!captions"
MEMBER = 0
"""Whoever may write in the room at all."""
MODERATOR = 50
"""Power level from which somebody may ask for captions and end them."""


class Command(Enum):
    """A wish, in the words that follow ``PREFIX``."""

    OFF = "off"
    TILE = "tile"
    TILE_OFF = "tile off"
    SHARED = "shared"
    ME = "me"
    NAME = "name"


POWER = {
    Command.OFF: MODERATOR,
    Command.TILE: MEMBER,
    Command.TILE_OFF: MEMBER,
    Command.SHARED: MEMBER,
    Command.ME: MEMBER,
    Command.NAME: MODERATOR,
}
"""The power level that each command asks for; `shared` asks for a moderator's to mean somebody else's microphone."""

_SAY_MORE = frozenset({Command.SHARED, Command.ME, Command.NAME})
"""Commands after which words of one's own may follow."""
MAX_WORDS_CHARS = 200
"""stops: a book as somebody's name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A command that was said by somebody who may say it."""

    command: Command
    user_id: str
    words: str = ""
    """What follows the command."""
    mentions: tuple[str, ...] = ()
    """The users that the message calls, as clients write "@name"."""


def text_of(command: Command) -> str:
    """Return what to write to say a command."""
    return f"{PREFIX} {command.value}"


def read_wish(event: Mapping[str, Any], power: Callable[[str], int]) -> Wish | None:
    """Return the command that a live event of the room is; nothing if it is none or its sender may not say it.

    ``power`` gives a user's level. Only ``m.text`` counts: notices are written by programs, ours included.
    """
    sender, content = event.get("sender"), event.get("content")
    if event.get("type") != "m.room.message" or not isinstance(sender, str) or not isinstance(content, Mapping):
        return None
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return None
    said = " ".join(body.split())
    command, words = _parse(said)
    if command is None or power(sender) < POWER[command]:
        return None
    return Wish(command, sender, words[:MAX_WORDS_CHARS], _mentions(content))


def _parse(said: str) -> tuple[Command | None, str]:
    if said in _BY_TEXT:
        return _BY_TEXT[said], ""
    for command in _SAY_MORE:
        if said.startswith(text_of(command) + " "):
            return command, said.removeprefix(text_of(command)).strip()
    return None, ""


def _mentions(content: Mapping[str, Any]) -> tuple[str, ...]:
    mentions = content.get("m.mentions")
    users = mentions.get("user_ids") if isinstance(mentions, Mapping) else None
    return tuple(user for user in users if isinstance(user, str)) if isinstance(users, list) else ()


_BY_TEXT = {text_of(command): command for command in Command}
