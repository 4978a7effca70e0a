# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Entering, being refused, leaving and being thrown out."""

import asyncio

import pytest
from livekit import api

from tests.conformance.clients.vocabulary import Refused
from tests.conformance.server import serving

CLIENT_INITIATED, DUPLICATE_IDENTITY, PARTICIPANT_REMOVED, ROOM_DELETED = 1, 2, 4, 5
NO_CORS = {"python": "is no page of another origin", "node": "is no page of another origin"}


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
    await call.knows(bob, "alice", sid=me["sid"])
    carol = await call.witness("carol")
    await call.knows(alice, "carol", sid=(await carol.me())["sid"])


@pytest.mark.capability("stay: pings are answered", absent={"node": "has no way to see them"})
async def test_a_client_that_pings_is_answered(call):
    alice = await call.enter("alice")
    if call.client.kind == "browser":
        assert await alice.ping()
    else:
        await asyncio.sleep(17)  # ping_timeout is 15 s
    names = {event[0] for event in await alice.events()}
    assert not names & {"reconnecting", "signal_reconnecting", "disconnected"}


@pytest.mark.capability("refused: bad token, 401")
async def test_a_forged_token_is_refused_with_401(call):
    with pytest.raises(Refused) as refused:
        await call.enter("alice", token=call.token("alice")[:-6] + "AAAAAA")
    assert refused.value.status == 401


@pytest.mark.capability("refused: no permission to join, 401")
async def test_a_token_without_the_grant_to_join_is_refused_with_401(call):
    with pytest.raises(Refused) as refused:
        await call.enter("alice", room_join=False)
    assert refused.value.status == 401


@pytest.mark.capability("refused: no such room, 404", own="needs rooms that are not made by joining")
async def test_a_room_that_does_not_exist_is_refused_with_404(call):
    token = call.server.token("alice", f"{call.name}-which-nobody-made")
    with pytest.raises(Refused) as refused:
        await call.enter("alice", token=token)
    assert refused.value.status == 404


@pytest.mark.capability("refused: too long a name, 400")
async def test_too_long_an_identity_is_refused(call):
    with pytest.raises(Refused) as refused:
        await call.enter("a" * 300)
    assert refused.value.status in {400, None}  # livekit-client does not tell this status


@pytest.mark.capability("validate, readable from other origins", absent=NO_CORS)
async def test_validate_says_to_any_origin_what_the_socket_would(call):
    alice = await call.client_of()
    for path in ("rtc", "rtc/v1"):
        url = f"{call.server.http}/{path}/validate?access_token="
        status, _ = await alice.fetch(url + call.token("alice")[:-6] + "AAAAAA")
        assert (path, status) == (path, 401)
    status, text = await alice.fetch(f"{call.server.http}/rtc/validate?access_token={call.token('alice')}")
    assert (status, text) == (200, "success")
    assert (await alice.fetch(f"{call.server.http}/nothing"))[0] == 404


@pytest.mark.capability("livekit-client's own connection check", absent={"python": "has none", "node": "has none"})
async def test_the_client_s_own_check_of_a_server_finds_no_fault(call):
    alice = await call.client_of()
    names = ["checkWebsocket", "checkWebRTC", "checkPublishAudio", "checkPublishVideo", "checkReconnect"]
    for name in names:
        assert await alice.check(call.server.url, call.token(f"alice-{name}"), [name]) == []


@pytest.mark.capability("leave")
async def test_who_leaves_is_gone_at_once(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await call.knows(bob, "alice", identity="alice")
    await alice.leave()
    await call.misses(bob, "alice", within=5)
    await call.happened(alice, "disconnected", CLIENT_INITIATED)
    await call.happened(bob, "participant_disconnected", "alice")


@pytest.mark.capability("others' leaving")
async def test_who_left_is_gone_for_the_others(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await bob.leave()
    await call.misses(alice, "bob", within=5)


@pytest.mark.capability("duplicate identity")
async def test_the_newest_session_of_an_identity_replaces_the_older(call):
    bob = await call.witness("bob")
    first = await call.enter("alice")
    second = await call.enter("alice")
    await call.happened(first, "disconnected", DUPLICATE_IDENTITY)
    await call.knows(bob, "alice", sid=(await second.me())["sid"])
    await second.speak(440)
    await call.hears(bob, "alice", 440)


@pytest.mark.capability("removed by the server")
async def test_a_removed_person_is_told_so(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await call.api.room.remove_participant(api.RoomParticipantIdentity(room=call.name, identity="alice"))
    await call.happened(alice, "disconnected", PARTICIPANT_REMOVED)
    await call.misses(bob, "alice")


@pytest.mark.capability("room deleted")
async def test_everyone_in_a_deleted_room_is_told_so(call):
    alice = await call.enter("alice")
    await call.api.room.delete_room(api.DeleteRoomRequest(room=call.name))
    await call.happened(alice, "disconnected", ROOM_DELETED)


@pytest.mark.capability("server stops", own="stops the server")
async def test_a_stopping_server_has_its_clients_come_back(call, tmp_path):
    with serving(tmp_path, auto_create=True) as server:
        alice = await call.enter("alice", url=server.url, token=server.token("alice", call.name))
        assert await asyncio.to_thread(server.stop) == 0
        await call.happened(alice, "reconnecting")
