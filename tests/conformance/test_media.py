# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sound and pictures, both ways: publishing, subscribing, muting, layers."""

import asyncio

import pytest

from tests.conformance.call import BLUE, RED

LARGE = {"size": [960, 540], "simulcast": True}
NO_SETTING = {"python": "the SDK has qualities alone", "node": "the SDK has qualities alone"}


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


@pytest.mark.capability("subscribe by hand")
async def test_without_automatic_subscription_only_what_is_asked_for_comes(call):
    bob = await call.witness("bob")
    camera, microphone = await bob.show(BLUE), await bob.speak(700)
    alice = await call.enter("alice", {"auto_subscribe": False})
    await call.track(alice, "bob", "camera", subscribed=False)
    await call.track(alice, "bob", "microphone", subscribed=False)
    await alice.subscribe(microphone, True)
    await call.hears(alice, "bob", 700)
    assert await alice.sees("bob") is None
    for _ in range(2):  # the section is used again
        await alice.subscribe(camera, True)
        await call.sees(alice, "bob", BLUE)
        await alice.subscribe(camera, False)

        async def gone():
            return await alice.sees("bob") is None

        await call.until(gone, "the end of the picture")


@pytest.mark.capability("publisher learns of its subscriber")
async def test_a_publisher_is_told_that_somebody_subscribed(call):
    await call.witness("bob")
    alice = await call.enter("alice")
    await alice.speak(440)
    await call.happened(alice, "local_track_subscribed")


@pytest.mark.capability("mute and unmute")
async def test_mute_and_unmute_are_seen_by_everyone(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    sids = {"alice": await alice.speak(440), "bob": await bob.speak(700)}
    await call.hears(bob, "alice", 440)
    await call.hears(alice, "bob", 700)
    for speaker, listener, who, hertz in ((alice, bob, "alice", 440), (bob, alice, "bob", 700)):
        await speaker.mute(sids[who], True)
        await call.track(listener, who, "microphone", muted=True)
        await call.silent(listener, who)
        await speaker.mute(sids[who], False)
        await call.track(listener, who, "microphone", muted=False)
        await call.hears(listener, who, hertz)


@pytest.mark.capability("unpublish and publish again")
async def test_tracks_come_and_go_and_use_the_same_sections(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    for number in range(2):
        for speaker, listener, who in ((alice, bob, "alice"), (bob, alice, "bob")):
            hertz = 400 + 150 * number
            sid = await speaker.speak(hertz)
            await call.hears(listener, who, hertz)
            await speaker.unpublish(sid)

            async def gone(listener=listener, who=who):
                return not (await listener.people())[who]["tracks"]

            await call.until(gone, f"the end of {who}'s track")


@pytest.mark.capability("more tracks than the first offer has room for")
async def test_more_people_than_sections_of_the_first_offer_are_all_heard(call):
    alice = await call.enter("alice")
    people = {f"p{number}": await call.witness(f"p{number}", {"auto_subscribe": False}) for number in range(5)}
    for number, person in enumerate(people.values()):
        await person.speak(400 + 100 * number)
    for number, identity in enumerate(people):
        await call.hears(alice, identity, 400 + 100 * number)


@pytest.mark.capability("simulcast: publish layers")
async def test_each_receiver_gets_the_layer_it_wants(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    sid = await alice.show(RED, LARGE)
    await call.sees(bob, "alice", RED, width=960, within=20)
    await bob.want(sid, {"quality": "low"})
    await _smaller(call, bob, "alice")
    await bob.want(sid, {"quality": "high"})
    await call.sees(bob, "alice", RED, width=960, within=20)


@pytest.mark.capability("track settings: quality")
async def test_a_lower_quality_is_asked_for_and_comes(call):
    alice, sid = await _viewer(call)
    await alice.want(sid, {"quality": "low"})
    await _smaller(call, alice, "bob")
    await alice.want(sid, {"quality": "high"})
    await call.sees(alice, "bob", BLUE, width=960, within=20)


@pytest.mark.capability("track settings: size", absent=NO_SETTING)
async def test_a_smaller_size_is_asked_for_and_comes(call):
    alice, sid = await _viewer(call)
    await alice.want(sid, {"size": [160, 90]})
    await _smaller(call, alice, "bob")


@pytest.mark.capability("track settings: disabled", absent=NO_SETTING)
async def test_a_disabled_track_stops_and_comes_back(call):
    alice, sid = await _viewer(call)
    await alice.want(sid, {"enabled": False})
    await _stops(call, alice, "bob")
    await alice.want(sid, {"enabled": True})
    frames = (await alice.sees("bob"))["frames"]

    async def more():
        return (await alice.sees("bob"))["frames"] > frames + 5

    await call.until(more, "pictures again")


@pytest.mark.capability("adaptive stream", absent=NO_SETTING)
async def test_a_small_tile_gets_a_small_picture_and_a_hidden_one_none(call):
    alice, _ = await _viewer(call, {"adaptiveStream": True})
    await alice.resize("bob", 160, 90)
    await _smaller(call, alice, "bob")
    await alice.resize("bob", 960, 540)
    await call.sees(alice, "bob", BLUE, width=960, within=20)
    await alice.resize("bob", 0, 0)
    await _stops(call, alice, "bob")


@pytest.mark.capability("dynacast")
async def test_layers_that_nobody_wants_are_not_sent(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice", {"dynacast": True})
    sid = await alice.show(RED, LARGE)
    await call.sees(bob, "alice", RED, width=960, within=20)
    await bob.want(sid, {"quality": "low"})

    async def only_the_lowest():
        before = (await alice.sending(sid))["layers"]
        await asyncio.sleep(0.7)
        after = (await alice.sending(sid))["layers"]
        growing = [rid for rid in after if after[rid] > before.get(rid, 0)]
        return len(after) > 1 and len(growing) == 1

    await call.until(only_the_lowest, "one layer sent", within=25)
    await bob.want(sid, {"quality": "high"})
    await call.sees(bob, "alice", RED, width=960, within=20)


@pytest.mark.capability("active speakers")
async def test_who_speaks_is_told_to_everyone_and_so_is_silence(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    sids = {"alice": await alice.speak(440), "bob": await bob.speak(700)}
    await call.happened(alice, "active_speakers_changed", "bob")
    await call.happened(bob, "active_speakers_changed", "alice")
    await bob.mute(sids["bob"], True)
    await alice.mute(sids["alice"], True)

    async def silence():
        changes = [event for event in await alice.events() if event[0] == "active_speakers_changed"]
        return changes[-1] == ["active_speakers_changed"]

    await call.until(silence, "silence")


@pytest.mark.capability("connection quality")
async def test_good_connections_are_told_as_excellent(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await bob.speak(700)
    await alice.speak(440)
    await call.happened(alice, "connection_quality_changed", "alice", within=20)
    await call.happened(alice, "connection_quality_changed", "bob", within=20)
    await call.knows(alice, "bob", quality="excellent")


async def _viewer(call, options=None):
    """The client under test, which sees bob in his largest size."""
    bob = await call.witness("bob")
    sid = await bob.show(BLUE, LARGE)
    alice = await call.enter("alice", options)
    if options:
        await call.sees(alice, "bob", BLUE)
        await alice.resize("bob", 960, 540)
    await call.sees(alice, "bob", BLUE, width=960, within=20)
    return alice, sid


async def _smaller(call, viewer, identity):
    async def condition():
        picture = await viewer.sees(identity)
        return picture and picture["width"] < 960

    await call.until(condition, f"a smaller picture of {identity}", within=20)


async def _stops(call, viewer, identity):
    async def condition():
        before = await viewer.sees(identity)
        await asyncio.sleep(0.5)
        return (await viewer.sees(identity)) == before

    await call.until(condition, f"the end of {identity}'s pictures")
