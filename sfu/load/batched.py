# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The same light media in Python, for machines without a compiler: a few thousand packets a second, no crowd."""

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu.load import traffic
from sfu.load.traffic import SAMPLE_EVERY, STAMP, Counts, Flow, Sample, StreamRow
from sfu.media.contract import SrtpKeys
from sfu.media.srtp import derive_gcm

BATCH_S = 0.005
"""Everything that came due meanwhile is sent at once."""
SAMPLES_MAX = 2048
"""That wait to be looked at. stops: memory for a reader that never comes."""
CONTROL_MAX = 96
LATEST_NS = 200_000_000
"""What is later than this is not caught up."""

_HEAD = struct.Struct("!BBHII")
_STAMP = struct.Struct("=IIQ")
_KEY, _DELTA = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01", b"\x11\x02\x00"


@dataclass(slots=True)
class _Sender:
    endpoint: socket.socket
    encrypt: AESGCM
    salt: int
    number: int = 0
    quiet: bool = False


@dataclass(slots=True)
class _Stream:
    row: StreamRow
    sender: _Sender
    index: int
    next: int
    timestamp: int = 0
    picture: int = 0
    key: bool = True


@dataclass(slots=True)
class _Receiver:
    endpoint: socket.socket
    flows: dict[int, list[int]] = field(default_factory=dict)
    """By SSRC: first, highest, packets, octets, began."""
    seen: int = 0


class PythonTraffic:
    """Fulfils `sfu.load.traffic.Traffic`."""

    name = "Python"

    def __init__(self, sample_every: int = SAMPLE_EVERY) -> None:
        self._every = sample_every
        self._senders: list[_Sender] = []
        self._streams: list[_Stream] = []
        self._receivers: list[_Receiver] = []
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self._poll = select.poll()
        self._owners: dict[int, tuple[bool, int]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._sent = self._errors = self._received = self._lost = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def add_sender(self, endpoint: socket.socket, keys: SrtpKeys) -> int:
        """Give a publisher's transport a number."""
        key, salt = derive_gcm(keys.send)
        with self._lock:
            self._senders.append(_Sender(endpoint, AESGCM(key), salt))
            return self._watch(endpoint, len(self._senders) - 1, receives=False)

    def add_stream(self, sender: int, row: StreamRow) -> None:
        """Let a publisher send."""
        with self._lock:
            first = max(row.starts, time.time_ns())
            self._streams.append(_Stream(row, self._senders[sender], row.ssrc & 0x7FFF, first))

    def key_picture(self, sender: int, ssrc: int) -> None:
        """Begin a stream's next picture anew."""
        with self._lock:
            for stream in self._streams:
                if stream.sender is self._senders[sender] and stream.row.ssrc == ssrc:
                    stream.key = True

    def silence(self, sender: int) -> None:
        """Send nothing more."""
        with self._lock:
            self._senders[sender].quiet = True
            self._poll.unregister(self._senders[sender].endpoint)

    def add_receiver(self, endpoint: socket.socket) -> int:
        """Count what comes on a transport."""
        with self._lock:
            self._receivers.append(_Receiver(endpoint))
            return self._watch(endpoint, len(self._receivers) - 1, receives=True)

    def leave(self, receiver: int) -> None:
        """Count no more."""
        with self._lock:
            self._poll.unregister(self._receivers[receiver].endpoint)

    def take_samples(self) -> Sequence[Sample]:
        """What waits to be looked at."""
        with self._lock:
            taken = list(self._samples)
            self._samples.clear()
        return taken

    def flows(self, receiver: int) -> Sequence[Flow]:
        """What a receiver got so far."""
        with self._lock:
            return [Flow(ssrc, *values) for ssrc, values in self._receivers[receiver].flows.items()]

    def counts(self) -> Counts:
        """What happened so far."""
        return Counts(self._sent, self._errors, self._received, self._lost)

    def _watch(self, endpoint: socket.socket, number: int, *, receives: bool) -> int:
        self._owners[endpoint.fileno()] = (receives, number)
        self._poll.register(endpoint, select.POLLIN)
        return number

    def _run(self) -> None:
        while not self._stopped.wait(BATCH_S):
            with self._lock:
                for stream in self._streams:
                    self._send_due(stream, time.time_ns())
                for descriptor, _ in self._poll.poll(0):
                    self._drain(*self._owners[descriptor])

    def _send_due(self, stream: _Stream, now: int) -> None:
        row = stream.row
        if stream.next + LATEST_NS < now:
            stream.next = now
        while stream.next <= now and not stream.sender.quiet:
            parts = row.key_parts if row.video and stream.key else row.parts
            for part in range(parts):
                self._send(stream, part, last=part + 1 == parts)
            stream.key = False
            stream.picture += 1
            stream.timestamp += int(row.clock_rate / row.per_second)
            stream.next += int(1e9 / row.per_second)

    def _send(self, stream: _Stream, part: int, *, last: bool) -> None:
        row, sender, now = stream.row, stream.sender, time.time_ns()
        elements = [(traffic.MID_ID, row.mid.encode())]
        elements += [(traffic.RID_ID, row.rid.encode())] if row.rid else []
        elements += [] if row.video else [(traffic.LEVEL_ID, bytes((row.level,)))]
        elements.append((traffic.SEND_TIME_ID, (now % 64_000_000_000 // 1000 * 262144 // 1_000_000).to_bytes(3, "big")))
        elements.append((traffic.NUMBER_ID, (sender.number & 0xFFFF).to_bytes(2, "big")))
        sender.number += 1
        body = b"".join(bytes((ident << 4 | len(value) - 1,)) + value for ident, value in elements)
        body += bytes(-len(body) % 4)
        second = row.payload_type | (0x80 if row.video and last else 0)
        head = _HEAD.pack(0x90, second, stream.index & 0xFFFF, stream.timestamp & 0xFFFFFFFF, row.ssrc)
        head += struct.pack("!HH", 0xBEDE, len(body) // 4) + body
        payload = self._picture(stream, part) if row.video else b""
        payload = payload.ljust(max(0, row.size - len(head) - STAMP), b"\0") + _STAMP.pack(traffic.MAGIC, row.ssrc, now)
        nonce = (sender.salt ^ (row.ssrc << 48) ^ stream.index).to_bytes(12, "big")
        stream.index += 1
        try:
            sender.endpoint.send(head + sender.encrypt.encrypt(nonce, payload, head))
            self._sent += 1
        except OSError:
            self._errors += 1

    @staticmethod
    def _picture(stream: _Stream, part: int) -> bytes:
        """A VP8 payload descriptor and the first bytes of a picture (RFC 7741)."""
        first, picture = 0x80 if part else 0x90, stream.picture
        head = struct.pack("!BBHBB", first, 0xE0, 0x8000 | (picture & 0x7FFF), picture & 0xFF, 0x20)
        return head if part else head + (_KEY if stream.key else _DELTA)

    def _drain(self, receives: bool, number: int) -> None:
        endpoint = self._receivers[number].endpoint if receives else self._senders[number].endpoint
        while True:
            try:
                data = endpoint.recv(2048)
            except OSError:
                return
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            control = 192 <= data[1] <= 223
            if receives and not control:
                self._count(number, data, time.time_ns())
            elif control and not receives and len(data) <= CONTROL_MAX:
                self._keep(Sample(number, True, 0, time.time_ns(), data))

    def _count(self, number: int, data: bytes, now: int) -> None:
        receiver = self._receivers[number]
        _, _, sequence, _, ssrc = _HEAD.unpack_from(data)
        flow = receiver.flows.get(ssrc)
        if flow is None:
            flow = receiver.flows[ssrc] = [sequence, sequence, 0, 0, now]
        index = flow[1] + ((sequence - flow[1] + 0x8000) & 0xFFFF) - 0x8000
        flow[0], flow[1] = min(flow[0], index), max(flow[1], index)
        flow[2] += 1
        flow[3] += len(data)
        self._received += 1
        receiver.seen += 1
        if receiver.seen % self._every == 0:
            self._keep(Sample(number, False, index, now, data))

    def _keep(self, sample: Sample) -> None:
        self._lost += len(self._samples) == SAMPLES_MAX
        self._samples.append(sample)
