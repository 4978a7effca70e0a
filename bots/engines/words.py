# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whisper for recordings: every word with its time, at the full 30 s of context and with a beam."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bots.captions.paragraphs import Word
from bots.engines.contract import SAMPLE_RATE, Samples

_BEAM = 5
_TEMPERATURES = (0.0, 0.2, 0.4)
"""A reading that repeats itself or doubts itself is read again, a little freer each time."""
_SILENCE_S = 2.0
_PADDING = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
"""Silence after each piece: what faster-whisper pads with, zero features, is not silence to the model. Measured with
`base` on five recordings (198 words): 5 words wrong with it, 6 without."""
_IDENTIFY_S = 12.0
"""How much of a piece tells its language; Whisper's encoder costs more than in proportion to the length."""
_IDENTIFY_FRAMES = 1500
_GLUE = ("'", "’", "-")
MAX_HOTWORDS_CHARS = 600
"""stops: a glossary that takes the place of the text; Whisper gives its prompt 224 tokens."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a piece; its words are timed from its first sample, the rest is as in ``Decoded``."""

    words: tuple[Word, ...]
    score: float
    no_speech: float


class WordReader:
    """One model, one thread. Blocking calls, for one caller at a time, after ``load``."""

    def __init__(self, model: str) -> None:
        self._path = model
        self._model: Any = None

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""
        if self._model is None:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - loads CTranslate2: half a second and 100 MB

            self._model = WhisperModel(self._path, device="cpu", compute_type="int8", cpu_threads=1)

    @property
    def multilingual(self) -> bool:
        """Whether the model reads more than English."""
        return bool(self._model.model.is_multilingual)

    def identify(self, samples: Samples) -> Mapping[str, float]:
        """Tell how probable each language (ISO 639-1) is, from the first seconds."""
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415 - imported with the model

        features = self._model.feature_extractor(samples[: int(_IDENTIFY_S * SAMPLE_RATE)], padding=48_000)
        encoded = self._model.encode(pad_or_trim(features, _IDENTIFY_FRAMES))
        ranked = self._model.model.detect_language(encoded)[0]
        return {token[2:-2]: probability for token, probability in ranked}

    def read(self, samples: Samples, lang: str, hotwords: str = "") -> Reading:
        """Read at most 30 s of audio in one language; ``hotwords`` are names and terms that may come in it."""
        segments = list(
            self._model.transcribe(
                np.concatenate([samples, _PADDING]),
                language=lang,
                beam_size=_BEAM,
                temperature=_TEMPERATURES,
                condition_on_previous_text=False,
                word_timestamps=True,
                hallucination_silence_threshold=_SILENCE_S,
                hotwords=hotwords or None,
            )[0]
        )
        words = glued(
            Word(round(word.start * 1000), round(word.end * 1000), word.word)
            for segment in segments
            for word in segment.words or ()
        )
        if not segments:
            return Reading(words, 0.0, 1.0)
        score = sum(segment.avg_logprob for segment in segments) / len(segments)
        return Reading(words, score, max(segment.no_speech_prob for segment in segments))


def glued(words: Iterable[Word]) -> tuple[Word, ...]:
    """Put together what the model parts at apostrophes and hyphens: "d" and "'établir"."""
    made: list[Word] = []
    for word in words:
        if made and word.text.startswith(_GLUE):
            made[-1] = Word(made[-1].start_ms, word.end_ms, made[-1].text + word.text)
        else:
            made.append(word)
    return tuple(made)


def hotwords(terms: Sequence[str], max_chars: int = MAX_HOTWORDS_CHARS) -> str:
    """Join the terms of a glossary as the model takes them; what is too much is left out."""
    kept: list[str] = []
    left = max_chars
    for term in terms:
        plain = " ".join(term.split())
        if plain and len(plain) + 2 <= left:
            kept.append(plain)
            left -= len(plain) + 2
    return ", ".join(kept)
