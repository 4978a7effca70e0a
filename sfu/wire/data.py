# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What of a data packet does the server read and write? The envelope only; content passes unchanged."""

from google.protobuf.message import DecodeError
from livekit.protocol import models
from livekit.protocol import room as api

from sfu.core import limits
from sfu.core.relay import LOSSY, RELIABLE, Envelope

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
    if len(packet.user.nonce) > limits.DATA_NONCE_MAX:
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
        nonce=user.nonce,
    )


def stamped(packet: models.DataPacket, label: str, sid: str, identity: str) -> bytes:
    """Give the packet as receivers get it: who sent it is the server's word, not the sender's."""
    packet.participant_sid, packet.participant_identity = sid, identity
    if not sid:  # receivers count by sid, and several hidden senders share none
        packet.sequence = 0
    packet.kind = models.DataPacket.Kind.RELIABLE if label == RELIABLE else models.DataPacket.Kind.LOSSY
    if packet.WhichOneof("value") == "user":
        packet.user.participant_sid, packet.user.participant_identity = sid, identity
    return packet.SerializeToString()


def label_of(packet: models.DataPacket) -> str:
    """Say over which channel a packet of the server goes."""
    return LOSSY if packet.kind == models.DataPacket.Kind.LOSSY else RELIABLE


def user_packet(request: api.SendDataRequest) -> models.DataPacket:
    """Make the packet that the server API asks for; it comes from nobody."""
    return models.DataPacket(
        kind=request.kind,
        destination_identities=request.destination_identities,
        user=models.UserPacket(
            payload=request.data,
            destination_sids=request.destination_sids,
            destination_identities=request.destination_identities,
            topic=request.topic,
            nonce=request.nonce,
        ),
    )


def rpc_request(identity: str, callee: str, method: str, payload: str, timeout_s: float) -> models.DataPacket:
    """Make a call to one participant; its answers go to the caller's identity, which is the call's own."""
    request = models.RpcRequest(
        id=identity, method=method, payload=payload, response_timeout_ms=int(timeout_s * 1000), version=1
    )
    return models.DataPacket(
        kind=models.DataPacket.Kind.RELIABLE,
        participant_identity=identity,
        destination_identities=[callee],
        rpc_request=request,
    )
