# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A server that keeps to moshi-server's protocol and knows beforehand what will be said.

The real one cannot run here: it wants a GPU and weights that no package holds. What follows its source
(kyutai-labs/moshi, rust/moshi-server/src/batched_asr.rs): the key, the messages, their fields, frames of 1920 samples
at 24 kHz, a `Step` a frame, words that come late by the model's delay, a marker that comes back only after that delay's
worth of further audio, `Error` and the end of the connection when all places are taken. What is made up: the hearing.
Every so many loud frames it writes the next word of its script.
"""

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field

import msgpack
import numpy as np
from aiohttp import WSMsgType, web

FRAME = 1920
FRAME_S = 0.08
DELAY_FRAMES = 6
LOUD = 0.01


@dataclass
class FakeKyutai:
    """One server. Change its fields to make it behave otherwise; ``heard`` is the audio of each connection."""

    script: list[str] = field(default_factory=list)
    frames_a_word: int = 4
    token: str = "token"
    places: int = 8
    mute: bool = False
    babble: bytes = b""
    break_after_frames: int | None = None
    heard: list[list[np.ndarray]] = field(default_factory=list)
    open: int = 0
    url: str = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/api/asr-streaming", self._stream)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", int(self.url.rpartition(":")[2] or 0) if self.url else 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("kyutai-api-key") != self.token:
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.open >= self.places:
            await _say(socket, {"type": "Error", "message": "no free channels"})
            await socket.close()
            return socket
        self.open += 1
        try:
            await _say(socket, {"type": "Ready"})
            await _Hearing(self, socket).run()
        finally:
            self.open -= 1
        return socket


class _Hearing:
    """One place of the server."""

    def __init__(self, server: FakeKyutai, socket: web.WebSocketResponse) -> None:
        self._server = server
        self._socket = socket
        self._frames: list[np.ndarray] = []
        server.heard.append(self._frames)
        self._pending = np.zeros(0, dtype=np.float32)
        self._loud = 0
        self._late: list[tuple[int, dict]] = []

    async def run(self) -> None:
        with contextlib.suppress(ConnectionError):
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY or not await self._take(msgpack.unpackb(message.data)):
                    return

    async def _take(self, message: dict) -> bool:
        if message["type"] == "Marker":
            self._late.append((len(self._frames) + DELAY_FRAMES, {"type": "Marker", "id": message["id"]}))
            return True
        assert message["type"] == "Audio"
        pcm = np.array(message["pcm"], dtype=np.float32)
        self._pending = np.concatenate([self._pending, pcm])
        while len(self._pending) >= FRAME:
            frame, self._pending = self._pending[:FRAME], self._pending[FRAME:]
            await self._step(frame)
            if len(self._frames) == self._server.break_after_frames:
                self._server.break_after_frames = None
                self._socket._req.transport.abort()
                return False
        return True

    async def _step(self, frame: np.ndarray) -> None:
        server, index = self._server, len(self._frames)
        self._frames.append(frame)
        if server.babble:
            await self._socket.send_bytes(server.babble)
        if server.mute:
            return
        if np.sqrt(np.mean(frame**2)) > LOUD:
            word, rest = divmod(self._loud, server.frames_a_word)
            self._loud += 1
            if rest == 0 and word < len(server.script):
                said = {"type": "Word", "text": server.script[word], "start_time": index * FRAME_S}
                self._late.append((index + DELAY_FRAMES, said))
                ended = {"type": "EndWord", "stop_time": (index + 1) * FRAME_S}
                self._late.append((index + DELAY_FRAMES + 1, ended))
        step = {"type": "Step", "step_idx": index, "prs": [0.1, 0.1, 0.1, 0.1], "buffered_pcm": len(self._pending)}
        await _say(self._socket, step)
        for _, late in [entry for entry in self._late if entry[0] <= index]:
            await _say(self._socket, late)
        self._late = [entry for entry in self._late if entry[0] > index]


async def _say(socket: web.WebSocketResponse, message: dict) -> None:
    await socket.send_bytes(msgpack.packb(message, use_single_float=False))
    await asyncio.sleep(0)


async def _serve(url: str) -> None:
    await FakeKyutai(script=["bonjour", "à", "tous"], url=url).start()
    await asyncio.Event().wait()


if (
    __name__ == "__main__"
):  # a process that tests may kill: python -m tests.bots.engines.fake_kyutai ws://127.0.0.1:PORT
    asyncio.run(_serve(sys.argv[1]))
