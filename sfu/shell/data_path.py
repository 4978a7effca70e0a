# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do data packets get from sender to receivers? Participants' packets, and those of the server API."""

import asyncio
import uuid
from dataclasses import dataclass, field

from livekit.protocol import models

from sfu.core import limits
from sfu.core.backpressure import TICK_S, Backpressure
from sfu.core.media import PeerId, Plane
from sfu.core.messages import ParticipantInfo
from sfu.core.relay import RELIABLE
from sfu.core.room import Room
from sfu.wire import data

ACKNOWLEDGED_WITHIN_S = 7.0
"""A participant that has not acknowledged a call by then is not reached; clients' own figure."""


class RpcError(Exception):
    """A call that a participant did not answer, or answered with an error; LiveKit's codes."""

    UNSUPPORTED_METHOD = 1400
    CONNECTION_TIMEOUT = 1501
    RESPONSE_TIMEOUT = 1502
    RECIPIENT_DISCONNECTED = 1503

    def __init__(self, code: int, text: str, detail: str = "") -> None:
        super().__init__(f"RpcError {code}: {text}" + (f": {detail}" if detail else ""))
        self.code = code


@dataclass(slots=True)
class _Call:
    """One call that waits for a participant."""

    answer: asyncio.Future[str]
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


class DataPath:
    """The data packets of one worker."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._calls: dict[tuple[PeerId, str], _Call] = {}
        self._loop = asyncio.get_running_loop()
        self._pressure = Backpressure()
        self._timer: asyncio.TimerHandle | None = None

    def received(self, room: Room, peer: PeerId, label: str, payload: bytes) -> None:
        """Take in what a participant sent."""
        packet = data.read_packet(payload)
        if packet is None or self._answers(peer, packet):
            return
        if packet.HasField("transcription") and not room.data.is_agent(peer):
            return  # the words of others: only agents may say what somebody said
        envelope = data.envelope(packet)
        receivers = room.data.relay(peer, label, envelope)
        now, reliable = self._loop.time(), label == RELIABLE
        within = self._pressure.sends(peer, len(payload), 1 + len(receivers), now, reliable=reliable)
        if within and receivers:
            stamped = data.stamped(packet, label, *room.data.signature(peer))
            room.data.keep(peer, label, envelope, receivers, stamped, now)
            self.send(room, receivers, label, stamped)
            if reliable:
                for receiver in receivers:
                    self._pressure.waits(peer, receiver, self._plane.data_waiting(receiver), now)
        self._press()

    def announce(self, room: Room, packet: models.DataPacket) -> None:
        """Send a packet of the server API; `kind` chooses the channel."""
        label = data.label_of(packet)
        self.send(room, room.data.announce(data.envelope(packet)), label, packet.SerializeToString())

    def opened(self, room: Room, peer: PeerId, label: str) -> None:
        """A channel can be written to: send what waited for it."""
        for payload in room.data.channel_opened(peer, label):
            self._plane.send_data(peer, label, payload)

    def send(self, room: Room, receivers: tuple[PeerId, ...], label: str, payload: bytes) -> None:
        """Write a packet to these receivers, or keep it for those whose channel is not open yet."""
        for receiver in receivers:
            if not self._plane.send_data(receiver, label, payload):
                room.data.hold(receiver, label, payload)

    def closed(self, peer: PeerId) -> None:
        """A transport is gone: nobody waits for it."""
        self._pressure.left(peer)

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _press(self) -> None:
        """Hold senders, or let them go; look again soon while there is a reason to."""
        for peer, held in self._pressure.drain():
            self._plane.hold_data(peer, held=held)
        if self._pressure.busy and self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._pressure.tick(self._loop.time(), self._plane.data_waiting)
        self._press()

    # Calls of the server API.

    @property
    def busy(self) -> bool:
        """Whether no further call is taken."""
        return len(self._calls) >= limits.RPC_PENDING_MAX

    async def call(self, room: Room, callee: ParticipantInfo, method: str, payload: str, timeout_s: float) -> str:
        """Let a participant answer a call. Raises `RpcError`."""
        identity = str(uuid.uuid4())  # of the caller too: participants answer to it
        call = _Call(asyncio.get_running_loop().create_future())
        self._calls[callee.sid, identity] = call
        call.answer.add_done_callback(lambda _: call.acknowledged.set())
        try:
            async with asyncio.timeout(timeout_s):
                self.announce(room, data.rpc_request(identity, callee.identity, method, payload, timeout_s))
                try:
                    async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
                        await call.acknowledged.wait()
                except TimeoutError as error:
                    raise RpcError(RpcError.CONNECTION_TIMEOUT, "Connection timeout") from error
                return await call.answer
        except TimeoutError as error:
            raise RpcError(RpcError.RESPONSE_TIMEOUT, "Response timeout") from error
        finally:
            del self._calls[callee.sid, identity]

    def left(self, peer: PeerId) -> None:
        """A participant is gone: its calls end."""
        for (callee, _), call in self._calls.items():
            if callee == peer and not call.answer.done():
                call.answer.set_exception(RpcError(RpcError.RECIPIENT_DISCONNECTED, "Recipient disconnected"))

    def _answers(self, peer: PeerId, packet: models.DataPacket) -> bool:
        """Take an answer to a call of the server in; False for packets that go to other participants."""
        response = packet.rpc_response
        call = self._calls.get((peer, packet.rpc_ack.request_id or response.request_id))
        if call is None:
            return False
        call.acknowledged.set()
        if packet.HasField("rpc_response") and not call.answer.done():
            if response.HasField("error"):
                error = response.error
                call.answer.set_exception(RpcError(error.code, error.message, error.data))
            else:
                call.answer.set_result(response.payload)
        return True
