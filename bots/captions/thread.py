# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions as one thread in the room: how events look, and how many there are."""

from dataclasses import dataclass, field
from typing import Any

from bots.captions.segment import Segment
from bots.captions.transcript import one_line

CAPTION = "org.passerelle.caption"
POST_INTERVAL_S = 1.0
"""At most one event in this time: homeservers and clients are made for people's pace. More is put into one event."""
MAX_BODY_CHARS = 8_000
"""stops: an event past Matrix's 64 KiB, custom content included."""


@dataclass(slots=True)
class Pace:
    """Final segments waiting for their turn in the room. The sender bounds them: each was stored or given up before."""

    _waiting: list[Segment] = field(default_factory=list)
    _last: float = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, segment: Segment) -> None:
        """Queue a final segment; one without text needs no event."""
        if segment.text:
            self._waiting.append(segment)

    def due_in(self, now: float) -> float | None:
        """Return the seconds until the next event may be sent, or nothing if nothing waits."""
        return max(0.0, self._last + POST_INTERVAL_S - now) if self._waiting else None

    def take(self, now: float) -> list[Segment]:
        """Take as many waiting segments as fit into one event, oldest first."""
        size, count = 0, 0
        while count < len(self._waiting):
            size += len(self._waiting[count].text) + len(self._waiting[count].display_name) + 3
            if count and size > MAX_BODY_CHARS:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._last = now
        return taken


def caption_event(segments: list[Segment], root: str, last: str) -> dict[str, Any]:
    """Return the event for some utterances: "Name: words" lines, and what a page of ours needs beside them."""
    return {
        "msgtype": "m.notice",
        "body": "\n".join(f"{one_line(s.display_name)}: {one_line(s.text)}" for s in segments),
        "m.mentions": {},
        "m.relates_to": _in_thread(root, last),
        CAPTION: [
            {
                "segment_id": s.id,
                "user_id": s.user_id,
                "display_name": s.display_name,
                "track_sid": s.track_sid,
                "start_ms": s.start_ms,
                "end_ms": s.end_ms,
                "text": s.text,
                "lang": s.lang,
                "voice": s.voice,
            }
            for s in segments
        ],
    }


def read_back(event: dict[str, Any], room_id: str, call_id: str) -> list[Segment]:
    """Return the segments of one of our own caption events, as after a restart."""
    entries = event.get("content", {}).get(CAPTION)
    try:
        return [
            Segment(
                id=str(entry["segment_id"]),
                room_id=room_id,
                call_id=call_id,
                user_id=str(entry["user_id"]),
                display_name=str(entry["display_name"]),
                track_sid=str(entry["track_sid"]),
                start_ms=int(entry["start_ms"]),
                end_ms=int(entry["end_ms"]),
                text=str(entry["text"]),
                stable_chars=len(str(entry["text"])),
                lang=str(entry["lang"]),
                final=True,
                rev=0,
                voice=str(entry.get("voice", "")),
            )
            for entry in entries or []
        ]
    except (KeyError, TypeError, ValueError):
        return []


def file_event(name: str, url: str, mimetype: str, size: int, root: str, last: str) -> dict[str, Any]:
    """Return the event that carries a transcript's file."""
    return {
        "msgtype": "m.file",
        "body": name,
        "filename": name,
        "url": url,
        "info": {"mimetype": mimetype, "size": size},
        "m.mentions": {},
        "m.relates_to": _in_thread(root, last),
    }


def _in_thread(root: str, last: str) -> dict[str, Any]:
    return {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": last},
    }
