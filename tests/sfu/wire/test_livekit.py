# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""LiveKit's protobuf: requests into words, words into responses."""

import base64
import contextlib
import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest
from livekit.protocol import models, rtc

from sfu.core import grants, limits, messages, requests
from sfu.core.formats import CARRIED
from sfu.core.media import Kind, Layer, PeerId, TrackSid
from sfu.core.quality import ConnectionQuality
from sfu.core.turn import IceServer
from sfu.wire import describe, responses
from sfu.wire.data import envelope, read_packet, stamped
from sfu.wire.requests import WireError, read_join, read_request, to_core
from sfu.wire.sdp import SdpError

OFFER = (Path(__file__).parents[2] / "fixtures" / "sdp" / "js-2.22.3-join-offer.sdp").read_text()


def parameter(join, *, zipped=True, padded=True):
    content = join.SerializeToString() if hasattr(join, "SerializeToString") else join
    wrapped = rtc.WrappedJoinRequest(
        compression=1 if zipped else 0, join_request=gzip.compress(content) if zipped else content
    )
    text = base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()
    return text if padded else text.rstrip("=")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_a_join_request_is_read(zipped, padded):
    join = rtc.JoinRequest(
        client_info=models.ClientInfo(sdk=models.ClientInfo.JS, version="2.22.3", protocol=17),
        connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
        publisher_offer=rtc.SessionDescription(type="offer", sdp=OFFER, id=1),
        add_track_requests=[rtc.AddTrackRequest(cid="c", type=models.TrackType.VIDEO)],
    )
    read = read_join(parameter(join, zipped=zipped, padded=padded))
    assert (read.client.sdk, read.client.version, read.client.protocol) == ("JS", "2.22.3", 17)
    assert read.auto_subscribe
    assert read.offer.id == 1
    assert len(read.offer.session.sections) == 7
    assert read.add_tracks[0].cid == "c"


def test_a_resume_has_no_offer():
    read = read_join(parameter(rtc.JoinRequest(reconnect=True, participant_sid="PA_x")))
    assert (read.reconnect, read.participant, read.offer) == (True, "PA_x", None)


@pytest.mark.parametrize(
    "text",
    [
        "%%%",
        "AAAA",
        base64.urlsafe_b64encode(b"\xff" * 40).decode(),
        base64.urlsafe_b64encode(
            rtc.WrappedJoinRequest(compression=1, join_request=b"no gzip").SerializeToString()
        ).decode(),
        base64.urlsafe_b64encode(
            rtc.WrappedJoinRequest(compression=1, join_request=gzip.compress(b"x" * 99)[:-9]).SerializeToString()
        ).decode(),
        parameter(b"\xff\xff\xff", zipped=True),
        parameter(rtc.JoinRequest(publisher_offer=rtc.SessionDescription(type="answer", sdp=OFFER))),
        parameter(rtc.JoinRequest(add_track_requests=[rtc.AddTrackRequest(type=models.TrackType.DATA)])),
    ],
)
def test_a_join_request_that_cannot_be_read_is_refused(text):
    with pytest.raises(WireError):
        read_join(text)


def test_garbage_instead_of_an_offer_is_refused_as_such():
    with pytest.raises(SdpError):
        read_join(parameter(rtc.JoinRequest(publisher_offer=rtc.SessionDescription(type="offer", sdp="x"))))


def test_a_gzip_bomb_is_not_unpacked():
    bomb = rtc.JoinRequest(metadata="x" * (64 * 1024 * 1024))
    text = parameter(bomb)
    assert len(text) < 128 * 1024
    with pytest.raises(WireError, match=str(limits.JOIN_REQUEST_MAX)):
        read_join(text)


def test_requests_of_clients_become_words():
    mute = rtc.MuteTrackRequest(sid="TR_x", muted=True)
    settings = rtc.UpdateTrackSettings(track_sids=["TR_1"], width=320, height=180)
    subscription = rtc.UpdateSubscription(
        track_sids=["TR_1", "TR_2", "TR_1"],
        subscribe=True,
        participant_tracks=[models.ParticipantTracks(track_sids=["TR_3"])],
    )
    full_reconnect = rtc.SimulateScenario(leave_request_full_reconnect=True)
    migration = rtc.SimulateScenario(migration=True)
    kept_out = requests.Subscribe(("TR_3",), wanted=False)
    sync_state = rtc.SyncState(
        publish_tracks=[rtc.TrackPublishedResponse(track=models.TrackInfo(sid="TR_1")), rtc.TrackPublishedResponse()],
        subscription=rtc.UpdateSubscription(track_sids=["TR_3"], subscribe=False),
        track_sids_disabled=["TR_2"],
        datachannel_receive_states=[rtc.DataChannelReceiveState(publisher_sid="PA_b", last_seq=7)],
    )
    cases = [
        ({"mute": mute}, requests.Mute("TR_x", True, rtc.RequestResponse(mute=mute).SerializeToString())),
        ({"subscription": subscription}, requests.Subscribe(("TR_1", "TR_2", "TR_3"), wanted=True)),
        ({"track_setting": settings}, requests.TrackSettings(("TR_1",), False, 0, 320, 180)),
        ({"leave": rtc.LeaveRequest()}, requests.Leave()),
        ({"trickle": rtc.TrickleRequest(candidateInit="{}")}, requests.Nothing()),
        ({"simulate": full_reconnect}, requests.Simulate(requests.Scenario.FULL_RECONNECT, 1)),
        ({"simulate": migration}, requests.Simulate(requests.Scenario.MIGRATION, 1)),
        ({"simulate": rtc.SimulateScenario(speaker_update=3)}, requests.Simulate(requests.Scenario.SPEAKER_UPDATE, 3)),
        ({"simulate": rtc.SimulateScenario()}, requests.Unsupported("simulate nothing")),
        ({"sync_state": sync_state}, requests.SyncState(("TR_1", ""), kept_out, ("TR_2",), (("PA_b", 7),))),
        ({}, requests.Unsupported("an empty request")),
    ]
    for signal, expected in cases:
        assert to_core(read_request(rtc.SignalRequest(**signal).SerializeToString())) == expected


def test_an_announced_camera_keeps_everything_that_receivers_need():
    announced = rtc.AddTrackRequest(
        cid="cam",
        type=models.TrackType.VIDEO,
        source=models.TrackSource.CAMERA,
        width=1280,
        height=720,
        layers=[models.VideoLayer(quality=models.VideoQuality.HIGH, width=1280, height=720, bitrate=5)],
        simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid="cam2")],
        encryption=models.Encryption.GCM,
        stream="camera",
    )
    request = to_core(rtc.SignalRequest(add_track=announced))
    assert (request.kind, request.source, request.cid, request.codecs) == (
        Kind.VIDEO,
        grants.Source.CAMERA,
        "cam",
        (requests.AnnouncedCodec("video/VP8", "cam2"),),
    )
    assert request.layers == (Layer("", 2, 1280, 720),)
    assert request.encryption == models.Encryption.GCM
    assert rtc.RequestResponse.FromString(request.echo).add_track == announced


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("mute", rtc.MuteTrackRequest(sid="TR_x", muted=True)),
        ("update_metadata", rtc.UpdateParticipantMetadata(name="x", request_id=3)),
        ("update_audio_track", rtc.UpdateLocalAudioTrack(track_sid="TR_x")),
        ("update_video_track", rtc.UpdateLocalVideoTrack(track_sid="TR_x", width=1)),
        ("publish_data_track", rtc.PublishDataTrackRequest(pub_handle=5, name="lidar")),
        ("unpublish_data_track", rtc.UnpublishDataTrackRequest(pub_handle=5)),
    ],
)
def test_a_refusal_gives_the_request_back(kind, request_):
    name = kind if kind in rtc.SignalRequest.DESCRIPTOR.fields_by_name else f"{kind}_request"
    request = to_core(rtc.SignalRequest(**{name: request_}))
    response = sent(messages.RequestAnswered(messages.Outcome.NOT_ALLOWED, "no", 3, request.echo)).request_response
    assert response.WhichOneof("request") == kind
    assert getattr(response, kind) == request_
    assert (response.reason, response.message, response.request_id) == (rtc.RequestResponse.NOT_ALLOWED, "no", 3)


def test_requests_that_are_not_served_keep_the_number_by_which_clients_wait_for_an_answer():
    request = to_core(rtc.SignalRequest(get_data_blob_request=rtc.GetDataBlobRequest(request_id=9)))
    assert (request, request.request_id) == (requests.Unsupported("get_data_blob_request", 9), 9)


def test_huge_requests_are_not_given_back():
    huge = rtc.UpdateParticipantMetadata(metadata="m" * limits.ATTRIBUTES_MAX)
    assert to_core(rtc.SignalRequest(update_metadata=huge)).echo == b""


def test_random_frames_are_read_or_refused_and_nothing_else():
    chance = random.Random(7)
    sample = rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=OFFER[:400])).SerializeToString()
    for _ in range(2000):
        frame = bytearray(sample if chance.random() < 0.5 else chance.randbytes(chance.randrange(60)))
        for _ in range(chance.randrange(4)):
            if frame:
                frame[chance.randrange(len(frame))] = chance.randrange(256)
        with contextlib.suppress(WireError, SdpError):
            to_core(read_request(bytes(frame)))


INFO = messages.ParticipantInfo(
    sid="PA_x",
    identity="alice",
    name="Alice",
    metadata="m",
    attributes=(("a", "b"),),
    state=messages.ParticipantState.ACTIVE,
    kind=grants.ParticipantKind.AGENT,
    rights=grants.Rights(can_publish_sources=(grants.Source.MICROPHONE,)),
    joined_at_ms=1_700_000_000_123,
    version=7,
    tracks=(
        messages.TrackInfo(
            "TR_x", "cid", Kind.VIDEO, grants.Source.CAMERA, "cam", True, "video/VP8", mid="7", encryption=1
        ),
    ),
)
ROOM = messages.RoomInfo("RM_x", "r", "m", 300, 20, 0, 1_700_000_000_123, 2, 1)


def sent(message):
    return rtc.SignalResponse.FromString(responses.encode(message, b"trailer"))


def test_the_join_response_says_what_clients_insist_on():
    join = sent(messages.Joined(ROOM, INFO, (INFO,))).join
    assert (join.room.sid, join.room.name) == ("RM_x", "r")
    assert (join.ping_interval, join.ping_timeout) == (5, 15)
    assert (join.server_info.protocol, join.server_info.version) == (17, "1.13.5")
    assert join.server_version == "1.13.5"
    assert not join.subscriber_primary
    assert join.fast_publish
    assert join.client_configuration.resume_connection == models.ClientConfigSetting.UNSET
    assert [codec.mime for codec in join.enabled_publish_codecs] == list(CARRIED)
    assert list(join.ice_servers) == []
    assert join.sif_trailer == b"trailer"
    assert join.participant.permission.can_publish
    assert list(join.participant.permission.can_publish_sources) == [models.TrackSource.MICROPHONE]
    track = join.other_participants[0].tracks[0]
    assert (track.sid, track.mid, track.muted, track.encryption) == ("TR_x", "7", True, 1)
    assert track.codecs[0].cid == "cid"


def test_both_first_messages_carry_the_relay():
    servers = [IceServer(("turn:turn.example:3478", "turns:turn.example:443"), "1700000600:PA_x", "password")]
    for message in (messages.Joined(ROOM, INFO, ()), messages.Reconnected(3)):
        response = rtc.SignalResponse.FromString(responses.encode(message, b"", servers))
        [server] = getattr(response, response.WhichOneof("message")).ice_servers
        assert (list(server.urls), server.username) == (list(servers[0].urls), "1700000600:PA_x")
        assert server.credential == "password"


@pytest.mark.parametrize("forced", [True, False])
def test_both_first_messages_force_the_relay_where_nothing_else_shall_be_used(forced):
    servers = [IceServer(("turns:turn.example:443",), "1700000600:PA_x", "password", forced)]
    for message in (messages.Joined(ROOM, INFO, ()), messages.Reconnected(3)):
        response = rtc.SignalResponse.FromString(responses.encode(message, b"", servers))
        configuration = getattr(response, response.WhichOneof("message")).client_configuration
        expected = models.ClientConfigSetting.ENABLED if forced else models.ClientConfigSetting.UNSET
        assert configuration.force_relay == expected


@pytest.mark.parametrize("enum", [messages.DisconnectReason, messages.LeaveAction, messages.Outcome])
def test_every_name_and_number_is_the_protocol_s(enum):
    theirs = {
        messages.DisconnectReason: models.DisconnectReason,
        messages.LeaveAction: rtc.LeaveRequest.Action,
        messages.Outcome: rtc.RequestResponse.Reason,
    }[enum]
    assert {entry.name: int(entry) for entry in enum}.items() <= dict(theirs.items()).items()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (grants.Source, models.TrackSource),
        (grants.ParticipantKind, models.ParticipantInfo.Kind),
        (messages.ParticipantState, models.ParticipantInfo.State),
    ],
)
def test_every_state_source_and_kind_is_the_protocol_s(ours, theirs):
    assert {entry.name: int(entry) for entry in ours}.items() <= dict(theirs.items()).items()


def test_wanted_qualities_are_told_by_codec_and_for_old_clients_of_the_first_one():
    update = sent(messages.SubscribedQualities("TR_x", (("video/AV1", 1), ("video/VP8", -1)))).subscribed_quality_update
    assert update.track_sid == "TR_x"
    enabled = {codec.codec: [quality.enabled for quality in codec.qualities] for codec in update.subscribed_codecs}
    assert enabled == {"av1": [True, True, False], "vp8": [False] * 3}
    assert [(quality.quality, quality.enabled) for quality in update.subscribed_qualities] == [
        (0, True),
        (1, True),
        (2, False),
    ]


def test_the_second_codec_of_a_track_is_described_once_it_is_sent():
    track = INFO.tracks[0]
    announced = replace(track, backup=messages.BackupCodec("video/VP8"), backup_codec_policy=1)
    assert [codec.mime_type for codec in describe.track_info(announced).codecs] == [track.mime]
    flowing = replace(track, backup=messages.BackupCodec("video/VP8", "cam2", "9", (Layer("q", 0),)))
    second = describe.track_info(flowing).codecs[1]
    assert (second.mime_type, second.cid, second.mid, len(second.layers)) == ("video/VP8", "cam2", "9", 1)
    assert describe.track_info(announced).backup_codec_policy == models.BackupCodecPolicy.SIMULCAST


def test_every_message_has_a_response():
    samples = [
        messages.Joined(ROOM, INFO, ()),
        messages.Reconnected(3),
        messages.ResumeRefused(),
        messages.TrackPublished("cid", INFO.tracks[0]),
        messages.TrackUnpublished("TR_x"),
        messages.TrackSubscribed("TR_x"),
        messages.ParticipantsChanged((INFO,)),
        messages.RoomChanged(ROOM),
        messages.MuteOrdered("TR_x", True),
        messages.SpeakersChanged((messages.Speaker("PA_x", 0.5, True),)),
        messages.MediaFlows(("PA_x",)),
        messages.QualityChanged((messages.Quality(PeerId("PA_x"), ConnectionQuality.LOST, 1.0),)),
        messages.StreamPaused(PeerId("PA_x"), TrackSid("TR_x"), paused=True),
        messages.SubscriptionFailed("TR_x"),
        messages.SubscriptionAllowed("PA_x", "TR_x", True),
        messages.SectionsRequired(1, 2),
        messages.RequestAnswered(messages.Outcome.NOT_FOUND, "no", 4),
        messages.LeaveOrdered(messages.DisconnectReason.ROOM_DELETED),
        messages.TokenRefreshed("token"),
        messages.SubscribedQualities("TR_x", ()),
    ]
    descriptions = {messages.Answer, messages.ServerOffer}
    assert {type(sample) for sample in samples} == set(messages.Message.__args__) - descriptions
    for sample in samples:
        assert sent(sample).WhichOneof("message")
    leave = sent(messages.ResumeRefused()).leave
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.STATE_MISMATCH)


def test_pings_are_answered_with_the_clock():
    pong = responses.encode_pongs(rtc.SignalRequest(ping=5), 77)
    assert rtc.SignalResponse.FromString(pong).pong == 77
    request = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=5))
    answer = rtc.SignalResponse.FromString(responses.encode_pongs(request, 77)).pong_resp
    assert (answer.last_ping_timestamp, answer.timestamp) == (5, 77)
    assert responses.encode_pongs(rtc.SignalRequest(leave=rtc.LeaveRequest()), 77) is None


def test_a_gone_participant_is_described_with_its_reason():
    from dataclasses import replace

    gone = replace(
        INFO, state=messages.ParticipantState.DISCONNECTED, tracks=(), reason=messages.DisconnectReason.CLIENT_INITIATED
    )
    info = describe.participant_info(gone)
    assert info.state == models.ParticipantInfo.DISCONNECTED
    assert info.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
    assert not info.is_publisher


def test_a_relayed_packet_has_the_server_s_word_for_its_sender():
    packet = models.DataPacket(
        participant_identity="mallory",
        participant_sid="PA_other",
        user=models.UserPacket(payload=b"hi", participant_identity="mallory", topic="t"),
        destination_identities=["bob"],
        sequence=3,
    )
    read = read_packet(packet.SerializeToString())
    assert envelope(read).identities == ("bob",)
    assert envelope(read).sequence == 3
    relayed = models.DataPacket.FromString(stamped(read, "_lossy", "PA_x", "alice"))
    assert (relayed.participant_sid, relayed.participant_identity) == ("PA_x", "alice")
    assert (relayed.user.participant_identity, relayed.user.payload, relayed.user.topic) == (
        "alice",
        b"hi",
        "t",
    )
    assert relayed.kind == models.DataPacket.LOSSY
    assert relayed.sequence == 3


def test_old_clients_name_receivers_inside_of_user_packets():
    packet = models.DataPacket(user=models.UserPacket(destination_sids=["PA_b"], payload=b"x"))
    assert envelope(packet).sids == ("PA_b",)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xff", b"x" * (limits.DATA_MAX + 1), models.DataPacket(metrics={}).SerializeToString()],
)
def test_what_is_no_packet_for_others_is_dropped(payload):
    assert read_packet(payload) is None


def test_long_lists_in_a_request_are_cut():
    sids = [f"TR_{number}" for number in range(limits.SIDS_PER_REQUEST_MAX + 5)]
    request = to_core(rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=sids, subscribe=True)))
    assert request.tracks == tuple(sids[: limits.SIDS_PER_REQUEST_MAX])
    states = [rtc.DataChannelReceiveState(publisher_sid=sid, last_seq=1) for sid in sids]
    assert len(sids) > limits.SENDERS_MAX
    synced = to_core(rtc.SignalRequest(sync_state=rtc.SyncState(datachannel_receive_states=states)))
    assert len(synced.received) == limits.SENDERS_MAX
    announced = rtc.AddTrackRequest(
        cid="cam",
        type=models.TrackType.VIDEO,
        source=models.TrackSource.CAMERA,
        layers=[models.VideoLayer()] * 20,
        simulcast_codecs=[rtc.SimulcastCodec(codec="vp8")] * 20,
    )
    track = to_core(rtc.SignalRequest(add_track=announced))
    assert len(track.layers) == limits.LAYERS_MAX + 1  # too many, which is refused
    assert len(track.codecs) == limits.LAYERS_MAX
