# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps the sound of one track for the final transcript; captions go on whatever becomes of it."""

import structlog

from bots.captions.track import Speaker
from bots.engines.contract import Samples
from bots.final.spool import CallSpool, TrackWriter

log = structlog.get_logger(__name__)


class SoundKeeper:
    """One track of somebody who agreed. Without a ``spool`` it keeps nothing."""

    def __init__(self, spool: CallSpool | None, speaker: Speaker) -> None:
        self._room_id = speaker.room_id
        self._writer: TrackWriter | None = None if spool is None else spool.writer(speaker)

    def write(self, samples: Samples, now_ms: float) -> None:
        """Take what was just heard; every few seconds this waits some milliseconds for the disk."""
        if self._writer is None:
            return
        try:
            if not self._writer.write(samples, now_ms):
                log.error("sound_limit_reached", room_id=self._room_id)
                self._writer = None
        except OSError as error:
            self._lost(error)

    def close(self) -> None:
        """Keep what was not written yet: the track is gone."""
        if self._writer is None:
            return
        try:
            self._writer.flush()
        except OSError as error:
            self._lost(error)

    def discard(self) -> None:
        """Keep nothing more, and nothing that was not written yet: its owner withdrew."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None

    def _lost(self, error: OSError) -> None:
        log.error("sound_not_kept", room_id=self._room_id, reason=error.strerror or type(error).__name__)
        self._writer = None
