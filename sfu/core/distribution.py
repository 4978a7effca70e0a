# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets whose tracks? Offers answered, tracks published, subscribed to and taken away."""

from dataclasses import replace

from sfu.core import publishing, subscriptions, uplinks
from sfu.core.downlinks import Downlinks
from sfu.core.media import Codec, TrackSid
from sfu.core.messages import (
    Answer,
    BackupCodec,
    SubscriptionAllowed,
    SubscriptionError,
    SubscriptionFailed,
    TrackInfo,
    TrackUnpublished,
)
from sfu.core.negotiation import Sending
from sfu.core.outputs import (
    ApplyWish,
    Happened,
    Occasion,
    OpenPeer,
    RestartIce,
    StopForwarding,
    StopReceiving,
)
from sfu.core.participant import Participant
from sfu.core.publishing import backup_sid, public_sid
from sfu.core.requests import Offer, SubscriptionPermission, TrackSettings
from sfu.core.roster import Roster
from sfu.core.sids import Sids
from sfu.core.subscriptions import Subscription
from sfu.core.uplinks import Uplinks


class Distribution:
    """The tracks of one room."""

    def __init__(self, roster: Roster, sids: Sids, codecs: tuple[str, ...], room: str, max_speakers: int) -> None:
        self._roster = roster
        self._codecs = codecs
        self._sids = sids
        self._uplinks = Uplinks(roster, room, max_speakers)
        self.downlinks = Downlinks(roster, sids)

    def answer(self, participant: Participant, offer: Offer, now: float) -> None:
        """Answer an offer and do what it changed."""
        self._open(participant, offer)
        claimed: set[TrackSid] = set()
        session = offer.session.restricted(self._codecs)
        named = {section.msid[1] for section in session.sections if section.msid is not None}
        result = participant.negotiation.answer(
            session, lambda section: uplinks.claim(participant, section, named, claimed)
        )
        fresh = [self._uplinks.take_in(participant, track, section) for track, section in result.taken_in]
        answer = Answer(
            offer.id,
            tuple(uplinks.taken(participant, section) for section in result.sections),
            participant.ice,
            publishing.opus_parameters(tuple(participant.published.values())),
            tuple(result.tracks),
            participant.candidates,
        )
        self._roster.tell(participant, answer)
        for track in result.ended:
            self.unpublish(participant, track, now)
        for track in result.stopped:
            self._roster.put(StopForwarding(participant.downlink_peer, participant.source(track)))
        for started in result.started:
            self.downlinks.forward(participant, started)
        for track in result.unreadable:
            self._send_again(participant, track, now)
        if any(fresh):
            self._roster.changed(participant)
        for info in filter(None, fresh):
            self._spread(participant, info, now)
        if participant.subscriber is None and not participant.negotiation.offer_due:
            participant.offer_by = None
        participant.negotiate_at = None
        self.downlinks.negotiate(participant, now)

    def unpublish(self, publisher: Participant, track: TrackSid, now: float) -> None:
        """End a track, or one codec of it, for everybody."""
        if track != public_sid(track):
            self._end_backup(publisher, public_sid(track), now)
        elif track in publisher.published:
            self.withdraw(track, now)
            self._roster.changed(publisher)

    def revoke(self, participant: Participant, now: float) -> None:
        """Take away what a participant has and may not have any longer; whoever calls tells the others."""
        rights = participant.grants.rights
        participant.pending = [entry for entry in participant.pending if rights.may_publish(entry.track.source)]
        for track in list(participant.published.values()):
            if not rights.may_publish(track.source):
                self.withdraw(track.sid, now)
                participant.negotiation.unpublished(track.sid)
                participant.ended_by_server.append(track.sid)
                self._roster.tell(participant, TrackUnpublished(track.sid))
        if not rights.can_subscribe:
            for sid in list(participant.subscriptions):
                self._unsubscribe(participant, sid, now)

    def show(self, publisher: Participant, now: float) -> None:
        """Give or take a participant's tracks after it was hidden or shown."""
        for receiver in self._roster:
            for track in publisher.published.values():
                if publisher.hidden:
                    self._unsubscribe(receiver, track.sid, now)
                elif receiver.wants(track.sid):
                    self._subscribe(receiver, publisher, track, now)

    def started(self, publisher: Participant, sid: TrackSid, codec: Codec, now: float) -> None:
        """Take in which codec a track is really sent in; those who cannot read it are told."""
        track = publisher.published.get(sid)
        if track is None or track.mime == codec.mime:
            return
        track = replace(track, mime=codec.mime)
        self._roster.own(publisher, track)
        self._roster.changed(publisher)
        for receiver in self._roster:
            if sid in receiver.subscriptions and not receiver.downlinks.reads(codec.mime):
                if self.downlinks.stop(receiver, sid, now):
                    self._roster.put(StopForwarding(receiver.downlink_peer, receiver.source(sid)))
                self._send_again(receiver, sid, now)

    def withdraw(self, track: TrackSid, now: float) -> None:
        """Take a track from all receivers, silently: whoever calls tells them why."""
        owner = self._roster.owner(track)
        if owner is None:
            return
        self._roster.put(StopReceiving(track))
        if owner.published[track].backup is not None:
            self._roster.put(StopReceiving(backup_sid(track)))
            owner.pending = [entry for entry in owner.pending if entry.track.sid != backup_sid(track)]
        self._roster.put(Happened(Occasion.TRACK_UNPUBLISHED, owner.info(), owner.published[track]))
        self._roster.disown(track)
        for receiver in self._roster:
            receiver.chosen.pop(track, None)
            if receiver.subscriptions.pop(track, None) is not None:
                self.downlinks.stop(receiver, track, now)

    def welcome(self, receiver: Participant, now: float) -> None:
        """Subscribe somebody who joined, or may subscribe again, to what is there."""
        for publisher in self._roster:
            for track in publisher.published.values():
                if receiver.wants(track.sid):
                    self._subscribe(receiver, publisher, track, now)

    def set_subscribed(self, receiver: Participant, tracks: tuple[TrackSid, ...], now: float, *, wanted: bool) -> None:
        """Subscribe a receiver by hand, or end that."""
        for sid in tracks:
            publisher = self._roster.owner(sid)
            if publisher is None or publisher.hidden:
                if wanted:
                    self._roster.tell(receiver, SubscriptionFailed(sid))
                continue
            receiver.chosen[sid] = wanted
            if not wanted:
                self._unsubscribe(receiver, sid, now)
            elif not self._subscribe(receiver, publisher, publisher.published[sid], now):
                self._roster.tell(receiver, SubscriptionAllowed(publisher.sid, sid, allowed=False))

    def set_permission(self, publisher: Participant, permission: SubscriptionPermission, now: float) -> None:
        """Let a publisher choose who may have its tracks; tell those for whom that changed."""
        before, publisher.permission = publisher.permission, permission
        publisher.limited_permission = publisher.limited_permission or not permission.all_participants
        for receiver in self._roster:
            if receiver is publisher or publisher.hidden:
                continue
            for sid, track in publisher.published.items():
                had = subscriptions.allowed(before, receiver.sid, receiver.identity, sid)
                has = subscriptions.allowed(permission, receiver.sid, receiver.identity, sid)
                if had == has:
                    continue
                self._roster.tell(receiver, SubscriptionAllowed(publisher.sid, sid, has))
                if not has:
                    self._unsubscribe(receiver, sid, now)
                elif receiver.wants(sid):
                    self._subscribe(receiver, publisher, track, now)

    def set_wishes(self, receiver: Participant, settings: TrackSettings) -> None:
        """Send a receiver as much of tracks as it shows."""
        for sid in settings.tracks:
            owner, subscription = self._roster.owner(sid), receiver.subscriptions.get(sid)
            if owner is None or subscription is None:
                continue
            wish = subscriptions.wish_for(settings, owner.published[sid])
            if wish != subscription.wish:
                receiver.subscriptions[sid] = replace(subscription, wish=wish)
                self._roster.unsettle(sid, receiver)
                self._roster.put(ApplyWish(receiver.downlink_peer, receiver.source(sid), wish))

    def _open(self, participant: Participant, offer: Offer) -> None:
        """Await the peer at its first offer, take new ICE credentials at a restart (RFC 8445 section 9)."""
        if participant.remote_ice is None:
            self._roster.put(OpenPeer(participant.sid, participant.ice, offer.session.fingerprints))
        elif participant.remote_ice != offer.session.ice:
            participant.ice = self._sids.ice()
            self._roster.put(RestartIce(participant.sid, participant.ice))
        participant.remote_ice = offer.session.ice

    def _end_backup(self, publisher: Participant, sid: TrackSid, now: float) -> None:
        track = publisher.published.get(sid)
        if track is None or track.backup is None:
            return
        self._roster.put(StopReceiving(backup_sid(sid)))
        self._roster.own(publisher, replace(track, backup=BackupCodec(track.backup.mime)))
        self._roster.changed(publisher)
        for receiver in self._roster:
            if sid in receiver.subscriptions and receiver.source(sid) == backup_sid(sid):
                self.downlinks.stop(receiver, sid, now)
                self._send_again(receiver, sid, now)

    def _spread(self, publisher: Participant, track: TrackInfo, now: float) -> None:
        for receiver in self._roster:
            if receiver.auto_subscribe or track.sid in receiver.subscriptions:
                self._subscribe(receiver, publisher, track, now)

    def _subscribe(self, receiver: Participant, publisher: Participant, track: TrackInfo, now: float) -> bool:
        """Give a receiver a track if it may have it; True when it has it now."""
        if receiver is publisher or publisher.hidden or not receiver.grants.rights.can_subscribe:
            return False
        if not subscriptions.allowed(publisher.permission, receiver.sid, receiver.identity, track.sid):
            return False
        if track.sid not in receiver.subscriptions:
            receiver.subscriptions[track.sid] = Subscription(track.sid)
            self._roster.unsettle(track.sid, receiver)
            self._send(receiver, publisher, track, now)
        elif receiver.subscriptions[track.sid].source is None:
            self._send(receiver, publisher, track, now)
        return True

    def _send(self, receiver: Participant, publisher: Participant, track: TrackInfo, now: float) -> None:
        """Let a receiver's next free section carry a track in a codec that it can read.

        When only the second codec is one and that is not sent yet, its publisher is asked for it (`Dynacast`).
        """
        backup = track.backup if track.backup is not None and receiver.downlinks.reads(track.backup.mime) else None
        source, mime = (None, "")
        if receiver.downlinks.reads(track.mime):
            source, mime = track.sid, track.mime
        elif backup is None:
            self._roster.tell(receiver, SubscriptionFailed(track.sid, SubscriptionError.CODEC_UNSUPPORTED))
        elif backup.mid:
            source, mime = backup_sid(track.sid), backup.mime
        receiver.subscriptions[track.sid] = replace(receiver.subscriptions[track.sid], source=source)
        if source is not None:
            sending = Sending(track.sid, track.kind, mime, f"{publisher.sid}|{track.sid}")
            self.downlinks.send(receiver, sending, now)

    def _send_again(self, receiver: Participant, sid: TrackSid, now: float) -> None:
        """Send a track in another codec than before, if there is one."""
        publisher = self._roster.owner(sid)
        if publisher is not None and sid in receiver.subscriptions:
            self._roster.unsettle(sid, receiver)
            self._send(receiver, publisher, publisher.published[sid], now)

    def _unsubscribe(self, receiver: Participant, track: TrackSid, now: float) -> None:
        self._roster.unsettle(track, receiver)
        source = receiver.source(track)
        if receiver.subscriptions.pop(track, None) is not None and self.downlinks.stop(receiver, track, now):
            self._roster.put(StopForwarding(receiver.downlink_peer, source))
