# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which media thread serves which room? Each has a media plane and a port of its own; a room lives on one of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields

from aiortc.rtcdtlstransport import RTCCertificate

from sfu.core.media import (
    Candidate,
    DataChannel,
    Downlink,
    Fingerprint,
    IceCredentials,
    MediaEvent,
    MediaStats,
    PeerId,
    TrackSid,
    Uplink,
    Wish,
)
from sfu.media.plane import MediaPlane


class MediaPlanes:
    """Fulfils `sfu.core.media.Plane`. Create it, `await start()` it, use it from that loop, `await close()` it.

    `threads` media threads have `port` and the ports after it; they share nothing, so each can fill a core. The Python
    engine has none of its own, whatever is asked for. Raises what `MediaPlane` raises.
    """

    def __init__(
        self,
        hosts: str | Sequence[str],
        port: int,
        on_event: Callable[[MediaEvent], None],
        *,
        threads: int = 1,
        advertise: Sequence[str] = (),
        tcp: bool = True,
        engine: str = "auto",
    ) -> None:
        certificate = RTCCertificate.generateCertificate()

        def make(number: int) -> MediaPlane:
            own = port + number if port else 0
            return MediaPlane(
                hosts, own, on_event, advertise=advertise, tcp=tcp, engine=engine, certificate=certificate
            )

        first = make(0)
        self.engine, self.engine_missing = first.engine, first.engine_missing
        self._planes = [first, *(make(number) for number in range(1, threads) if first.engine == "native")]
        self._homes: dict[str, MediaPlane] = {}
        """Of rooms."""
        self._peers: dict[PeerId, MediaPlane] = {}
        self._tracks: dict[TrackSid, MediaPlane] = {}

    async def start(self) -> None:
        """Open the ports. Raises OSError when one is taken; its `filename` says which."""
        try:
            for plane in self._planes:
                await plane.start()
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Say goodbye to every peer and close the ports. Emits nothing."""
        for plane in self._planes:
            await plane.close()

    @property
    def threads(self) -> int:
        """How many read media."""
        return len(self._planes)

    @property
    def realtime(self) -> bool:
        """Whether they go before everything else that the machine does; only after `start`."""
        return all(plane.realtime for plane in self._planes)

    @property
    def fingerprint(self) -> Fingerprint:
        """The certificate of this worker."""
        return self._planes[0].fingerprint

    @property
    def candidates(self) -> Sequence[Candidate]:
        """All media ports; only after `start`."""
        return [candidate for plane in self._planes for candidate in plane.candidates]

    def candidates_of(self, room: str) -> Sequence[Candidate]:
        """Where the people of a room reach it."""
        return self._home(room).candidates

    def close_room(self, room: str) -> None:
        """Let it live elsewhere the next time."""
        self._homes.pop(room, None)

    def open_peer(
        self,
        peer: PeerId,
        local: IceCredentials,
        remote: Sequence[Fingerprint],
        channels: Sequence[DataChannel] = (),
        *,
        room: str,
    ) -> None:
        """Await checks at the room's port."""
        self.close_peer(peer)
        self._peers[peer] = self._home(room)
        self._peers[peer].open_peer(peer, local, remote, channels)

    def restart_ice(self, peer: PeerId, local: IceCredentials) -> None:
        """Accept checks with new credentials too."""
        if plane := self._peers.get(peer):
            plane.restart_ice(peer, local)

    def close_peer(self, peer: PeerId) -> None:
        """Forget a peer; emits nothing."""
        if plane := self._peers.pop(peer, None):
            plane.close_peer(peer)

    def receive(self, uplink: Uplink) -> None:
        """Take a peer's section in."""
        if plane := self._peers.get(uplink.peer):
            self._tracks[uplink.track] = plane
            plane.receive(uplink)

    def stop_receiving(self, track: TrackSid) -> None:
        """Drop an uplink and all its downlinks."""
        if plane := self._tracks.pop(track, None):
            plane.stop_receiving(track)

    def forward(self, downlink: Downlink) -> None:
        """Send a track to a peer."""
        if plane := self._peers.get(downlink.peer):
            plane.forward(downlink)

    def stop_forwarding(self, peer: PeerId, track: TrackSid) -> None:
        """Drop one downlink."""
        if plane := self._peers.get(peer):
            plane.stop_forwarding(peer, track)

    def wish(self, peer: PeerId, track: TrackSid, wish: Wish) -> None:
        """Apply what a receiver shows of a track."""
        if plane := self._peers.get(peer):
            plane.wish(peer, track, wish)

    def cap_bandwidth(self, peer: PeerId, bps: int) -> None:
        """Limit what is sent to a peer."""
        if plane := self._peers.get(peer):
            plane.cap_bandwidth(peer, bps)

    def expect(self, track: TrackSid, max_quality: int) -> None:
        """Layers up to this quality come back soon."""
        if plane := self._tracks.get(track):
            plane.expect(track, max_quality)

    def send_data(self, peer: PeerId, label: str, payload: bytes) -> bool:
        """Write to the channel of that label."""
        plane = self._peers.get(peer)
        return plane is not None and plane.send_data(peer, label, payload)

    def data_waiting(self, peer: PeerId) -> int:
        """Give the bytes that wait in a peer's channels to be sent."""
        plane = self._peers.get(peer)
        return 0 if plane is None else plane.data_waiting(peer)

    def hold_data(self, peer: PeerId, *, held: bool) -> None:
        """Take no reliable messages from a peer, or go on."""
        if plane := self._peers.get(peer):
            plane.hold_data(peer, held=held)

    def stats(self) -> MediaStats:
        """Counters of this worker."""
        each = [plane.stats() for plane in self._planes]
        counts = [one.name for one in fields(MediaStats) if one.name != "dropped"]
        dropped = sum((Counter(stats.dropped) for stats in each), Counter())
        return MediaStats(**{name: sum(getattr(stats, name) for stats in each) for name in counts}, dropped=dropped)

    def _home(self, room: str) -> MediaPlane:
        """Where a room lives; a new one goes where the fewest people are, then where the fewest rooms are."""
        if room not in self._homes:
            rooms = Counter(self._homes.values())
            self._homes[room] = min(self._planes, key=lambda plane: (plane.peers, rooms[plane]))
        return self._homes[room]
