# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a track come into a receiver's sections, and out of them?

With one peer connection the client is asked for an offer, and the answer to it holds the track. With two the
server offers on the second one, and the client's answer says what it takes. Either way changes of a moment are
negotiated in one go.
"""

from sfu.core import subscriptions
from sfu.core.media import Downlink, TrackSid
from sfu.core.media_description import extension_ids
from sfu.core.messages import SectionsRequired, ServerOffer, SubscriptionError, SubscriptionFailed, TrackSubscribed
from sfu.core.negotiation import Sending, Started
from sfu.core.outputs import ApplyWish, Forward, OpenPeer, RestartIce, StopForwarding
from sfu.core.participant import Participant, Subscriber
from sfu.core.publishing import RECEIVING_OPUS
from sfu.core.relay import SERVER_CHANNELS
from sfu.core.requests import Answer
from sfu.core.roster import Roster
from sfu.core.sids import Sids

MERGE_S = 0.01
"""Changes of this long are negotiated in one go."""

UNSPACED_TRACKS = 10
SPACING_S = 0.005
SPACING_MAX_S = 1.0
"""Each exchange of descriptions costs both sides as much as there are tracks: with more than ten of them, the next one
comes so much later for every further track. The first one after a quiet moment does not wait. stops: a crowd that comes
with cameras making everybody's descriptions anew for each of them."""

RESUMED_OFFER_S = 2.0
"""A client that resumes offers by itself at once (with new ICE credentials); one that does not within this
is asked if there is need."""

OFFER_TIMEOUT_S = 15.0
"""A client has so long to offer when it is asked to, or to answer an offer; LiveKit's figure."""


class Downlinks:
    """What one room's receivers are sent."""

    def __init__(self, roster: Roster, sids: Sids) -> None:
        self._roster = roster
        self._sids = sids

    def send(self, receiver: Participant, sending: Sending, now: float) -> None:
        """Let a receiver have a track."""
        receiver.downlinks.send(sending)
        self.negotiate(receiver, now)

    def stop(self, receiver: Participant, track: TrackSid, now: float) -> bool:
        """Let a receiver have a track no longer; True when a section carried it."""
        carried = receiver.downlinks.stop(track)
        if carried:
            self.negotiate(receiver, now)
        return carried

    def negotiate(self, receiver: Participant, now: float) -> None:
        """Negotiate soon, if there is something to negotiate then."""
        if receiver.negotiate_at is None:
            receiver.negotiate_at = max(now + MERGE_S, receiver.negotiated_at + spacing(len(receiver.subscriptions)))

    def ask(self, receiver: Participant, now: float) -> None:
        """Negotiate now, if there is something to negotiate."""
        receiver.negotiate_at = None
        if receiver.subscriber is not None:
            self._offer(receiver, receiver.subscriber, now)
            return
        wanted = receiver.negotiation.wanted()
        if wanted is not None:
            receiver.negotiated_at = now
            receiver.offer_by = now + OFFER_TIMEOUT_S
            self._roster.tell(receiver, SectionsRequired(*wanted))

    def accept(self, receiver: Participant, answer: Answer, now: float) -> None:
        """Take the answer to our offer in; one that answers nothing changes nothing."""
        subscriber = receiver.subscriber
        result = None if subscriber is None else subscriber.offers.answer(answer.id, answer.session)
        if subscriber is None or result is None:
            return
        receiver.offer_by = None
        if not subscriber.is_open:
            subscriber.is_open = True
            self._roster.put(
                OpenPeer(receiver.downlink_peer, subscriber.ice, answer.session.fingerprints, SERVER_CHANNELS)
            )
        for track in result.refused:
            self._roster.put(StopForwarding(receiver.downlink_peer, receiver.source(track)))
            self._roster.unsettle(track, receiver)
            if receiver.subscriptions.pop(track, None) is not None:
                self._roster.tell(receiver, SubscriptionFailed(track, SubscriptionError.CODEC_UNSUPPORTED))
        for started in result.started:
            self.forward(receiver, started)
        if spacing(len(receiver.subscriptions)):
            self.negotiate(receiver, now)
        else:
            self._offer(receiver, subscriber, now)

    def resumed(self, receiver: Participant, now: float) -> None:
        """The client is on a new socket: expect its offer; offer the second peer connection with new credentials."""
        receiver.offer_by = receiver.negotiate_at = None
        subscriber = receiver.subscriber
        if subscriber is None:
            receiver.negotiation.resumed()
            receiver.negotiate_at = now + RESUMED_OFFER_S
        elif subscriber.is_open or subscriber.primary:
            if subscriber.is_open:
                subscriber.ice = self._sids.ice()
                self._roster.put(RestartIce(receiver.downlink_peer, subscriber.ice))
            subscriber.offers.restart()
            self._offer(receiver, subscriber, now)

    def forward(self, receiver: Participant, started: Started) -> None:
        """Send a track on, in a section that a receiver takes it in by."""
        section, source = started.section, receiver.source(started.track)
        self._roster.put(
            Forward(
                Downlink(
                    peer=receiver.downlink_peer,
                    track=source,
                    kind=started.kind,
                    mid=section.mid,
                    ssrc=started.sent.ssrc,
                    rtx_ssrc=started.sent.rtx_ssrc,
                    codecs=section.codecs,
                    extensions=extension_ids(section.extensions),
                    pausable=receiver.allow_pause,
                )
            )
        )
        owner = self._roster.owner(started.track)
        if owner is not None and started.track not in owner.subscribed_once:
            owner.subscribed_once.add(started.track)
            self._roster.tell(owner, TrackSubscribed(started.track))
        subscription = receiver.subscriptions.get(started.track)
        if subscription is not None and subscription.wish != subscriptions.EVERYTHING:
            self._roster.put(ApplyWish(receiver.downlink_peer, source, subscription.wish))

    def _offer(self, receiver: Participant, subscriber: Subscriber, now: float) -> None:
        offered = subscriber.offers.offer()
        if offered is not None:
            receiver.negotiated_at = now
            receiver.offer_by = now + OFFER_TIMEOUT_S
            message = ServerOffer(
                offered.id, offered.sections, subscriber.ice, RECEIVING_OPUS, offered.tracks, receiver.candidates
            )
            self._roster.tell(receiver, message)


def spacing(tracks: int) -> float:
    """Seconds between two exchanges of descriptions with a receiver of so many tracks."""
    return min(SPACING_MAX_S, SPACING_S * max(0, tracks - UNSPACED_TRACKS))
