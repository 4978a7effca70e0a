# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which room learns what from the media plane?"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from sfu.core import media
from sfu.core.media import MediaEvent, PeerId, TrackSid
from sfu.core.room import Room
from sfu.shell.data_path import DataPath

log = structlog.get_logger()


class MediaEvents:
    """Those of one worker; `settle` does what a room wants after each."""

    def __init__(
        self,
        rooms: Mapping[PeerId, Room],
        track_rooms: Mapping[TrackSid, Room],
        data: DataPath,
        settle: Callable[[Room], None],
    ) -> None:
        self._rooms = rooms
        self._track_rooms = track_rooms
        self._data = data
        self._settle = settle
        self._loop = asyncio.get_running_loop()

    def take(self, event: MediaEvent) -> None:
        """Take in what the media plane reports."""
        match event:
            case media.DataReceived(peer, label, payload):
                room = self._rooms.get(peer)
                if room is not None:
                    if room.data.introduce(peer):
                        self._settle(room)
                    self._data.received(room, peer, label, payload)
            case media.LevelsMeasured(levels):
                self._measured(levels)
            case media.PeerConnected(peer, profile):
                log.info("media_connected", participant=peer, srtp=profile)
                room = self._rooms.get(peer)
                if room is not None:
                    room.transports.connected(peer, self._loop.time())
                    self._settle(room)
            case media.PeerSilent(peer):
                log.info("media_silent", participant=peer)
                room = self._rooms.get(peer)
                if room is not None:
                    room.transports.silent(peer, self._loop.time())
                    self._settle(room)
            case media.PeerHeard(peer):
                log.info("media_heard_again", participant=peer)
                room = self._rooms.get(peer)
                if room is not None:
                    room.transports.heard(peer, self._loop.time())
                    self._settle(room)
            case media.PeerLost(peer, reason):
                log.info("media_lost", participant=peer, reason=reason)
                room = self._rooms.get(peer)
                if room is not None:
                    room.lost(peer, self._loop.time())
                    self._settle(room)
            case media.DataOpened(peer, label):
                room = self._rooms.get(peer)
                if room is not None:
                    self._data.opened(room, peer, label)
            case media.StreamStateChanged(peer, sid, paused):
                room = self._rooms.get(peer)
                if room is not None:
                    room.conditions.stream_state(peer, sid, paused=paused)
                    self._settle(room)
            case media.QualityMeasured(scores):
                self._scored(scores)
            case media.TrackStarted(peer, track, codec):
                room = self._rooms.get(peer)
                if room is not None:
                    room.started(peer, track, codec, self._loop.time())
                    self._settle(room)

    def _scored(self, scores: tuple[tuple[PeerId, float], ...]) -> None:
        by_room: dict[Room, list[tuple[PeerId, float]]] = {}
        for peer, score in scores:
            room = self._rooms.get(peer)
            if room is not None:
                by_room.setdefault(room, []).append((peer, score))
        for room, own in by_room.items():
            room.conditions.scored(own)
            self._settle(room)

    def _measured(self, levels: tuple[media.Level, ...]) -> None:
        by_room: dict[Room, list[media.Level]] = {}
        for level in levels:
            room = self._track_rooms.get(level.track)
            if room is not None:
                by_room.setdefault(room, []).append(level)
        for room, own in by_room.items():
            room.measured(own)
            self._settle(room)
