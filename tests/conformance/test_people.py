# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a room and of the people in it, and what they may do."""

import pytest
from livekit import api


@pytest.mark.capability("own name, metadata and attributes")
async def test_what_somebody_says_of_oneself_is_known_to_everyone(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    for person, other, who in ((alice, bob, "alice"), (bob, alice, "bob")):
        said = {"name": f"I am {who}", "metadata": f"m {who}", "attributes": {"hand": "raised"}}
        assert await person.change(said) == ""
        await call.knows(other, who, **said)


@pytest.mark.capability("own metadata without permission")
async def test_whom_the_token_forbids_it_cannot_change_what_is_known_of_it(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice", can_update_own_metadata=False)
    await alice.change({"metadata": "m"})  # livekit-client says that it was refused, the Python SDK does not
    await call.knows(bob, "alice", metadata="")  # between what is told and what is sent as data there is no order
    await alice.send("said it")
    await call.got(bob, ["alice", "said it", ""])
    assert (await bob.people())["alice"]["metadata"] == ""


@pytest.mark.capability("metadata of a room")
async def test_new_metadata_of_the_room_is_told(call):
    alice = await call.enter("alice")
    request = api.UpdateRoomMetadataRequest(room=call.name, metadata="agenda")
    await call.api.room.update_room_metadata(request)
    await call.happened(alice, "room_metadata_changed", "agenda")
    assert (await alice.room())["metadata"] == "agenda"


@pytest.mark.capability("changed by the server: metadata")
async def test_what_the_server_api_says_of_somebody_is_known_to_everyone(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    for identity in ("alice", "bob"):
        request = api.UpdateParticipantRequest(
            room=call.name, identity=identity, name="N", metadata="M", attributes={"a": "b"}
        )
        await call.api.room.update_participant(request)
    await call.knows(alice, "bob", name="N", metadata="M", attributes={"a": "b"})
    await call.knows(bob, "alice", name="N", metadata="M", attributes={"a": "b"})

    async def own():
        me = await alice.me()
        return (me["name"], me["metadata"], me["attributes"]) == ("N", "M", {"a": "b"})

    await call.until(own, "alice's own name")


@pytest.mark.capability("changed by the server: permissions")
async def test_who_loses_the_permission_to_publish_is_heard_no_more_until_it_is_given_back(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await alice.speak(440)
    await call.hears(bob, "alice", 440)
    await _allow(call, "alice", False)

    async def unpublished():
        return not (await bob.people())["alice"]["tracks"] and not (await alice.me())["publishes"]

    await call.until(unpublished, "the end of alice's track")
    await _allow(call, "alice", True)

    async def allowed():
        return (await alice.me())["publishes"]

    await call.until(allowed, "the permission")
    await alice.speak(600)
    await call.hears(bob, "alice", 600)


@pytest.mark.capability("muted by the server")
async def test_a_track_muted_by_the_server_is_muted_for_everyone(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    sid = await alice.speak(440)
    await call.hears(bob, "alice", 440)
    request = api.MuteRoomTrackRequest(room=call.name, identity="alice", track_sid=sid, muted=True)
    await call.api.room.mute_published_track(request)
    await call.track(bob, "alice", "microphone", muted=True)
    await call.silent(bob, "alice")

    async def knows():
        return (await alice.me())["tracks"][sid]["muted"]

    await call.until(knows, "alice's own mute")


@pytest.mark.capability("subscription permission: publisher")
async def test_a_publisher_says_who_may_hear_it(call):
    bob, carol = await call.witness("bob"), await call.witness("carol")
    alice = await call.enter("alice")
    await alice.speak(440)
    await call.hears(bob, "alice", 440)
    await call.hears(carol, "alice", 440)
    await alice.permit(False, {"carol": True})
    await call.silent(bob, "alice")
    await call.hears(carol, "alice", 440)
    await alice.permit(True, {})
    await call.hears(bob, "alice", 440)


@pytest.mark.capability("subscription permission: receiver")
async def test_who_is_not_allowed_to_hear_hears_nothing_until_it_is(call):
    bob = await call.witness("bob")
    await bob.permit(False, {})
    sid = await bob.speak(700)
    alice = await call.enter("alice")
    await call.track(alice, "bob", "microphone")
    assert await alice.hears("bob") == 0
    await bob.permit(False, {"alice": [sid]})
    await call.hears(alice, "bob", 700)
    await bob.permit(False, {})
    await call.silent(alice, "bob")


@pytest.mark.capability("hidden participants")
async def test_nobody_is_told_of_who_is_hidden(call):
    await call.witness("ghost", hidden=True)
    alice = await call.enter("alice")
    await call.witness("bob")
    await call.knows(alice, "bob", identity="bob")
    assert "ghost" not in await alice.people()


async def _allow(call, identity, publish):
    permission = api.ParticipantPermission(can_subscribe=True, can_publish=publish, can_publish_data=True)
    request = api.UpdateParticipantRequest(room=call.name, identity=identity, permission=permission)
    await call.api.room.update_participant(request)
