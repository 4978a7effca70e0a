# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose audio is sent on in a large room? The few loudest, chosen packet by packet from the audio level extension.

The first audible packet of a track takes a free seat at once, so no word loses its beginning, and keeps it while
nobody else needs it: pauses cost nothing. With all seats taken it takes that of whoever has been silent longest, who
comes back in the same way with the next word; where all speak, that of the quietest, if it is clearly louder: two
equal voices do not take turns by packets.
"""

from dataclasses import dataclass

from sfu.core.media import TrackSid

AUDIBLE = 50
"""A packet is worth a seat when its level, in -dBov, is below this: quieter than `speakers.LOUD`, so that the soft
beginning of a word counts; a room's noise lies above."""

SILENT_S = 0.1
"""Without any packet for so long (discontinuous transmission) a track is silent."""

MARGIN_DB = 6
"""A newcomer must be this much louder than the quietest speaker whom it replaces."""

_RISE, _FALL = 0.5, 0.05
"""How fast the smoothed level follows a louder and a quieter packet."""


@dataclass(slots=True)
class Voice:
    """What is remembered of a track that has a seat."""

    level: float
    """Smoothed, in -dBov: the less, the louder."""
    heard: float
    """When its last audible packet came."""
    audible: bool = True
    """Whether its last packet was."""


class Loudest:
    """The seats of one room; `seats` 0 sends everybody on."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._voices: dict[TrackSid, Voice] = {}

    def passes(self, track: TrackSid, level: int, now: float) -> bool:
        """Whether a packet with this level (-dBov, 0 to 127; -1: it has none) is sent on."""
        if not self.seats or level < 0:
            return True
        voice = self._voices.get(track)
        audible = level < AUDIBLE
        if voice is not None:
            voice.level += (level - voice.level) * (_RISE if level < voice.level else _FALL)
            voice.audible = audible
            if audible:
                voice.heard = now
            return True
        if not audible:
            return False
        if len(self._voices) >= self.seats and not self._replace(level, now):
            return False
        self._voices[track] = Voice(level, now)
        return True

    def forget(self, track: TrackSid) -> None:
        """The track is gone; its seat is free."""
        self._voices.pop(track, None)

    def _replace(self, level: int, now: float) -> bool:
        """Free the seat of somebody who fell silent, else of the quietest one if that is clearly quieter."""
        silent = [track for track, voice in self._voices.items() if not voice.audible or now - voice.heard > SILENT_S]
        if silent:
            del self._voices[min(silent, key=lambda track: self._voices[track].heard)]
            return True
        quietest = max(self._voices, key=lambda track: self._voices[track].level)
        if self._voices[quietest].level - level < MARGIN_DB:
            return False
        del self._voices[quietest]
        return True
