# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may an administrator order about somebody in a room? The server API's requests as values."""

from dataclasses import dataclass

from sfu.core.grants import Rights
from sfu.core.media import TrackSid


@dataclass(frozen=True, slots=True)
class Remove:
    """Expel somebody."""

    identity: str


@dataclass(frozen=True, slots=True)
class MuteTrack:
    """Mute or unmute a track for its publisher."""

    identity: str
    track: TrackSid
    muted: bool


@dataclass(frozen=True, slots=True)
class SetSubscribed:
    """Subscribe somebody to tracks, or end that."""

    identity: str
    tracks: tuple[TrackSid, ...]
    wanted: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Change what somebody is called and may do; empty texts and no rights leave what is there."""

    identity: str
    name: str
    metadata: str
    attributes: dict[str, str]
    """An empty value removes the key."""
    rights: Rights | None


Order = Remove | MuteTrack | SetSubscribed | Change
