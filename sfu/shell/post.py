# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a message get to the sockets of those whom it is for?"""

import os
import time

from sfu.core.media import PeerId, Plane
from sfu.core.messages import Answer, Joined, Message, ParticipantsChanged, Reconnected, ServerOffer
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
        self._sif_trailer = os.urandom(16)
        self._participants = Participants()

    def tell(self, to: tuple[PeerId, ...], message: Message) -> None:
        """Write a message, serialised once, to those of these sessions that have a socket."""
        if isinstance(message, Answer | ServerOffer):
            candidates = [one for one in self._plane.candidates if one.protocol == message.candidates]
            sdp = render(message, self._plane.fingerprint, candidates or self._plane.candidates)
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

    def _ice_servers(self, to: tuple[PeerId, ...], message: Message) -> list[IceServer]:
        if self._turn is None or not isinstance(message, Joined | Reconnected):
            return []
        return [ice_server(self._turn, peer, int(time.time())) for peer in to]
