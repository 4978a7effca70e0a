# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The captions as people get them: from the bridge's live feed and as events in the room."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from bots.captions.thread import CAPTION
from bots.demo.doors import DoorError


async def live(http: aiohttp.ClientSession, url: str, token: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the segments of a meeting's live feed (server-sent events) until the feed ends."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with http.get(url, headers=headers, timeout=timeout) as response:
        if response.status != 200:
            raise DoorError(f"the captions feed answered {response.status}")
        name, data = "", ""
        async for raw in response.content:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("event:"):
                name = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                data += line.removeprefix("data:").strip()
            elif not line:
                if name == "segment" and data:
                    yield json.loads(data)
                name, data = "", ""


class CaptionLog:
    """Final captions, with when the live feed and the room brought each."""

    def __init__(self, on_final: Callable[[dict[str, Any]], None], now: Callable[[], float] = time.time) -> None:
        self._on_final = on_final
        self._now = now
        self.segments: dict[str, dict[str, Any]] = {}
        self.live_s: dict[str, float] = {}
        self.room_s: dict[str, float] = {}
        self.files: list[str] = []
        self.changed = asyncio.Condition()

    async def from_feed(self, segment: dict[str, Any]) -> None:
        """Note a segment of the live feed; only the first final version of each sets its time."""
        if not segment["final"]:
            return
        if not segment["text"]:  # the bot takes back what it showed too early
            self.segments.pop(segment["id"], None)
            return
        new = segment["id"] not in self.segments
        self.segments[segment["id"]] = segment
        if new:
            self.live_s[segment["id"]] = self._now()
            self._on_final(segment)
        async with self.changed:
            self.changed.notify_all()

    async def from_room(self, event: dict[str, Any]) -> None:
        """Note a room event: a caption in the bot's thread, or a file."""
        content = event.get("content", {})
        if content.get("msgtype") == "m.file":
            self.files.append(str(content.get("filename") or content.get("body")))
        for identifier in caption_ids(content):
            self.room_s.setdefault(identifier, self._now())
        async with self.changed:
            self.changed.notify_all()

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the log fulfils a condition; False where it does not in time."""
        try:
            async with asyncio.timeout(timeout_s), self.changed:
                await self.changed.wait_for(condition)
        except TimeoutError:
            return False
        return True


def caption_ids(content: dict[str, Any]) -> list[str]:
    """Which segments a room event of the bot shows."""
    caption = content.get(CAPTION)
    shown = caption if isinstance(caption, list) else [caption] if caption else []
    return [str(entry["segment_id"]) for entry in shown]
