# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does each request of a client do? One function a request, chosen by the state table before."""

from collections.abc import Callable
from dataclasses import replace

from sfu.core import limits, publishing, requests
from sfu.core.distribution import Distribution
from sfu.core.media import Kind, TrackSid
from sfu.core.messages import BackupCodec, Outcome, RequestAnswered, TrackInfo, TrackPublished
from sfu.core.outputs import RenewToken
from sfu.core.participant import Participant, Pending
from sfu.core.roster import Roster
from sfu.core.sids import Sids


class Sessions:
    """The requests that change something without ending the session."""

    def __init__(self, roster: Roster, distribution: Distribution, sids: Sids) -> None:
        self._roster = roster
        self._distribution = distribution
        self._sids = sids

    def act(self, participant: Participant, request: requests.Request, now: float) -> None:
        """Do what a request asks, or tell the client why not."""
        match request:
            case requests.Offer():
                self._distribution.answer(participant, request, now)
            case requests.Answer():
                self._distribution.downlinks.accept(participant, request, now)
            case requests.AddTrack():
                self.add_track(participant, request, now)
            case requests.Mute():
                self._mute(participant, request)
            case requests.Subscribe():
                self._distribution.set_subscribed(participant, request.tracks, now, wanted=request.wanted)
            case requests.TrackSettings():
                self._distribution.set_wishes(participant, request)
            case requests.SubscriptionPermission():
                self._distribution.set_permission(participant, request, now)
            case requests.UpdateMetadata():
                self._update_metadata(participant, request)
            case requests.UpdateTrack():
                self._update_track(participant, request)
            case _:
                raise AssertionError(f"{type(request).__name__} is no request that acts within a session")

    def add_track(self, participant: Participant, request: requests.AddTrack, now: float) -> None:
        """Announce a track: a sid for it, or a refusal that echoes the request."""
        cids = frozenset((request.cid, *(codec.cid for codec in request.codecs if codec.cid)))
        refusal = publishing.refusal(
            request, participant.grants.rights, len(participant.pending), len(participant.published)
        )
        if refusal is not None:
            answer = RequestAnswered(refusal.outcome, refusal.message, echo=request.echo)
            self._roster.tell(participant, answer)
            return
        if request.backup_of:
            track = self._add_backup(participant, request, cids)
            if track is None:
                return
        else:
            track = publishing.described(request, self._sids.track(request.kind, request.source))
            participant.pending.append(Pending(track, cids))
        self._roster.tell(participant, TrackPublished(request.cid, track))
        participant.negotiation.announced(cids)
        self._distribution.downlinks.negotiate(participant, now)

    def _add_backup(
        self, participant: Participant, request: requests.AddTrack, cids: frozenset[str]
    ) -> TrackInfo | None:
        """Await the second codec of a track; gives the track, None when there is no such one."""
        track = participant.published.get(TrackSid(request.backup_of))
        if track is None or track.kind is not request.kind or request.kind is not Kind.VIDEO:
            answer = RequestAnswered(Outcome.NOT_FOUND, "no such video track of yours", echo=request.echo)
            self._roster.tell(participant, answer)
            return None
        second = publishing.described(request, publishing.backup_sid(track.sid))
        others = [entry for entry in participant.pending if entry.track.sid != second.sid]
        participant.pending = [*others, Pending(replace(second, source=track.source, backup=None), cids)]
        track = replace(track, backup=BackupCodec(second.mime, request.cid))
        self._roster.own(participant, track)
        return track

    def refuse(self, participant: Participant, request: requests.Request) -> None:
        """Answer a request that the table refuses."""
        name = request.name if isinstance(request, requests.Unsupported) else type(request).__name__
        message = f"this server does not take {name} here"
        request_id = getattr(request, "request_id", 0)
        answer = RequestAnswered(Outcome.UNSUPPORTED_TYPE, message, request_id, getattr(request, "echo", b""))
        self._roster.tell(participant, answer)

    def _mute(self, participant: Participant, request: requests.Mute) -> None:
        track = participant.published.get(request.track)
        if track is not None:
            if track.muted == request.muted:
                return
            self._roster.own(participant, replace(track, muted=request.muted))
            participant.mutes_by_server.pop(track.sid, None)
            if request.muted:
                self._roster.hush(track.sid)
            self._roster.changed(participant)
            return
        for index, pending in enumerate(participant.pending):
            if pending.track.sid == request.track:
                participant.pending[index] = Pending(replace(pending.track, muted=request.muted), pending.cids)
                return
        self._no_track(participant, request)

    def _update_track(self, participant: Participant, request: requests.UpdateTrack) -> None:
        track = participant.published.get(request.track)
        if track is None:
            self._no_track(participant, request)
            return
        if request.audio_features is not None:
            track = replace(track, audio_features=request.audio_features)
        else:
            track = replace(track, width=request.width, height=request.height)
        self._roster.own(participant, track)
        self._roster.changed(participant)

    def _no_track(self, participant: Participant, request: requests.Mute | requests.UpdateTrack) -> None:
        answer = RequestAnswered(Outcome.NOT_FOUND, "no such track of yours", echo=request.echo)
        self._roster.tell(participant, answer)

    def _update_metadata(self, participant: Participant, request: requests.UpdateMetadata) -> None:
        refuse: Callable[[Outcome, str], None] = lambda outcome, message: self._roster.tell(  # noqa: E731
            participant,
            RequestAnswered(outcome, message, request.request_id, request.echo),
        )
        if not participant.grants.rights.can_update_own_metadata:
            refuse(Outcome.NOT_ALLOWED, "the token does not allow to change one's own metadata")
            return
        attributes = merged(participant.attributes, request.attributes)
        too_large = oversize(request.name, request.metadata, attributes)
        if too_large:
            refuse(Outcome.LIMIT_EXCEEDED, too_large)
            return
        participant.name = request.name or participant.name
        participant.metadata = request.metadata or participant.metadata
        participant.attributes = attributes
        self._roster.changed(participant, and_tell_itself=True)
        self._roster.tell(participant, RequestAnswered(Outcome.OK, request_id=request.request_id))
        self._roster.put(RenewToken(participant.sid))


def merged(attributes: dict[str, str], changes: dict[str, str]) -> dict[str, str]:
    """Apply changes to attributes; an empty value removes its key."""
    return {key: value for key, value in {**attributes, **changes}.items() if value}


def oversize(name: str, metadata: str, attributes: dict[str, str]) -> str:
    """Say what of a participant's texts is too large, nothing when they fit."""
    if len(name) > limits.NAME_MAX_CHARS:
        return f"a name has at most {limits.NAME_MAX_CHARS} characters"
    if len(metadata.encode()) > limits.METADATA_MAX:
        return f"metadata has at most {limits.METADATA_MAX} bytes"
    if sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items()) > limits.ATTRIBUTES_MAX:
        return f"attributes have at most {limits.ATTRIBUTES_MAX} bytes together"
    return ""
