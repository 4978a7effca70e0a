# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What people can tell the bot, and who may."""

import pytest

from bots.captions.commands import MAX_WORDS_CHARS, MEMBER, MODERATOR, POWER, Command, Wish, read_wish, text_of

LEVELS = {"@chief:hs": MODERATOR, "@member:hs": MEMBER, "@muted:hs": -1}


def said(body, sender="@chief:hs", **content):
    return {"type": "m.room.message", "sender": sender, "content": {"msgtype": "m.text", "body": body, **content}}


@pytest.mark.parametrize("command", Command)
@pytest.mark.parametrize("sender", LEVELS)
def test_a_command_counts_from_those_who_may_say_it_and_from_nobody_else(command, sender):
    wish = Wish(command, sender) if LEVELS[sender] >= POWER[command] else None
    assert read_wish(said(text_of(command), sender), LEVELS.__getitem__) == wish


@pytest.mark.parametrize("body", ["  !captions   off\n", "!captions\toff"])
def test_spaces_do_not_matter(body):
    assert read_wish(said(body), LEVELS.__getitem__) == Wish(Command.OFF, "@chief:hs")


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        ("!captions me Voice 1", Wish(Command.ME, "@chief:hs", "Voice 1")),
        ("!captions name  Voice 1 = Dr. Martin", Wish(Command.NAME, "@chief:hs", "Voice 1 = Dr. Martin")),
        ("!captions shared off", Wish(Command.SHARED, "@chief:hs", "off")),
        ("!captions me " + "x" * 500, Wish(Command.ME, "@chief:hs", "x" * MAX_WORDS_CHARS)),
    ],
)
def test_some_commands_take_words_of_ones_own(body, wish):
    assert read_wish(said(body), LEVELS.__getitem__) == wish


@pytest.mark.parametrize(
    ("mentions", "users"),
    [
        ({"user_ids": ["@salle:hs"]}, ("@salle:hs",)),
        ({"user_ids": ["@salle:hs", 5, None]}, ("@salle:hs",)),
        ({"user_ids": "@salle:hs"}, ()),
        ({}, ()),
        (["@salle:hs"], ()),
    ],
)
def test_whom_a_message_calls_is_part_of_the_wish(mentions, users):
    event = said("!captions shared Salle", **{"m.mentions": mentions})
    assert read_wish(event, LEVELS.__getitem__) == Wish(Command.SHARED, "@chief:hs", "Salle", users)


@pytest.mark.parametrize(
    "event",
    [
        said("!captions"),
        said("!captions offline"),
        said("say !captions off"),
        said("* !captions off"),
        said(["!captions off"]),
        said("!captions off", msgtype="m.notice"),
        said("!captions off", sender=None),
        said("!captions off") | {"type": "m.reaction"},
        said("!captions off") | {"content": "!captions off"},
        {},
    ],
)
def test_anything_else_is_no_command(event):
    assert read_wish(event, LEVELS.__getitem__) is None
