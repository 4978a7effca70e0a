# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whisper by faster-whisper, with an encoder context as short as the audio allows.

Whisper pads everything to 30 s, and its encoder's cost grows faster than that length. CTranslate2 takes fewer frames,
so each call pads with three seconds of silence and to eight at least: about six times cheaper. Measured on 70 telephone
prompts of 2 to 7 s against the full 30 s: at 5 s context one clip in ten was written twice (0.13 of the words
differed), at 10 s none (0.02). On the tuning recordings 8 s and 10 s gave the same error rates in all conditions, and
8 s took 17 % less time; two seconds of silence gave a point more errors. Silence is appended to the samples; zero
*features*, as faster-whisper pads, are not silence.
"""

import contextlib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bots.engines.contract import SAMPLE_RATE, Decoded, Samples
from bots.engines.words import hotwords

_FRAMES_PER_SECOND = 100
_PADDING_S = 3.0
_CONTEXT_MIN_S = 8.0
_CONTEXT_MAX_S = 30.0
_TOKENS_BASE = 12
_TOKENS_PER_SECOND = 8
"""stops: a decoder that repeats itself until Whisper's limit of 448 tokens; fast speech needs about 6."""

MAX_TERMS_CHARS = 200
"""stops: a glossary that slows down every reading; about 60 tokens, which cost a fifth of the writing of a text."""

_WORD = re.compile(r"\w+")
_DOUBTFUL = -1.0
"""Below this score a text was spoilt by the terms it was to look for: of 20 parts of a real talk they had base write
"and" or "of" for 6, at scores of -2 to -6. Those are read again without them."""
_SILENT = 0.6
_UNREADABLE = -1.3
"""With such a belief that nobody spoke, or where nothing can be read without them, the terms are not offered: over
silence and music base wrote two of them and nothing else."""


class WhisperEngine:
    """A multilingual Whisper in int8, one thread a call, ``workers`` calls at once on one copy of the weights."""

    def __init__(self, model: str, *, workers: int = 1) -> None:
        self._path = model
        self._workers = workers
        self._model: Any = None
        self._tokenizers: dict[str, Any] = {}
        self._encoded: deque[tuple[Samples, Any]] = deque(maxlen=workers)

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""
        if self._model is not None:
            return
        from faster_whisper import WhisperModel  # noqa: PLC0415 - loads CTranslate2: half a second and 100 MB
        from threadpoolctl import threadpool_limits  # noqa: PLC0415

        # OpenBLAS has idle threads spin: the features of a reading, 5 ms, cost a second core for 100 ms.
        threadpool_limits(1, user_api="blas")
        self._model = WhisperModel(
            self._path, device="cpu", compute_type="int8", cpu_threads=1, num_workers=self._workers
        )

    def identify(self, samples: Samples) -> Mapping[str, float]:
        """Tell how probable each language (ISO 639-1) is. To read the same array next costs less."""
        encoded = self._encode(samples)
        self._encoded.append((samples, encoded))
        ranked = self._model.model.detect_language(encoded)[0]
        return {token[2:-2]: probability for token, probability in ranked}

    def transcribe(
        self, samples: Samples, lang: str, *, utterance: str = "", final: bool = True, terms: Sequence[str] = ()
    ) -> Decoded:
        """Read at most 30 s of audio in one language, each time from the beginning."""
        encoded, seconds = self._take_encoded(samples), len(samples) / SAMPLE_RATE
        names = hotwords(terms, MAX_TERMS_CHARS)
        found = self._write(encoded, seconds, lang, names)
        silent = found.no_speech > _SILENT
        if not names or (found.score >= _DOUBTFUL and not silent and not _only(terms, found.text)):
            return found
        plain = self._write(encoded, seconds, lang, "")
        if silent or plain.score < _UNREADABLE:
            return plain
        return max(found, plain, key=lambda decoded: decoded.score)

    def _write(self, encoded: Any, seconds: float, lang: str, names: str) -> Decoded:  # noqa: ANN401 - as below
        tokenizer = self._tokenizer(lang)
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True, hotwords=names or None)
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=2 * int(_TOKENS_BASE + _TOKENS_PER_SECOND * seconds),  # CTranslate2 writes half as many at most
            suppress_blank=True,
            suppress_tokens=[-1],
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        text = tokenizer.decode([token for token in result.sequences_ids[0] if token < tokenizer.eot])
        return Decoded(text.strip(), float(result.scores[0]), float(result.no_speech_prob))

    def _take_encoded(self, samples: Samples) -> Any:  # noqa: ANN401 - as above
        for entry in list(self._encoded):
            if entry[0] is samples:
                with contextlib.suppress(ValueError):  # another thread's newer one pushed it out
                    self._encoded.remove(entry)
                return entry[1]
        return self._encode(samples)

    def _encode(self, samples: Samples) -> Any:  # noqa: ANN401 - CTranslate2's storage has no types
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415 - imported with the model

        seconds = len(samples) / SAMPLE_RATE
        context_s = min(_CONTEXT_MAX_S, max(_CONTEXT_MIN_S, seconds + _PADDING_S))
        padded = np.zeros(int(context_s * SAMPLE_RATE), dtype=np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        features = self._model.feature_extractor(padded)
        return self._model.encode(pad_or_trim(features, int(context_s * _FRAMES_PER_SECOND)))

    def _tokenizer(self, lang: str) -> Any:  # noqa: ANN401 - faster-whisper ships no types
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - imported with the model

        if lang not in self._tokenizers:
            self._tokenizers[lang] = Tokenizer(
                self._model.hf_tokenizer,
                self._model.model.is_multilingual,
                task="transcribe",
                language=lang,
            )
        return self._tokenizers[lang]


def _only(terms: Sequence[str], text: str) -> bool:
    return set(_WORD.findall(text.casefold())) <= set(_WORD.findall(" ".join(terms).casefold()))
