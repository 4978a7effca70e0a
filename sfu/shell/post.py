# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a message get to the sockets of those whom it is for?"""

import os
import time
from collections.abc import Sequence

from sfu.core.media import Candidate, PeerId, Plane
from sfu.core.messages import TCP, TLS, Answer, Joined, Message, ParticipantsChanged, Reconnected, ServerOffer
from sfu.core.turn import IceServer, Turn, ice_server
from sfu.shell.outbox import Outbox
from sfu.wire import responses
from sfu.wire.participants import Participants
from sfu.wire.sdp_writer import render


class Post:
    """The open sockets of one worker."""

    def __init__(self, plane: Plane, turn: Turn | None) -> None:
        self.outboxes: dict[PeerId, Outbox] = {}
        """One for each session that has a socket."""
        self._plane = plane
        self._turn = turn
        self._relay_over_tls = None if turn is None else turn.over_tls()
        self._sif_trailer = os.urandom(16)
        self._participants = Participants()

    def tell(self, room: str, to: tuple[PeerId, ...], message: Message) -> None:
        """Write a message, serialised once, to those of these sessions of a room that have a socket."""
        if isinstance(message, Answer | ServerOffer):
            sdp = render(message, self._plane.fingerprint, self._candidates(room, message))
            frames = [responses.encode_description(message, sdp)]
        elif isinstance(message, ParticipantsChanged):
            frames = self._participants.updates(message)
        elif isinstance(message, Joined):
            frames = [self._participants.joined(message, self._sif_trailer, self._ice_servers(to, message))]
        else:
            frames = [responses.encode(message, ice_servers=self._ice_servers(to, message))]
        for peer in to:
            outbox = self.outboxes.get(peer)
            if outbox is not None:
                for frame in frames:
                    outbox.put(frame)

    def _candidates(self, room: str, message: Answer | ServerOffer) -> Sequence[Candidate]:
        protocol = message.candidates
        if protocol == TLS:  # by the relay; without one the nearest to it
            protocol = TCP if self._relay_over_tls is None else ""
        candidates = self._plane.candidates_of(room)
        return [one for one in candidates if one.protocol == protocol] or candidates

    def _ice_servers(self, to: tuple[PeerId, ...], message: Message) -> list[IceServer]:
        if self._turn is None or not isinstance(message, Joined | Reconnected):
            return []
        over_tls = self._relay_over_tls if message.candidates == TLS else None
        return [ice_server(over_tls or self._turn, peer, int(time.time()), forced=over_tls is not None) for peer in to]
