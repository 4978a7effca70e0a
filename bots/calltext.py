# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions as text in the call itself, the way LiveKit's agents send transcriptions, for clients that show those.

Each version of an utterance is a text stream of its own on ``lk.transcription``: the whole text so far, under the same
``lk.segment_id`` until ``lk.transcription_final`` is ``"true"``. An empty final text takes an utterance back. The
sender is the bot; ``lk.transcribed_track_id`` tells whose words they are. A line that is corrected or renamed later
comes once more, as another final text under its id, to those who had it.
"""

import asyncio
import contextlib

import structlog
from livekit import rtc

from bots.captions.audience import Audience
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
    """Sends to people in one connected room. What waits is bounded; a newer version takes an older one's place."""

    def __init__(self, room: rtc.Room, audience: Audience) -> None:
        self._room = room
        self._audience = audience
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()

    def put(self, segment: Segment) -> None:
        """Queue a version of a segment; never blocks."""
        self._outbox.put(segment)
        self._sent.clear()
        self._wake.set()

    async def sent(self) -> None:
        """Wait until nothing waits, or for as long as one text may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT_S):
                await self._sent.wait()

    async def run(self) -> None:
        """Work until cancelled. What can't be sent is lost: the bridge and the room have it."""
        while True:
            segment = self._outbox.peek()
            if segment is None:
                self._sent.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._send(segment)
            self._outbox.done(segment)

    async def _send(self, segment: Segment) -> None:
        people = self._audience.of(segment, frozenset(self._room.remote_participants))
        if people is not None and not people:
            return
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._room.local_participant.send_text(
                    segment.text,
                    topic=TOPIC,
                    attributes=attributes(segment),
                    destination_identities=sorted(people) if people else None,
                    compress=False,
                )
        except (rtc.StreamError, TimeoutError) as error:
            log.warning("call_text_not_sent", room_id=segment.room_id, reason=type(error).__name__)
