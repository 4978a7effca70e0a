# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Kyutai's streaming speech to text, on a server of the operator's: `moshi-server`, reached by WebSocket.

One connection an utterance, open while it grows: each reading sends what is new and returns the words that came back
so far; the final one sends a marker and silence, and waits for the marker. As every reading brings the utterance whole,
a connection that breaks costs nothing but the time to send it again. Silero decides where utterances end, as for every
engine; the pause probabilities of ``Step`` are not used.

The protocol, from moshi-server's source (kyutai-labs/moshi, rust/moshi-server/src/{asr,batched_asr,main}.rs) and
Kyutai's own client (kyutai-labs/delayed-streams-modeling, scripts/transcribe_from_file_via_rust_server.py), in
MessagePack:

- to the server ``{"type": "Audio", "pcm": [float32…]}``, mono at 24 kHz, in frames of 1920; ``{"type": "Marker", id}``;
- from it ``Ready``, ``Word {text, start_time}``, ``EndWord {stop_time}``, a ``Step {step_idx, prs, buffered_pcm}`` for
  each frame, ``Marker {id}`` once all that came before it was read, the model's delay included: audio must follow it;
  ``Error {message}``, as when all its places are taken;
- the key travels as the header ``kyutai-api-key``; 401 without one that the server knows.
"""

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import numpy as np

from bots.engines.contract import SAMPLE_RATE, Decoded, Samples
from bots.engines.resample import Resampler

RATE = 24_000
FRAME = 1920
"""Samples of one step of the model, 80 ms."""
LEAD_S = 1.0
"""Silence before the first sample: Kyutai's client says that the 2.6B model needs it."""
_FLUSH_S = 3.0
"""Silence behind the marker; the 2.6B model writes 2.5 s late."""
_CONNECT_S = 3.0
_MARKER_S = 6.0
_CALL_S = 10.0
_UNUSED_S = 30.0
"""stops: connections of utterances that nobody reads to their end, as after a withdrawal."""
MAX_STREAMS = 64
"""stops: utterances without end taking all places of the server; the longest unused gives way."""
MAX_WORDS = 200
"""stops: a server that writes without end; nobody says more in 12 s."""
_MAX_MESSAGE = 1 << 16
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)

_SMALL_WORDS = {
    "fr": " le la les des du est et je tu nous vous il elle ne pas que qui un une pour dans ce cette c'est ",
    "en": " the of and to is are was i you he she we it not that who a an for in this will have be my ",
}


class ServerAwayError(OSError):
    """The server can't be reached, refused us, or does not speak the protocol; the text says which."""


class KyutaiEngine:
    """Speaks to one server from a thread of its own. It can't tell languages apart by sound: their words do."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/asr-streaming"
        self._headers = {"kyutai-api-key": token}
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._http: aiohttp.ClientSession | None = None
        self._streams: dict[str, _Stream] = {}
        self._failures = 0
        self._not_before = float("-inf")

    def load(self) -> None:
        """Start the thread; the first reading connects."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="kyutai", daemon=True).start()

    def close(self) -> None:
        """Close all connections and end the thread."""
        loop = self._running()
        asyncio.run_coroutine_threadsafe(self._end(), loop).result(_CALL_S)
        loop.call_soon_threadsafe(loop.stop)

    def identify(self, samples: Samples) -> Mapping[str, float]:
        """Tell nothing: the model reads French and English alike."""
        return {}

    def transcribe(
        self, samples: Samples, lang: str, *, utterance: str = "", final: bool = True, terms: Sequence[str] = ()
    ) -> Decoded:
        """Read an utterance as far as it has come; ``lang`` is what the words look like, whatever was asked.

        Raises:
            ServerAwayError: no server, or it refused.
        """
        call = asyncio.run_coroutine_threadsafe(self._read(samples, utterance, final=final), self._running())
        try:
            text = call.result(_CALL_S)
        except TimeoutError as error:
            call.cancel()
            raise ServerAwayError("the speech server did not answer in time") from error
        return Decoded(text, 0.0, 0.0, language_of(text) or lang, whole=final)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("load() comes first")
        return self._loop

    async def _read(self, samples: Samples, utterance: str, *, final: bool) -> str:
        stream = self._streams.get(utterance)
        if stream is not None:
            try:
                return await self._go_on(stream, samples, utterance, final=final)
            except ServerAwayError:
                if not stream.proven:
                    raise  # else it was only interrupted: once more, from the utterance's beginning
        stream = await self._connect()
        if utterance:
            self._keep(utterance, stream)
        return await self._go_on(stream, samples, utterance, final=final)

    async def _go_on(self, stream: "_Stream", samples: Samples, utterance: str, *, final: bool) -> str:
        over = final
        try:
            await stream.send(samples)
            if final:
                await stream.finish()
            if stream.proven:
                self._failures = 0
            return stream.text(len(samples) / SAMPLE_RATE)
        except ServerAwayError:
            over = True
            if not stream.proven:
                self._failed()
            raise
        finally:
            if over or not utterance:
                self._forget(utterance, stream)
            else:
                stream.close_after(_UNUSED_S)

    def _keep(self, utterance: str, stream: "_Stream") -> None:
        self._streams = {name: one for name, one in self._streams.items() if not one.closed}
        if len(self._streams) >= MAX_STREAMS:
            self._forget(*next(iter(self._streams.items())))
        self._streams[utterance] = stream

    def _forget(self, utterance: str, stream: "_Stream") -> None:
        if self._streams.get(utterance) is stream:
            del self._streams[utterance]
        stream.close_after(0)

    async def _connect(self) -> "_Stream":
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            raise ServerAwayError("the speech server is away; it is tried again in a moment")
        if self._http is None:
            self._http = aiohttp.ClientSession(headers=self._headers)
        try:
            async with asyncio.timeout(_CONNECT_S):
                socket = await self._http.ws_connect(self._url, max_msg_size=_MAX_MESSAGE)
        except aiohttp.WSServerHandshakeError as error:
            self._failed()
            hint = ": it does not know the token" if error.status == 401 else ""
            raise ServerAwayError(f"the speech server answered {error.status}{hint}") from error
        except (aiohttp.ClientError, OSError) as error:
            self._failed()
            raise ServerAwayError(f"the speech server can't be reached: {type(error).__name__}") from error
        return _Stream(socket)

    def _failed(self) -> None:
        self._not_before = asyncio.get_running_loop().time() + BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1

    async def _end(self) -> None:
        for stream in self._streams.values():
            await stream.close()
        if self._http is not None:
            await self._http.close()


class _Stream:
    """One utterance on its way: what was sent, what came back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._resampler = Resampler()
        self._pending: Samples = np.zeros(int(LEAD_S * RATE), dtype=np.float32)
        self._sent = 0
        self._words: list[tuple[float, str]] = []
        self._answered = asyncio.Event()
        self._complete = False
        self._error = ""
        self.proven = False
        """The server took us: it said something other than that it won't."""
        self._turn = asyncio.Lock()
        self._listening = asyncio.create_task(self._listen())
        self._closing: asyncio.TimerHandle | None = None

    @property
    def closed(self) -> bool:
        """Tell whether it is of no use any more."""
        return self._listening.done()

    async def send(self, samples: Samples) -> None:
        """Send what is new of an utterance, in whole frames."""
        async with self._turn:
            self._stay()
            new = samples[self._sent :]
            self._sent += len(new)
            self._pending = np.concatenate([self._pending, self._resampler.push(new)])
            whole = len(self._pending) // FRAME * FRAME
            for start in range(0, whole, FRAME):
                await self._write({"type": "Audio", "pcm": self._pending[start : start + FRAME].tolist()})
            self._pending = self._pending[whole:]

    async def finish(self) -> None:
        """Wait until all that was sent is read. A server that lets us wait has its words taken as they are."""
        async with self._turn:
            self._stay()
            rest = np.zeros(FRAME, dtype=np.float32)
            rest[: len(self._pending)] = self._pending
            await self._write({"type": "Audio", "pcm": rest.tolist()})
            await self._write({"type": "Marker", "id": 1})
            for _ in range(int(_FLUSH_S * RATE / FRAME)):
                if not self._complete:
                    await self._write({"type": "Audio", "pcm": [0.0] * FRAME})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MARKER_S):
                    await self._answered.wait()
            if not self._complete and (self._error or not self._words):
                raise ServerAwayError(self._error or "the speech server reads nothing")

    def text(self, seconds: float) -> str:
        """Return the words that begin within the first ``seconds`` of the utterance."""
        return " ".join(word for at, word in self._words if at - LEAD_S < seconds)

    def close_after(self, seconds: float) -> None:
        """Close it unless it is used again before."""
        self._stay()
        self._closing = asyncio.get_running_loop().call_later(seconds, self._listening.cancel)

    async def close(self) -> None:
        """Close it now."""
        self._listening.cancel()
        await asyncio.wait([self._listening])

    def _stay(self) -> None:
        if self._closing is not None:
            self._closing.cancel()

    async def _write(self, message: Mapping[str, Any]) -> None:
        import msgpack  # noqa: PLC0415 - of the extra [kyutai]

        if self._error or self.closed:
            raise ServerAwayError(self._error or "the speech server closed the connection")
        try:
            await self._socket.send_bytes(msgpack.packb(message, use_single_float=True))
        except (aiohttp.ClientError, OSError) as error:
            raise ServerAwayError("the connection to the speech server broke") from error

    async def _listen(self) -> None:
        import msgpack  # noqa: PLC0415 - of the extra [kyutai]

        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._take(msgpack.unpackb(message.data))
            self._error = self._error or "the speech server closed the connection"
        except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException) as error:
            self._error = f"the speech server speaks another protocol: {type(error).__name__}"
        except (aiohttp.ClientError, OSError) as error:
            self._error = f"the connection to the speech server broke: {type(error).__name__}"
        finally:
            self._answered.set()
            await self._socket.close()

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "Word" and len(self._words) < MAX_WORDS:
            self._words.append((float(message["start_time"]), str(message["text"]).strip()))
        elif kind == "Marker":
            self._complete = True
            self._answered.set()
        self.proven = self.proven or kind != "Error"
        if kind == "Error":
            self._error = f"the speech server refused: {str(message['message'])[:100]}"


def language_of(text: str) -> str:
    """Tell French from English by their small words; empty if there are as many of both."""
    heard = text.casefold().replace("’", "'").split()
    counts = {lang: sum(f" {word} " in small for word in heard) for lang, small in _SMALL_WORDS.items()}
    french, english = counts["fr"], counts["en"]
    if french == english:
        return ""
    return "fr" if french > english else "en"
