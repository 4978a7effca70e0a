# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Connections that break: resumed with the same session, or begun anew; and what a server may be asked to simulate."""

import pytest

NO_PAGE = {"python": "the SDK does not show it", "node": "the SDK does not show it"}
NO_SUCH = {"python": "the SDK has no such scenario", "node": "the SDK has no such scenario"}


async def _talk(call):
    """The client under test and a witness, who hear each other."""
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await alice.speak(440)
    await bob.speak(700)
    await call.hears(bob, "alice", 440)
    await call.hears(alice, "bob", 700)
    return alice, bob


async def _both_hear(call, alice, bob):
    await call.hears(alice, "bob", 700)
    await call.hears(bob, "alice", 440)
    await bob.send("still there?")
    await call.got(alice, ["bob", "still there?", ""])

    async def answered():  # again and again: livekit-client loses what it sends while its new channels open
        await alice.send("yes")
        return ["alice", "yes", ""] in [list(entry) for entry in await bob.received()]

    await call.until(answered, "alice's data at bob")


async def _resumes(call, alice, bob):
    sid = (await alice.me())["sid"]
    await call.happened(alice, "reconnected", within=25)
    assert (await alice.me())["sid"] == sid, "a new session instead of the old one"
    await _both_hear(call, alice, bob)


async def _begins_anew(call, alice, bob, sid):
    await call.happened(alice, "reconnected", within=25)
    await _known_anew(call, alice, bob, sid)
    await _both_hear(call, alice, bob)


async def _known_anew(call, alice, bob, before):
    async def condition():
        now = (await alice.me())["sid"]
        return now != before and (await bob.people()).get("alice", {}).get("sid") == now

    await call.until(condition, "alice's new session at bob")


@pytest.mark.capability("signal lost: resume")
async def test_a_lost_signal_connection_is_resumed(call):
    alice, bob = await _talk(call)
    await alice.simulate("signal-reconnect")
    await _resumes(call, alice, bob)


@pytest.mark.capability("ICE restart", absent=NO_PAGE)
async def test_a_resumed_connection_has_new_ice_credentials_on_both_sides(call):
    alice, bob = await _talk(call)
    before = await alice.fragments()
    await alice.simulate("signal-reconnect")
    await _resumes(call, alice, bob)
    after = await alice.fragments()
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.capability("full reconnect")
async def test_a_client_that_begins_anew_brings_its_tracks(call):
    alice, bob = await _talk(call)
    sid = (await alice.me())["sid"]
    await alice.simulate("full-reconnect")
    await _begins_anew(call, alice, bob, sid)


@pytest.mark.capability("simulated: node failure")
async def test_after_a_failure_of_the_node_the_client_begins_anew(call):
    alice, bob = await _talk(call)
    sid = (await alice.me())["sid"]
    await alice.simulate("node-failure")
    await _begins_anew(call, alice, bob, sid)


@pytest.mark.capability("simulated: leave to reconnect", absent=NO_SUCH)
async def test_a_client_told_to_reconnect_begins_anew(call):
    alice, bob = await _talk(call)
    sid = (await alice.me())["sid"]
    await alice.simulate("leave-full-reconnect")
    await _begins_anew(call, alice, bob, sid)


@pytest.mark.capability("simulated: server leave")
async def test_a_client_that_the_server_leaves_is_out(call):
    alice, bob = await _talk(call)
    await alice.simulate("server-leave")
    await call.happened(alice, "disconnected")
    await call.misses(bob, "alice")


@pytest.mark.capability("simulated: speaker")
async def test_a_simulated_speaker_is_told(call):
    alice = await call.enter("alice")
    await alice.simulate("speaker")
    await call.happened(alice, "active_speakers_changed", "alice")


@pytest.mark.capability("simulated: migration")
async def test_a_migrated_client_goes_on(call):
    alice, bob = await _talk(call)
    await alice.simulate("migration")
    await call.happened(alice, "reconnected", within=25)
    await _both_hear(call, alice, bob)


@pytest.mark.capability("simulated: signal lost while resuming")
async def test_a_signal_connection_lost_while_resuming_is_resumed(call):
    alice, bob = await _talk(call)
    await alice.simulate("disconnect-signal-on-resume")
    await call.happened(alice, "reconnected", within=25)
    await _both_hear(call, alice, bob)


@pytest.mark.capability("token refreshed")
async def test_a_client_gets_a_newer_token(call):
    token = call.token("alice")
    alice = await call.enter("alice", token=token)
    if call.client.kind == "browser":

        async def refreshed():
            return (await alice.room())["token"] not in {token, None}

        await call.until(refreshed, "a new token")
    else:
        await call.happened(alice, "token_refreshed")
    bob = await call.witness("bob")
    sid = (await alice.me())["sid"]
    await alice.simulate("full-reconnect")  # enters with the new token
    await call.happened(alice, "reconnected", within=25)
    await _known_anew(call, alice, bob, sid)
