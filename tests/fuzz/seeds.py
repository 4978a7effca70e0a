# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do honest inputs look like? A few for each target, from which the fuzzer starts."""

import base64
import json
from pathlib import Path

from google.protobuf import json_format
from livekit.protocol import models, room, rtc

from sfu.core import rtcp, stun
from sfu.core.framing import frame

_SDP = [path.read_bytes() for path in sorted(Path("tests/fixtures/sdp").glob("*offer.sdp"))]
_MEMBER = {
    "type": "m.room.member",
    "event_id": "$1",
    "room_id": "!r:home",
    "sender": "@a:home",
    "state_key": "@a:home",
    "content": {"membership": "join"},
}
_CLAIMS = {
    "iss": "key",
    "sub": "a",
    "exp": 2**40,
    "nbf": 1,
    "attributes": {"a": "b"},
    "video": {"room": "r", "roomJoin": True},
}


def _signals() -> list[bytes]:
    offer = rtc.SessionDescription(type="offer", sdp=_SDP[0].decode(), id=1)
    track = rtc.AddTrackRequest(cid="c", source=models.TrackSource.CAMERA, type=models.TrackType.VIDEO)
    track.layers.add(quality=models.VideoQuality.HIGH, width=1280, height=720, rid="f")
    track.simulcast_codecs.add(codec="vp8", cid="c")
    settings = rtc.UpdateTrackSettings(track_sids=["TR_1"], width=640, height=360)
    permission = rtc.SubscriptionPermission(track_permissions=[rtc.TrackPermission(participant_sid="PA_1")])
    state = rtc.SyncState(offer=offer, answer=offer, publish_tracks=[rtc.TrackPublishedResponse(cid="c")])
    requests = (
        rtc.SignalRequest(offer=offer),
        rtc.SignalRequest(answer=offer),
        rtc.SignalRequest(add_track=track),
        rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="TR_1", muted=True)),
        rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=["TR_1"], subscribe=True)),
        rtc.SignalRequest(track_setting=settings),
        rtc.SignalRequest(subscription_permission=permission),
        rtc.SignalRequest(sync_state=state),
        rtc.SignalRequest(update_metadata=rtc.UpdateParticipantMetadata(name="n", attributes={"a": "b"})),
        rtc.SignalRequest(simulate=rtc.SimulateScenario(server_leave=True)),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit='{"candidate": ""}')),
        rtc.SignalRequest(leave=rtc.LeaveRequest()),
    )
    return [request.SerializeToString() for request in requests]


def _joins() -> list[bytes]:
    join = rtc.JoinRequest(publisher_offer=rtc.SessionDescription(type="offer", sdp=_SDP[0].decode()))
    join.participant_attributes["a"] = "b"
    return [rtc.WrappedJoinRequest(join_request=join.SerializeToString()).SerializeToString()]


def _packets() -> list[bytes]:
    user = models.UserPacket(payload=b"hello", destination_identities=["a"], topic="t")
    return [
        models.DataPacket(user=user, sequence=1).SerializeToString(),
        models.DataPacket(rpc_request=models.RpcRequest(id="1", method="m")).SerializeToString(),
        models.DataPacket(stream_chunk=models.DataStream.Chunk(stream_id="s", content=b"x")).SerializeToString(),
    ]


def _rtcp() -> list[bytes]:
    report = rtcp.Report(1, 2, 3, 4, 5, 6, 7)
    return [
        rtcp.receiver_reports(1, [report, report]) + rtcp.nack(1, 2, [3, 4, 40]) + rtcp.pli(1, 2),
        rtcp.sender_report(rtcp.SenderReport(1, 2, 3, 4, 5)) + rtcp.source_description(1, "cname"),
        rtcp.receiver_reports(1, ()) + rtcp.remb(1, 500_000, [1, 2]),
    ]


# What json.loads answers with a RecursionError.
_DEEP = b"[" * 5_000
_DEEP_TOKEN = b"eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(_DEEP).rstrip(b"=") + b".c2ln"

_change = room.UpdateParticipantRequest(room="r", identity="a", metadata="m", attributes={"a": "b"})
_change.permission.can_publish = True

_RECORDED = Path("tests/fixtures/dependency/chromium-156-vp9-l3t3-key.hex").read_text().split()[:30]
_DESCRIPTORS = b"".join(len(line).to_bytes(1, "big") + line for line in map(bytes.fromhex, _RECORDED))

# One-byte and two-byte extensions (RFC 8285), then VP8, H.264, VP9 and AV1 payloads.
_RTP = [
    bytes.fromhex("90e0000100000001000000ffbede0002102a32ffffff1000") + bytes.fromhex("90e0a1b2c3d4"),
    bytes.fromhex("906000010000000100000001100000010201ff00") + bytes.fromhex("7c85b8"),
    bytes.fromhex("80600001000000010000000128a1b2c3d4e5f6"),
    bytes.fromhex("906000010000000100000001bede0001c28000010a0b"),
]

SEEDS: dict[str, list[bytes]] = {
    "demux": [b"\0", b"\x14\xfe\xfd", b"\x80\x60"],
    "stun_check": [stun.binding_request(b"t" * 12, "ufrag:them", "p" * 22)],
    "rtp_packet": _RTP,
    "dependency_descriptors": [_DESCRIPTORS],
    "tcp_stream": [frame(b"datagram") * 3],
    "rtcp_compound": _rtcp(),
    "sdp_description": _SDP,
    "signal": _signals(),
    "join_request": _joins(),
    "join_parameters": [b"auto_subscribe=1&sdk=go&protocol=17&reconnect=1&sid=PA_1&attributes=eyJhIjoiYiJ9"],
    "api_body": [_change.SerializeToString(), json_format.MessageToJson(_change).encode(), _DEEP],
    "token_text": [b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrZXkifQ.c2ln", _DEEP_TOKEN],
    "token_claims": [json.dumps(_CLAIMS).encode(), _DEEP],
    "data_packet": _packets(),
    "openid_userinfo": [b'{"sub": "@a:home"}', _DEEP],
    "appservice_transaction": [json.dumps({"events": [_MEMBER]}).encode(), _DEEP],
    "caption_text": ["Sous-titres réalisés par. Thank you. Thank you. Thank you.".encode()],
}
