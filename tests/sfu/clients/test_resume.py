# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Real clients that lose their signalling for a moment: what goes on, and what they know afterwards."""

import asyncio
import time

import pytest
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind

RED, BLUE = (200, 30, 40), (40, 60, 200)


def names(person):
    return [event[0] for event in person.events]


async def test_a_cut_socket_is_no_news_for_anybody_else(enter, way, wait_for):
    alice, bob = await enter("alice", url=way.url), await enter("bob")
    _, publication = await alice.speak(440)
    await bob.speak(700)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5 and abs(alice.hears("bob") - 700) < 5, what="both tones")
    bob.events.clear()
    heard = bob.sounds.pop("alice")
    began = time.monotonic()
    way.cut()
    await wait_for(lambda: "reconnected" in names(alice), what="the resume")
    print(f"the livekit SDK resumed after {time.monotonic() - began:.2f} s")
    assert len(heard)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="alice's tone after it")
    alice.sounds.clear()
    await wait_for(lambda: abs(alice.hears("bob") - 700) < 5, what="bob's tone after it")
    assert bob.events == []
    assert list(bob.publications("alice")) == [publication.sid]
    assert "track_unsubscribed" not in names(alice)


async def test_what_happened_in_the_meantime_is_known_after_a_resume(enter, way, wait_for):
    alice, bob, carol = await enter("alice", url=way.url), await enter("bob"), await enter("carol")
    track, publication = await bob.speak(700)
    await wait_for(lambda: abs(alice.hears("bob") - 700) < 5, what="bob's tone")
    way.cut(mended=False)
    await wait_for(lambda: "reconnecting" in names(alice), what="the loss")
    track.mute()
    await carol.leave()
    dave = await enter("dave")
    await dave.speak(1000)
    way.mend()
    await wait_for(lambda: "reconnected" in names(alice), what="the resume")
    await wait_for(lambda: set(alice.room.remote_participants) == {"bob", "dave"}, what="the right people")
    await wait_for(lambda: alice.publications("bob")[publication.sid].muted, what="the mute")
    await wait_for(lambda: abs(alice.hears("dave") - 1000) < 5, what="dave's tone")


async def test_reliable_data_said_around_a_cut_comes_once(enter, way, wait_for):
    alice, bob = await enter("alice", url=way.url), await enter("bob")
    sent = [f"packet {number}".encode() for number in range(20)]
    publish = {person.identity: person.room.local_participant.publish_data for person in (alice, bob)}
    for name in publish:
        await publish[name](sent[0], reliable=True)
    await wait_for(lambda: len(alice.data) == len(bob.data) == 1, what="the first packets")
    way.cut(mended=False)
    for payload in sent[1:-1]:
        await publish["bob"](payload, reliable=True)
    waiting = [asyncio.create_task(publish["alice"](payload, reliable=True)) for payload in sent[1:-1]]
    way.mend()
    await wait_for(lambda: "reconnected" in names(alice), what="the resume")
    await asyncio.gather(*waiting)
    for name in publish:
        await publish[name](sent[-1], reliable=True)
    for person in (alice, bob):
        await wait_for(lambda person=person: person.data and person.data[-1][1] == sent[-1], what="the last packet")
        assert sorted(payload for _, payload, _ in person.data) == sorted(sent)
    assert [payload for _, payload, _ in alice.data] == sent


async def test_a_client_whose_resume_is_cut_off_too_comes_back_all_the_same(enter, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone")
    await alice.room.simulate_scenario(SimulateScenarioKind.SIMULATE_DISCONNECT_SIGNAL_ON_RESUME)
    await wait_for(lambda: "reconnected" in names(alice), within=30, what="the return")
    bob.sounds.clear()
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone after it")


@pytest.mark.parametrize(("client", "connections"), [("2223", 1), ("newest", 1), ("216", 2), ("newest", 2)])
async def test_a_browser_resumes_with_the_tracks_that_it_has(
    client, connections, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob, carol = await enter("bob"), await enter("carol")
    _, camera = await bob.show(BLUE)
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name), {"singlePeerConnection": connections == 1})
    assert await page.call("transports") == connections
    await page.call("publishColour", "rgb(200, 30, 40)", 500)
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture")
    await wait_for(lambda: abs(bob.hears("ann") - 500) < 5, what="ann's tone")

    async def sees_bob():
        return looks_like(await page.sees("bob"), BLUE)

    await wait_for(sees_bob, what="bob's picture")
    published = set(bob.publications("ann"))
    before = await page.call("packets")
    bob.events.clear()
    seen = len(await page.value("events"))
    began = time.monotonic()
    await page.call("simulate", "signal-reconnect")
    await carol.leave()

    async def is_back():
        return "reconnected" in [name for name, _ in await page.value("events")]

    await wait_for(is_back, what="the resume")
    print(f"livekit-client {client} resumed after {time.monotonic() - began:.2f} s")
    bob.pictures.clear()
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture after it")

    async def carol_is_gone():
        return set(await page.call("people")) == {"bob"}

    await wait_for(carol_is_gone, what="carol's departure in the browser")
    after = await page.call("packets")
    events = [name for name, _ in (await page.value("events"))[seen:]]
    assert {"reconnecting", "trackUnsubscribed", "localTrackUnpublished", "trackSubscribed"}.isdisjoint(events)
    assert set(bob.publications("ann")) == published
    assert (await page.call("people"))["bob"]["tracks"]["camera"]["sid"] == camera.sid
    assert {event[0] for event in bob.events} <= {"participant_disconnected"}
    print(f"packets lost on the way to the browser: {after['lost'] - before['lost']}, received {after['received']}")
    assert after["streams"] == before["streams"]
    assert after["lost"] == before["lost"]
    assert after["received"] > before["received"]


@pytest.mark.parametrize("scenario", ["disconnect-signal-on-resume", "disconnect-signal-on-resume-no-messages"])
async def test_a_browser_whose_resume_is_cut_off_tries_again(
    scenario, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    page = await open_page("newest")
    await page.call("join", sfu.url, sfu.token("ann", room_name))
    await page.call("publishColour", "rgb(200, 30, 40)", 500)
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture")
    await page.call("simulate", scenario)

    async def is_back():
        return "reconnected" in [name for name, _ in await page.value("events")]

    await wait_for(is_back, within=30, what="the resume")
    bob.pictures.clear()
    await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture after it")


@pytest.mark.parametrize("client", ["2223", "newest"])
async def test_publishing_and_subscribing_again_and_again_does_not_add_sections_for_ever(
    client, open_page, enter, sfu, room_name, wait_for, looks_like
):
    bob = await enter("bob")
    page = await open_page(client)
    await page.call("join", sfu.url, sfu.token("ann", room_name))

    async def sees_bob():
        return looks_like(await page.sees("bob"), BLUE)

    async def sees_nobody():
        return await page.sees("bob") is None

    sections = []
    for _ in range(5):
        await page.call("publishColour", "rgb(200, 30, 40)", 500)
        _, publication = await bob.show(BLUE)
        bob.pictures.clear()
        await wait_for(lambda: looks_like(bob.sees("ann"), RED), what="ann's picture")
        await wait_for(sees_bob, what="bob's picture")
        sections.append(await page.call("sections"))
        await page.call("unpublish")
        await bob.room.local_participant.unpublish_track(publication.sid)
        await wait_for(sees_nobody, what="the end of bob's picture")
        await wait_for(lambda: not bob.publications("ann"), what="the end of ann's tracks")
    print(f"sections of livekit-client {client}, round by round: {sections}")
    assert sections[-1] == sections[1]
