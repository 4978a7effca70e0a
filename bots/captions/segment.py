# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One captioned utterance, as the bridge stores it and pages show it."""

import base64
import hashlib
import json
from dataclasses import dataclass

_ID_GRID_MS = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """A version of one utterance; a higher ``rev`` replaces a lower one.

    Times are Unix milliseconds. The first ``stable_chars`` characters of ``text`` will hardly change. A final segment
    without text takes back an utterance that turned out to be no speech, or whose speaker withdrew. ``voice`` is empty
    where the track's owner speaks; on a shared microphone it tells its voices apart ("voice-1"), the same throughout a
    meeting. ``display_name`` is what people see in either case.
    """

    id: str
    room_id: str
    call_id: str
    user_id: str
    display_name: str
    track_sid: str
    start_ms: int
    end_ms: int
    text: str
    stable_chars: int
    lang: str
    final: bool
    rev: int
    voice: str = ""


def segment_id(call_id: str, track_sid: str, start_ms: int) -> str:
    """Derive the id from (call, track, start rounded to 100 ms): the same utterance never gets a second row.

    It is also the Matrix transaction id and part of a URL path, so it is plain letters, digits, ``-`` and ``_``.
    """
    on_grid = (start_ms + _ID_GRID_MS // 2) // _ID_GRID_MS
    name = json.dumps([call_id, track_sid, on_grid], separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(name.encode()).digest()[:18]
    return base64.urlsafe_b64encode(digest).decode()
