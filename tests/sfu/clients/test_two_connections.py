# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Clients with two peer connections, on which the server offers: among themselves and beside those with one.

livekit-client 2.16 has no other way; the newest has it as an option; the Python SDK falls back to it when a server
does not know `/rtc/v1`. What Go sends is in `tests/sfu/wire` and `tests/sfu/shell`: it cannot run here.
"""

import pytest

RED, GREEN, BLUE = (200, 30, 40), (30, 170, 60), (40, 60, 200)

TWO = {"singlePeerConnection": False}
CLIENTS = pytest.mark.parametrize("client", ["216", "newest"])


@CLIENTS
async def test_a_browser_with_two_connections_and_one_client_with_one_see_and_hear_each_other(
    client, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    await bob.speak(700)
    await bob.show(BLUE)
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name), TWO)
    assert await page.call("transports") == 2

    async def ann_sees_bob():
        return looks_like(await page.sees("bob"), BLUE)

    async def ann_hears_bob():
        return abs(await page.call("tone", "bob") - 700) < 10

    await wait_for(ann_sees_bob, what="bob's picture in the browser")
    await wait_for(ann_hears_bob, what="bob's tone in the browser")

    await page.call("publishColour", "rgb(200, 30, 40)", 500)
    await wait_for(lambda: abs(bob.hears("ann") - 500) < 5, what="ann's tone")
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture")

    await page.call("send", "from the browser", True)
    await wait_for(lambda: ("ann", b"from the browser") in [entry[:2] for entry in bob.data], what="data")
    await page.call("send", "quick", False)
    await wait_for(lambda: ("ann", b"quick") in [entry[:2] for entry in bob.data], what="lossy data")
    for reliable in (True, False):
        await bob.room.local_participant.publish_data(f"reliable {reliable}", reliable=reliable)

    async def data_came():
        return {("bob", "reliable True"), ("bob", "reliable False")} <= {tuple(e) for e in await page.value("data")}

    await wait_for(data_came, what="data in the browser")

    await page.call("setMicrophone", False)
    await wait_for(lambda: any(event[:2] == ("track_muted", "ann") for event in bob.events), what="the mute")
    await page.call("setMicrophone", True)
    await wait_for(lambda: any(event[:2] == ("track_unmuted", "ann") for event in bob.events))

    async def bob_speaks():
        return "bob" in await page.call("speakers")

    await wait_for(bob_speaks, what="bob as a speaker in the browser")
    await bob.leave()

    async def is_alone():
        return await page.call("people") == {}

    await wait_for(is_alone, within=5, what="bob's departure in the browser")
    events = [name for name, _ in await page.value("events")]
    assert not {"disconnected", "reconnecting", "signalReconnecting"} & set(events)


@CLIENTS
async def test_sections_are_used_again_for_tracks_that_come_and_go(
    client, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name), TWO)
    for rgb in (RED, GREEN, BLUE):
        _, publication = await bob.show(rgb)

        async def shown(rgb=rgb):
            return looks_like(await page.sees("bob"), rgb)

        async def gone():
            return await page.sees("bob") is None

        await wait_for(shown, what="the picture")
        await page.call("subscribe", "bob", False)
        await wait_for(gone, what="the end of the subscription")
        await page.call("subscribe", "bob", True)
        await wait_for(shown, what="the picture again")
        await bob.room.local_participant.unpublish_track(publication.sid)
        await wait_for(gone, what="the end of the track")
    assert await page.call("receivingSections") <= 2


@CLIENTS
async def test_a_browser_that_may_not_subscribe_publishes_and_gets_data(
    client, open_page, enter, sfu, room_name, wait_for
):
    bob = await enter("bob")
    await bob.speak(700)
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name, can_subscribe=False), TWO)
    await page.call("publishColour", "rgb(200, 30, 40)", 500)
    await wait_for(lambda: abs(bob.hears("ann") - 500) < 5, what="ann's tone")
    await bob.room.local_participant.publish_data("to ann", reliable=True)

    async def data_came():
        return ["bob", "to ann"] in await page.value("data")

    await wait_for(data_came, what="data in the browser")
    assert await page.call("tone", "bob") == 0


@CLIENTS
async def test_a_browser_that_may_not_publish_sees_and_hears(
    client, open_page, enter, sfu, room_name, wait_for, looks_like
):
    page = await open_page(client)
    rights = {"can_publish": False, "can_publish_data": False}
    await page.call("join", sfu.url, sfu.token("ann", room_name, **rights), TWO)
    bob = await enter("bob")
    await bob.show(BLUE)

    async def ann_sees_bob():
        return looks_like(await page.sees("bob"), BLUE)

    await wait_for(ann_sees_bob, what="bob's picture in the browser")


async def test_the_python_sdk_falls_back_to_two_connections(enter, old_server, wait_for, looks_like):
    alice = await enter("alice", url=old_server.url)
    bob = await enter("bob", url=old_server.url)
    carol = await enter("carol")
    for person, hertz, rgb in ((alice, 440, RED), (bob, 700, BLUE), (carol, 1000, GREEN)):
        await person.speak(hertz)
        await person.show(rgb)
    said = {"alice": (440, RED), "bob": (700, BLUE), "carol": (1000, GREEN)}
    for person in (alice, bob, carol):
        for identity, (hertz, rgb) in said.items():
            if identity != person.identity:
                hears = lambda p=person, i=identity, h=hertz: abs(p.hears(i) - h) < 5  # noqa: E731
                sees = lambda p=person, i=identity, c=rgb: looks_like(p.sees(i), c)  # noqa: E731
                await wait_for(hears, what=f"{identity}'s tone at {person.identity}")
                await wait_for(sees, what=f"{identity}'s picture at {person.identity}")

    await alice.room.local_participant.publish_data(b"to all", reliable=True, topic="t")
    for person in (bob, carol):
        await wait_for(lambda p=person: ("alice", b"to all", "t") in p.data, what="reliable data")
    await carol.room.local_participant.publish_data(b"quick", reliable=False)
    await wait_for(lambda: b"quick" in [entry[1] for entry in alice.data], what="lossy data")

    @alice.room.local_participant.register_rpc_method("greet")
    async def greet(call):
        return f"hello {call.payload}"

    answer = await bob.room.local_participant.perform_rpc(destination_identity="alice", method="greet", payload="bob")
    assert answer == "hello bob"


async def test_the_python_sdk_s_tracks_come_and_go_over_two_connections(enter, old_server, wait_for):
    alice, bob = await enter("alice", url=old_server.url), await enter("bob", url=old_server.url)
    for number in range(4):
        hertz = 400 + 150 * number
        track, publication = await alice.speak(hertz)
        await wait_for(lambda hertz=hertz: abs(bob.hears("alice") - hertz) < 5, what=f"{hertz} Hz")
        track.mute()
        await wait_for(lambda sid=publication.sid: ("track_muted", "alice", sid) in bob.events, what="the mute")
        await alice.room.local_participant.unpublish_track(publication.sid)
        await wait_for(lambda: not bob.publications("alice"), what="the end of the track")
        bob.sounds.clear()


async def test_ten_people_come_and_go(enter, old_server, sfu, wait_for):
    bob = await enter("bob", url=old_server.url)
    await bob.speak(700)
    for number in range(10):
        guest = await enter(f"guest {number}", url=old_server.url if number % 2 else sfu.url)
        await guest.speak(440)
        await wait_for(lambda guest=guest: abs(guest.hears("bob") - 700) < 5, what="bob's tone")
        await wait_for(lambda guest=guest: abs(bob.hears(guest.identity) - 440) < 5, what="the guest's tone")
        await guest.leave()
        await wait_for(lambda: not bob.room.remote_participants, what="the departure")
    assert not [event for event in bob.events if event[0].startswith("reconnect")]


async def test_the_python_sdk_resumes_over_two_connections(enter, old_server, wait_for):
    alice, bob = await enter("alice", url=old_server.url), await enter("bob")
    _, publication = await alice.speak(440)
    await bob.speak(700)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5 and abs(alice.hears("bob") - 700) < 5, what="both tones")
    bob.events.clear()
    await old_server.cut()
    await bob.room.local_participant.publish_data(b"meanwhile", reliable=True)
    await wait_for(lambda: "reconnected" in [event[0] for event in alice.events], what="the resume")
    bob.sounds.clear()
    alice.sounds.clear()
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5 and abs(alice.hears("bob") - 700) < 5, what="both tones")
    await wait_for(lambda: alice.data, what="what was said meanwhile")
    assert [entry[1] for entry in alice.data] == [b"meanwhile"]
    assert bob.events == []
    assert list(bob.publications("alice")) == [publication.sid]
    assert "track_unsubscribed" not in [event[0] for event in alice.events]

    await bob.show(BLUE)  # offers go on after a resume
    await wait_for(lambda: alice.sees("bob"), what="bob's picture")
