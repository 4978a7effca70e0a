# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RoomService and webhooks, by the server SDKs: `livekit-api` in protobuf, `livekit-server-sdk` in JSON."""

import pytest

from tests.conformance.clients.server_sdks import ApiRefused

SDKS = {"python-api", "node-api"}
PARTICIPANT_REMOVED, ROOM_DELETED = 4, 5


@pytest.mark.capability("CreateRoom", kinds=SDKS)
async def test_a_room_is_made_once_and_its_settings_are_kept(call):
    admin = await call.admin()
    name = f"{call.name}-new"
    made = await admin.create_room(name, {"empty_timeout": 77, "metadata": "m"})
    assert (made["name"], made["emptyTimeout"], made["metadata"]) == (name, 77, "m")
    assert made["sid"].startswith("RM_")
    assert (await admin.create_room(name))["sid"] == made["sid"]


@pytest.mark.capability("ListRooms", kinds=SDKS)
async def test_rooms_are_listed_all_or_by_name(call):
    admin = await call.admin()
    assert call.name in [room["name"] for room in await admin.list_rooms()]
    assert [room["name"] for room in await admin.list_rooms([call.name, "nobody's"])] == [call.name]


@pytest.mark.capability("DeleteRoom", kinds=SDKS)
async def test_a_deleted_room_is_gone_with_everyone_in_it(call):
    admin = await call.admin()
    bob = await call.witness("bob")
    await admin.delete_room(call.name)
    await call.happened(bob, "disconnected", ROOM_DELETED)
    assert await admin.list_rooms([call.name]) == []


@pytest.mark.capability("ListParticipants, GetParticipant", kinds=SDKS)
async def test_people_and_their_tracks_are_listed(call):
    admin = await call.admin()
    bob = await call.witness("bob")
    sid = await bob.speak(700)

    async def listed():
        return [person["identity"] for person in await admin.list_participants(call.name)] == ["bob"]

    await call.until(listed, "bob in the list")

    async def found():
        person = await admin.get_participant(call.name, "bob")
        return [track["sid"] for track in person["tracks"]] == [sid]

    await call.until(found, "bob's track")


@pytest.mark.capability("RemoveParticipant", kinds=SDKS)
async def test_a_removed_person_is_out(call):
    admin = await call.admin()
    bob = await call.witness("bob")
    await admin.remove_participant(call.name, "bob")
    await call.happened(bob, "disconnected", PARTICIPANT_REMOVED)


@pytest.mark.capability("MutePublishedTrack", kinds=SDKS)
async def test_a_track_is_muted_and_its_publisher_told(call):
    admin = await call.admin()
    bob, carol = await call.witness("bob"), await call.witness("carol")
    sid = await bob.speak(700)
    await call.hears(carol, "bob", 700)
    assert await admin.mute_track(call.name, "bob", sid, True) is True
    await call.track(carol, "bob", "microphone", muted=True)


@pytest.mark.capability("UpdateParticipant", kinds=SDKS)
async def test_what_is_known_of_somebody_and_its_rights_are_changed(call):
    admin = await call.admin()
    await call.witness("bob")
    carol = await call.witness("carol")
    changes = {"name": "B", "metadata": "m", "attributes": {"a": "b"}}
    changed = await admin.update_participant(call.name, "bob", {**changes, "publish": False})
    assert {name: changed[name] for name in changes} == changes
    assert changed["publishes"] is False
    await call.knows(carol, "bob", **changes)


@pytest.mark.capability("UpdateSubscriptions", kinds=SDKS)
async def test_somebody_is_subscribed_and_unsubscribed(call):
    admin = await call.admin()
    bob = await call.witness("bob")
    sid = await bob.speak(700)
    carol = await call.witness("carol", {"auto_subscribe": False})
    await call.track(carol, "bob", "microphone")
    await admin.update_subscriptions(call.name, "carol", [sid], True)
    await call.hears(carol, "bob", 700)
    await admin.update_subscriptions(call.name, "carol", [sid], False)
    await call.silent(carol, "bob")


@pytest.mark.capability("SendData", kinds=SDKS)
async def test_data_is_sent_to_some(call):
    admin = await call.admin()
    bob, carol = await call.witness("bob"), await call.witness("carol")
    await admin.send_data(call.name, "for bob", {"to": ["bob"], "topic": "t"})
    await admin.send_data(call.name, "for all", {"topic": "t"})
    await call.got(bob, ["", "for bob", "t"])
    await call.got(carol, ["", "for all", "t"])
    assert ["", "for bob", "t"] not in [list(entry) for entry in await carol.received()]


@pytest.mark.capability("UpdateRoomMetadata", kinds=SDKS)
async def test_the_room_s_metadata_is_changed_and_told(call):
    admin = await call.admin()
    bob = await call.witness("bob")
    assert (await admin.update_room_metadata(call.name, "agenda"))["metadata"] == "agenda"
    await call.happened(bob, "room_metadata_changed", "agenda")


@pytest.mark.capability("errors: code and status", kinds=SDKS)
async def test_errors_have_twirp_s_codes_and_statuses(call):
    admin = await call.admin()
    for method, *arguments in (
        ("get_participant", call.name, "nobody"),
        ("remove_participant", call.name, "nobody"),
        ("update_room_metadata", f"{call.name}-which-nobody-made", "m"),
    ):
        with pytest.raises(ApiRefused) as refused:
            await getattr(admin, method)(*arguments)
        assert (refused.value.code, refused.value.status) == ("not_found", 404)
    stranger = await call.admin(secret="another-secret-of-thirty-two-bytes!!")
    with pytest.raises(ApiRefused) as refused:
        await stranger.list_rooms()
    assert (refused.value.code, refused.value.status) == ("unauthenticated", 401)


@pytest.mark.capability("webhooks", kinds=SDKS, own="the server must know where to send them")
async def test_what_happens_in_a_room_is_told_signed_and_in_order(call):
    admin = await call.admin()
    alice = await call.witness("alice")
    sid = await alice.speak(440)
    await call.until(lambda: call.hooks("track_published"), "a webhook of the track")
    await alice.unpublish(sid)
    await alice.leave()
    await call.until(lambda: call.hooks("participant_left"), "a webhook of the departure")
    await admin.delete_room(call.name)
    await call.until(lambda: call.hooks("room_finished"), "a webhook of the room's end")
    events = [await admin.receive(body, authorization) for body, authorization in call.hooks()]
    assert [event["event"] for event in events] == [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    assert {event["room"] for event in events} == {call.name}
    assert [event["identity"] for event in events][1:5] == ["alice"] * 4
    assert events[2]["track"] == sid
    with pytest.raises(Exception, match=r".+"):
        await admin.receive(call.hooks()[0][0] + " ", call.hooks()[0][1])
