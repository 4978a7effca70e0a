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


POWER = {
    Command.OFF: MODERATOR,
    Command.TILE: MEMBER,
    Command.TILE_OFF: MEMBER,
}
"""The power level that each command asks for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A command that was said by somebody who may say it."""

    command: Command
    user_id: str


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
    command = _BY_TEXT.get(" ".join(body.split()))
    return Wish(command, sender) if command is not None and power(sender) >= POWER[command] else None


_BY_TEXT = {text_of(command): command for command in Command}
