# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The sound of running meetings on the operator's disk, for as long as the final transcript needs it.

Only what somebody agreed to is ever written; ``forget`` deletes it at once. A call is a folder, a track in it another,
and the sound lies in files of a few seconds, each written whole: a process that dies takes no more than the last along.
A file is named by when its stretch of unbroken sound began (Unix ms) and its place in it. ``call.json`` appears when
the call is over, and says what a worker must know.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from bots.captions.track import Speaker
from bots.engines.contract import SAMPLE_RATE, Samples

FILE_S = 2
"""How much sound a crash costs at most."""
MAX_CALL_BYTES = 4 << 30
"""stops: a meeting that never ends filling the disk; some sixty hours of one voice. What is said later is not kept."""
KEEP_S = 3 * 24 * 3600
"""stops: sound lying about because no worker ever came, or none succeeded. Three days, then it is deleted unread."""
_GAP_MS = 400
_CALL = "call.json"
_TRACK = "track.json"
_END = ".flac"


@dataclass(frozen=True, slots=True)
class LiveTurn:
    """What the live captions knew of a shared track: whose turn it was from when to when (Unix ms)."""

    track_sid: str
    start_ms: int
    end_ms: int
    voice: str
    display_name: str


@dataclass(frozen=True, slots=True)
class EndedCall:
    """What the final pass is told of a call.

    ``names`` are the display names of those who spoke, by user id; ``turns`` those on tracks that people share.
    ``agreed`` says when each of them agreed (Unix milliseconds), ``withdrawn`` who had said no by the end.
    """

    room_id: str
    call_id: str
    started_ms: int
    ended_ms: int
    names: dict[str, str]
    turns: tuple[LiveTurn, ...] = ()
    agreed: dict[str, int] = field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound without a gap: its files in order, the first sample of which was heard at ``start_ms``.

    Files that are gone since, because their owner withdrew, count as empty.
    """

    start_ms: int
    files: tuple[Path, ...]

    def samples(self) -> int:
        """Count its samples."""
        return sum(_frames(path) for path in self.files)

    def blocks(self, begin: int = 0) -> Iterator[Samples]:
        """Give its sound from sample ``begin`` on."""
        for path in self.files:
            frames = _frames(path)
            if begin < frames:
                yield _sound(path, begin)
            begin = max(0, begin - frames)


@dataclass(frozen=True, slots=True)
class SpooledTrack:
    """One person's sound of one call."""

    sid: str
    user_id: str
    stretches: tuple[Stretch, ...]

    def between(self, start_ms: int, end_ms: int) -> Samples:
        """Give what was heard from one moment to another (Unix ms), as far as it lies here."""
        found = [np.zeros(0, np.float32)]
        for stretch in self.stretches:
            begin = max(0, start_ms - stretch.start_ms) * SAMPLE_RATE // 1000
            end = (end_ms - stretch.start_ms) * SAMPLE_RATE // 1000
            for block in stretch.blocks(begin) if begin < end else ():
                found.append(block[: end - begin])
                begin += len(block)
                if begin >= end:
                    break
        return np.concatenate(found)


class Spool:
    """The folder of all calls; the bot writes, workers on any machine that sees it read and delete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def call(self, call_id: str) -> "CallSpool":
        """Return a call's part, whether anything lies there or not."""
        return CallSpool(self._folder / _name(call_id))

    def ended(self) -> Iterator[EndedCall]:
        """Give the calls that are over and whose sound is here."""
        for folder in self._calls():
            try:
                told = json.loads((folder / _CALL).read_text())
                turns = tuple(LiveTurn(**turn) for turn in told["turns"])
                yield EndedCall(**told | {"turns": turns, "withdrawn": tuple(told.get("withdrawn", ()))})
            except (OSError, ValueError, TypeError, KeyError):
                continue

    def sweep(self, now_s: float) -> int:
        """Delete calls that nobody wrote to for ``KEEP_S`` before ``now_s`` (Unix seconds); return how many."""
        old = [folder for folder in self._calls() if _newest_s(folder) < now_s - KEEP_S]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    def _calls(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []


class CallSpool:
    """One call's sound."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_CALL_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._used: int | None = None
        self._people: set[str] | None = None

    def writer(self, speaker: Speaker) -> "TrackWriter":
        """Begin to keep a track of somebody who agreed."""
        return TrackWriter(self, self._folder / _name(speaker.track_sid), speaker)

    def forget(self, user_id: str) -> None:
        """Delete everything of a person who withdrew."""
        for folder in self._track_folders():
            if _read_json(folder / _TRACK).get("user_id") == user_id:
                shutil.rmtree(folder, ignore_errors=True)
        self._used = self._people = None

    def keep_only(self, agreed: Callable[[str], bool]) -> None:
        """Delete everything of those who do not agree any more."""
        for user_id in [user_id for user_id in self.people() if not agreed(user_id)]:
            self.forget(user_id)

    def people(self) -> set[str]:
        """Return whose sound lies here."""
        if self._people is None:
            self._people = {str(_read_json(folder / _TRACK).get("user_id")) for folder in self._track_folders()}
        return self._people

    def end(self, call: EndedCall) -> None:
        """Hand the call to the workers; without any sound there is nothing to hand over."""
        if self._folder.is_dir():
            _write(self._folder / _CALL, json.dumps(asdict(call), ensure_ascii=False).encode())

    def handed_over(self) -> bool:
        """Tell whether the call is over and still here, though everybody may have withdrawn."""
        return (self._folder / _CALL).is_file()

    def delete(self) -> None:
        """Delete the call's sound."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def tracks(self) -> list[SpooledTrack]:
        """Return what lies here, the same order each time."""
        found = []
        for folder in self._track_folders():
            told = _read_json(folder / _TRACK)
            stretches: dict[int, list[Path]] = {}
            for path in sorted(folder.glob(f"*{_END}")):
                stretches.setdefault(int(path.name.partition("-")[0]), []).append(path)
            parts = tuple(Stretch(start_ms, tuple(files)) for start_ms, files in sorted(stretches.items()))
            if parts and isinstance(told.get("user_id"), str):
                found.append(SpooledTrack(str(told.get("track_sid")), told["user_id"], parts))
        return found

    def make(self, folder: Path, told: dict[str, Any]) -> None:
        """Make a track's folder, readable by nobody else."""
        for each in (self._folder.parent, self._folder, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        _write(folder / _TRACK, json.dumps(told).encode())
        self._people = None

    def admit(self, size: int) -> bool:
        """Tell whether so many bytes more may be kept, and count them."""
        if self._used is None:
            self._used = sum(path.stat().st_size for path in self._folder.rglob(f"*{_END}"))
        if self._used + size > self._max_bytes:
            return False
        self._used += size
        return True

    def _track_folders(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.is_dir())


@dataclass(slots=True, eq=False)
class TrackWriter:
    """Keeps one track. Not for two threads."""

    call: CallSpool
    folder: Path
    speaker: Speaker
    _held: list[Samples] = field(default_factory=list)
    _held_samples: int = 0
    _written: int = 0
    _start_ms: int = 0
    _number: int = 0
    _made: bool = False
    _full: bool = False

    def write(self, samples: Samples, now_ms: float) -> bool:
        """Take the next samples, the last of which was heard at ``now_ms``; False if the call's limit is reached.

        Raises:
            OSError: the disk is full or gone.
        """
        begin_ms = now_ms - len(samples) * 1000 / SAMPLE_RATE
        due_ms = self._start_ms + (self._written + self._held_samples) * 1000 / SAMPLE_RATE
        if begin_ms - due_ms > _GAP_MS:  # sound that comes early was late before
            self.flush()
            self._start_ms, self._written, self._number = round(begin_ms), 0, 0
        self._held.append(samples)
        self._held_samples += len(samples)
        if self._held_samples >= FILE_S * SAMPLE_RATE:
            self.flush()
        return not self._full

    def flush(self) -> None:
        """Write what is held, as when the track ends."""
        held, count, self._held, self._held_samples = self._held, self._held_samples, [], 0
        if not count or self._full:
            return
        if not self._made:
            self.call.make(self.folder, {"user_id": self.speaker.user_id, "track_sid": self.speaker.track_sid})
            self._made = True
        part = self.folder / ".part"
        with _private(part) as file:
            soundfile.write(file, np.concatenate(held), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        self._full = not self.call.admit(part.stat().st_size)
        if self._full:
            part.unlink()
            return
        part.rename(self.folder / f"{self._start_ms}-{self._number:06d}{_END}")
        self._written += count
        self._number += 1

    def discard(self) -> None:
        """Forget what is held: its owner withdrew."""
        self._held, self._held_samples = [], 0


def _frames(path: Path) -> int:
    try:
        return int(soundfile.info(path).frames)
    except (OSError, RuntimeError):
        if path.exists():
            raise
        return 0


def _sound(path: Path, begin: int) -> Samples:
    try:
        return np.asarray(soundfile.read(path, dtype="float32", start=begin)[0])
    except (OSError, RuntimeError):
        if path.exists():
            raise
        return np.zeros(0, np.float32)


def _name(text: str) -> str:
    """Make a name of a file of anything that came from outside."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _private(path: Path) -> BinaryIO:
    """Open a file for writing that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with _private(part) as file:
        file.write(data)
    part.rename(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _newest_s(folder: Path) -> float:
    times = [path.stat().st_mtime for path in (folder, *folder.glob("*"))]
    return max(times)
