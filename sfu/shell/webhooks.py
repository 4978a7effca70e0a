# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do operators' programs hear what happens in rooms? Signed POSTs, again until they arrive, in order per room.

Nothing waits for them: a receiver that is slow or dead costs its own events, and only some memory here. When a
room has too many waiting for a receiver its oldest one is dropped, because what is true now matters more; when
all rooms together have, the new one. The next event that arrives tells how many were lost (`numDropped`).
"""

import asyncio
import itertools
import time
import uuid
from collections import Counter, deque
from dataclasses import dataclass

import aiohttp
import structlog
from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent

from sfu.core import limits
from sfu.wire.token import sign_body

log = structlog.get_logger()

CONTENT_TYPE = "application/webhook+json"

AGE_MAX_S = 300.0
"""An event that did not arrive for so long is dropped: long enough for a receiver's restart. stops: trying for ever."""

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 15.0)
"""Pauses between tries; the last one repeats."""

TRY_S = 10.0
"""One try takes no longer."""

PARALLEL = 10
"""Requests under way to one receiver."""

DRAIN_S = 3.0
"""How long what waits may still be sent when the server ends."""

_TRY_AGAIN = {408, 425, 429}


@dataclass(slots=True)
class _Waiting:
    """One event for one receiver."""

    event: WebhookEvent
    size: int
    since: float


class Webhooks:
    """Sends events to all receivers; use it as an asynchronous context, and `notify` inside."""

    def __init__(self, urls: tuple[str, ...] = (), key: str = "", secret: str = "") -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """How events ended, by LiveKit's status (success, failure, drop) and reason."""
        self._receivers = [_Receiver(url, key, secret, self.outcomes) for url in urls]

    async def __aenter__(self) -> "Webhooks":
        for receiver in self._receivers:
            receiver.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.gather(*(receiver.drain() for receiver in self._receivers))

    def notify(self, event: WebhookEvent) -> None:
        """Send an event soon; returns at once."""
        event.id, event.created_at = f"EV_{uuid.uuid4().hex[:12]}", int(time.time())
        for receiver in self._receivers:
            receiver.put(event)


class _Receiver:
    """One URL, with a queue and a task for every room that has something to tell it."""

    def __init__(self, url: str, key: str, secret: str, outcomes: Counter[tuple[str, str]]) -> None:
        self._url = url
        self._key = key
        self._secret = secret
        self._outcomes = outcomes
        self._queues: dict[str, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._lost = 0
        """Events that the receiver has not been told to have missed."""

    def start(self) -> None:
        """Open what requests need."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=PARALLEL),
            timeout=aiohttp.ClientTimeout(total=TRY_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def put(self, event: WebhookEvent) -> None:
        """Append an event to its room's queue."""
        room, size = event.room.sid, event.ByteSize()
        if self._bytes + size > limits.WEBHOOK_BYTES_MAX:
            self._drop()
            return
        queue = self._queues.get(room)
        if queue is None:
            queue = self._queues[room] = deque()
            task = asyncio.create_task(self._serve(room, queue), name=f"webhooks of {room}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(queue) >= limits.WEBHOOKS_PER_ROOM_MAX:
            self._bytes -= queue[1].size  # the first one may be under way
            del queue[1]
            self._drop()
        self._bytes += size
        queue.append(_Waiting(event, size, time.monotonic()))

    async def drain(self) -> None:
        """Give what waits a last chance, then end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def _serve(self, room: str, queue: deque[_Waiting]) -> None:
        while queue:
            delivered = await self._deliver(queue[0])
            self._outcomes["success" if delivered else "failure", ""] += 1
            self._lost += not delivered
            self._bytes -= queue.popleft().size
        del self._queues[room]

    async def _deliver(self, waiting: _Waiting) -> bool:
        for tries in itertools.count():
            status = await self._tell(waiting.event)
            if 200 <= status < 300:
                return True
            pause = BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)]
            refused = 0 < status < 500 and status not in _TRY_AGAIN
            if refused or time.monotonic() + pause - waiting.since > AGE_MAX_S:
                log.warning("webhook_failed", occasion=waiting.event.event, id=waiting.event.id, status=status)
                return False
            await asyncio.sleep(pause)
        raise AssertionError("counting never ends")

    async def _tell(self, event: WebhookEvent) -> int:
        """Try once, and tell how many others were lost; gives the status, 0 when there was none."""
        told, self._lost = self._lost, 0
        fresh = WebhookEvent(num_dropped=told)
        fresh.MergeFrom(event)
        status = await self._post(json_format.MessageToJson(fresh, indent=None).encode())
        if not 200 <= status < 300:
            self._lost += told
        return status

    async def _post(self, body: bytes) -> int:
        """Try once; gives the status, 0 when there was none."""
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Authorization": sign_body(body, self._key, self._secret, time.time()),
        }
        try:
            async with self._http.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _drop(self) -> None:
        self._lost += 1
        self._outcomes["drop", "queue_full"] += 1
