# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is a participant serialised once for everybody who hears of it?

Who joins a room of 300 is told of 299 others, of whom nearly all were told to somebody before. So the bytes
of a ParticipantInfo are kept, and messages put together from them: in protobuf, a repeated field is its
elements one after another, each with its number and length.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from livekit.protocol import rtc

from sfu.core import limits
from sfu.core.messages import Joined, ParticipantInfo, ParticipantsChanged
from sfu.core.turn import IceServer
from sfu.wire.describe import participant_info
from sfu.wire.responses import join_response

CHUNK_BYTES = 128 * 1024
"""About the size of one update at most, LiveKit's figure: a frame that fills a buffer on the way waits for it."""

_LENGTH_DELIMITED = 2


def _field(message: type[rtc.SignalResponse | rtc.JoinResponse | rtc.ParticipantUpdate], name: str) -> int:
    """Give the key of a field of a message type; all that are used here have numbers below 16."""
    return int(message.DESCRIPTOR.fields_by_name[name].number) << 3 | _LENGTH_DELIMITED


_JOIN = _field(rtc.SignalResponse, "join")
_UPDATE = _field(rtc.SignalResponse, "update")
_OTHER = _field(rtc.JoinResponse, "other_participants")
_PARTICIPANT = _field(rtc.ParticipantUpdate, "participants")


class Participants:
    """What was serialised lately, by participant."""

    def __init__(self) -> None:
        self._encoded: OrderedDict[str, tuple[ParticipantInfo, bytes]] = OrderedDict()

    def joined(self, joined: Joined, sif_trailer: bytes, ice_servers: Sequence[IceServer]) -> bytes:
        """Serialise the first message of a session, whatever its size."""
        alone = join_response(replace(joined, others=()), sif_trailer, ice_servers).SerializeToString()
        others = b"".join(_entry(_OTHER, self._bytes_of(info)) for info in joined.others)
        return _entry(_JOIN, alone + others)

    def updates(self, changed: ParticipantsChanged) -> list[bytes]:
        """Serialise an update in chunks."""
        chunks, size = [[]], 0  # type: tuple[list[list[bytes]], int]
        for info in changed.participants:
            entry = _entry(_PARTICIPANT, self._bytes_of(info))
            if chunks[-1] and size + len(entry) > CHUNK_BYTES:
                chunks.append([])
                size = 0
            chunks[-1].append(entry)
            size += len(entry)
        return [_entry(_UPDATE, b"".join(chunk)) for chunk in chunks]

    def _bytes_of(self, info: ParticipantInfo) -> bytes:
        known = self._encoded.get(info.sid)
        if known is not None and known[0] == info:
            self._encoded.move_to_end(info.sid)
            return known[1]
        encoded = participant_info(info).SerializeToString()
        self._encoded[info.sid] = (info, encoded)
        if len(self._encoded) > limits.PARTICIPANTS_ENCODED_MAX:
            self._encoded.popitem(last=False)
        return encoded


def _entry(key: int, content: bytes) -> bytes:
    length, prefix = len(content), bytearray((key,))
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + content
