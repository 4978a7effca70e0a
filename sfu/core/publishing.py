# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a track that a client announces? Whether it may, and what everybody will see of it."""

from dataclasses import dataclass, replace

from sfu.core import formats, limits
from sfu.core.grants import Rights, Source
from sfu.core.media import Codec, Kind, Layer, TrackSid
from sfu.core.messages import BackupCodec, Outcome, TrackInfo
from sfu.core.requests import AddTrack

_RID_RANK = {"q": 0, "h": 1, "f": 2, "2": 0, "1": 1, "0": 2}
"""Lowest to highest in the two ways in which clients name them."""

_SOURCES = {
    Kind.AUDIO: {Source.UNKNOWN, Source.MICROPHONE, Source.SCREEN_SHARE_AUDIO},
    Kind.VIDEO: {Source.UNKNOWN, Source.CAMERA, Source.SCREEN_SHARE},
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not granted; the text is safe to show."""

    outcome: Outcome
    message: str


def refusal(request: AddTrack, rights: Rights, pending: int, published: int) -> Refusal | None:
    """Say why a track may not be published, None when it may."""
    names = (request.cid, request.name, *(codec.cid for codec in request.codecs))
    if not request.cid or max(map(len, names)) > limits.NAME_MAX_CHARS:
        return Refusal(Outcome.INVALID_REQUEST, f"cid and name of a track have 1 to {limits.NAME_MAX_CHARS} characters")
    if len(request.stream) > limits.NAME_MAX_CHARS or len(request.layers) > limits.LAYERS_MAX:
        return Refusal(Outcome.INVALID_REQUEST, "the stream name or the list of layers is too long")
    if any(len(layer.rid) > limits.RID_MAX_CHARS for layer in request.layers):
        return Refusal(Outcome.INVALID_REQUEST, f"the RID of a layer has at most {limits.RID_MAX_CHARS} characters")
    if request.source not in _SOURCES[request.kind]:
        return Refusal(Outcome.INVALID_REQUEST, "this source does not fit the kind of the track")
    if not rights.may_publish(request.source):
        return Refusal(Outcome.NOT_ALLOWED, "the token does not allow to publish this source")
    if pending >= limits.PENDING_TRACKS_MAX:
        return Refusal(
            Outcome.LIMIT_EXCEEDED, f"{limits.PENDING_TRACKS_MAX} announced tracks wait for an offer already"
        )
    if published >= limits.TRACKS_PER_PARTICIPANT_MAX:
        return Refusal(
            Outcome.LIMIT_EXCEEDED, f"a participant publishes at most {limits.TRACKS_PER_PARTICIPANT_MAX} tracks"
        )
    return None


def described(request: AddTrack, sid: TrackSid) -> TrackInfo:
    """Describe an announced track, before its section is known."""
    return TrackInfo(
        sid=sid,
        cid=request.cid,
        kind=request.kind,
        source=request.source,
        name=request.name,
        muted=request.muted,
        mime=announced_mime(request),
        width=request.width,
        height=request.height,
        layers=request.layers,
        simulcast=request.kind is Kind.VIDEO and len(request.layers) > 1,
        stream=request.stream,
        disable_dtx=request.disable_dtx,
        stereo=request.stereo,
        disable_red=request.disable_red,
        encryption=request.encryption,
        audio_features=request.audio_features,
        backup=backup_codec(request),
        backup_codec_policy=request.backup_codec_policy,
        packet_trailer_features=request.packet_trailer_features,
    )


_BACKUP = "/backup"


def backup_sid(track: TrackSid) -> TrackSid:
    """Name the second codec of a track on the media plane, where it is a track of its own."""
    return TrackSid(f"{track}{_BACKUP}")


def public_sid(track: TrackSid) -> TrackSid:
    """Name the track that clients know, of either of its codecs."""
    return TrackSid(track.removesuffix(_BACKUP))


def backup_codec(request: AddTrack) -> BackupCodec | None:
    """Give the codec in which a track can be sent too: the second one that is announced."""
    first = announced_mime(request)
    second = (codec for codec in request.codecs[1:] if codec.mime.startswith("video/") and codec.mime != first)
    announced = next(second, None)
    return None if announced is None else BackupCodec(announced.mime)


def announced_mime(request: AddTrack) -> str:
    """Give the codec that a client means to send; the negotiation and the first packet say what it does send."""
    named = next((codec.mime for codec in request.codecs if codec.mime.startswith(request.kind.value)), "")
    return named or (formats.OPUS if request.kind is Kind.AUDIO else formats.VP8)


def taken_codecs(track: TrackInfo, offered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Say in which codecs a track is taken, the one to send first: the announced one, and RED before plain Opus.

    Who publishes redundantly waits for an answer that prefers it; without `red` it is disabled.
    """
    taken = [codec for codec in offered if not (track.disable_red and codec.mime == formats.RED)]
    if track.kind is Kind.VIDEO:
        taken.sort(key=lambda codec: codec.mime != track.mime)
    else:
        taken.sort(key=lambda codec: codec.mime != formats.RED)
    return tuple(taken) or offered


def simulcast_layers(track: TrackInfo, rids: tuple[str, ...]) -> tuple[Layer, ...]:
    """Say which quality and size each RID of an offer is; empty without simulcast.

    Clients list RIDs in any order and may leave the announced layers without them: both sides are
    sorted from low to high and paired.
    """
    ordered = sorted(rids, key=lambda rid: _RID_RANK.get(rid, len(_RID_RANK)))
    announced = sorted(track.layers, key=lambda layer: (layer.quality, layer.height))
    by_rid = {layer.rid: layer for layer in announced if layer.rid}
    layers = []
    for index, rid in enumerate(ordered):
        if rid in by_rid:
            layers.append(by_rid[rid])
        elif len(announced) == len(ordered):
            layers.append(replace(announced[index], rid=rid, quality=min(index, 2)))
        else:
            layers.append(Layer(rid=rid, quality=min(index, 2)))
    return tuple(layers)


RECEIVING_OPUS = "minptime=10;useinbandfec=1;sprop-stereo=1"
"""The Opus parameters of our own offers, the same in all sections: what comes may be stereo."""


def opus_parameters(tracks: tuple[TrackInfo, ...]) -> str:
    """Give the Opus parameters that one session is answered with, in all of its sections.

    Discontinuous transmission is on unless a published track forbids it; stereo when one asks for it.
    """
    audio = [track for track in tracks if track.kind is Kind.AUDIO]
    parameters = ["minptime=10", "useinbandfec=1"]
    if not any(track.disable_dtx for track in audio):
        parameters.append("usedtx=1")
    if any(track.stereo for track in audio):
        parameters.append("stereo=1")
    return ";".join(parameters)
