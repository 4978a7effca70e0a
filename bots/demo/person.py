# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One person of the demo in the call: what they publish, what they hear, and when it first arrived."""

import asyncio
import contextlib
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from livekit import rtc

from bots.call import CallMember
from bots.demo.doors import Account
from bots.demo.media import Camera, Ears, Microphone
from bots.matrix_rtc import MatrixSession


class Person:
    """A Matrix account with a microphone, ears and perhaps a camera; an async context manager.

    Args:
        door: which door they came through; also their name in the report.
    """

    def __init__(self, door: str, account: Account, camera: Camera | None = None) -> None:
        self.door = door
        self.session = MatrixSession(account.user_id, account.device_id, account.access_token, account.base_url)
        self.microphone = Microphone()
        self.ears = Ears()
        self.identity = ""
        self._camera = camera
        self._call: CallMember | None = None
        self._tasks = asyncio.TaskGroup()
        self._running: list[asyncio.Task[None]] = []
        self._tracks: set[str] = set()

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()
        await self._tasks.__aexit__(None, None, None)
        await self.session.__aexit__(kind, error, trace)

    async def enter(self, room_id: str) -> rtc.Room:
        """Join the call as Element Call does it, publish, and listen to everybody."""
        self._call = CallMember(self.session, room_id)
        self.identity = self._call.identity
        room = await self._call.join()
        room.on("track_subscribed", lambda track, publication, participant: self._hear(track, participant))
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None:
                    self._hear(publication.track, participant)
        await room.local_participant.publish_track(
            self.microphone.track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self._start(self.microphone.run())
        if self._camera:
            await room.local_participant.publish_track(
                self._camera.track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
            )
            self._start(self._camera.run())
        return room

    async def first_media(self, timeout_s: float) -> float | None:
        """Wait for the first frame of anybody else; returns when it came (wall clock), or None."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ears.media.wait(), timeout_s)
        return self.ears.first_media_s

    async def hang_up(self) -> None:
        """Leave the call; does nothing when not in it."""
        for task in self._running:
            task.cancel()
        self._running.clear()
        if self._call:
            call, self._call = self._call, None
            await call.leave()

    def _hear(self, track: rtc.Track, participant: rtc.RemoteParticipant) -> None:
        if track.sid not in self._tracks:
            self._tracks.add(track.sid)
            self._start(self.ears.listen(participant.identity, track))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._running.append(self._tasks.create_task(work))
