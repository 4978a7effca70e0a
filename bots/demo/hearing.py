# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Was the sound that arrived the sound that was sent? Loudness over time of the two, compared.

Codecs, jitter buffers and gain change every sample but not the shape of the loudness; another speaker's sound, or
a stream with holes, has another shape.
"""

import numpy as np
import numpy.typing as npt

Envelope = npt.NDArray[np.float64]

STEP_S = 0.01
"""One value of an envelope stands for this much time."""
SMOOTH_STEPS = 10
"""Loudness is averaged over this many steps (100 ms), about a syllable."""
LAG_MAX_S = 2.0
"""How much later than sent a sound may have been received."""
CLOCK_SLIP_MAX_S = 0.25
"""A stream's own sample count is its clock until it is this far from the wall clock: frames arrive in bursts."""


class EnvelopeMeter:
    """Loudness of a stream of frames, in steps of 10 ms on a common clock.

    Args:
        begin_s: the clock's value at step 0; frames before it are left out.
        rate: Hz of the samples, mono.
    """

    def __init__(self, begin_s: float, rate: int) -> None:
        self._begin_s = begin_s
        self._rate = rate
        self._next_s = begin_s - 2 * CLOCK_SLIP_MAX_S
        self._energy: list[float] = []

    def add(self, now_s: float, samples: npt.NDArray[np.int16]) -> None:
        """Count a frame of 10 ms that was played or arrived at `now_s`."""
        if abs(now_s - self._next_s) > CLOCK_SLIP_MAX_S:
            self._next_s = now_s
        step = round((self._next_s - self._begin_s) / STEP_S)
        self._next_s += len(samples) / self._rate
        if step < 0 or len(samples) == 0:
            return
        self._energy.extend([0.0] * (step + 1 - len(self._energy)))
        self._energy[step] = float(np.mean(samples.astype(np.float64) ** 2))

    def envelope(self) -> Envelope:
        """Smoothed loudness (RMS) of each step; a step without samples is silent."""
        if not self._energy:
            return np.zeros(0)
        smooth: Envelope = np.convolve(self._energy, np.ones(SMOOTH_STEPS) / SMOOTH_STEPS, "same")
        return np.sqrt(smooth, dtype=np.float64)


def similarity(sent: Envelope, received: Envelope) -> float:
    """Highest correlation (Pearson, at most 1) of the two over delays of 0 to 2 s; 0 where either is silent."""
    best = 0.0
    for lag in range(int(LAG_MAX_S / STEP_S) + 1):
        late = received[lag:]
        length = min(len(sent), len(late))
        if length < int(1.0 / STEP_S):
            break
        left, right = sent[:length], late[:length]
        if left.std() == 0 or right.std() == 0:
            continue
        best = max(best, float(np.corrcoef(left, right)[0, 1]))
    return best
