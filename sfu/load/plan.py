# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who does what in the meeting that is to be simulated?"""

from dataclasses import dataclass
from random import Random

from sfu.load.description import AUDIO_MID, OPUS_TYPE, VIDEO_MID, VP8_TYPE
from sfu.load.traffic import LoadError, StreamRow

PEOPLE_MAX = 1000
"""stops: more sockets and handshakes than one process makes; run several."""
SECONDS_MAX = 24 * 3600
LARGE, SMALL = 2, 0
"""LiveKit's VideoQuality HIGH and LOW."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One simulcast layer of a light camera; LiveKit's defaults for 720p, in packets as Chromium sends them."""

    rid: str
    quality: int
    width: int
    height: int
    per_second: float
    parts: int
    size: int


LAYERS = (
    Layer("q", 0, 320, 180, 25.0, 1, 800),
    Layer("h", 1, 640, 360, 30.0, 2, 940),
    Layer("f", 2, 1280, 720, 30.0, 7, 1010),
)
KEY_FACTOR = 4
AUDIO_PER_SECOND, AUDIO_SIZE = 50.0, 110


@dataclass(frozen=True, slots=True)
class Plan:
    """Numbers of the meeting; `check` them."""

    people: int
    publishers: int
    sounding: int
    """Publishers with a microphone, the first ones."""
    large: int
    """Cameras that each person shows large: the best layer."""
    tiles: int
    """Cameras that each person shows small: the least layer. All further ones are not sent to it."""
    within_s: float
    """The time over which people come."""
    seconds: float
    """Of measuring, once all are there."""

    def check(self) -> None:
        """Raise LoadError for what cannot be."""
        if not 1 <= self.people <= PEOPLE_MAX:
            raise LoadError(
                f"--people is 1 to {PEOPLE_MAX}; for more, run several of these, each for a room of its own"
            )
        if not 0 <= self.publishers <= self.people:
            raise LoadError("--publishers is 0 to --people")
        if not 0 <= self.sounding <= self.publishers:
            raise LoadError("--audio is 0 to --publishers")
        if min(self.large, self.tiles) < 0 or self.within_s < 0:
            raise LoadError("--large, --tiles and --join-within are not negative")
        if not 0 < self.seconds <= SECONDS_MAX:
            raise LoadError(f"--seconds is more than 0, and at most {SECONDS_MAX}")

    def publishing(self, person: int) -> int | None:
        """The number of a person among the publishers, None for who only watches. They come evenly among all."""
        before, after = (-(-number * self.publishers // self.people) for number in (person, person + 1))
        return before if after > before else None

    def quality(self, person: int, publisher: int) -> int | None:
        """In which quality a person shows a publisher's camera; None: not at all. Everybody shows other ones."""
        rank = (publisher - person - 1) % max(1, self.publishers)
        if rank < self.large:
            return LARGE
        return SMALL if rank < self.large + self.tiles else None


def streams(publisher: int, now_ns: int, *, sound: bool, chance: Random) -> list[StreamRow]:
    """What a publisher sends. Streams begin a little apart, so that crowds do not send in step."""
    base = 0x10000 * (publisher + 1)

    def later(per_second: float) -> int:
        return now_ns + int(chance.random() / per_second * 1e9)

    rows = [
        StreamRow(
            ssrc=base + 2 + number,
            payload_type=VP8_TYPE,
            clock_rate=90_000,
            per_second=layer.per_second,
            size=layer.size,
            mid=VIDEO_MID,
            rid=layer.rid,
            video=True,
            parts=layer.parts,
            key_parts=layer.parts * KEY_FACTOR,
            starts=later(layer.per_second),
        )
        for number, layer in enumerate(LAYERS)
    ]
    if sound:
        level = 30 + publisher % 40
        starts = later(AUDIO_PER_SECOND)
        rows.append(
            StreamRow(base + 1, OPUS_TYPE, 48_000, AUDIO_PER_SECOND, AUDIO_SIZE, AUDIO_MID, level=level, starts=starts)
        )
    return rows
