# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The server SDKs: `livekit-api`, which speaks protobuf, and `livekit-server-sdk` in Node, which speaks JSON."""

import asyncio
import itertools
import json
from contextlib import suppress
from pathlib import Path

from livekit import api

HERE = Path(__file__).parent
ANSWER_WITHIN_S = 15


class ApiRefused(Exception):  # noqa: N818
    """An answer that is an error: Twirp's code, the HTTP status and a text."""

    def __init__(self, code, status, text):
        super().__init__(f"{code} ({status}): {text}")
        self.code = code
        self.status = status


class PythonApi:
    """`livekit-api`."""

    def __init__(self):
        self._api = None

    async def open(self, http, key, secret):
        self._api = api.LiveKitAPI(http, key, secret)
        self._receiver = api.WebhookReceiver(api.TokenVerifier(key, secret))

    async def close(self):
        if self._api:
            await self._api.aclose()

    async def create_room(self, name, options=None):
        return _room(await self._call("create_room", api.CreateRoomRequest(name=name, **(options or {}))))

    async def list_rooms(self, names=None):
        return [_room(room) for room in (await self._call("list_rooms", api.ListRoomsRequest(names=names or []))).rooms]

    async def delete_room(self, name):
        await self._call("delete_room", api.DeleteRoomRequest(room=name))

    async def list_participants(self, name):
        found = await self._call("list_participants", api.ListParticipantsRequest(room=name))
        return [_person(person) for person in found.participants]

    async def get_participant(self, name, identity):
        return _person(await self._call("get_participant", _who(name, identity)))

    async def remove_participant(self, name, identity):
        await self._call("remove_participant", _who(name, identity))

    async def mute_track(self, name, identity, sid, muted):
        request = api.MuteRoomTrackRequest(room=name, identity=identity, track_sid=sid, muted=muted)
        return (await self._call("mute_published_track", request)).track.muted

    async def update_participant(self, name, identity, changes):
        changes = dict(changes)
        if (publish := changes.pop("publish", None)) is not None:
            changes["permission"] = api.ParticipantPermission(
                can_publish=publish, can_subscribe=True, can_publish_data=True
            )
        request = api.UpdateParticipantRequest(room=name, identity=identity, **changes)
        return _person(await self._call("update_participant", request))

    async def update_subscriptions(self, name, identity, sids, wanted):
        request = api.UpdateSubscriptionsRequest(room=name, identity=identity, track_sids=sids, subscribe=wanted)
        await self._call("update_subscriptions", request)

    async def send_data(self, name, text, options):
        request = api.SendDataRequest(
            room=name, data=text.encode(), destination_identities=options.get("to"), topic=options.get("topic")
        )
        await self._call("send_data", request)

    async def update_room_metadata(self, name, metadata):
        request = api.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        return _room(await self._call("update_room_metadata", request))

    async def forward_participant(self, name, identity, to):
        request = api.ForwardParticipantRequest(room=name, identity=identity, destination_room=to)
        await self._call("forward_participant", request)

    async def move_participant(self, name, identity, to):
        request = api.MoveParticipantRequest(room=name, identity=identity, destination_room=to)
        await self._call("move_participant", request)

    async def receive(self, body, authorization):
        event = self._receiver.receive(body, authorization)
        return {
            "event": event.event,
            "room": event.room.name,
            "identity": event.participant.identity,
            "track": event.track.sid,
        }

    async def _call(self, method, request):
        try:
            return await getattr(self._api.room, method)(request)
        except api.TwirpError as error:
            raise ApiRefused(error.code, error.status, error.message) from error


class NodeApi:
    """`livekit-server-sdk` in a process of Node."""

    def __init__(self):
        self._process = None
        self._ids = itertools.count()
        self._waiting = {}

    async def open(self, *arguments):
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "node.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 20,
        )
        self._reader = asyncio.create_task(self._read())
        await self._call("open", *arguments)

    async def close(self):
        if self._process:
            self._process.stdin.close()
            await self._process.wait()
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    def __getattr__(self, verb):
        if verb.startswith("_") or not hasattr(PythonApi, verb):
            raise AttributeError(verb)
        return lambda *arguments: self._call(verb, *arguments)

    async def _call(self, verb, *arguments):
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "verb": verb, "arguments": arguments})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await answer

    async def _read(self):
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"])
            if error := answer.get("error"):
                waiting.set_exception(ApiRefused(error["code"], error["status"], error["text"]))
            else:
                waiting.set_result(answer["value"])


def _who(name, identity):
    return api.RoomParticipantIdentity(room=name, identity=identity)


def _room(room):
    return {
        "sid": room.sid,
        "name": room.name,
        "metadata": room.metadata,
        "emptyTimeout": room.empty_timeout,
        "participants": room.num_participants,
    }


def _person(person):
    return {
        "sid": person.sid,
        "identity": person.identity,
        "name": person.name,
        "metadata": person.metadata,
        "attributes": dict(person.attributes),
        "publishes": person.permission.can_publish,
        "tracks": [{"sid": track.sid, "muted": track.muted} for track in person.tracks],
    }
