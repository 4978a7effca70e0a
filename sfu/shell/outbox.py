# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What waits to be sent to one client? A queue with a size, between decisions and a socket."""

import asyncio
from collections import deque

from sfu.core import limits

BROKEN = 1011
"""The close code of a server that met a condition it did not expect (RFC 6455 section 7.4.1)."""

FELL_BEHIND = 1013
"""WebSocket close code "try again later" (RFC 6455 registry)."""


class Outbox:
    """Frames for one client. Policy when it is full: drop all of them and end the session."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self.closed = False
        self.code = 1000
        self.reason = ""

    def put(self, frame: bytes) -> None:
        """Append a frame; one too many ends the session."""
        if self.closed:
            return
        if len(self._frames) >= limits.OUTBOX_MESSAGES or self._bytes + len(frame) > limits.OUTBOX_BYTES:
            self._frames.clear()
            self.blame(FELL_BEHIND, "the client reads too slowly")
            self.close()
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._wake.set()

    def blame(self, code: int, reason: str) -> None:
        """Choose the close code and reason for when the outbox closes."""
        self.code, self.reason = code, reason

    def close(self) -> None:
        """Take no more frames; what waits is still sent."""
        self.closed = True
        self._wake.set()

    async def get(self) -> bytes | None:
        """Wait for the next frame; None when the outbox is closed and empty."""
        while not self._frames:
            if self.closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame
