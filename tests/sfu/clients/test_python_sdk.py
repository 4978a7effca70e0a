# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The newest livekit SDK for Python: whole calls."""

import asyncio
import socket

import aiohttp
import pytest
from livekit import rtc
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind

RED, BLUE = (200, 40, 40), (40, 60, 200)


async def test_two_people_hear_and_see_each_other(enter, wait_for, looks_like):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await alice.show(RED)
    await bob.speak(700)
    await bob.show(BLUE)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="alice's tone at bob")
    await wait_for(lambda: abs(alice.hears("bob") - 700) < 5, what="bob's tone at alice")
    await wait_for(lambda: looks_like(bob.sees("alice"), RED), what="alice's picture at bob")
    await wait_for(lambda: looks_like(alice.sees("bob"), BLUE), what="bob's picture at alice")


async def test_whoever_comes_later_gets_what_is_there(enter, wait_for, looks_like):
    alice = await enter("alice")
    await alice.speak(440)
    await alice.show(RED)
    late = await enter("late")
    assert "alice" in late.room.remote_participants
    await wait_for(lambda: abs(late.hears("alice") - 440) < 5, what="the tone")
    await wait_for(lambda: looks_like(late.sees("alice"), RED), what="the picture")


async def test_more_people_than_sections_of_the_first_offer_all_hear_each_other(enter, wait_for):
    people = [await enter(f"p{number}") for number in range(5)]
    for number, person in enumerate(people):
        await person.speak(400 + 100 * number)
    for listener in people:
        for number, person in enumerate(people):
            if person is not listener:
                hears = lambda who=person.identity, hertz=400 + 100 * number: (  # noqa: E731
                    abs(listener.hears(who) - hertz) < 5  # noqa: B023
                )
                await wait_for(hears, what=f"{person.identity} at {listener.identity}")


async def test_sections_are_used_again_for_track_after_track(enter, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    for number in range(4):
        hertz = 400 + 150 * number
        _, publication = await alice.speak(hertz)
        await wait_for(lambda hertz=hertz: abs(bob.hears("alice") - hertz) < 5, what=f"{hertz} Hz")
        await alice.room.local_participant.unpublish_track(publication.sid)
        await wait_for(lambda: not bob.publications("alice"), what="the end of the track")


async def test_a_call_goes_on_after_a_restart_of_the_server(enter, restarting_sfu, room_name, wait_for):
    with restarting_sfu() as sfu:
        alice, bob = [await enter(name, url=sfu.url, token=sfu.token(name, room_name)) for name in ("alice", "bob")]
        await alice.speak(440)
        await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone")
        assert await asyncio.to_thread(sfu.stop) == 0
    await wait_for(lambda: ("reconnecting",) in alice.events, what="the news that the server stops")
    bob.sounds.clear()
    with restarting_sfu():
        await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, within=40, what="the tone after the restart")
        assert not alice.disconnected.is_set()
        await alice.leave()
        await bob.leave()


@pytest.mark.parametrize("scenario", ["SIMULATE_FULL_RECONNECT", "SIMULATE_NODE_FAILURE"])
async def test_whoever_lost_the_server_joins_anew_with_its_tracks(scenario, enter, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone")
    await alice.room.simulate_scenario(getattr(SimulateScenarioKind, scenario))
    await wait_for(lambda: any(event[0] == "reconnected" for event in alice.events), what="the new session")
    bob.sounds.clear()
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone after it")


async def test_a_call_goes_on_while_strangers_send_what_they_like(enter, sfu, room_name, wait_for, looks_like):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await alice.show(RED)
    await wait_for(lambda: looks_like(bob.sees("alice"), RED), what="the picture")
    reconnects = [event for event in bob.events if event[0].startswith("reconnect")]

    for forged in ("x", sfu.token("eve", room_name)[:-4], sfu.token("e" * 10_000, room_name)):
        with pytest.raises(rtc.ConnectError):
            await enter("eve", token=forged)
    eve = await enter("eve", token=sfu.token("eve", f"{room_name}-another"))
    assert eve.room.remote_participants == {}
    async with aiohttp.ClientSession() as http:
        for query in ({}, {"join_request": "AAAA"}, {"join_request": "%%"}):
            headers = {"Authorization": f"Bearer {sfu.token('eve', room_name)}"}
            async with http.get(f"{sfu.http}/rtc/v1/validate", params=query, headers=headers) as answer:
                assert answer.status == 400
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        client_hello = bytes.fromhex("16fefd0000000000000000003c010000300000000000000030fefd") + bytes(40)
        for datagram in (b"", b"\x00", b"\x16", client_hello, b"\x80" * 1200, b"\x00\x01" + bytes(18)):
            stranger.sendto(datagram, sfu.media)
        stranger.settimeout(0.3)
        with pytest.raises(TimeoutError):
            stranger.recv(2000)

    frames = bob.frames
    await wait_for(lambda: bob.frames > frames + 10, what="more pictures")
    assert abs(bob.hears("alice") - 440) < 5
    assert set(bob.room.remote_participants) == {"alice"}
    assert [event for event in bob.events if event[0].startswith("reconnect")] == reconnects
