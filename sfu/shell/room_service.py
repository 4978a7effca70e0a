# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do operators' programs ask for? The methods of LiveKit's RoomService: who may, and what is done."""

import time
from dataclasses import replace

from google.protobuf.message import Message
from livekit.protocol import room as api

from sfu.core import limits, orders
from sfu.core.grants import Grants
from sfu.core.media import TrackSid
from sfu.core.messages import Outcome, ParticipantInfo
from sfu.core.room import Room, RoomSettings
from sfu.shell.data_path import RpcError
from sfu.shell.twirp import Method, TwirpError
from sfu.shell.worker import Worker
from sfu.wire.data import user_packet
from sfu.wire.describe import participant_info, rights, room_info
from sfu.wire.requests import track_sids

_TIMEOUT_MAX_S = 7 * 24 * 3600
"""stops: rooms that nobody uses and nothing ever closes."""

_RPC_TIMEOUT_S = 10.0
"""LiveKit's default."""

_NONCE_SIZES = {0, limits.DATA_NONCE_MAX}

_REFUSED = {Outcome.NOT_FOUND: "not_found", Outcome.LIMIT_EXCEEDED: "invalid_argument"}

_RPC_FAILED = {
    RpcError.CONNECTION_TIMEOUT: "canceled",
    RpcError.RESPONSE_TIMEOUT: "canceled",
    RpcError.RECIPIENT_DISCONNECTED: "unavailable",
    RpcError.UNSUPPORTED_METHOD: "invalid_argument",
}
"""LiveKit's codes; other errors of the called application are `internal`."""


# Who may, and what about.


def _allow(allowed: bool, grant: str) -> None:
    if not allowed:
        # LiveKit answers 401, not 403, when a grant is missing.
        raise TwirpError("unauthenticated", f"the token lacks the grant {grant}")


def _administered(worker: Worker, grants: Grants, name: str) -> Room:
    _allow(grants.administers(name), "roomAdmin for this room")
    room = worker.registry.get(name)
    if room is None:
        raise TwirpError("not_found", "requested room does not exist")
    return room


def _participant(room: Room, identity: str) -> ParticipantInfo:
    found = room.participant(identity)
    if found is None:
        raise TwirpError("not_found", "participant does not exist")
    return found


def _order(worker: Worker, room: Room, order: orders.Order) -> None:
    refusal = worker.obey(room, order)
    if refusal is not None:
        raise TwirpError(_REFUSED[refusal.outcome], refusal.message)


def _check_metadata(text: str) -> None:
    if len(text.encode()) > limits.METADATA_MAX:
        raise TwirpError("invalid_argument", f"metadata has at most {limits.METADATA_MAX} bytes")


# The methods.


async def _create_room(worker: Worker, grants: Grants, request: api.CreateRoomRequest) -> Message:
    _allow(grants.room_create, "roomCreate")
    if not 1 <= len(request.name) <= limits.NAME_MAX_CHARS:
        raise TwirpError("invalid_argument", f"a room's name has 1 to {limits.NAME_MAX_CHARS} characters")
    _check_metadata(request.metadata)
    existing = worker.registry.get(request.name)
    kept = RoomSettings() if existing is None else existing.settings
    settings = RoomSettings(
        empty_timeout=min(request.empty_timeout or kept.empty_timeout, _TIMEOUT_MAX_S),
        departure_timeout=min(request.departure_timeout or kept.departure_timeout, _TIMEOUT_MAX_S),
        max_participants=request.max_participants or kept.max_participants,
        metadata=request.metadata or kept.metadata,
    )
    return room_info(worker.create_room(request.name, settings).info())


async def _list_rooms(worker: Worker, grants: Grants, request: api.ListRoomsRequest) -> Message:
    _allow(grants.room_list, "roomList")
    names = set(request.names)
    rooms = (room for room in worker.registry if not names or room.name in names)
    return api.ListRoomsResponse(rooms=[room_info(room.info()) for room in rooms])


async def _delete_room(worker: Worker, grants: Grants, request: api.DeleteRoomRequest) -> Message:
    _allow(grants.room_create, "roomCreate")
    room = worker.registry.get(request.room)
    if room is None:
        raise TwirpError("not_found", "requested room does not exist")
    worker.registry.revoke_room(room.name, time.time())
    worker.delete_room(room)
    return api.DeleteRoomResponse()


async def _list_participants(worker: Worker, grants: Grants, request: api.ListParticipantsRequest) -> Message:
    room = _administered(worker, grants, request.room)
    return api.ListParticipantsResponse(participants=map(participant_info, room.participants()))


async def _get_participant(worker: Worker, grants: Grants, request: api.RoomParticipantIdentity) -> Message:
    return participant_info(_participant(_administered(worker, grants, request.room), request.identity))


async def _remove_participant(worker: Worker, grants: Grants, request: api.RoomParticipantIdentity) -> Message:
    _allow(grants.administers(request.room), "roomAdmin for this room")
    # Also where the room is gone: it may be made again while a token of theirs lives.
    worker.revoke(request.room, request.identity, request.revoke_token_ts or None)
    room = _administered(worker, grants, request.room)
    _order(worker, room, orders.Remove(request.identity))
    return api.RemoveParticipantResponse()


async def _mute_published_track(worker: Worker, grants: Grants, request: api.MuteRoomTrackRequest) -> Message:
    room = _administered(worker, grants, request.room)
    if not request.muted and not worker.remote_unmute:
        raise TwirpError("failed_precondition", "remote unmute is not enabled on this server")
    _order(worker, room, orders.MuteTrack(request.identity, TrackSid(request.track_sid), request.muted))
    tracks = participant_info(_participant(room, request.identity)).tracks
    return api.MuteRoomTrackResponse(track=next(track for track in tracks if track.sid == request.track_sid))


async def _update_participant(worker: Worker, grants: Grants, request: api.UpdateParticipantRequest) -> Message:
    room = _administered(worker, grants, request.room)
    change = orders.Change(
        identity=request.identity,
        name=request.name,
        metadata=request.metadata,
        attributes=dict(request.attributes),
        rights=rights(request.permission) if request.HasField("permission") else None,
    )
    if change.rights is not None and len(request.identity) <= limits.NAME_MAX_CHARS:
        worker.change_rights(room, request.identity, change.rights)
    _order(worker, room, change)
    return participant_info(_participant(room, request.identity))


async def _update_subscriptions(worker: Worker, grants: Grants, request: api.UpdateSubscriptionsRequest) -> Message:
    room = _administered(worker, grants, request.room)
    tracks = track_sids(request)
    _order(worker, room, orders.SetSubscribed(request.identity, tracks, request.subscribe))
    return api.UpdateSubscriptionsResponse()


async def _send_data(worker: Worker, grants: Grants, request: api.SendDataRequest) -> Message:
    room = _administered(worker, grants, request.room)
    if len(request.data) > limits.API_DATA_MAX:
        raise TwirpError("invalid_argument", f"data has at most {limits.API_DATA_MAX} bytes")
    if len(request.nonce) not in _NONCE_SIZES:
        raise TwirpError("invalid_argument", f"a nonce has {limits.DATA_NONCE_MAX} bytes, or none")
    if len(request.destination_identities) + len(request.destination_sids) > limits.DESTINATIONS_MAX:
        raise TwirpError("invalid_argument", f"data has at most {limits.DESTINATIONS_MAX} destinations")
    worker.data.announce(room, user_packet(request))
    return api.SendDataResponse()


async def _update_room_metadata(worker: Worker, grants: Grants, request: api.UpdateRoomMetadataRequest) -> Message:
    room = _administered(worker, grants, request.room)
    _check_metadata(request.metadata)
    worker.configure(room, replace(room.settings, metadata=request.metadata))
    return room_info(room.info())


async def _perform_rpc(worker: Worker, grants: Grants, request: api.PerformRpcRequest) -> Message:
    room = _administered(worker, grants, request.room)
    callee = _participant(room, request.destination_identity)
    if len(request.payload.encode()) > limits.RPC_PAYLOAD_MAX:
        raise TwirpError("malformed", f"a payload has at most {limits.RPC_PAYLOAD_MAX} bytes")
    if worker.data.busy:
        raise TwirpError("resource_exhausted", f"{limits.RPC_PENDING_MAX} calls wait for their answers already")
    timeout_s = min(request.response_timeout_ms / 1000 or _RPC_TIMEOUT_S, limits.RPC_TIMEOUT_MAX_S)
    try:
        answer = await worker.data.call(room, callee, request.method, request.payload, timeout_s)
    except RpcError as error:
        raise TwirpError(_RPC_FAILED.get(error.code, "internal"), str(error)) from error
    return api.PerformRpcResponse(payload=answer)


async def _another_node(
    _worker: Worker, grants: Grants, request: api.ForwardParticipantRequest | api.MoveParticipantRequest
) -> Message:
    """Refuse as LiveKit's open server does: only LiveKit Cloud has it."""
    _allow(grants.administers(request.room), "roomAdmin for this room")
    raise TwirpError("unimplemented", "this server does not move or forward participants between rooms")


METHODS = {
    "CreateRoom": Method(api.CreateRoomRequest, _create_room),
    "ListRooms": Method(api.ListRoomsRequest, _list_rooms),
    "DeleteRoom": Method(api.DeleteRoomRequest, _delete_room),
    "ListParticipants": Method(api.ListParticipantsRequest, _list_participants),
    "GetParticipant": Method(api.RoomParticipantIdentity, _get_participant),
    "RemoveParticipant": Method(api.RoomParticipantIdentity, _remove_participant),
    "MutePublishedTrack": Method(api.MuteRoomTrackRequest, _mute_published_track),
    "UpdateParticipant": Method(api.UpdateParticipantRequest, _update_participant),
    "UpdateSubscriptions": Method(api.UpdateSubscriptionsRequest, _update_subscriptions),
    "SendData": Method(api.SendDataRequest, _send_data),
    "UpdateRoomMetadata": Method(api.UpdateRoomMetadataRequest, _update_room_metadata),
    "PerformRpc": Method(api.PerformRpcRequest, _perform_rpc),
    "ForwardParticipant": Method(api.ForwardParticipantRequest, _another_node),
    "MoveParticipant": Method(api.MoveParticipantRequest, _another_node),
}
