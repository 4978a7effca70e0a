# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What of a data packet does the server read and write? The envelope only; content passes unchanged."""

from google.protobuf.message import DecodeError
from livekit.protocol import models

from sfu.core import limits
from sfu.core.relay import RELIABLE, Envelope

_NOT_RELAYED = {"metrics", "speaker"}
"""Kinds of packets that are for the server, or that only servers send."""


def read_packet(payload: bytes) -> models.DataPacket | None:
    """Decode a packet that may be relayed; None for whatever is none."""
    if len(payload) > limits.DATA_MAX:
        return None
    try:
        packet = models.DataPacket.FromString(payload)
    except DecodeError:
        return None
    kind = packet.WhichOneof("value")
    return None if kind is None or kind in _NOT_RELAYED else packet


def envelope(packet: models.DataPacket) -> Envelope:
    """Read what routing needs; old clients name receivers inside of user packets."""
    user = packet.user
    return Envelope(
        identities=tuple(packet.destination_identities or user.destination_identities),
        sids=tuple(user.destination_sids),
        sequence=packet.sequence,
    )


def stamped(packet: models.DataPacket, label: str, sid: str, identity: str) -> bytes:
    """Give the packet as receivers get it: who sent it is the server's word, not the sender's."""
    packet.participant_sid, packet.participant_identity = sid, identity
    packet.kind = models.DataPacket.Kind.RELIABLE if label == RELIABLE else models.DataPacket.Kind.LOSSY
    if packet.WhichOneof("value") == "user":
        packet.user.participant_sid, packet.user.participant_identity = sid, identity
    return packet.SerializeToString()
