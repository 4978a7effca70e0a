# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where do decisions meet the world? One worker: all rooms, their media, the open sessions, the timers.

Everything here runs on one event loop and never awaits: a request or a media event goes into its room, and
what the room wants done is done at once.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from sfu.core import orders, outputs
from sfu.core.formats import CARRIED
from sfu.core.grants import Grants, Rights
from sfu.core.media import MediaEvent, PeerId, Plane, TrackSid
from sfu.core.messages import (
    DisconnectReason,
    LeaveAction,
    ParticipantState,
    TokenRefreshed,
)
from sfu.core.publishing import Refusal
from sfu.core.registry import Registry
from sfu.core.requests import Join, Request
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids
from sfu.core.turn import Turn
from sfu.shell.data_path import DataPath
from sfu.shell.media_events import MediaEvents
from sfu.shell.outbox import BROKEN, Outbox
from sfu.shell.post import Post
from sfu.shell.webhooks import Webhooks
from sfu.wire import responses, token
from sfu.wire.describe import webhook_event

log = structlog.get_logger()

PlaneFactory = Callable[[Callable[[MediaEvent], None]], Plane]

ARM_AFTER_S = 0.002
"""Changes of a room within this time have its next deadline looked for once."""

_JOIN_STATES = {
    outputs.Occasion.PARTICIPANT_JOINED: "rtc_active",
    outputs.Occasion.PARTICIPANT_CONNECTION_ABORTED: "rtc_canceled",
}


class Worker:
    """One process's share of the service."""

    def __init__(
        self,
        keys: Mapping[str, str],
        make_plane: PlaneFactory,
        *,
        auto_create: bool,
        codecs: tuple[str, ...] = CARRIED,
        max_speakers: int = 0,
        remote_unmute: bool = False,
        turn: Turn | None = None,
        webhooks: Webhooks | None = None,
    ) -> None:
        self.keys = dict(keys)
        self.remote_unmute = remote_unmute
        self.webhooks = webhooks or Webhooks()
        self.joins: Counter[str] = Counter()
        """How far joins came, by LiveKit's states of `livekit_participant_join_total`."""
        self.registry = Registry(Sids(os.urandom), auto_create=auto_create, codecs=codecs, max_speakers=max_speakers)
        self.plane = make_plane(self.media_event)
        self.data = DataPath(self.plane)
        self._loop = asyncio.get_running_loop()
        self._post = Post(self.plane, turn)
        self._rooms: dict[PeerId, Room] = {}
        self._track_rooms: dict[TrackSid, Room] = {}
        self._timers: dict[Room, asyncio.TimerHandle] = {}
        self._unarmed: set[Room] = set()
        """Rooms that changed since their deadline was looked for."""
        self._settling: set[Room] = set()
        self.stopping = False
        """Whether nobody is let in any more."""
        self._media = MediaEvents(self._rooms, self._track_rooms, self.data, self._settle)

    # Sessions.

    def join(self, grants: Grants, join: Join, outbox: Outbox) -> PeerId:
        """Start a session whose messages go to `outbox`. Raises `AdmissionError`."""
        grants = self.registry.current(grants)
        room = self.registry.admit(grants, self._loop.time(), wall_ms())
        peer = room.join(grants, join, self._loop.time(), wall_ms())
        self.joins["signal_connected"] += 1
        self._post.outboxes[peer], self._rooms[peer] = outbox, room
        self._settle(room)
        self.refresh_token(peer)
        log.info(
            "participant_joined",
            room=room.sid,
            participant=peer,
            sdk=join.client.sdk,
            version=join.client.version,
            **{"pii.identity": grants.identity},
        )
        return peer

    def resume(self, grants: Grants, join: Join, outbox: Outbox) -> PeerId | None:
        """Go on with a session on a new socket; None when it is not there any more."""
        peer = PeerId(join.participant)
        room = self._rooms.get(peer)
        if room is None or room.name != grants.room or not room.resume(grants, peer, self._loop.time()):
            log.info("resume_refused", participant=peer)
            return None
        older, self._post.outboxes[peer] = self._post.outboxes.get(peer), outbox
        if older is not None:
            older.close()
        self._settle(room)
        self.refresh_token(peer)
        log.info("participant_resumed", room=room.sid, participant=peer, half_open=older is not None)
        return peer

    def signal(self, peer: PeerId, request: Request) -> None:
        """Take a client's request in."""
        room = self._rooms.get(peer)
        if room is not None:
            room.handle(peer, request, self._loop.time())
            self._settle(room)

    def refresh_token(self, peer: PeerId) -> None:
        """Send a session a new token with the rights of its own."""
        room, outbox = self._rooms.get(peer), self._post.outboxes.get(peer)
        grants = None if room is None else room.refreshed_grants(peer)
        if grants is not None and outbox is not None:
            key, secret = next(iter(self.keys.items()))
            fresh = token.refresh(grants, key, secret, time.time())
            outbox.put(responses.encode(TokenRefreshed(fresh)))

    def fault(self, peer: PeerId) -> None:
        """End a session that broke the protocol."""
        room = self._rooms.get(peer)
        if room is not None:
            room.fault(peer, self._loop.time())
            self._settle(room)

    def socket_closed(self, peer: PeerId, outbox: Outbox) -> None:
        """A socket is gone; that of a session that went on with another one is no news."""
        if self._post.outboxes.get(peer) is not outbox:
            return
        del self._post.outboxes[peer]
        room = self._rooms.get(peer)
        if room is not None:
            room.socket_closed(peer, self._loop.time())
            self._settle(room)

    # The server API.

    def create_room(self, name: str, settings: RoomSettings) -> Room:
        """Make a room or change its settings. Raises `AdmissionError`."""
        room = self.registry.create(name, settings, self._loop.time(), wall_ms())
        self._settle(room)
        return room

    def delete_room(self, room: Room, reason: DisconnectReason = DisconnectReason.ROOM_DELETED) -> None:
        """End a room for everybody."""
        room.close(reason, self._loop.time())
        self._settle(room)

    def obey(self, room: Room, order: orders.Order) -> Refusal | None:
        """Do what an administrator ordered about somebody; says why when it cannot be done."""
        refusal = room.obey(order, self._loop.time())
        self._settle(room)
        return refusal

    def revoke(self, room: str, identity: str, until: float | None = None) -> None:
        """Refuse somebody's tokens that were issued until now, or until a Unix time."""
        self.registry.revoke(room, identity, time.time() if until is None else until)

    def change_rights(self, room: Room, identity: str, rights: Rights) -> None:
        """Hold somebody's tokens that were issued until now to these rights."""
        self.registry.change_rights(room.name, identity, rights, time.time())

    def configure(self, room: Room, settings: RoomSettings) -> None:
        """Change a room's settings."""
        room.configure(settings, self._loop.time())
        self._settle(room)

    def shut_down(self) -> None:
        """Tell everybody that the server goes, and take nobody in any more.

        Clients are told to join anew, which they try for 45 s: after a restart the call goes on by itself. If
        they were told to go instead, they would not come back; that the server is gone for good they notice.
        """
        self.stopping = True
        for room in self.registry:
            room.close(DisconnectReason.SERVER_SHUTDOWN, self._loop.time(), LeaveAction.RECONNECT)
            self._settle(room)

    @property
    def sessions(self) -> int:
        """How many sockets are open."""
        return len(self._post.outboxes)

    def media_event(self, event: MediaEvent) -> None:
        """Take in what the media plane reports."""
        self._media.take(event)

    # Doing what rooms want.

    def _settle(self, room: Room) -> None:
        """Do what a room wants until it wants nothing more, then wait for its next deadline."""
        if room in self._settling:  # a media event that came out of what is being done just now
            return
        self._settling.add(room)
        try:
            while wanted := room.drain():
                for output in wanted:
                    self._do(room, output)
        finally:
            self._settling.discard(room)
        self._arm(room)

    def _do(self, room: Room, output: outputs.Output) -> None:
        match output:
            case outputs.Tell(to, message):
                self._post.tell(room.sid, to, message)
            case outputs.Receive(uplink):
                self._track_rooms[uplink.track] = room
                self.plane.receive(uplink)
            case outputs.StopReceiving(track):
                self._track_rooms.pop(track, None)
                self.plane.stop_receiving(track)
            case outputs.Forward(downlink):
                self.plane.forward(downlink)
            case outputs.StopForwarding(peer, track):
                self.plane.stop_forwarding(peer, track)
            case outputs.ExpectLayers(track, quality):
                self.plane.expect(track, quality)
            case outputs.ApplyWish(peer, track, wish):
                self.plane.wish(peer, track, wish)
            case outputs.CapBandwidth(peer, bps):
                self.plane.cap_bandwidth(peer, bps)
            case outputs.SendData(peer, label, payload):
                self.data.send(room, (peer,), label, payload)
            case outputs.OpenPeer(peer, local, remote, channels):
                self._rooms[peer] = room
                self.plane.open_peer(peer, local, remote, channels, room=room.sid)
            case outputs.RestartIce(peer, local):
                self.plane.restart_ice(peer, local)
            case outputs.ClosePeer(peer):
                self._rooms.pop(peer, None)
                self.data.closed(peer)
                self.plane.close_peer(peer)
            case outputs.RenewToken(peer):
                self.refresh_token(peer)
            case outputs.HangUp(peer, broken):
                outbox = self._post.outboxes.get(peer)
                if outbox is not None:
                    if broken:
                        outbox.blame(BROKEN, "")
                    outbox.close()
            case outputs.Happened():
                self._happened(room, output)

    def _happened(self, room: Room, happened: outputs.Happened) -> None:
        person = happened.participant
        if person is not None and person.state is ParticipantState.DISCONNECTED:
            self.data.left(person.sid)
            log.info(
                "participant_left",
                room=room.sid,
                participant=person.sid,
                reason=person.reason.name.lower(),
                **{"pii.identity": person.identity},
            )
        if happened.occasion in _JOIN_STATES:
            self.joins[_JOIN_STATES[happened.occasion]] += 1
        self.webhooks.notify(webhook_event(happened, room.info()))

    def _arm(self, room: Room) -> None:
        """Look for the room's next deadline, but not after every one of many changes: it asks everybody."""
        if room.closed:
            self._disarm(room)
            self.registry.forget(room)
            self.plane.close_room(room.sid)
        elif room not in self._unarmed:
            self._disarm(room)
            self._unarmed.add(room)
            self._timers[room] = self._loop.call_later(ARM_AFTER_S, self._await_deadline, room)

    def _disarm(self, room: Room) -> None:
        timer = self._timers.pop(room, None)
        self._unarmed.discard(room)
        if timer is not None:
            timer.cancel()

    def _await_deadline(self, room: Room) -> None:
        self._disarm(room)
        deadline = room.deadline()
        if deadline is not None:
            self._timers[room] = self._loop.call_at(deadline, self._tick, room)

    def _tick(self, room: Room) -> None:
        room.tick(self._loop.time())
        self._settle(room)

    def stop(self) -> None:
        """Cancel all timers."""
        self.data.stop()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def wall_ms() -> int:
    """Give the wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000
