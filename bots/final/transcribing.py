# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From one recording to its transcript."""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bots.captions.byvoice import by_voice
from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, paragraphs
from bots.captions.parts import Speakers
from bots.captions.turns import Turn
from bots.engines.contract import SAMPLE_RATE
from bots.engines.words import WordReader
from bots.final import recording
from bots.final.hearing import ANY_NUMBER, LongHearing
from bots.final.reading import TrackReader
from bots.locales import in_language
from bots.passport import whisper_passport

_NOBODY = Voice("", "")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is known beforehand: ``languages`` that may be spoken, all if empty, and how many people speak."""

    languages: tuple[str, ...] = ()
    speakers: Speakers = ANY_NUMBER


class Transcriber:
    """One model for many recordings."""

    def __init__(self, model: str, choices: Choices, hearing: LongHearing | None = None) -> None:
        self._path = model
        self._reader = WordReader(model)
        self._choices = choices
        self._hearing = hearing

    def load(self) -> None:
        """Bring the model into memory.

        Raises:
            RuntimeError, ValueError, OSError: it can't be had, or it is damaged.
        """
        self._reader.load()
        if self._hearing is not None:
            self._hearing.diarizer.load()

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
        if self._hearing is not None and utterances:
            turns = self._hearing.turns(recording.blocks(path), end, self._choices.speakers)
            utterances = _by_speaker(utterances, turns)
        progress(1.0)
        ended_ms = max(round(length_s * 1000), end * 1000 // SAMPLE_RATE)
        model = whisper_passport(self._path, host=socket.gethostname())
        return FinalTranscript(
            "",
            path.name,
            0,
            ended_ms,
            model.content(),
            model.sentence(_spoken_most(utterances)),
            paragraphs(path.name, utterances),
        )


def _spoken_most(utterances: Sequence[Utterance]) -> str:
    spoken = Counter(utterance.lang for utterance in utterances for _ in utterance.words)
    return next((lang for lang, _ in spoken.most_common(1)), "")


def _by_speaker(utterances: Sequence[Utterance], turns: Sequence[Turn]) -> list[Utterance]:
    """Give the words to speakers, numbered in the order in which they begin, in the language that is spoken most."""
    lang = _spoken_most(utterances)
    voices: dict[str, Voice] = {}
    for turn in sorted(turns, key=lambda turn: turn.start_ms):
        number = len(voices) + 1
        voices.setdefault(turn.voice, Voice("", in_language(lang, "voice", number=str(number)), f"voice-{number}"))
    return [part for utterance in utterances for part in by_voice(utterance, turns, voices)]
