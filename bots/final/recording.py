# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The sound of a recording on disk, whatever its format, as the speech models take it."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from bots.engines.contract import SAMPLE_RATE, Samples


class RecordingError(Exception):
    """It can't be read; the message says why, and what to do."""


def duration_s(path: Path) -> float:
    """Return how long it is, as its container says; 0.0 if it does not say.

    Raises:
        RecordingError: there is no sound to read.
    """
    with _opened(path) as container:
        stream = container.streams.audio[0]
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return (container.duration or 0) / 1_000_000


def blocks(path: Path) -> Iterator[Samples]:
    """Decode it bit by bit, mono at ``SAMPLE_RATE``; its length costs no memory.

    Raises:
        RecordingError: there is no sound to read, or it is damaged.
    """
    with _opened(path) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        try:
            for frame in container.decode(audio=0):
                frame.pts = None
                yield from (_samples(part) for part in resampler.resample(frame))
            yield from (_samples(part) for part in resampler.resample(None))
        except (av.FFmpegError, ValueError) as error:
            raise RecordingError(f"{path} is damaged: {_reason(error)}") from error


def _opened(path: Path) -> av.container.InputContainer:
    try:
        if path.is_dir():
            raise RecordingError(f"{path} is a folder: name the recordings in it, for example {path}/*")
        if not path.exists():
            raise RecordingError(f"{path} does not exist: look at its name again")
        if path.is_file() and not path.stat().st_size:
            raise RecordingError(f"{path} is empty: copy it again")
        container = av.open(str(path), mode="r", metadata_errors="ignore")
    except PermissionError as error:
        raise RecordingError(f"{path} can't be read: its owner must let you") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RecordingError(
            f"{path} is no recording that can be read ({_reason(error)}): sound or video is, such as wav, mp3, ogg, mp4"
        ) from error
    if not container.streams.audio:
        container.close()
        raise RecordingError(f"{path} has no sound in it: choose another file")
    return container


def _samples(frame: av.AudioFrame) -> Samples:
    return frame.to_ndarray().reshape(-1).astype(np.float32) / 32768.0


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
