# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Entering, being refused, leaving."""

import pytest

from tests.conformance.clients.vocabulary import Refused


@pytest.mark.capability("join")
async def test_who_joins_knows_the_room_and_everyone_in_it(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    room, me, people = await alice.room(), await alice.me(), await alice.people()
    assert room["name"] == call.name
    assert room["sid"].startswith("RM_")
    assert room["state"] == "connected"
    assert me["identity"] == "alice"
    assert me["sid"].startswith("PA_")
    assert people["bob"]["sid"] == (await bob.me())["sid"]

    async def bob_knows():
        return (await bob.people()).get("alice", {}).get("sid") == me["sid"]

    await call.until(bob_knows, "alice at bob")
    await call.witness("carol")
    await call.gets(alice, "events", [_event(call, "participant_connected"), "carol"], "carol at alice")


@pytest.mark.capability("refused: bad token (401)")
async def test_a_forged_token_is_refused_with_401(call):
    with pytest.raises(Refused) as refused:
        await call.enter("alice", token=call.token("alice") + "x")
    assert refused.value.status == 401


def _event(call, name):
    """An event's name as the client under test has it."""
    if call.client.kind == "python":
        return name
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
