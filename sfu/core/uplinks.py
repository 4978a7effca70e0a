# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does an announced track come in? Which section of an offer carries it, and in which codec it is taken."""

from dataclasses import replace

from sfu.core import publishing
from sfu.core.grants import Source
from sfu.core.media import Layer, TrackSid, Uplink
from sfu.core.media_description import OfferedSection, OwnSection, extension_ids
from sfu.core.messages import BackupCodec, TrackInfo
from sfu.core.outputs import Happened, Occasion, Receive
from sfu.core.participant import Participant
from sfu.core.publishing import backup_sid, public_sid
from sfu.core.roster import Roster


class Uplinks:
    """What one room's publishers send."""

    def __init__(self, roster: Roster, room: str, max_speakers: int) -> None:
        self._roster = roster
        self._room = room
        self._max_speakers = max_speakers

    def take_in(self, publisher: Participant, sid: TrackSid, section: OfferedSection) -> TrackInfo | None:
        """Receive a track, or its second codec; gives it when that is new to the room."""
        if sid != public_sid(sid):
            return self._take_in_backup(publisher, public_sid(sid), section)
        track = publisher.published.get(sid)
        is_new = track is None
        if track is None:
            pending = next(entry for entry in publisher.pending if entry.track.sid == sid)
            publisher.pending.remove(pending)
            track = pending.track
        layers = publishing.simulcast_layers(track, section.rids)
        codecs = publishing.taken_codecs(track, section.codecs)
        track = replace(
            track, mid=section.mid, mime=codecs[0].mime, simulcast=bool(layers), layers=layers or track.layers
        )
        self._roster.own(publisher, track)
        self._receive(publisher, track, section, layers)
        if not is_new:
            return None
        self._roster.put(Happened(Occasion.TRACK_PUBLISHED, publisher.info(), track))
        return track

    def _take_in_backup(self, publisher: Participant, sid: TrackSid, section: OfferedSection) -> TrackInfo | None:
        track, plane_sid = publisher.published.get(sid), backup_sid(sid)
        pending = next((entry for entry in publisher.pending if entry.track.sid == plane_sid), None)
        if track is None:
            return None
        if pending is not None:
            publisher.pending.remove(pending)
            described = pending.track
        elif track.backup is not None:
            described = replace(track, sid=plane_sid, mime=track.backup.mime, layers=track.backup.layers)
        else:
            return None
        layers = publishing.simulcast_layers(described, section.rids)
        mime = publishing.taken_codecs(described, section.codecs)[0].mime
        track = replace(track, backup=BackupCodec(mime, described.cid, section.mid, layers))
        self._roster.own(publisher, track)
        self._receive(publisher, replace(described, mime=mime), section, layers)
        return None if pending is None else track

    def _receive(
        self, publisher: Participant, track: TrackInfo, section: OfferedSection, layers: tuple[Layer, ...]
    ) -> None:
        uplink = Uplink(
            peer=publisher.sid,
            track=track.sid,
            kind=track.kind,
            mid=section.mid,
            codecs=publishing.taken_codecs(track, section.codecs),
            extensions=extension_ids(section.extensions),
            ssrcs=section.ssrcs,
            rtx_ssrcs=section.rtx_ssrcs,
            layers=layers,
            screen_share=track.source is Source.SCREEN_SHARE,
            room=self._room,
            max_speakers=self._max_speakers if track.source is Source.MICROPHONE else 0,
        )
        self._roster.put(Receive(uplink))


def taken(participant: Participant, section: OwnSection) -> OwnSection:
    """Let the client send a track in the codec that it announced, which is the first one of an answer."""
    sid = participant.negotiation.published(section.offered.mid) or TrackSid("")
    track = participant.published.get(public_sid(sid))
    if track is None:
        return section
    if sid != track.sid and track.backup is not None:
        track = replace(track, mime=track.backup.mime)
    codecs = publishing.taken_codecs(track, section.offered.codecs)
    return replace(section, offered=replace(section.offered, codecs=codecs))


def claim(
    participant: Participant, section: OfferedSection, named: set[str], claimed: set[TrackSid]
) -> TrackSid | None:
    """Find the announced track that an offered section carries: by its cid, else the first that no section names.

    A section may go on sending a track that the server ended: it must not take what another section names.
    """
    cid = section.msid[1] if section.msid is not None else ""
    candidates = [
        entry for entry in participant.pending if entry.track.kind is section.kind and entry.track.sid not in claimed
    ]
    match = next((entry for entry in candidates if cid in entry.cids), None)
    if match is None:
        match = next((entry for entry in candidates if named.isdisjoint(entry.cids)), None)
    if match is None:
        return None
    claimed.add(match.track.sid)
    return match.track.sid
