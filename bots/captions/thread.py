# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions as one thread in the room: how its events look, and what they say when they are read back."""

import json
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Any

from bots.captions.segment import Segment
from bots.captions.transcript import one_line

CAPTION = "org.passerelle.caption"
MAX_LINE_CHARS = 2_000
"""stops: one line filling an event; no utterance comes near it, a correction could."""


def caption_event(segments: Iterable[Segment], root: str, last: str) -> dict[str, Any]:
    """Return the event for some utterances: what each said in a row as one "Name: words" line, and what programs need
    beside it. ``last`` is the thread's newest event, for clients that know no threads.
    """
    return _shown(list(segments)) | {"m.relates_to": _in_thread(root, last)}


def changed_event(event_id: str, segments: Iterable[Segment], changed: Iterable[Segment]) -> dict[str, Any]:
    """Return the event that has another show ``segments`` from now on; clients that know no changes show ``changed``
    as a message of its own.
    """
    fallback = _message("* ", list(changed))
    return fallback | {
        "m.new_content": _shown(list(segments)),
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def weight(segment: Segment) -> int:
    """Return how many bytes a segment adds to an event."""
    return len(json.dumps(_shown([segment]), ensure_ascii=False).encode())


def _shown(segments: list[Segment]) -> dict[str, Any]:
    return _message("", segments) | {CAPTION: [_entry(segment) for segment in segments]}


def _message(prefix: str, segments: list[Segment]) -> dict[str, Any]:
    """Return a message that calls nobody (``m.mentions``), names in bold where a client shows that."""
    turns = [
        (one_line(name), " ".join(_line(segment) for segment in said))
        for (_, name), said in groupby(segments, lambda segment: (segment.user_id, segment.display_name))
    ]
    return {
        "msgtype": "m.notice",
        "body": prefix + "\n".join(f"{name}: {words}" for name, words in turns),
        "format": "org.matrix.custom.html",
        "formatted_body": prefix
        + "<br>".join(f"<strong>{_escape(name)}:</strong> {_escape(words)}" for name, words in turns),
        "m.mentions": {},
    }


def _escape(words: str) -> str:
    return escape(words, quote=False)  # apostrophes stand for themselves, also where a client shows the source


def _line(segment: Segment) -> str:
    words = one_line(segment.text)
    return words if len(words) <= MAX_LINE_CHARS else words[: MAX_LINE_CHARS - 1] + "…"


def _entry(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.id,
        "user_id": segment.user_id,
        "display_name": segment.display_name,
        "track_sid": segment.track_sid,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": _line(segment),
        "lang": segment.lang,
        "voice": segment.voice,
    }


def read_back(event: dict[str, Any], room_id: str, call_id: str) -> list[Segment]:
    """Return the segments that one of our own caption events shows, as after a restart; its last change counts, which
    homeservers send along.
    """
    try:
        change = event.get("unsigned", {}).get("m.relations", {}).get("m.replace", {})
        content = change.get("content", {}).get("m.new_content") or event.get("content", {})
        entries = content.get(CAPTION)
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
    except (KeyError, TypeError, ValueError, AttributeError):
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
