# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""ICE-lite (RFC 8445): answers authenticated checks, sends none, follows the client's nomination.

Client candidates are never looked at, so nobody can make this server send to an address of their
choice; an unauthenticated check gets silence, so nothing is reflected.
"""

from dataclasses import dataclass, field
from typing import NewType

from sfu.core import stun
from sfu.core.limits_media import MAX_ADDRESSES_PER_PEER, MAX_CREDENTIALS_PER_PEER
from sfu.core.media import IceCredentials, PeerId

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""As a socket gives it, IPv4 or IPv6."""

Link = NewType("Link", int)
"""What reaches an address: one of our UDP sockets, or the one TCP connection (RFC 6544). Never used again."""

Address = tuple[Link, SocketAddress]
"""Where a peer is, and by what: the same host and port over another link is another address."""

ADDRESS_HELD_S = 5.0
"""An address stays with the peer that was heard on it this recently. Stops: a participant who forges
another's source address in an authenticated check from taking the address over."""


@dataclass(slots=True)
class IceState:
    """What is known of one peer's transport."""

    peer: PeerId
    credentials: list[IceCredentials] = field(default_factory=list)
    """Newest last."""
    addresses: list[Address] = field(default_factory=list)
    """Validated, oldest first."""
    selected: Address | None = None
    generation: int = 0
    """Number of ICE restarts."""
    nominated_generation: int = -1
    heard: float = 0.0
    """When the last authentic packet of any kind came, in the caller's monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Send `response` back to where the check came from."""

    state: IceState
    response: bytes
    moved: bool
    """The address to send to has changed."""
    displaced: PeerId | None = None
    """Who had the address before, long silent, and has none to send to now."""
    given_up: Address | None = None
    """The peer's oldest address, which this one took the place of."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Say nothing; count the cause."""

    cause: str


class IceLite:
    """All peers of one worker."""

    def __init__(self) -> None:
        self._by_ufrag: dict[str, tuple[IceState, IceCredentials, int]] = {}
        self._by_address: dict[Address, IceState] = {}
        self._by_peer: dict[PeerId, IceState] = {}

    def open(self, peer: PeerId, local: IceCredentials, now: float) -> IceState:
        """Await checks for these credentials."""
        self.close(peer)
        state = IceState(peer, heard=now)
        self._by_peer[peer] = state
        self._accept(state, local)
        return state

    def restart(self, peer: PeerId, local: IceCredentials, now: float) -> None:
        """Accept checks for further credentials; beyond the cap the oldest go. Consent starts anew."""
        state = self._by_peer.get(peer)
        if state is None:
            return
        state.generation += 1
        state.heard = now
        self._accept(state, local)
        while len(state.credentials) > MAX_CREDENTIALS_PER_PEER:
            self._by_ufrag.pop(state.credentials.pop(0).ufrag, None)

    def close(self, peer: PeerId) -> None:
        """Forget a peer, its credentials and addresses."""
        state = self._by_peer.pop(peer, None)
        if state is None:
            return
        for credentials in state.credentials:
            self._by_ufrag.pop(credentials.ufrag, None)
        for address in state.addresses:
            self._by_address.pop(address, None)

    def owner(self, address: Address) -> IceState | None:
        """The peer whose checks validated the address."""
        return self._by_address.get(address)

    def gone(self, address: Address) -> IceState | None:
        """A connection is closed; its peer, when it has no address to send to now."""
        state = self._by_address.get(address)
        if state is None:
            return None
        self._release(state, address)
        return state if state.selected is None else None

    def on_check(self, data: bytes, source: Address, now: float) -> Answer | Refused:
        """Judge a datagram that looks like STUN."""
        message = stun.parse(data)
        if message is None or message.type != stun.BINDING_REQUEST:
            return Refused("stun_malformed")
        found = self._by_ufrag.get(message.username.partition(":")[0])
        if found is None:
            return Refused("stun_unknown_ufrag")
        state, credentials, generation = found
        if not stun.verify(data, message, credentials.pwd):
            return Refused("stun_integrity")
        owner = self._by_address.get(source)
        displaced: PeerId | None = None
        given_up: Address | None = None
        if owner is not state:
            if owner is not None:
                if now - owner.heard < ADDRESS_HELD_S:
                    return Refused("address_taken")
                self._release(owner, source)
                displaced = owner.peer if owner.selected is None else None
            if len(state.addresses) >= MAX_ADDRESSES_PER_PEER:
                given_up = next(known for known in state.addresses if known != state.selected)
                self._release(state, given_up)
            state.addresses.append(source)
            self._by_address[source] = state
        state.heard = now
        moved = self._select(state, source, message.use_candidate, generation)
        _, seen = source
        response = stun.binding_success(message.transaction, (seen[0], seen[1]), credentials.pwd)
        return Answer(state, response, moved, displaced, given_up)

    def _accept(self, state: IceState, local: IceCredentials) -> None:
        state.credentials.append(local)
        self._by_ufrag[local.ufrag] = (state, local, state.generation)

    def _select(self, state: IceState, source: Address, use_candidate: bool, generation: int) -> bool:
        if use_candidate and generation >= state.nominated_generation:
            state.nominated_generation = generation
        elif state.selected is not None:
            return False
        moved = state.selected != source
        state.selected = source
        return moved

    def _release(self, state: IceState, address: Address) -> None:
        state.addresses.remove(address)
        self._by_address.pop(address, None)
        if state.selected == address:
            state.selected = None
