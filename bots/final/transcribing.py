# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From one recording to its transcript."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, paragraphs
from bots.engines.contract import SAMPLE_RATE
from bots.engines.words import WordReader
from bots.final import recording
from bots.final.reading import TrackReader
from bots.passport import whisper_passport

_NOBODY = Voice("", "")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is known beforehand: ``languages`` that may be spoken, all if empty."""

    languages: tuple[str, ...] = ()


class Transcriber:
    """One model for many recordings."""

    def __init__(self, model: str, choices: Choices) -> None:
        self._path = model
        self._reader = WordReader(model)
        self._choices = choices

    def load(self) -> None:
        """Bring the model into memory.

        Raises:
            RuntimeError, ValueError, OSError: it can't be had, or it is damaged.
        """
        self._reader.load()

    def transcribe(self, path: Path, progress: Callable[[float], None]) -> FinalTranscript:
        """Read a recording; ``progress`` learns how much of it is done, 0…1.

        Raises:
            RecordingError: it can't be read.
        """
        length_s = recording.duration_s(path)
        utterances: list[Utterance] = []
        end = 0
        for read in TrackReader(self._reader, self._choices.languages).read(recording.blocks(path)):
            end = read.end
            if read.words:
                utterances.append(Utterance(_NOBODY, read.lang, read.words))
            if length_s:
                progress(min(1.0, read.end / SAMPLE_RATE / length_s))
        progress(1.0)
        ended_ms = max(round(length_s * 1000), end * 1000 // SAMPLE_RATE)
        model = whisper_passport(self._path, host=socket.gethostname())
        return FinalTranscript(
            "", path.name, 0, ended_ms, model.content(), model.sentence(), paragraphs(path.name, utterances)
        )
