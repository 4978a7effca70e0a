# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Silero voice detection, one window at a time."""

from functools import cache
from typing import Any

import numpy as np

from bots.engines.contract import VAD_WINDOW, Samples

_CONTEXT = 64  # the model looks back 4 ms at 16 kHz


@cache
def _session() -> Any:  # noqa: ANN401 - onnxruntime ships no types
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415 - onnxruntime is loaded when first used

    return get_vad_model().session


def load() -> None:
    """Bring the model into memory, a second or two the first time; later calls do nothing."""
    _session()


class SileroDetector:
    """The model that ships with faster-whisper, run step by step: same figures as its batch run.

    One call costs about 0.2 ms, so the event loop makes it itself, after ``load`` ran in a thread; until then it may
    be made, and not be asked.
    """

    def __init__(self) -> None:
        self._h = np.zeros((1, 1, 128), dtype=np.float32)
        self._c = np.zeros((1, 1, 128), dtype=np.float32)
        self._input = np.zeros((1, _CONTEXT + VAD_WINDOW), dtype=np.float32)

    def probability(self, window: Samples) -> float:
        """Take the next ``VAD_WINDOW`` samples; tell how probable speech is, 0…1."""
        self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
        self._input[0, _CONTEXT:] = window
        output, self._h, self._c = _session().run(None, {"input": self._input, "h": self._h, "c": self._c})
        return float(output.reshape(-1)[0])
