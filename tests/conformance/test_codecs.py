# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Codecs other than VP8 and Opus, layers inside of one stream, end-to-end encryption."""

import pytest

from tests.conformance.call import BLUE, RED


@pytest.mark.capability("codec: H.264")
async def test_h264_is_seen_both_ways(call):
    await _both_ways(call, "h264", {})


@pytest.mark.capability("codec: VP9")
async def test_vp9_is_seen_both_ways(call):
    await _both_ways(call, "vp9", {"scalability": "L1T1"})


@pytest.mark.capability("codec: AV1")
async def test_av1_is_seen_both_ways(call):
    await _both_ways(call, "av1", {"scalability": "L1T1"})


@pytest.mark.capability("VP9 SVC: layers of one stream")
async def test_a_receiver_gets_a_lower_layer_of_one_stream(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    sid = await alice.show(RED, {"codec": "vp9", "scalability": "L3T3_KEY", "size": [960, 540]})
    await call.sees(bob, "alice", RED, width=960, within=20)
    await bob.want(sid, {"quality": "low"})
    await call.sees(bob, "alice", RED, width=240, within=20)
    await bob.want(sid, {"quality": "high"})
    await call.sees(bob, "alice", RED, width=960, within=20)


@pytest.mark.capability("RED: redundant audio")
async def test_redundant_audio_is_heard(call):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await alice.speak(440, {"red": True})
    await call.hears(bob, "alice", 440)
    await call.track(bob, "alice", "microphone", mime="audio/red")  # statistics of libwebrtc name what is inside
    await bob.speak(700, {"red": True})
    await call.hears(alice, "bob", 700)


@pytest.mark.capability("end-to-end encryption")
async def test_encrypted_media_is_told_as_such_and_decrypts(call):
    key = {"key": "a key that the server does not know"}
    bob = await call.witness("bob", key)
    alice = await call.enter("alice", key)
    for person, other, who, hertz, rgb in ((alice, bob, "alice", 440, RED), (bob, alice, "bob", 700, BLUE)):
        await person.speak(hertz)
        await person.show(rgb)
        await call.track(other, who, "camera", encrypted=True)
        await call.hears(other, who, hertz)
        await call.sees(other, who, rgb)


async def _both_ways(call, codec, options):
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    for person, other, who, rgb in ((alice, bob, "alice", RED), (bob, alice, "bob", BLUE)):
        sid = await person.show(rgb, {"codec": codec, **options})
        await call.sees(other, who, rgb, within=20)
        assert (await person.sending(sid))["codec"] == f"video/{codec}"
        assert (await other.receiving(sid))["codec"] == f"video/{codec}"
