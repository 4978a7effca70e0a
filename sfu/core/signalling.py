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
    """Where a session stands."""

    JOINED = auto()
    """It has its JoinResponse; media is not up."""
    ACTIVE = auto()
    """Media is up."""
    DETACHED = auto()
    """Its socket is gone without a word; media may still flow for a short grace."""
    LOST = auto()
    """Its media path is gone; a goodbye may be under way, because clients close media first."""
    LEFT = auto()
    """Over. Nothing brings it back."""


class Event(Enum):
    """What can happen to a session."""

    OFFER = auto()
    ADD_TRACK = auto()
    MUTE = auto()
    SUBSCRIBE = auto()
    TRACK_SETTINGS = auto()
    SUBSCRIPTION_PERMISSION = auto()
    UPDATE_METADATA = auto()
    UPDATE_TRACK = auto()
    SIMULATE = auto()
    LEAVE = auto()
    NOTHING = auto()
    UNSUPPORTED = auto()
    CONNECTED = auto()
    """The media plane has the peer's ICE and DTLS up."""
    PEER_LOST = auto()
    DATA = auto()
    SOCKET_CLOSED = auto()
    JOIN_TIMEOUT = auto()
    OFFER_TIMEOUT = auto()
    GRACE_OVER = auto()
    MEDIA_TIMEOUT = auto()
    """No goodbye came after the media path was lost."""
    EXPELLED = auto()
    """By an administrator, a newer session of the same identity, the end of the room or of the server."""


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
    Event.ADD_TRACK,
    Event.MUTE,
    Event.SUBSCRIBE,
    Event.TRACK_SETTINGS,
    Event.SUBSCRIPTION_PERMISSION,
    Event.UPDATE_METADATA,
    Event.UPDATE_TRACK,
)

_ENDINGS = (Event.LEAVE, Event.SIMULATE, Event.EXPELLED)

_TIMERS = (Event.JOIN_TIMEOUT, Event.OFFER_TIMEOUT, Event.GRACE_OVER, Event.MEDIA_TIMEOUT)


def _act(state: State, *events: Event) -> dict[Event, Step]:
    return {event: Step(Verdict.ACT, state) for event in events}


def _ignore(state: State, *events: Event) -> dict[Event, Step]:
    return {event: Step(Verdict.IGNORE, state) for event in events}


TABLE: Mapping[State, Mapping[Event, Step]] = {
    State.JOINED: {
        **_ignore(State.JOINED, Event.NOTHING, *_TIMERS),
        **_act(State.JOINED, *_REQUESTS),
        **_act(State.ACTIVE, Event.CONNECTED),
        **_act(State.LOST, Event.PEER_LOST),
        **_act(State.DETACHED, Event.SOCKET_CLOSED),
        **_act(State.LEFT, *_ENDINGS, Event.JOIN_TIMEOUT, Event.OFFER_TIMEOUT),
    },
    State.ACTIVE: {
        **_ignore(State.ACTIVE, Event.NOTHING, Event.CONNECTED, *_TIMERS),
        **_act(State.ACTIVE, *_REQUESTS, Event.DATA),
        **_act(State.LOST, Event.PEER_LOST),
        **_act(State.DETACHED, Event.SOCKET_CLOSED),
        **_act(State.LEFT, *_ENDINGS, Event.OFFER_TIMEOUT),
    },
    State.LOST: {
        **_ignore(State.LOST, *_REQUESTS, Event.NOTHING, Event.PEER_LOST, Event.CONNECTED, Event.DATA, *_TIMERS),
        **_act(State.LEFT, *_ENDINGS, Event.SOCKET_CLOSED, Event.MEDIA_TIMEOUT),
    },
    # No socket: requests cannot come. Data channels may live a moment longer.
    State.DETACHED: {
        **_ignore(State.DETACHED, Event.CONNECTED, Event.SOCKET_CLOSED, *_TIMERS),
        **_act(State.DETACHED, Event.DATA),
        **_act(State.LEFT, Event.PEER_LOST, Event.EXPELLED, Event.GRACE_OVER),
    },
    # Frames and media events that were under way when the session ended.
    State.LEFT: _ignore(State.LEFT, *(event for event in Event if event is not Event.UNSUPPORTED)),
}

EVENT_OF_REQUEST: Mapping[type[requests.Request], Event] = {
    requests.Offer: Event.OFFER,
    requests.AddTrack: Event.ADD_TRACK,
    requests.Mute: Event.MUTE,
    requests.Subscribe: Event.SUBSCRIBE,
    requests.TrackSettings: Event.TRACK_SETTINGS,
    requests.SubscriptionPermission: Event.SUBSCRIPTION_PERMISSION,
    requests.UpdateMetadata: Event.UPDATE_METADATA,
    requests.UpdateTrack: Event.UPDATE_TRACK,
    requests.Simulate: Event.SIMULATE,
    requests.Leave: Event.LEAVE,
    requests.Nothing: Event.NOTHING,
    requests.Unsupported: Event.UNSUPPORTED,
}


def step(state: State, event: Event) -> Step:
    """Look a pair up; what the table does not name is refused and changes nothing."""
    return TABLE[state].get(event, Step(Verdict.REFUSE, state))
