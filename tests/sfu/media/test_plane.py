# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The media plane on a real UDP port."""

import asyncio
import os
import secrets

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80
from aiortc.rtcsctptransport import DataChunk

from sfu.core import limits_media as limits
from sfu.core import stun
from sfu.core.media import DataChannel, DataOpened, DataReceived, IceCredentials, Kind, PeerId, PeerLost
from sfu.media import native_engine
from sfu.media import plane as plane_module
from sfu.media import transport as transport_module
from sfu.media.plane import EngineMissingError, MediaPlane
from sfu.native import MissingError


async def test_two_clients_hear_each_other(stage):
    publisher, receiver = await stage.audio_call()
    assert stage.of(publisher.id, "PeerConnected")[0].srtp_profile == "SRTP_AEAD_AES_128_GCM"
    await stage.heard(publisher, receiver, 1)
    assert stage.of(publisher.id, "TrackStarted")
    assert stage.plane.stats().packets_out >= 5


async def test_a_client_without_gcm_gets_the_other_profile(stage):
    client = stage.client("a")
    client.open()
    await client.check()
    await client.handshake([SRTP_AES128_CM_SHA1_80])
    [event] = await stage.until(lambda: stage.of(client.id, "PeerConnected"))
    assert event.srtp_profile == "SRTP_AES128_CM_SHA1_80"


async def test_a_running_call_survives_rubbish_from_strangers_and_from_the_peer(stage):
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    stranger = stage.wire()
    for first in range(256):
        for size in range(65):
            datagram = (bytes((first,)) + os.urandom(size))[:size]
            stranger.put(datagram)
            publisher.wire.put(datagram)
        await stage.until(lambda first=first: stage.dropped.get("empty", 0) >= 2 * (first + 1))
    await stage.heard(publisher, receiver, 100)
    assert not [event for event in stage.events if isinstance(event, PeerLost)]
    dropped = stage.dropped
    assert dropped["empty"] == 2 * 256
    assert dropped["unknown"] > 2 * 64 * 100
    assert dropped["stranger"] > 50 * 100
    assert dropped["stun_malformed"] >= 2 * 64 * 4
    assert stranger.stun == stranger.media == []
    assert stranger.dtls.empty()
    stranger.close()


async def test_a_strangers_client_hello_never_reaches_the_handshake(stage):
    client = stage.client("a")
    client.open()
    await client.check()
    hello = bytes.fromhex(
        "16fefd0000000000000000003601000028000000000000002afefd" + "00" * 32 + "0000" + "0002c02b" + "0100"
    )
    strangers = [stage.wire() for _ in range(3)]
    for stranger in strangers:
        stranger.put(hello)
    await stage.until(lambda: stage.dropped.get("stranger", 0) == 3)
    await client.handshake()
    await stage.until(lambda: stage.of(client.id, "PeerConnected"))
    for stranger in strangers:
        assert stranger.dtls.empty()
        stranger.close()


async def test_strangers_get_no_answer_to_their_checks(stage):
    client = stage.client("a")
    client.open()
    stranger = stage.wire()
    stranger.put(stun.binding_request(bytes(12), "nobody:x", "secret"))
    stranger.put(stun.binding_request(bytes(12), f"{client.credentials.ufrag}:x", "guess"))
    await stage.until(lambda: {"stun_unknown_ufrag", "stun_integrity"} <= set(stage.dropped))
    assert stranger.stun == []
    answer = await client.check()
    assert answer.mapped == client.wire.socket.getsockname()
    stranger.close()


async def test_a_wrong_fingerprint_ends_the_peer_and_nothing_is_forwarded(stage):
    receiver, impostor = stage.client("b"), stage.client("a")
    await receiver.connect()
    impostor.open(fingerprint=receiver.fingerprint)
    stage.plane.receive(stage.uplink(impostor, Kind.AUDIO))
    stage.plane.forward(stage.downlink(receiver, Kind.AUDIO))
    await impostor.check()
    await impostor.handshake()
    [lost] = await stage.until(lambda: stage.of(impostor.id, "PeerLost"))
    assert lost.reason == "fingerprint mismatch"
    assert not stage.of(impostor.id, "PeerConnected")
    impostor.send(50, 1)
    await stage.until(lambda: stage.dropped.get("stranger"))
    assert receiver.payloads() == []
    assert stage.plane.stats().packets_in == 0


async def test_a_peer_that_never_connects_is_lost(stage, monkeypatch):
    monkeypatch.setattr(transport_module, "CONNECT_TIMEOUT_S", 0.2)
    silent, halfway = stage.client("a"), stage.client("b")
    silent.open()
    halfway.open()
    await halfway.check()
    for client in (silent, halfway):
        [lost] = await stage.until(lambda peer=client.id: stage.of(peer, "PeerLost"))
        assert lost.reason == "connect timeout"


async def test_a_peer_that_falls_silent_is_lost_and_checks_keep_it(stage, monkeypatch):
    monkeypatch.setattr(plane_module, "CONSENT_S", 1.5)
    silent, alive = stage.client("a"), stage.client("b")
    await silent.connect()
    await alive.connect()
    while not stage.of(silent.id, "PeerLost"):
        await alive.check()
        await asyncio.sleep(0.1)
    assert stage.of(silent.id, "PeerLost")[0].reason == "consent expired"
    assert not stage.of(alive.id, "PeerLost")


async def test_a_silent_peer_is_reported_and_comes_back_by_an_ice_restart_from_elsewhere(stage, monkeypatch):
    monkeypatch.setattr(plane_module, "SILENT_S", 0.5)
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    await stage.until(lambda: stage.of(receiver.id, "PeerSilent"))
    fresh = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
    stage.plane.restart_ice(receiver.id, fresh)
    old_wire, receiver.wire = receiver.wire, stage.wire()
    receiver.dtls._transport = receiver.wire
    await receiver.check(fresh)
    await stage.until(lambda: stage.of(receiver.id, "PeerHeard"))
    await publisher.check()
    await stage.heard(publisher, receiver, 50)
    assert len(stage.of(receiver.id, "PeerConnected")) == 1
    assert not stage.of(receiver.id, "PeerLost")
    old_wire.close()


async def test_an_ice_restart_moves_the_media_and_keeps_the_session(stage):
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    fresh = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
    stage.plane.restart_ice(receiver.id, fresh)
    old_wire, receiver.wire = receiver.wire, stage.wire()
    receiver.dtls._transport = receiver.wire
    await receiver.check(fresh)
    await stage.heard(publisher, receiver, 50)
    assert len(stage.of(receiver.id, "PeerConnected")) == 1
    old_wire.close()


async def test_closing_a_peer_says_goodbye_and_emits_nothing(stage):
    client = stage.client("a")
    await client.connect()
    stage.plane.close_peer(client.id)
    stage.plane.close_peer(client.id)
    await stage.until(lambda: client.dtls.state == "closed")
    assert not stage.of(client.id, "PeerLost")
    assert stage.plane._ice._by_address == {}
    await stage.until(lambda: not stage.plane._tasks)


async def test_a_client_that_says_goodbye_is_lost_at_once(stage):
    client = stage.client("a")
    await client.connect()
    await client.dtls.stop()
    [lost] = await stage.until(lambda: stage.of(client.id, "PeerLost"), seconds=3)
    assert lost.reason == "closed by peer"


async def test_peers_are_capped(stage, monkeypatch):
    monkeypatch.setattr(plane_module, "MAX_PEERS", 3)
    for number in range(5):
        stage.client(f"p{number}").open()
    lost = await stage.until(lambda: [e for e in stage.events if isinstance(e, PeerLost)])
    assert [(event.peer, event.reason) for event in lost] == [("p3", "worker full"), ("p4", "worker full")]


async def test_a_flood_before_the_handshake_is_bounded(stage):
    client = stage.client("a")
    client.open()
    await client.check()
    for _ in range(20):
        for _ in range(50):
            stage.plane._on_datagram(memoryview(b"\x16" + bytes(30)), (1, client.wire.socket.getsockname()))
    assert stage.dropped["dtls_queue"] >= 1000 - limits.MAX_DTLS_QUEUE
    await client.handshake()


async def test_a_wildcard_address_needs_one_to_advertise():
    with pytest.raises(ValueError, match="advertise"):
        MediaPlane("0.0.0.0", 0, print)


def test_an_engine_that_is_not_there_is_named(monkeypatch):
    def missing() -> None:
        raise MissingError("the native engine is not built")

    monkeypatch.setattr(native_engine, "load", missing)
    with pytest.raises(EngineMissingError, match="not built"):
        MediaPlane("127.0.0.1", 0, print, engine="native")
    plane = MediaPlane("127.0.0.1", 0, print)
    assert (plane.engine, plane.engine_missing) == ("python", "the native engine is not built")
    with pytest.raises(EngineMissingError, match="unknown"):
        MediaPlane("127.0.0.1", 0, print, engine="rust")


class Browser:
    """An RTCPeerConnection with a data channel."""

    def __init__(self, stage, name, labels=("_reliable",)):
        self.stage, self.id = stage, PeerId(name)
        self.connection = RTCPeerConnection()
        self.messages = []
        self.channels = {label: self.connection.createDataChannel(label) for label in labels}
        for channel in self.channels.values():
            channel.on("message", self.messages.append)

    async def join(self):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        local = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        self.stage.plane.open_peer(self.id, local, [self.fingerprint()])
        await self.connection.setRemoteDescription(self.described("answer", local, "passive"))
        expected = min(len(self.channels), limits.MAX_DATA_CHANNELS)
        opened = self.channels.values()
        await self.stage.until(lambda: sum(one.readyState == "open" for one in opened) == expected)

    async def answer(self, channels):
        """Be offered a connection on which the server opens channels."""
        self.connection.on("datachannel", self.offered)
        local = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        await self.connection.setRemoteDescription(self.described("offer", local, "actpass"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        self.stage.plane.open_peer(self.id, local, [self.fingerprint()], channels)
        await self.stage.until(lambda: len(self.stage.of(self.id, "DataOpened")) == len(channels))

    def offered(self, channel):
        self.channels[channel.label] = channel
        channel.on("message", self.messages.append)

    def fingerprint(self):
        lines = self.connection.localDescription.sdp.splitlines()
        [value] = [line.split(" ")[1] for line in lines if line.startswith("a=fingerprint:sha-256")]
        return type(self.stage.plane.fingerprint)("sha-256", value)

    def described(self, kind, local, setup):
        plane = self.stage.plane
        candidate = plane.candidates[0]
        text = "\r\n".join(
            [
                "v=0",
                "o=- 1 1 IN IP4 127.0.0.1",
                "s=-",
                "t=0 0",
                "a=group:BUNDLE 0",
                "a=ice-lite",
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                "c=IN IP4 0.0.0.0",
                "a=mid:0",
                f"a=ice-ufrag:{local.ufrag}",
                f"a=ice-pwd:{local.pwd}",
                f"a=fingerprint:sha-256 {plane.fingerprint.value}",
                f"a=setup:{setup}",
                f"a=candidate:1 1 udp 2130706431 {candidate.host} {candidate.port} typ host",
                "a=sctp-port:5000",
                "a=max-message-size:65536",
                "",
            ]
        )
        return RTCSessionDescription(text, kind)


async def test_data_goes_both_ways_by_label(stage):
    browser = Browser(stage, "a", ("_reliable", "_lossy"))
    await browser.join()
    assert {event.label for event in stage.of(browser.id, "DataOpened")} == {"_reliable", "_lossy"}
    browser.channels["_lossy"].send(b"up")
    [received] = await stage.until(lambda: stage.of(browser.id, "DataReceived"))
    assert received == DataReceived(browser.id, "_lossy", b"up")
    big = os.urandom(60_000)
    assert stage.plane.send_data(browser.id, "_reliable", b"down")
    assert stage.plane.send_data(browser.id, "_reliable", big)
    await stage.until(lambda: len(browser.messages) == 2)
    assert browser.messages == [b"down", big]
    assert not stage.plane.send_data(browser.id, "unheard of", b"x")
    assert not stage.plane.send_data(PeerId("nobody"), "_reliable", b"x")
    assert not stage.plane.send_data(browser.id, "_reliable", bytes(limits.MAX_MESSAGE + 1))
    await browser.connection.close()


async def test_the_server_opens_channels_of_its_own(stage):
    browser = Browser(stage, "a", labels=())
    await browser.answer([DataChannel("_reliable", reliable=True), DataChannel("_lossy", reliable=False)])
    reliable, lossy = browser.channels["_reliable"], browser.channels["_lossy"]
    assert (reliable.ordered, reliable.maxRetransmits) == (True, None)
    assert (lossy.ordered, lossy.maxRetransmits) == (False, 0)
    assert {reliable.id % 2, lossy.id % 2} == {1}  # the DTLS server's half of the ids (RFC 8832 section 6)
    for label in browser.channels:
        assert stage.plane.send_data(browser.id, label, label.encode())
    await stage.until(lambda: len(browser.messages) == 2)
    assert set(browser.messages) == {b"_reliable", b"_lossy"}
    reliable.send(b"up")
    [received] = await stage.until(lambda: stage.of(browser.id, "DataReceived"))
    assert received == DataReceived(browser.id, "_reliable", b"up")
    await browser.connection.close()


async def test_data_to_a_slow_reader_is_bounded(stage):
    browser = Browser(stage, "a")
    await browser.join()
    accepted = 0
    while stage.plane.send_data(browser.id, "_reliable", bytes(60_000)):
        accepted += 1
        assert accepted < 100
    assert accepted * 60_000 <= limits.MAX_BUFFERED
    assert stage.dropped["data_full"] == 1
    await browser.connection.close()


async def test_reliable_messages_of_a_held_peer_wait_and_all_come_in_order_when_it_goes_on(stage):
    browser = Browser(stage, "a", ("_reliable", "_lossy"))
    await browser.join()
    stage.plane.hold_data(browser.id, held=True)
    messages = [bytes([number]) * 60_000 for number in range(30)]  # more than a closed window takes
    for message in messages:
        browser.channels["_reliable"].send(message)
    await stage.until(lambda: stage.dropped.get("sctp_reassembly"))
    browser.channels["_lossy"].send(b"not held")
    assert [event.payload for event in stage.of(browser.id, "DataReceived")] in ([], [b"not held"])
    stage.plane.hold_data(browser.id, held=False)
    received = lambda: [event for event in stage.of(browser.id, "DataReceived") if event.label == "_reliable"]  # noqa: E731
    await stage.until(lambda: len(received()) == len(messages))
    assert [event.payload for event in received()] == messages
    assert stage.plane.data_waiting(browser.id) == 0
    await browser.connection.close()


async def test_messages_and_channels_beyond_the_limits_are_refused(stage):
    labels = tuple(f"channel {number}" for number in range(limits.MAX_DATA_CHANNELS + 8))
    browser = Browser(stage, "a", labels)
    await browser.join()
    browser.connection.sctp._remote_max_message_size = 0  # our announcement doesn't bind everybody
    browser.channels["channel 0"].send(bytes(limits.MAX_MESSAGE + 1))
    browser.channels["channel 0"].send(b"fits")
    await stage.until(lambda: stage.of(browser.id, "DataReceived"))
    assert [event.payload for event in stage.of(browser.id, "DataReceived")] == [b"fits"]
    assert len([event for event in stage.events if isinstance(event, DataOpened)]) == limits.MAX_DATA_CHANNELS
    assert stage.dropped["data_too_long"] == 1
    await browser.connection.close()


async def test_channels_that_come_and_go_leave_nothing_behind(stage):
    browser = Browser(stage, "a")
    await browser.join()
    server = stage.plane._transports[browser.id].channels
    for number in range(2 * limits.MAX_DATA_CHANNELS):
        channel = browser.connection.createDataChannel(f"label {number}")
        await stage.until(lambda channel=channel: channel.readyState == "open")
        channel.close()
        await stage.until(lambda channel=channel: channel.readyState == "closed")
    await stage.until(lambda: server._by_label.keys() == {"_reliable"})
    assert len(server._inbound_streams) <= limits.MAX_DATA_CHANNELS
    await browser.connection.close()


async def test_chunks_scattered_above_a_hole_are_capped(stage):
    browser = Browser(stage, "a")
    await browser.join()
    server = stage.plane._transports[browser.id].channels
    hole = browser.connection.sctp._local_tsn
    for number in range(limits.MAX_SCTP_GAPS + 100):
        chunk = DataChunk(flags=3)
        chunk.tsn, chunk.stream_id, chunk.protocol = (hole + 2 + 2 * number) % 2**32, 1, 53
        chunk.user_data = b"x"
        await server._receive_data_chunk(chunk)
    assert len(server._sack_misordered) == limits.MAX_SCTP_GAPS
    assert stage.dropped["sctp_reassembly"] == 100
    await browser.connection.close()
