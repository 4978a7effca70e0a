# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""livekit-client in real Chromium: the version that Element Call embeds, and the newest."""

import pytest

RED, BLUE = (200, 30, 40), (40, 60, 200)


@pytest.mark.parametrize("client", ["2223", "newest"])
async def test_a_browser_and_the_python_sdk_see_and_hear_each_other(
    client, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    await bob.speak(700)
    await bob.show(BLUE)
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name))

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
    await bob.room.local_participant.publish_data(b"to the browser", reliable=False)

    async def data_came():
        return ["bob", "to the browser"] in await page.value("data")

    await wait_for(data_came, what="data in the browser")

    await page.call("rename", "Ann")
    await wait_for(lambda: bob.room.remote_participants["ann"].name == "Ann", what="the name")
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
    assert "disconnected" not in events
    assert "reconnecting" not in events
    assert "signalReconnecting" not in events


async def test_both_versions_in_one_call_see_each_other_s_devices(open_page, sfu, room_name, wait_for, looks_like):
    ann, ben = await open_page("2223"), await open_page("newest")
    await ann.call("join", sfu.url, sfu.token("ann", room_name))
    await ben.call("join", sfu.url, sfu.token("ben", room_name))
    await ann.call("publishDevices")
    await ben.call("publishColour", "rgb(200, 30, 40)", 880)

    async def ann_sees_red():
        return looks_like(await ann.sees("ben"), RED)

    async def ben_sees_green():
        # Chromium's fake camera: a green field with a black sector that turns.
        picture = await ben.sees("ann")
        return picture and picture[1] > 100 and picture[1] > 2 * picture[0] and picture[1] > 2 * picture[2]

    async def ann_hears():
        return abs(await ann.call("tone", "ben") - 880) < 10

    async def ben_hears():
        return await ben.call("tone", "ann") > 0  # it beeps once a second

    for condition in (ann_sees_red, ben_sees_green, ann_hears, ben_hears):
        await wait_for(condition, what=condition.__name__)


@pytest.mark.parametrize("scenario", ["full-reconnect", "node-failure"])
async def test_a_browser_that_lost_the_server_joins_anew_with_its_tracks(
    scenario, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    await bob.show(BLUE)
    page = await open_page("2223")
    await page.call("join", sfu.url, sfu.token("ann", room_name))
    await page.call("publishColour", "rgb(200, 30, 40)", 500)
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture")
    await page.call("simulate", scenario)

    async def is_back():
        return "reconnected" in [name for name, _ in await page.value("events")]

    await wait_for(is_back, what="the new session")
    bob.pictures.clear()

    async def sees_bob():
        return looks_like(await page.sees("bob"), BLUE)

    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture after it")
    await wait_for(sees_bob, what="bob's picture after it")
