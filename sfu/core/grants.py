# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may the holder of a token do? The claims of a LiveKit token as values."""

from dataclasses import dataclass, field, replace
from enum import IntEnum


class Source(IntEnum):
    """LiveKit's TrackSource."""

    UNKNOWN = 0
    CAMERA = 1
    MICROPHONE = 2
    SCREEN_SHARE = 3
    SCREEN_SHARE_AUDIO = 4


class ParticipantKind(IntEnum):
    """LiveKit's ParticipantInfo.Kind, as far as tokens name it."""

    STANDARD = 0
    INGRESS = 1
    EGRESS = 2
    SIP = 3
    AGENT = 4


@dataclass(frozen=True, slots=True)
class Rights:
    """What a participant may do in its room; LiveKit's defaults for what a token leaves out.

    An administrator may change all of it at run time (ParticipantPermission).
    """

    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    can_publish_sources: tuple[Source, ...] = ()
    """The only sources that may be published; empty for all."""
    can_update_own_metadata: bool = False
    hidden: bool = False

    def may_publish(self, source: Source) -> bool:
        """Say whether a track of this source may be published."""
        return self.can_publish and (not self.can_publish_sources or source in self.can_publish_sources)


@dataclass(frozen=True, slots=True)
class Grants:
    """The verified claims of one token; defaults are those of LiveKit for absent claims."""

    identity: str = ""
    name: str = ""
    metadata: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    kind: ParticipantKind = ParticipantKind.STANDARD
    room: str = ""
    room_join: bool = False
    room_create: bool = False
    room_list: bool = False
    room_admin: bool = False
    rights: Rights = Rights()
    issued_at: float = 0.0
    """Unix seconds: the later of `iat` and `nbf`; 0 when the token has neither."""
    expires_at: float = 0.0
    """Unix seconds."""

    def administers(self, room: str) -> bool:
        """Say whether the holder may use the server API on this room."""
        return self.room_admin and self.room == room

    def reissued(self, name: str, metadata: str, attributes: dict[str, str]) -> "Grants":
        """Give the claims of a refreshed token: the rights of now, what the participant is called now."""
        return replace(self, name=name, metadata=metadata, attributes=attributes)
