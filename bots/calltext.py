# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions as text in the call itself, the way LiveKit's agents send transcriptions, for clients that show those.

Each version of an utterance is a text stream of its own on ``lk.transcription``: the whole text so far, under the same
``lk.segment_id`` until ``lk.transcription_final`` is ``"true"``. An empty final text takes an utterance back. The
sender is the bot; ``lk.transcribed_track_id`` tells whose words they are.
"""

import asyncio

import structlog
from livekit import rtc

from bots.captions.outbox import Outbox
from bots.captions.segment import Segment

TOPIC = "lk.transcription"
_TIMEOUT_S = 10.0

log = structlog.get_logger(__name__)


def attributes(segment: Segment) -> dict[str, str]:
    """Return what goes with a segment's text; the last two are ours, one track may carry several people's voices."""
    return {
        "lk.transcription_final": "true" if segment.final else "false",
        "lk.segment_id": segment.id,
        "lk.transcribed_track_id": segment.track_sid,
        "org.passerelle.display_name": segment.display_name,
        "org.passerelle.lang": segment.lang,
    }


class CallText:
    """Sends to everybody in one connected room. What waits is bounded; a newer version takes an older one's place."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._outbox = Outbox()
        self._wake = asyncio.Event()

    def put(self, segment: Segment) -> None:
        """Queue a version of a segment; never blocks."""
        self._outbox.put(segment)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled. What can't be sent is lost: the bridge and the room have it."""
        while True:
            segment = self._outbox.peek()
            if segment is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    await self._room.local_participant.send_text(
                        segment.text, topic=TOPIC, attributes=attributes(segment), compress=False
                    )
            except (rtc.StreamError, TimeoutError) as error:
                log.warning("call_text_not_sent", room_id=segment.room_id, reason=type(error).__name__)
            self._outbox.done(segment)
