# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which recordings are played, and where their phrases begin and end.

A folder holds, for each speaker, one recording (`name.wav` or `name.flac`) and what is said in it (`name.txt`).
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.int16]

RATE = 48_000
"""Hz, what WebRTC's Opus runs at."""
SPEAKERS_MIN = 2
SPEAKERS_MAX = 3
RECORDING_MAX_S = 120.0
"""A demo is a few minutes long: longer recordings are refused, not cut."""

_FRAME_S = 0.02
_SPEECH_BELOW_PEAK_DB = 32.0
_PAUSE_S = 0.45
"""A silence this long ends a phrase; the captions' own pause is 500 ms of silence *after* speech."""


class SpeechFolderError(Exception):
    """The folder does not hold what the demo needs; the text says what to put there."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One speaker's recording: 48 kHz mono, and the text that is said in it."""

    name: str
    samples: Samples
    text: str


def load_folder(folder: Path) -> list[Recording]:
    """Read the recordings of a folder, in the order of their names.

    Raises:
        SpeechFolderError: no such folder, a recording without text, too few, too many or too long.
    """
    if not folder.is_dir():
        raise SpeechFolderError(f"{folder} is not a folder. It should hold a wav or flac and a txt for each speaker.")
    sounds = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".wav", ".flac"})
    if not SPEAKERS_MIN <= len(sounds) <= SPEAKERS_MAX:
        raise SpeechFolderError(
            f"{folder} holds {len(sounds)} recordings (wav or flac); the demo wants {SPEAKERS_MIN} or {SPEAKERS_MAX}."
        )
    return [_load(path) for path in sounds]


def _load(path: Path) -> Recording:
    text_path = path.with_suffix(".txt")
    if not text_path.is_file():
        raise SpeechFolderError(f"{path.name} has no {text_path.name} beside it with the words that are said.")
    text = text_path.read_text(encoding="utf-8").strip()
    if not text:
        raise SpeechFolderError(f"{text_path.name} is empty; it should hold the words that are said.")
    try:
        data, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise SpeechFolderError(f"{path.name} can't be read as sound: {error}") from error
    if len(data) == 0:
        raise SpeechFolderError(f"{path.name} holds no sound.")
    if len(data) / rate > RECORDING_MAX_S:
        raise SpeechFolderError(f"{path.name} is longer than {RECORDING_MAX_S:.0f} s; cut it, with its text.")
    return Recording(path.stem, _resample(data[:, 0], rate), text)


def _resample(samples: Samples, rate: int) -> Samples:
    if rate == RATE:
        return samples
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    parts = [part.to_ndarray()[0] for source in (frame, None) for part in resampler.resample(source)]
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of speech in a recording, in samples at 48 kHz: `[start, end)`."""

    start: int
    end: int


def phrases(samples: Samples) -> list[Phrase]:
    """Cut a recording at its pauses; the silences belong to no phrase.

    Energy against the recording's own peak is enough here: these are clean recordings whose text we know. The
    captions never see these boundaries.
    """
    size = int(_FRAME_S * RATE)
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1.0)
    voiced = np.flatnonzero(level > level.max() - _SPEECH_BELOW_PEAK_DB) if len(level) else np.array([], dtype=int)
    found: list[Phrase] = []
    for index in voiced.tolist():
        if found and (index * size - found[-1].end) <= _PAUSE_S * RATE:
            found[-1] = Phrase(found[-1].start, (index + 1) * size)
        else:
            found.append(Phrase(index * size, (index + 1) * size))
    return found
