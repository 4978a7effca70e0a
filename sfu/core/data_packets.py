# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets which data packets of a room, and what is kept for those who cannot take them now?"""

from sfu.core import relay
from sfu.core.departures import Departures
from sfu.core.grants import ParticipantKind
from sfu.core.media import PeerId
from sfu.core.participant import Participant
from sfu.core.relay import RELIABLE, Envelope
from sfu.core.replay import Kept, Replay
from sfu.core.roster import Roster
from sfu.core.signalling import Event, Verdict


class DataPackets:
    """Those of one room."""

    def __init__(self, roster: Roster, departures: Departures, replay: Replay) -> None:
        self._roster = roster
        self._departures = departures
        self._replay = replay
        self._nonces = relay.Nonces()

    def introduce(self, peer: PeerId) -> bool:
        """Tell the others of a peer before they get data from it; whether they had to be told."""
        member = self._roster.get(peer)
        return member is not None and self._roster.introduce(member)

    def relay(self, peer: PeerId, label: str, envelope: Envelope) -> tuple[PeerId, ...]:
        """Say over which transports a data packet of this peer goes on; empty when nobody may have it."""
        member = self._roster.get(peer)
        if member is None or not member.grants.rights.can_publish_data:
            return ()
        if self._departures.step(member, Event.DATA) is not Verdict.ACT or not member.reliable.is_new(envelope, label):
            return ()
        return self._receivers(envelope, besides=member)

    def announce(self, envelope: Envelope) -> tuple[PeerId, ...]:
        """Say over which transports a data packet of the server itself goes."""
        return self._receivers(envelope)

    def _receivers(self, envelope: Envelope, besides: Participant | None = None) -> tuple[PeerId, ...]:
        if not self._nonces.is_new(envelope.nonce):
            return ()
        others = {other.sid: other for other in self._roster if other is not besides}
        chosen = relay.receivers(envelope, [(sid, other.identity) for sid, other in others.items()])
        return tuple(others[sid].primary_peer for sid in chosen)

    def keep(
        self, sender: PeerId, label: str, envelope: Envelope, receivers: tuple[PeerId, ...], payload: bytes, now: float
    ) -> None:
        """Remember a packet that was sent on, for receivers that are on their way back."""
        if label == RELIABLE:
            self._replay.keep(Kept(now, sender, envelope.sequence, frozenset(receivers), payload))

    def hold(self, receiver: PeerId, label: str, payload: bytes) -> bool:
        """Keep a packet that the media plane could not write; False when it is to be dropped."""
        member = self._roster.get(receiver)
        return member is not None and member.channels.hold(label, payload)

    def channel_opened(self, peer: PeerId, label: str) -> list[bytes]:
        """A data channel can be written to: give what waited for it."""
        member = self._roster.get(peer)
        return [] if member is None or peer != member.primary_peer else member.channels.opened(label)

    def is_agent(self, peer: PeerId) -> bool:
        """Say whether a peer may publish what others said."""
        member = self._roster.get(peer)
        return member is not None and member.grants.kind is ParticipantKind.AGENT

    def signature(self, peer: PeerId) -> tuple[str, str]:
        """Give the (sid, identity) under which others see a peer's data; empty for hidden ones."""
        member = self._roster.get(peer)
        return ("", "") if member is None or member.hidden else (member.sid, member.identity)
