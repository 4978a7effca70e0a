# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who may have which track, and how much of it? Decisions on values, for one publisher and one receiver."""

from dataclasses import dataclass

from sfu.core.media import PeerId, TrackSid, Wish
from sfu.core.messages import TrackInfo
from sfu.core.requests import SubscriptionPermission, TrackSettings

HIGH = 2
OFF = 3
"""LiveKit's VideoQuality."""

_ENOUGH = 0.9
"""A layer serves a size when it has this share of its height."""

EVERYTHING = Wish()

EVERYBODY = SubscriptionPermission(all_participants=True, permissions=())


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one receiver has of one track."""

    track: TrackSid
    wish: Wish = EVERYTHING
    source: TrackSid | None = None
    """What the media plane calls what is sent: the track, or its backup codec; None while nothing can be read."""
    starved: bool | None = None
    """Whether its path was said to be too narrow for it; None when nothing was said."""


def allowed(permission: SubscriptionPermission, receiver: PeerId, identity: str, track: TrackSid) -> bool:
    """Say whether a publisher lets this receiver have a track."""
    if permission.all_participants:
        return True
    return any(
        (entry.participant == receiver or (bool(entry.identity) and entry.identity == identity))
        and (entry.all_tracks or track in entry.tracks)
        for entry in permission.permissions
    )


def wish_for(settings: TrackSettings, track: TrackInfo) -> Wish:
    """Resolve what a receiver shows of a track into the best quality it needs."""
    if settings.disabled or settings.quality == OFF:
        return Wish(paused=True)
    if settings.width and settings.height:
        return Wish(max_quality=_quality_for(settings.width, settings.height, track), max_fps=settings.fps)
    return Wish(max_quality=min(settings.quality, HIGH), max_fps=settings.fps)


def _quality_for(width: int, height: int, track: TrackInfo) -> int:
    """The lowest layer that is large enough, the highest when none is."""
    layers = sorted((layer for layer in track.layers if layer.height), key=lambda layer: layer.quality)
    for layer in layers:
        # Of portrait video and landscape tiles (and the other way round) the long sides are compared.
        has, needs = (layer.height, height)
        if (layer.width < layer.height) != (width < height):
            has, needs = (max(layer.width, layer.height), max(width, height))
        if has >= needs * _ENOUGH:
            return min(layer.quality, HIGH)
    return HIGH
