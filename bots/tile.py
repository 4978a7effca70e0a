# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The caption tile: a video track of the bot's with the last words, for people whose client shows no captions."""

import asyncio
import contextlib

import structlog
from livekit import rtc
from livekit.rtc.participant import PublishTrackError, UnpublishTrackError

from bots.captions.segment import Segment
from bots.captions.tile import Tile
from bots.tilepicture import HEIGHT, ROW_WIDTH, ROWS, WIDTH, TilePicture

NEW_S = 0.25
"""At most one new picture in this time."""
AGAIN_S = 1.0
"""The same picture is sent again after this time: whoever joins late waits no longer for it."""
_PUBLISH_TIMEOUT_S = 10.0
_RETRY_S = 5.0
_OPTIONS = rtc.TrackPublishOptions(
    source=rtc.TrackSource.SOURCE_CAMERA,  # as a shared screen it would take the place of the speakers
    simulcast=False,
    video_encoding=rtc.VideoEncoding(max_bitrate=300_000, max_framerate=1 / NEW_S),
)

log = structlog.get_logger(__name__)


class CaptionTile:
    """One call's tile, through all its connections. It follows what is said also while it is not shown."""

    def __init__(self, *, shown: bool) -> None:
        self._tile = Tile()
        self._shown = asyncio.Event()
        self._changed = asyncio.Event()
        self.show(shown)

    def put(self, segment: Segment) -> None:
        """Take a version of an utterance; never blocks."""
        if self._tile.take(segment):
            self._changed.set()

    def show(self, shown: bool) -> None:
        """Show it or take it away."""
        if shown:
            self._shown.set()
        else:
            self._shown.clear()
        self._changed.set()

    async def run(self, room: rtc.Room) -> None:
        """Be in one connected room, whenever the tile is to be shown, until cancelled."""
        while True:
            await self._shown.wait()
            source = rtc.VideoSource(WIDTH, HEIGHT, is_screencast=True)  # of text the encoder shall keep the sharpness
            track = rtc.LocalVideoTrack.create_video_track("captions", source)
            try:
                async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                    await room.local_participant.publish_track(track, _OPTIONS)
                await self._show(source)
                async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                    await room.local_participant.unpublish_track(track.sid)
            except (PublishTrackError, UnpublishTrackError, TimeoutError) as error:
                log.warning("tile_failed", reason=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
            finally:
                await source.aclose()

    async def _show(self, source: rtc.VideoSource) -> None:
        """Draw for as long as the tile is to be shown."""
        picture = await asyncio.to_thread(TilePicture)
        while self._shown.is_set():
            self._changed.clear()
            rows = self._tile.rows(picture.measure, ROW_WIDTH, ROWS)
            frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, await asyncio.to_thread(picture.draw, rows))
            source.capture_frame(frame)
            await asyncio.sleep(NEW_S)
            while not await self._changes():
                source.capture_frame(frame)

    async def _changes(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_S):
                await self._changed.wait()
        return self._changed.is_set()
