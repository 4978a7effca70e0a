# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A client cannot make the server send to an address of its choice, by whatever way it names one."""

import asyncio
import base64
import gzip
import json
import socket
from pathlib import Path

import aiohttp
from livekit.protocol import rtc

OFFER = (Path(__file__).parents[2] / "fixtures" / "sdp" / "python-1.2.1-join-offer.sdp").read_text()
PONGS = 60
"""Each a round trip of at least 20 ms, in which the server's timers run."""


async def test_nothing_is_sent_to_addresses_that_clients_name(sfu, room_name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        udp.bind(("127.0.0.1", 0))
        victims = [("udp", udp.getsockname()[1], ""), ("tcp", tcp.getsockname()[1], " tcptype passive")]
        lines = [
            f"candidate:{number} 1 {protocol} 2130706431 127.0.0.1 {port} typ host{more}"
            for number, (protocol, port, more) in enumerate(victims)
        ]
        offer = OFFER.replace("a=ice-ufrag", "".join(f"a={line}\r\n" for line in lines) + "a=ice-ufrag", 1)
        assert lines[1] in offer
        join = rtc.JoinRequest(publisher_offer=rtc.SessionDescription(type="offer", sdp=offer, id=1))
        join.connection_settings.auto_subscribe = True
        wrapped = rtc.WrappedJoinRequest(compression=1, join_request=gzip.compress(join.SerializeToString()))
        query = {"join_request": base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()}
        headers = {"Authorization": f"Bearer {sfu.token('mallory', room_name)}"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{sfu.http}/rtc/v1", headers=headers, params=query) as signalling,
        ):
            for line in lines:
                candidate = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
                trickle = rtc.TrickleRequest(candidateInit=json.dumps(candidate), target=rtc.PUBLISHER)
                await signalling.send_bytes(rtc.SignalRequest(trickle=trickle).SerializeToString())
            for number in range(PONGS):
                ping = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=number + 1))
                await signalling.send_bytes(ping.SerializeToString())
                await heard(signalling, "pong_resp")
                await asyncio.sleep(0.02)
        for victim in (udp, tcp):
            victim.setblocking(False)
        assert nothing_came(lambda: udp.recv(2048))
        assert nothing_came(tcp.accept)


async def heard(signalling, kind):
    async with asyncio.timeout(10):
        async for frame in signalling:
            if rtc.SignalResponse.FromString(frame.data).WhichOneof("message") == kind:
                return
    raise AssertionError("the server hung up")


def nothing_came(receive):
    try:
        receive()
    except BlockingIOError:
        return True
    return False
