# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sound and pictures, both ways."""

import pytest

from tests.conformance.call import BLUE, RED


@pytest.mark.capability("publish audio")
async def test_a_published_tone_is_heard(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await alice.speak(440)
    await call.hears(bob, "alice", 440)


@pytest.mark.capability("publish video")
async def test_a_published_colour_is_seen(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await alice.show(RED)
    await call.sees(bob, "alice", RED)


@pytest.mark.capability("subscribe")
async def test_what_was_there_and_what_comes_later_is_received(call):
    bob = await call.witness("bob")
    await bob.speak(700)
    await bob.show(BLUE)
    alice = await call.enter("alice")
    carol = await call.witness("carol")
    await carol.speak(900)
    await carol.show(RED)
    await call.hears(alice, "bob", 700)
    await call.sees(alice, "bob", BLUE)
    await call.hears(alice, "carol", 900)
    await call.sees(alice, "carol", RED)
