# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a client ask for? LiveKit's SignalRequest and join_request (protobuf) into the core's words."""

import base64
import binascii
import itertools
import zlib
from collections.abc import Iterable

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc
from livekit.protocol.room import UpdateSubscriptionsRequest

from sfu.core import limits, requests
from sfu.core.formats import mime_of
from sfu.core.media import Kind, Layer, PeerId, TrackSid
from sfu.wire.describe import source
from sfu.wire.sdp import Descriptions, parse_description

_GZIP_WINDOW = 16 + zlib.MAX_WBITS

_IGNORED = {"trickle", "update_layers", "ping", "ping_req"}
"""ICE-lite learns addresses from checks; pings are answered before."""


class WireError(Exception):
    """Bytes that are no message of the protocol; theirs, the text is safe to show."""


def read_join(parameter: str) -> requests.Join:
    """Read the `join_request` parameter. Raises `WireError` and `SdpError`."""
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(
            base64.b64decode(parameter + "=" * (-len(parameter) % 4), altchars=b"-_", validate=True)
        )
        if wrapped.compression == rtc.WrappedJoinRequest.Compression.GZIP:
            content = _gunzip(wrapped.join_request)
        else:
            content = wrapped.join_request
        if len(content) > limits.JOIN_REQUEST_MAX:
            raise WireError(f"a join_request has at most {limits.JOIN_REQUEST_MAX} bytes")
        join = rtc.JoinRequest.FromString(content)
    except (binascii.Error, ValueError, zlib.error, DecodeError) as error:
        raise WireError("join_request cannot be read") from error
    client = join.client_info
    offered = join.HasField("publisher_offer") and not join.reconnect
    return requests.Join(
        client=requests.ClientInfo(
            protocol=client.protocol,
            client_protocol=client.client_protocol,
            capabilities=tuple(client.capabilities[: limits.LAYERS_MAX]),
            sdk=_enum_name(models.ClientInfo.SDK, client.sdk),
            version=client.version[: limits.NAME_MAX_CHARS],
        ),
        auto_subscribe=join.connection_settings.auto_subscribe,
        allow_pause=join.connection_settings.subscriber_allow_pause,
        metadata=join.metadata,
        attributes=tuple(join.participant_attributes.items()),
        add_tracks=tuple(map(_add_track, join.add_track_requests[: limits.PENDING_TRACKS_MAX])),
        offer=_offer(join.publisher_offer) if offered else None,
        reconnect=join.reconnect,
        participant=join.participant_sid,
    )


def read_request(frame: bytes) -> rtc.SignalRequest:
    """Decode one binary frame. Raises `WireError`."""
    try:
        return rtc.SignalRequest.FromString(frame)
    except DecodeError as error:
        raise WireError("a frame is no SignalRequest") from error


def to_core(signal: rtc.SignalRequest, descriptions: Descriptions | None = None) -> requests.Request:
    """Give a request in the core's words; `descriptions` are its client's. Raises `WireError` and `SdpError`."""
    kind = signal.WhichOneof("message")
    match kind:
        case None:
            return requests.Unsupported("an empty request")
        case "offer":
            return _offer(signal.offer)
        case "answer":
            return _answer(signal.answer, descriptions or Descriptions())
        case "add_track":
            return _add_track(signal.add_track)
        case "mute":
            return requests.Mute(TrackSid(signal.mute.sid), signal.mute.muted, _echo(signal))
        case "subscription":
            return _subscribe(signal.subscription)
        case "track_setting":
            return _track_settings(signal.track_setting)
        case "subscription_permission":
            return _permission(signal.subscription_permission)
        case "update_metadata":
            change = signal.update_metadata
            return requests.UpdateMetadata(
                change.request_id,
                change.name,
                change.metadata,
                dict(change.attributes),
                _echo(signal),
            )
        case "update_audio_track":
            audio = signal.update_audio_track
            features = tuple(audio.features[: limits.LAYERS_MAX])
            return requests.UpdateTrack(TrackSid(audio.track_sid), audio_features=features, echo=_echo(signal))
        case "update_video_track":
            video = signal.update_video_track
            return requests.UpdateTrack(
                TrackSid(video.track_sid), width=video.width, height=video.height, echo=_echo(signal)
            )
        case "sync_state":
            return _sync_state(signal.sync_state)
        case "simulate":
            return _simulate(signal.simulate)
        case "leave":
            return requests.Leave()
        case _ if kind in _IGNORED:
            return requests.Nothing()
        case _:
            return requests.Unsupported(kind, getattr(getattr(signal, kind), "request_id", 0), _echo(signal))


def _gunzip(content: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    out = inflater.decompress(content, limits.JOIN_REQUEST_MAX + 1)
    if len(out) <= limits.JOIN_REQUEST_MAX and not inflater.eof:
        raise WireError("join_request is cut off")
    return out


def _offer(description: rtc.SessionDescription) -> requests.Offer:
    if description.type != "offer":
        raise WireError("an offer has the type offer")
    return requests.Offer(description.id, parse_description(description.sdp))


def _answer(description: rtc.SessionDescription, descriptions: Descriptions) -> requests.Answer:
    if description.type != "answer":
        raise WireError("an answer has the type answer")
    return requests.Answer(description.id, descriptions.read(description.sdp))


def _add_track(request: rtc.AddTrackRequest) -> requests.AddTrack:
    return requests.AddTrack(
        cid=request.cid,
        kind=_kind(request.type),
        source=source(request.source),
        name=request.name,
        muted=request.muted,
        width=request.width,
        height=request.height,
        layers=tuple(map(_layer, request.layers[: limits.LAYERS_MAX + 1])),
        codecs=tuple(
            requests.AnnouncedCodec(mime_of(codec.codec), codec.cid)
            for codec in request.simulcast_codecs[: limits.LAYERS_MAX]
        ),
        stream=request.stream,
        disable_dtx=request.disable_dtx,
        stereo=request.stereo,
        disable_red=request.disable_red,
        encryption=request.encryption,
        audio_features=tuple(request.audio_features[: limits.LAYERS_MAX]),
        backup_codec_policy=request.backup_codec_policy,
        packet_trailer_features=tuple(request.packet_trailer_features[: limits.LAYERS_MAX]),
        backup_of=request.sid,
        echo=_echo(rtc.SignalRequest(add_track=request)),
    )


def _kind(kind: int) -> Kind:
    if kind == models.TrackType.AUDIO:
        return Kind.AUDIO
    if kind == models.TrackType.VIDEO:
        return Kind.VIDEO
    raise WireError("a track is audio or video")


def _layer(layer: models.VideoLayer) -> Layer:
    return Layer(rid=layer.rid, quality=layer.quality, width=layer.width, height=layer.height)


def _subscribe(change: rtc.UpdateSubscription) -> requests.Subscribe:
    return requests.Subscribe(track_sids(change), change.subscribe)


def track_sids(change: rtc.UpdateSubscription | UpdateSubscriptionsRequest) -> tuple[TrackSid, ...]:
    """Read which tracks a change of subscriptions is about."""
    return _sids([*change.track_sids, *(sid for entry in change.participant_tracks for sid in entry.track_sids)])


def _track_settings(settings: rtc.UpdateTrackSettings) -> requests.TrackSettings:
    return requests.TrackSettings(
        tracks=_sids(settings.track_sids),
        disabled=settings.disabled,
        quality=settings.quality,
        width=settings.width,
        height=settings.height,
        fps=settings.fps,
    )


def _permission(permission: rtc.SubscriptionPermission) -> requests.SubscriptionPermission:
    return requests.SubscriptionPermission(
        permission.all_participants,
        tuple(
            requests.TrackPermission(
                PeerId(entry.participant_sid),
                entry.participant_identity,
                entry.all_tracks,
                frozenset(_sids(entry.track_sids)),
            )
            for entry in permission.track_permissions[: limits.PARTICIPANTS_PER_ROOM_MAX]
        ),
    )


def _sync_state(state: rtc.SyncState) -> requests.SyncState:
    return requests.SyncState(
        published=_sids(entry.track.sid for entry in state.publish_tracks),
        subscription=_subscribe(state.subscription),
        disabled=_sids(state.track_sids_disabled),
        received=tuple(
            (PeerId(entry.publisher_sid), entry.last_seq)
            for entry in state.datachannel_receive_states[: limits.SENDERS_MAX]
        ),
    )


def _simulate(simulate: rtc.SimulateScenario) -> requests.Request:
    scenario = simulate.WhichOneof("scenario") or "nothing"
    known = {entry.value: entry for entry in requests.Scenario}
    if scenario in known:
        return requests.Simulate(known[scenario], int(getattr(simulate, scenario)))
    return requests.Unsupported(f"simulate {scenario}")


def _sids(sids: Iterable[str]) -> tuple[TrackSid, ...]:
    first = itertools.islice(sids, limits.SIDS_PER_REQUEST_MAX)
    return tuple(dict.fromkeys(TrackSid(sid) for sid in first))


def _echo(signal: rtc.SignalRequest) -> bytes:
    """What a refusal gives back: a RequestResponse with the request in it; empty for a large one."""
    kind = signal.WhichOneof("message") or ""
    name = kind.removesuffix("_request")
    if name not in rtc.RequestResponse.DESCRIPTOR.fields_by_name or signal.ByteSize() > limits.ATTRIBUTES_MAX:
        return b""
    response = rtc.RequestResponse()
    getattr(response, name).CopyFrom(getattr(signal, kind))
    return response.SerializeToString()


def _enum_name(enum: object, number: int) -> str:
    try:
        return str(enum.Name(number))  # type: ignore[attr-defined]
    except ValueError:
        return "UNKNOWN"
