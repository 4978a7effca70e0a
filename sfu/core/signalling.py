# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may happen to a participant's session, and when? The state table, and nothing else.

Every pair of state and event has a cell: what is not written down is `REFUSE`, which tells the client so
where there is one to tell. `IGNORE` is for what may arrive late or means nothing here. The table decides
`whether`; the room decides `what`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from sfu.core import requests


class State(Enum):
    """Where a session stands: has it a signalling socket, does its media flow?"""

    JOINED = auto()
    """A socket; media is not up yet, or went silent and the client is back to restart it."""
    ACTIVE = auto()
    """A socket, and media is up."""
    DETACHED = auto()
    """The socket is gone without a word, media flows: the client is expected back."""
    DARK = auto()
    """Neither: the network is gone for a moment, or the client for good."""
    LOST = auto()
    """Its media transport was closed; a goodbye may be under way, because clients close media first."""
    LEFT = auto()
    """Over. Nothing brings it back."""


class Event(Enum):
    """What can happen to a session."""

    OFFER = auto()
    ANSWER = auto()
    ADD_TRACK = auto()
    MUTE = auto()
    SUBSCRIBE = auto()
    TRACK_SETTINGS = auto()
    SUBSCRIPTION_PERMISSION = auto()
    UPDATE_METADATA = auto()
    UPDATE_TRACK = auto()
    SYNC_STATE = auto()
    SIMULATE = auto()
    LEAVE = auto()
    NOTHING = auto()
    UNSUPPORTED = auto()
    CONNECTED = auto()
    """The media plane has the peer's ICE and DTLS up."""
    SILENT = auto()
    """Nothing came over a transport for a while; it may come back."""
    HEARD = auto()
    """A silent transport is back."""
    PEER_LOST = auto()
    DATA = auto()
    SOCKET_CLOSED = auto()
    RESUMED = auto()
    """The same client is back on a new socket."""
    MISMATCH = auto()
    """What a client that is back says of itself doesn't fit what is known here."""
    JOIN_TIMEOUT = auto()
    OFFER_TIMEOUT = auto()
    GRACE_OVER = auto()
    MEDIA_TIMEOUT = auto()
    """No goodbye came after the media transport was closed."""
    EXPELLED = auto()
    """By an administrator, a newer session of the same identity, the end of the room or of the server, or
    by its own wish to see how that is."""


class Verdict(Enum):
    """What to do about an event."""

    ACT = auto()
    IGNORE = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the table."""

    verdict: Verdict
    next: State


_REQUESTS = (
    Event.OFFER,
    Event.ANSWER,
    Event.ADD_TRACK,
    Event.MUTE,
    Event.SUBSCRIBE,
    Event.TRACK_SETTINGS,
    Event.SUBSCRIPTION_PERMISSION,
    Event.UPDATE_METADATA,
    Event.UPDATE_TRACK,
    Event.SYNC_STATE,
    Event.SIMULATE,
)

_ENDINGS = (Event.LEAVE, Event.EXPELLED)

_TIMERS = (Event.JOIN_TIMEOUT, Event.OFFER_TIMEOUT, Event.GRACE_OVER, Event.MEDIA_TIMEOUT)


def _act(state: State, *events: Event) -> dict[Event, Step]:
    return {event: Step(Verdict.ACT, state) for event in events}


def _ignore(state: State, *events: Event) -> dict[Event, Step]:
    return {event: Step(Verdict.IGNORE, state) for event in events}


TABLE: Mapping[State, Mapping[Event, Step]] = {
    State.JOINED: {
        **_ignore(State.JOINED, Event.NOTHING, Event.SILENT, *_TIMERS),
        **_act(State.JOINED, *_REQUESTS, Event.DATA, Event.RESUMED),
        **_act(State.ACTIVE, Event.CONNECTED, Event.HEARD),
        **_act(State.LOST, Event.PEER_LOST),
        **_act(State.DARK, Event.SOCKET_CLOSED),
        **_act(State.LEFT, *_ENDINGS, Event.MISMATCH, Event.JOIN_TIMEOUT, Event.OFFER_TIMEOUT),
    },
    State.ACTIVE: {
        **_ignore(State.ACTIVE, Event.NOTHING, Event.CONNECTED, Event.HEARD, *_TIMERS),
        **_act(State.ACTIVE, *_REQUESTS, Event.DATA, Event.RESUMED),
        **_act(State.LOST, Event.PEER_LOST),
        **_act(State.DETACHED, Event.SOCKET_CLOSED),
        **_act(State.DARK, Event.SILENT),  # the client is told to resume, and its socket closed
        **_act(State.LEFT, *_ENDINGS, Event.MISMATCH, Event.OFFER_TIMEOUT),
    },
    State.LOST: {
        **_ignore(State.LOST, *_REQUESTS, Event.NOTHING, Event.PEER_LOST, Event.CONNECTED, Event.DATA, *_TIMERS),
        **_ignore(State.LOST, Event.SILENT, Event.HEARD, Event.MISMATCH),
        **_act(State.LEFT, *_ENDINGS, Event.SOCKET_CLOSED, Event.MEDIA_TIMEOUT),
    },
    # No socket: requests cannot come. Media and data flow on while the client is on its way back.
    State.DETACHED: {
        **_ignore(State.DETACHED, Event.CONNECTED, Event.HEARD, Event.SOCKET_CLOSED, Event.MISMATCH, *_TIMERS),
        **_act(State.DETACHED, Event.DATA),
        **_act(State.ACTIVE, Event.RESUMED),
        **_act(State.DARK, Event.SILENT),
        **_act(State.LEFT, Event.PEER_LOST, Event.EXPELLED, Event.GRACE_OVER),
    },
    State.DARK: {
        **_ignore(State.DARK, Event.SILENT, Event.SOCKET_CLOSED, Event.MISMATCH, *_TIMERS),
        **_act(State.DARK, Event.DATA),  # it came before the check that will say that the peer is back
        **_act(State.JOINED, Event.RESUMED),
        **_act(State.DETACHED, Event.CONNECTED, Event.HEARD),
        **_act(State.LEFT, Event.PEER_LOST, Event.EXPELLED, Event.GRACE_OVER),
    },
    # Frames and media events that were under way when the session ended.
    State.LEFT: _ignore(State.LEFT, *(event for event in Event if event not in {Event.UNSUPPORTED, Event.RESUMED})),
}

EVENT_OF_REQUEST: Mapping[type[requests.Request], Event] = {
    requests.Offer: Event.OFFER,
    requests.Answer: Event.ANSWER,
    requests.AddTrack: Event.ADD_TRACK,
    requests.Mute: Event.MUTE,
    requests.Subscribe: Event.SUBSCRIBE,
    requests.TrackSettings: Event.TRACK_SETTINGS,
    requests.SubscriptionPermission: Event.SUBSCRIPTION_PERMISSION,
    requests.UpdateMetadata: Event.UPDATE_METADATA,
    requests.UpdateTrack: Event.UPDATE_TRACK,
    requests.SyncState: Event.SYNC_STATE,
    requests.Simulate: Event.SIMULATE,
    requests.Leave: Event.LEAVE,
    requests.Nothing: Event.NOTHING,
    requests.Unsupported: Event.UNSUPPORTED,
}


def step(state: State, event: Event) -> Step:
    """Look a pair up; what the table does not name is refused and changes nothing."""
    return TABLE[state].get(event, Step(Verdict.REFUSE, state))
