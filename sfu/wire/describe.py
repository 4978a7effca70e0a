# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do rooms, participants and tracks look in LiveKit's protobuf? For signalling, the server API and webhooks."""

from collections.abc import Iterable
from typing import cast

from livekit.protocol import models, webhook

from sfu.core.grants import Rights, Source
from sfu.core.media import Kind, Layer
from sfu.core.messages import BackupCodec, ParticipantInfo, RoomInfo, TrackInfo
from sfu.core.outputs import Happened

_SOURCES = {int(entry) for entry in Source}


def room_info(room: RoomInfo) -> models.Room:
    """Describe a room."""
    return models.Room(
        sid=room.sid,
        name=room.name,
        empty_timeout=room.empty_timeout,
        departure_timeout=room.departure_timeout,
        max_participants=room.max_participants,
        creation_time=room.created_at_ms // 1000,
        creation_time_ms=room.created_at_ms,
        metadata=room.metadata,
        num_participants=room.participants,
        num_publishers=room.publishers,
        enabled_codecs=[models.Codec(mime=mime) for mime in room.codecs],
    )


def participant_info(participant: ParticipantInfo) -> models.ParticipantInfo:
    """Describe a participant with all its tracks."""
    return models.ParticipantInfo(
        sid=participant.sid,
        identity=participant.identity,
        name=participant.name,
        metadata=participant.metadata,
        attributes=dict(participant.attributes),
        state=participant.state.name,
        kind=participant.kind.name,
        permission=_permission(participant.rights),
        joined_at=participant.joined_at_ms // 1000,
        joined_at_ms=participant.joined_at_ms,
        version=participant.version,
        is_publisher=bool(participant.tracks),
        tracks=map(track_info, participant.tracks),
        client_protocol=participant.client_protocol,
        capabilities=cast("Iterable[models.ClientInfo.Capability]", participant.capabilities),
        disconnect_reason=participant.reason.name,
    )


def track_info(track: TrackInfo) -> models.TrackInfo:
    """Describe a track, with its one codec also in the list where newer clients look."""
    layers = list(map(_layer, track.layers))
    return models.TrackInfo(
        sid=track.sid,
        type=models.TrackType.AUDIO if track.kind is Kind.AUDIO else models.TrackType.VIDEO,
        source=track.source.name,
        name=track.name,
        muted=track.muted,
        width=track.width,
        height=track.height,
        simulcast=track.simulcast,
        layers=layers,
        mime_type=track.mime,
        mid=track.mid,
        codecs=[
            models.SimulcastCodecInfo(mime_type=track.mime, mid=track.mid, cid=track.cid, layers=layers),
            *_backup(track.backup),
        ],
        stream=track.stream,
        disable_dtx=track.disable_dtx,
        stereo=track.stereo,
        disable_red=track.disable_red,
        encryption=cast("models.Encryption.Type", track.encryption),
        audio_features=cast("Iterable[models.AudioTrackFeature]", track.audio_features),
        backup_codec_policy=cast("models.BackupCodecPolicy", track.backup_codec_policy),
        packet_trailer_features=cast("Iterable[models.PacketTrailerFeature]", track.packet_trailer_features),
    )


def webhook_event(happened: Happened, room: RoomInfo) -> webhook.WebhookEvent:
    """Describe what happened; with a track its publisher is only named, as LiveKit has it."""
    event = webhook.WebhookEvent(event=happened.occasion.value, room=room_info(room))
    person, track = happened.participant, happened.track
    if track is not None:
        event.track.CopyFrom(track_info(track))
    if person is not None and track is not None:
        event.participant.sid, event.participant.identity = person.sid, person.identity
    elif person is not None:
        event.participant.CopyFrom(participant_info(person))
    return event


def _backup(backup: BackupCodec | None) -> list[models.SimulcastCodecInfo]:
    if backup is None or not backup.mid:
        return []
    layers = list(map(_layer, backup.layers))
    return [models.SimulcastCodecInfo(mime_type=backup.mime, mid=backup.mid, cid=backup.cid, layers=layers)]


def _permission(rights: Rights) -> models.ParticipantPermission:
    return models.ParticipantPermission(
        can_subscribe=rights.can_subscribe,
        can_publish=rights.can_publish,
        can_publish_data=rights.can_publish_data,
        can_publish_sources=[source.name for source in rights.can_publish_sources],
        hidden=rights.hidden,
        can_update_metadata=rights.can_update_own_metadata,
    )


def rights(permission: models.ParticipantPermission) -> Rights:
    """Read a permission that replaces all rights of a participant; a source unknown here grants nothing."""
    return Rights(
        can_publish=permission.can_publish,
        can_subscribe=permission.can_subscribe,
        can_publish_data=permission.can_publish_data,
        can_publish_sources=tuple(map(source, permission.can_publish_sources)),
        can_update_own_metadata=permission.can_update_metadata,
        hidden=permission.hidden,
    )


def source(number: int) -> Source:
    """Read a TrackSource."""
    return Source(number) if number in _SOURCES else Source.UNKNOWN


def _layer(layer: Layer) -> models.VideoLayer:
    return models.VideoLayer(
        quality=cast("models.VideoQuality", layer.quality),
        width=layer.width,
        height=layer.height,
        rid=layer.rid,
    )
