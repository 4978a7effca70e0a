# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Data packets, RPC, streams and what applications build of them, both ways."""

import pytest

LONG = "Längere Rede " * 4000
ONE_WAY = {"python": "the SDK has no chat of its own", "node": "the SDK has no chat of its own"}


@pytest.mark.capability("data: reliable")
async def test_reliable_data_arrives_whole_and_in_order(call):
    (alice, _), (bob, _) = await _both(call)
    for sender, receiver, who in ((alice, bob, "alice"), (bob, alice, "bob")):
        texts = [f"{number} " + "x" * 5000 for number in range(12)]
        for text in texts:
            await sender.send(text, {"topic": "t"})
        await call.got(receiver, [who, texts[-1], "t"])
        assert [list(entry) for entry in await receiver.received()] == [[who, text, "t"] for text in texts]


@pytest.mark.capability("data: lossy")
async def test_lossy_data_arrives(call):
    (alice, _), (bob, _) = await _both(call)
    await alice.send("quick", {"reliable": False})
    await bob.send("quick", {"reliable": False})
    await call.got(bob, ["alice", "quick", ""])
    await call.got(alice, ["bob", "quick", ""])


@pytest.mark.capability("data: to some alone")
async def test_addressed_data_comes_to_nobody_else(call):
    (alice, _), (bob, _) = await _both(call)
    carol = await call.witness("carol")
    await call.knows(alice, "carol", identity="carol")
    await alice.send("for bob", {"to": ["bob"]})
    await alice.send("for all")
    await call.got(bob, ["alice", "for bob", ""])
    await call.got(carol, ["alice", "for all", ""])  # reliable data keeps its order
    assert ["alice", "for bob", ""] not in [list(entry) for entry in await carol.received()]
    await carol.send("for bob", {"to": ["bob"]})
    await carol.send("for all")
    await call.got(alice, ["carol", "for all", ""])
    assert ["carol", "for bob", ""] not in [list(entry) for entry in await alice.received()]


@pytest.mark.capability("data: without permission")
async def test_data_of_whom_the_token_forbids_it_comes_to_nobody(call):
    alice = await call.enter("alice")
    mute = await call.witness("mute", can_publish_data=False)
    bob = await call.witness("bob")
    await call.knows(alice, "bob", identity="bob")  # of whom it does not know, a client tells no name
    await mute.send("forbidden")
    await bob.send("allowed")
    await call.got(alice, ["bob", "allowed", ""])
    assert ["mute", "forbidden", ""] not in [list(entry) for entry in await alice.received()]


@pytest.mark.capability("RPC")
async def test_methods_are_called_both_ways(call):
    (alice, _), (bob, _) = await _both(call)
    for caller, callee, who in ((alice, bob, "bob"), (bob, alice, "alice")):
        await callee.answer("shout")
        assert await caller.ask(who, "shout", "hello") == "HELLO"
        assert await caller.ask(who, "shout", "fail") == "error: 1234"
        assert await caller.ask(who, "whisper", "hello") == "error: 1400"


@pytest.mark.capability("text streams")
async def test_texts_longer_than_a_packet_arrive(call):
    (alice, _), (bob, _) = await _both(call)
    for sender, receiver, who in ((alice, bob, "alice"), (bob, alice, "bob")):
        await receiver.listen("talk")
        await sender.write(LONG, {"topic": "talk"})
        await _streamed(call, receiver, [who, "talk", "text", LONG])


@pytest.mark.capability("byte streams")
async def test_files_arrive(call):
    (alice, _), (bob, _) = await _both(call)
    for sender, receiver, who in ((alice, bob, "alice"), (bob, alice, "bob")):
        await receiver.listen("files")
        await sender.upload(100_000, {"topic": "files"})
        await _streamed(call, receiver, [who, "files", "bytes", 100_000])


@pytest.mark.capability("chat messages", absent=ONE_WAY)
async def test_a_chat_message_arrives(call):
    alice, ben = await call.enter("alice"), await call.enter("ben")
    await call.knows(alice, "ben", identity="ben")
    await alice.chat("good morning")
    await call.happened(ben, "chat_message", "alice", "good morning")


@pytest.mark.capability("transcriptions")
async def test_what_an_agent_wrote_down_arrives(call):
    agent = await call.witness("agent", kind="agent", agent=True)
    alice = await call.enter("alice")
    sid = await alice.speak(440)
    await call.track(agent, "alice", "microphone")
    await agent.transcribe("alice", sid, "bonjour")
    await call.happened(alice, "transcription_received", "bonjour")


@pytest.mark.capability("telephone keys (DTMF)")
async def test_a_telephone_s_key_arrives(call):
    (alice, _), (bob, _) = await _both(call)
    await bob.dial("5")
    await call.happened(alice, "sip_dtmf_received")
    await alice.dial("7")
    await call.happened(bob, "sip_dtmf_received")


async def _both(call):
    """The client under test and a witness, with their names."""
    bob = await call.witness("bob")
    alice = await call.enter("alice")
    await call.knows(bob, "alice", identity="alice")
    return (alice, "alice"), (bob, "bob")


async def _streamed(call, receiver, expected):
    async def condition():
        return expected in [list(entry) for entry in await receiver.streams()]

    await call.until(condition, f"a stream of {expected[0]}")
