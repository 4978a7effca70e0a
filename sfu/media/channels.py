# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Data channels: aiortc's SCTP with limits, and channels found by label, whoever opened them."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import (
    DATA_CHANNEL_OPEN,
    WEBRTC_DCEP,
    DataChunk,
    InboundStream,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from sfu.core.limits_media import MAX_BUFFERED, MAX_DATA_CHANNELS, MAX_MESSAGE, MAX_SCTP_GAPS
from sfu.core.media import DataChannel
from sfu.media.dtls import DtlsServer

SCTP_PORT = 5000


class Channels(RTCSctpTransport):
    """One peer's association. What a peer sends never raises: it is dropped and counted."""

    def __init__(
        self,
        dtls: DtlsServer,
        dropped: Counter[str],
        on_open: Callable[[str], None],
        on_message: Callable[[str, bytes], None],
    ) -> None:
        super().__init__(dtls, SCTP_PORT)
        self._dropped = dropped
        self._on_open = on_open
        self._on_message = on_message
        self._by_label: dict[str, RTCDataChannel] = {}
        self._held = False
        self._unread: deque[tuple[str, bytes]] = deque()
        """Messages that came while held; their bytes are not in the advertised window."""
        self._opening_window: asyncio.Task[None] | None = None
        self.on("datachannel", self._opened)

    async def open(self, channels: Sequence[DataChannel]) -> None:
        """Start the association; both sides initiate (RFC 8841 section 9.3). Open channels of our own."""
        await self.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE), SCTP_PORT)
        for wanted in channels:
            retransmits = None if wanted.reliable else 0
            parameters = RTCDataChannelParameters(wanted.label, ordered=wanted.reliable, maxRetransmits=retransmits)
            channel = RTCDataChannel(self, parameters)
            channel.on("open", lambda channel=channel: self._opened(channel))

    def write(self, label: str, payload: bytes) -> bool:
        """Queue a message; False when the channel isn't open, its buffer full or the message too long."""
        channel = self._by_label.get(label)
        if channel is None or channel.readyState != "open":
            return False
        if len(payload) > MAX_MESSAGE or channel.bufferedAmount + len(payload) > MAX_BUFFERED:
            self._dropped["data_full"] += 1
            return False
        channel.send(payload)
        return True

    @property
    def waiting(self) -> int:
        """Bytes that wait to be sent."""
        return sum(channel.bufferedAmount for channel in self._by_label.values())

    def hold(self, *, held: bool) -> None:
        """Leave reliable messages unread, which closes the peer's window; or read them, and open it again."""
        self._held = held
        if held or not self._unread:
            return
        while self._unread and not self._held:
            label, payload = self._unread.popleft()
            self._advertised_rwnd += len(payload)
            self._on_message(label, payload)
        self._opening_window = asyncio.get_running_loop().create_task(self._open_window())

    async def _open_window(self) -> None:
        """Tell the peer, which does not ask but by its retransmission timer (RFC 9260 section 6.1)."""
        with suppress(ConnectionError):
            await self._send_sack()

    def _opened(self, channel: RTCDataChannel) -> None:
        label = channel.label
        self._by_label[label] = channel
        reliable = channel.maxRetransmits is None and channel.maxPacketLifeTime is None

        def on_message(message: bytes | str) -> None:
            payload = message.encode() if isinstance(message, str) else message
            if len(payload) > MAX_MESSAGE:
                self._dropped["data_too_long"] += 1
                return
            if self._held and reliable:
                self._unread.append((label, payload))
                self._advertised_rwnd -= len(payload)
                return
            self._on_message(label, payload)

        channel.on("message", on_message)
        channel.on("close", lambda: self._closed(channel))
        self._on_open(label)

    def _closed(self, channel: RTCDataChannel) -> None:
        if self._by_label.get(channel.label) is channel:
            del self._by_label[channel.label]

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001  # aiortc asserts and unpacks what a peer sent
            self._dropped["sctp_malformed"] += 1

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        if self._advertised_rwnd < len(chunk.user_data) or len(self._sack_misordered) >= MAX_SCTP_GAPS:
            self._dropped["sctp_reassembly"] += 1
            self._sack_needed = True  # a peer that probes a closed window must hear that we live
            return
        await super()._receive_data_chunk(chunk)

    def _get_inbound_stream(self, stream_id: int) -> InboundStream:
        if stream_id not in self._inbound_streams and len(self._inbound_streams) >= MAX_DATA_CHANNELS:
            raise ValueError("too many streams")
        return super()._get_inbound_stream(stream_id)

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        opening = pp_id == WEBRTC_DCEP and data[:1] == bytes((DATA_CHANNEL_OPEN,))
        if opening and len(self._data_channels) >= MAX_DATA_CHANNELS:
            self._dropped["data_channel_cap"] += 1
            return
        await super()._data_channel_receive(stream_id, pp_id, data)
