# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Goal S8: who may say what to the bot, as a table over every role and every command.

HTTP has test_permissions.py, signalling tests/sfu/core/test_rights.py.
"""

import pytest

from bridge.domain.bot_commands import COMMANDS
from tests.bridge.web.test_bot import HOME, JEAN, MARIE, tell

ROLES = {
    "guest": f"@guest-68000000-0123456789abcdef:{HOME}",
    "stranger": f"@ada:{HOME}",
    "partner": "@pavel:partner.example",
    "member": JEAN,
    "host": f"@hal:{HOME}",
    "organiser": MARIE,
}
"""A guest's account may not write into a room; what comes of it where a room lets it, and even makes it a host."""
EVERYBODY = frozenset(ROLES) - {"guest"}
STAFF, INSIDE = EVERYBODY - {"partner"}, EVERYBODY - {"stranger"}
HOSTS = frozenset({"host", "organiser"})
MAY = {
    **dict.fromkeys(("help", "list", "lang"), EVERYBODY),
    **dict.fromkeys(("start", "schedule"), STAFF),
    **dict.fromkeys(("status", "hand", "hands"), INSIDE),
    **dict.fromkeys(
        ("invite", "open", "lock", "unlock", "lobby", "waiting", "admit", "refuse", "end", "cancel"), HOSTS
    ),
    **dict.fromkeys(("mute", "forbid", "allow", "audience", "promote", "demote", "remove", "bar", "unbar"), HOSTS),
    **dict.fromkeys(("next", "revoke"), HOSTS),
}
DENIALS = (
    "I take no commands from guests.",
    "Only the host of this meeting may do this.",
    "Meetings are made by people of this homeserver",
    "Which meeting?",
)


def test_the_table_knows_every_command() -> None:
    assert MAY.keys() == COMMANDS.keys()
    print(f"S8: {len(ROLES)} roles with {len(COMMANDS)} commands each: {len(ROLES) * len(COMMANDS)} pairs to the bot")


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_may_say_exactly_what_the_table_says(bridge, role: str):
    for name in COMMANDS:
        meeting = await bridge.meeting()
        room = meeting["room_id"]
        for one, user in ROLES.items():
            if one != "stranger":
                bridge.homeserver.join(room, user)
        bridge.homeserver.levels[room] |= dict.fromkeys((ROLES["host"], ROLES["guest"]), 50)
        bridge.services.limits.__init__()  # they are fast
        _, answer = await tell(bridge, f"!meet {name}", ROLES[role], room)
        assert answer.startswith(DENIALS) is (role not in MAY[name]), (name, answer)
    print(f"S8: {role}: {len(COMMANDS)} commands tried, {sum(role in may for may in MAY.values())} of them allowed")
