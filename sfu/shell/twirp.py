# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do operators' programs ask for? LiveKit's RoomService over Twirp, in protobuf and in JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import room as api

from sfu.core import limits
from sfu.core.grants import Grants
from sfu.core.media import TrackSid
from sfu.core.registry import AdmissionError
from sfu.core.room import Room, RoomSettings
from sfu.shell.authentication import bearer_grants
from sfu.shell.websocket import WORKER
from sfu.shell.worker import Worker
from sfu.wire.describe import participant_info, room_info
from sfu.wire.token import TokenError

log = structlog.get_logger()

_STATUS = {
    "malformed": 400,
    "invalid_argument": 400,
    "unauthenticated": 401,
    "not_found": 404,
    "bad_route": 404,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "unimplemented": 501,
    "unavailable": 503,
}

_PROTOBUF, _JSON = "application/protobuf", "application/json"

_TIMEOUT_MAX_S = 7 * 24 * 3600
"""stops: rooms that nobody uses and nothing ever closes."""


class TwirpError(Exception):
    """A call that is refused; theirs, the text is safe to show."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class _Method:
    request: type[Message]
    call: Callable[[Worker, Grants, Any], Message]


async def room_service(request: web.Request) -> web.Response:
    """Serve `POST /twirp/livekit.RoomService/<Method>`."""
    name = request.match_info["method"]
    try:
        return await _serve(request, name)
    except TwirpError as error:
        log.info("api_refused", method=name, code=error.code)
        body = json.dumps({"code": error.code, "msg": error.text, "meta": {}}).encode()
        # Without a charset: clients read the code only from an exact media type.
        return web.Response(status=_STATUS[error.code], body=body, content_type=_JSON)


async def _serve(request: web.Request, name: str) -> web.Response:
    worker = request.app[WORKER]
    if request.content_type not in {_PROTOBUF, _JSON}:
        raise TwirpError("bad_route", f"Content-Type is {_PROTOBUF} or {_JSON}")
    try:
        grants = bearer_grants(request, worker.keys, header_only=True)
    except TokenError as error:
        raise TwirpError("unauthenticated", str(error)) from error
    method = _METHODS.get(name)
    if method is None:
        if name in _NOT_SERVED:
            raise TwirpError("unimplemented", f"this server does not have {name}")
        raise TwirpError("bad_route", f"RoomService has no method {name}")
    message = _decode(method.request, await _body(request), request.content_type)
    try:
        answer = method.call(worker, grants, message)
    except AdmissionError as error:
        raise TwirpError("resource_exhausted", error.text) from error
    log.info("api_called", method=name)
    if request.content_type == _JSON:
        body = json_format.MessageToJson(answer, indent=None).encode()
    else:
        body = answer.SerializeToString()
    return web.Response(body=body, content_type=request.content_type)


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TwirpError("invalid_argument", f"a body has at most {limits.API_BODY_MAX} bytes") from error


def _decode(kind: type[Message], body: bytes, content_type: str) -> Message:
    try:
        if content_type == _PROTOBUF:
            return kind.FromString(body)
        return json_format.Parse(body or b"{}", kind(), ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise TwirpError("malformed", f"the body is no {kind.DESCRIPTOR.name}") from error


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


# The methods.


def _create_room(worker: Worker, grants: Grants, request: api.CreateRoomRequest) -> Message:
    _allow(grants.room_create, "roomCreate")
    if not 1 <= len(request.name) <= limits.NAME_MAX_CHARS:
        raise TwirpError("invalid_argument", f"a room's name has 1 to {limits.NAME_MAX_CHARS} characters")
    if len(request.metadata.encode()) > limits.METADATA_MAX:
        raise TwirpError("invalid_argument", f"metadata has at most {limits.METADATA_MAX} bytes")
    existing = worker.registry.get(request.name)
    kept = RoomSettings() if existing is None else existing.settings
    settings = RoomSettings(
        empty_timeout=min(request.empty_timeout or kept.empty_timeout, _TIMEOUT_MAX_S),
        departure_timeout=min(request.departure_timeout or kept.departure_timeout, _TIMEOUT_MAX_S),
        max_participants=request.max_participants or kept.max_participants,
        metadata=request.metadata or kept.metadata,
    )
    return room_info(worker.create_room(request.name, settings).info())


def _list_rooms(worker: Worker, grants: Grants, request: api.ListRoomsRequest) -> Message:
    _allow(grants.room_list, "roomList")
    names = set(request.names)
    rooms = (room for room in worker.registry if not names or room.name in names)
    return api.ListRoomsResponse(rooms=[room_info(room.info()) for room in rooms])


def _delete_room(worker: Worker, grants: Grants, request: api.DeleteRoomRequest) -> Message:
    _allow(grants.room_create, "roomCreate")
    room = worker.registry.get(request.room)
    if room is None:
        raise TwirpError("not_found", "requested room does not exist")
    worker.delete_room(room)
    return api.DeleteRoomResponse()


def _list_participants(worker: Worker, grants: Grants, request: api.ListParticipantsRequest) -> Message:
    room = _administered(worker, grants, request.room)
    return api.ListParticipantsResponse(participants=map(participant_info, room.participants()))


def _get_participant(worker: Worker, grants: Grants, request: api.RoomParticipantIdentity) -> Message:
    found = _administered(worker, grants, request.room).participant(request.identity)
    if found is None:
        raise TwirpError("not_found", "participant does not exist")
    return participant_info(found)


def _remove_participant(worker: Worker, grants: Grants, request: api.RoomParticipantIdentity) -> Message:
    room = _administered(worker, grants, request.room)
    if not worker.remove(room, request.identity, request.revoke_token_ts or None):
        raise TwirpError("not_found", "participant does not exist")
    return api.RemoveParticipantResponse()


def _mute_published_track(worker: Worker, grants: Grants, request: api.MuteRoomTrackRequest) -> Message:
    room = _administered(worker, grants, request.room)
    if not request.muted:
        raise TwirpError("failed_precondition", "remote unmute is not enabled on this server")
    if not worker.mute(room, request.identity, TrackSid(request.track_sid)):
        raise TwirpError("not_found", "track does not exist")
    participant = room.participant(request.identity)
    assert participant is not None  # its track was just muted
    tracks = participant_info(participant).tracks
    return api.MuteRoomTrackResponse(track=next(track for track in tracks if track.sid == request.track_sid))


_METHODS = {
    "CreateRoom": _Method(api.CreateRoomRequest, _create_room),
    "ListRooms": _Method(api.ListRoomsRequest, _list_rooms),
    "DeleteRoom": _Method(api.DeleteRoomRequest, _delete_room),
    "ListParticipants": _Method(api.ListParticipantsRequest, _list_participants),
    "GetParticipant": _Method(api.RoomParticipantIdentity, _get_participant),
    "RemoveParticipant": _Method(api.RoomParticipantIdentity, _remove_participant),
    "MutePublishedTrack": _Method(api.MuteRoomTrackRequest, _mute_published_track),
}

_NOT_SERVED = {method.name for method in api.DESCRIPTOR.services_by_name["RoomService"].methods} - set(_METHODS)
