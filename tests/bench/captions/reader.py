# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do the baselines and the offline decode read? The same weights as the captions', asked for more.

``TimedReader`` reads as the captions' engine does, in a short context without beam, and tells when each word was said,
which LocalAgreement needs. ``read_offline`` is faster-whisper's own `transcribe` over the whole recording: windows of
30 s, five beams, voice detection, and no text carried over, which makes it loop on telephone speech.
"""

import time
from dataclasses import dataclass
from typing import Any

from bots.engines.contract import SAMPLE_RATE, Samples
from bots.engines.whisper import WhisperEngine
from tests.bench.captions.agreement import TimedWord, as_text

_STEP = 160
_OPENING, _CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""What faster-whisper joins to the word after it, and to the word before it."""


def read_offline(engine: WhisperEngine, samples: Samples, lang: str) -> str:
    """Read a whole recording at once."""
    segments, _ = engine._model.transcribe(
        samples, language=lang, beam_size=5, vad_filter=True, condition_on_previous_text=False, temperature=0
    )
    return " ".join(segment.text.strip() for segment in segments)


@dataclass(frozen=True, slots=True)
class Reading:
    """Words in seconds from the first sample; ``text_s`` of the processor went into the text, the rest into times."""

    words: tuple[TimedWord, ...]
    text_s: float

    @property
    def text(self) -> str:
        return as_text(self.words)


class TimedReader:
    """Reads with the engine's model and context; its words carry times."""

    def __init__(self, engine: WhisperEngine) -> None:
        self._engine = engine

    def read(self, samples: Samples, lang: str, prompt: str) -> Reading:
        """Read at most 30 s; ``prompt`` is what was said before."""
        from faster_whisper.transcribe import merge_punctuations

        began = time.process_time()
        model, tokenizer = self._engine._model, self._engine._tokenizer(lang)
        encoded = self._engine._encode(samples)
        text = self._text(model, tokenizer, encoded, samples, prompt)
        text_s = time.process_time() - began
        if not text:
            return Reading((), text_s)
        (found,) = model.find_alignment(tokenizer, [tokenizer.encode(" " + text)], encoded, len(samples) // _STEP)
        merge_punctuations(found, _OPENING, _CLOSING)
        words = (TimedWord(float(each["start"]), float(each["end"]), each["word"]) for each in found)
        return Reading(tuple(word for word in words if word.text), text_s)

    @staticmethod
    def _text(model: Any, tokenizer: Any, encoded: Any, samples: Samples, prompt: str) -> str:
        before = tokenizer.encode(" " + prompt) if prompt else []
        start = model.get_prompt(tokenizer, before, without_timestamps=True)
        (result,) = model.model.generate(
            encoded,
            [start],
            beam_size=1,
            max_length=2 * int(12 + 8 * len(samples) / SAMPLE_RATE) + len(before),
            suppress_blank=True,
            suppress_tokens=[-1],
        )
        return tokenizer.decode([token for token in result.sequences_ids[0] if token < tokenizer.eot]).strip()
