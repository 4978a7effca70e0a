# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the server say? The core's words into LiveKit's SignalResponse (protobuf)."""

from collections.abc import Iterable, Sequence

from livekit.protocol import models, rtc

from sfu.core import messages as core
from sfu.core.turn import IceServer
from sfu.wire.describe import participant_info, room_info, track_info

PING_INTERVAL_S = 5
PING_TIMEOUT_S = 15

SERVER_VERSION = "1.13.5"
"""Clients compare it with LiveKit's versions to learn what a server can do."""

PROTOCOL = 17
"""From 18 on, Rust clients use data channels that were agreed on beforehand."""

_EXCELLENT_SCORE = 4.5


def server_info() -> models.ServerInfo:
    """Say what server this is."""
    return models.ServerInfo(version=SERVER_VERSION, protocol=PROTOCOL, region="", node_id="passerelle")


def encode(message: core.Message, sif_trailer: bytes = b"", ice_servers: Sequence[IceServer] = ()) -> bytes:
    """Serialise a message; descriptions have their own way, `encode_description`."""
    return _response(message, sif_trailer, ice_servers).SerializeToString()


def encode_description(message: core.Answer | core.ServerOffer, sdp: str) -> bytes:
    """Serialise an answer or an offer with its text."""
    tracks = dict(message.tracks)
    if isinstance(message, core.Answer):
        answer = rtc.SessionDescription(type="answer", sdp=sdp, id=message.id, mid_to_track_id=tracks)
        return rtc.SignalResponse(answer=answer).SerializeToString()
    offer = rtc.SessionDescription(type="offer", sdp=sdp, id=message.id, mid_to_track_id=tracks)
    return rtc.SignalResponse(offer=offer).SerializeToString()


def encode_pongs(request: rtc.SignalRequest, wall_ms: int) -> bytes | None:
    """Answer `ping` and `ping_req`; None for every other request."""
    kind = request.WhichOneof("message")
    if kind == "ping":
        return rtc.SignalResponse(pong=wall_ms).SerializeToString()
    if kind == "ping_req":
        pong = rtc.Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=wall_ms)
        return rtc.SignalResponse(pong_resp=pong).SerializeToString()
    return None


def _response(message: core.Message, sif_trailer: bytes, ice_servers: Sequence[IceServer]) -> rtc.SignalResponse:
    match message:
        case core.Joined():
            return rtc.SignalResponse(join=join_response(message, sif_trailer, ice_servers))
        case core.Reconnected(last_reliable):
            reconnect = rtc.ReconnectResponse(
                ice_servers=map(_ice_server, ice_servers),
                client_configuration=_configuration(ice_servers),
                server_info=server_info(),
                last_message_seq=last_reliable,
            )
            return rtc.SignalResponse(reconnect=reconnect)
        case core.ResumeRefused():
            return rtc.SignalResponse(leave=_leave(core.DisconnectReason.STATE_MISMATCH, core.LeaveAction.RECONNECT))
        case core.LeaveOrdered(reason, action):
            return rtc.SignalResponse(leave=_leave(reason, action))
        case core.TrackPublished(cid, track):
            published = rtc.TrackPublishedResponse(cid=cid, track=track_info(track))
            return rtc.SignalResponse(track_published=published)
        case core.TrackUnpublished(sid):
            return rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=sid))
        case core.TrackSubscribed(sid):
            return rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=sid))
        case core.ParticipantsChanged(participants):
            update = rtc.ParticipantUpdate(participants=map(participant_info, participants))
            return rtc.SignalResponse(update=update)
        case core.RoomChanged(room):
            return rtc.SignalResponse(room_update=rtc.RoomUpdate(room=room_info(room)))
        case core.MuteOrdered(sid, muted):
            return rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=sid, muted=muted))
        case core.SpeakersChanged(speakers):
            infos = (
                models.SpeakerInfo(sid=speaker.participant, level=speaker.level, active=speaker.active)
                for speaker in speakers
            )
            return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=infos))
        case core.MediaFlows(participants):
            return rtc.SignalResponse(connection_quality=_excellent(participants))
        case core.SubscribedQualities(sid, codecs):
            return rtc.SignalResponse(subscribed_quality_update=_subscribed_qualities(sid, codecs))
        case core.QualityChanged(qualities):
            return rtc.SignalResponse(connection_quality=_qualities(qualities))
        case core.StreamPaused(participant, sid, paused):
            state = rtc.StreamState.PAUSED if paused else rtc.StreamState.ACTIVE
            info = rtc.StreamStateInfo(participant_sid=participant, track_sid=sid, state=state)
            return rtc.SignalResponse(stream_state_update=rtc.StreamStateUpdate(stream_states=[info]))
        case core.SubscriptionFailed(sid, error):
            failure = rtc.SubscriptionResponse(track_sid=sid, err=f"SE_{error.name}")
            return rtc.SignalResponse(subscription_response=failure)
        case core.SubscriptionAllowed(participant, sid, allowed):
            permission = rtc.SubscriptionPermissionUpdate(participant_sid=participant, track_sid=sid, allowed=allowed)
            return rtc.SignalResponse(subscription_permission_update=permission)
        case core.SectionsRequired(audios, videos):
            required = rtc.MediaSectionsRequirement(num_audios=audios, num_videos=videos)
            return rtc.SignalResponse(media_sections_requirement=required)
        case core.RequestAnswered():
            return rtc.SignalResponse(request_response=_request_response(message))
        case core.TokenRefreshed(token):
            return rtc.SignalResponse(refresh_token=token)
        case core.Answer() | core.ServerOffer():
            raise AssertionError("descriptions are encoded with their text")


def join_response(joined: core.Joined, sif_trailer: bytes, ice_servers: Sequence[IceServer]) -> rtc.JoinResponse:
    """Build the first message of a session."""
    return rtc.JoinResponse(
        room=room_info(joined.room),
        participant=participant_info(joined.participant),
        other_participants=map(participant_info, joined.others),
        server_version=SERVER_VERSION,
        server_info=server_info(),
        ice_servers=map(_ice_server, ice_servers),
        client_configuration=_configuration(ice_servers),
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        subscriber_primary=joined.subscriber_primary,
        fast_publish=joined.participant.rights.can_publish,
        enabled_publish_codecs=[models.Codec(mime=mime) for mime in joined.room.codecs],
        sif_trailer=sif_trailer,
    )


def _ice_server(server: IceServer) -> rtc.ICEServer:
    return rtc.ICEServer(urls=server.urls, username=server.username, credential=server.credential)


def _configuration(servers: Iterable[IceServer]) -> models.ClientConfiguration | None:
    if not any(server.forced for server in servers):
        return None
    return models.ClientConfiguration(force_relay=models.ClientConfigSetting.ENABLED)


def _subscribed_qualities(sid: str, codecs: tuple[tuple[str, int], ...]) -> rtc.SubscribedQualityUpdate:
    listed = [
        rtc.SubscribedCodec(
            codec=mime.rpartition("/")[2].lower(),
            qualities=[
                rtc.SubscribedQuality(quality=quality, enabled=quality <= highest)
                for quality in (models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH)
            ],
        )
        for mime, highest in codecs
    ]
    first = listed[0].qualities if listed else []
    return rtc.SubscribedQualityUpdate(track_sid=sid, subscribed_codecs=listed, subscribed_qualities=first)


def _leave(reason: core.DisconnectReason, action: core.LeaveAction) -> rtc.LeaveRequest:
    return rtc.LeaveRequest(
        can_reconnect=action is not core.LeaveAction.DISCONNECT,
        reason=reason.name,
        action=action.name,
    )


def _qualities(qualities: Iterable[core.Quality]) -> rtc.ConnectionQualityUpdate:
    return rtc.ConnectionQualityUpdate(
        updates=[
            rtc.ConnectionQualityInfo(
                participant_sid=one.participant, quality=models.ConnectionQuality.Name(one.quality), score=one.score
            )
            for one in qualities
        ]
    )


def _excellent(participants: tuple[str, ...]) -> rtc.ConnectionQualityUpdate:
    return rtc.ConnectionQualityUpdate(
        updates=[
            rtc.ConnectionQualityInfo(
                participant_sid=sid, quality=models.ConnectionQuality.EXCELLENT, score=_EXCELLENT_SCORE
            )
            for sid in participants
        ]
    )


def _request_response(answered: core.RequestAnswered) -> rtc.RequestResponse:
    response = rtc.RequestResponse.FromString(answered.echo)
    response.request_id, response.message = answered.request_id, answered.message
    response.reason = getattr(rtc.RequestResponse, answered.outcome.name)
    return response
