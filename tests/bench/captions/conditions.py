# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a clean recording sounds with people talking around it, or over an old telephone line.

Noise is recorded babble: eight stretches of the *tuning* recordings of both languages, which are never reported, laid
over one another; the seed is the talk's name, so that every run hears the same. The level is that of the speech alone,
without its pauses.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from bots.engines.contract import SAMPLE_RATE, Samples

CLEAN = "clean"
NOISES_DB = {"noise_20db": 20.0, "noise_10db": 10.0, "noise_5db": 5.0}
TELEPHONE = "telephone"
CONDITIONS = (CLEAN, *NOISES_DB, TELEPHONE)

_VOICES = 8
_BAND_HZ = (300.0, 3400.0)
_A = 87.6
"""G.711 A-law's constant."""


def under(condition: str, samples: Samples, speech: Sequence[slice], babble: Sequence[Samples], name: str) -> Samples:
    """Return a recording as it sounds under a condition.

    Args:
        speech: where in ``samples`` somebody speaks.
        babble: recordings to mix a crowd from.
        name: the talk's, as the seed.
    """
    if condition == CLEAN:
        return samples
    if condition == TELEPHONE:
        return telephone(samples)
    crowd = crowd_of(babble, len(samples), zlib.crc32(name.encode()))
    level = np.sqrt(np.mean(np.concatenate([samples[part] for part in speech]) ** 2) / np.mean(crowd**2))
    noisy = samples + crowd * level * 10 ** (-NOISES_DB[condition] / 20)
    return np.clip(noisy, -1.0, 1.0).astype(np.float32)


def crowd_of(babble: Sequence[Samples], length: int, seed: int) -> Samples:
    """Lay eight stretches of recordings over one another, each as loud as the others."""
    rng = np.random.default_rng(seed)
    crowd = np.zeros(length, dtype=np.float32)
    for voice in range(_VOICES):
        source = babble[(voice + int(rng.integers(len(babble)))) % len(babble)]
        turned = np.roll(source, int(rng.integers(len(source))))
        crowd += np.resize(turned, length) / np.sqrt(np.mean(source**2))
    return crowd


def telephone(samples: Samples) -> Samples:
    """Narrow the band to 300–3,400 Hz, sample at 8 kHz, write eight bits of G.711 A-law, and read them again."""
    even = np.append(samples, np.zeros(len(samples) % 2, dtype=np.float32))
    spectrum = np.fft.rfft(even)
    hertz = np.fft.rfftfreq(len(even), 1 / SAMPLE_RATE)
    spectrum[(hertz < _BAND_HZ[0]) | (hertz > _BAND_HZ[1])] = 0
    narrow = np.fft.irfft(spectrum, len(even))[::2]
    spectrum = np.fft.rfft(_a_law(narrow))
    wide = np.fft.irfft(np.append(spectrum, np.zeros(len(even) // 2 + 1 - len(spectrum))), len(even)) * 2
    return wide[: len(samples)].astype(np.float32)


def _a_law(samples: np.ndarray) -> np.ndarray:
    """Round to what eight bits of A-law can tell apart: a sign and 128 steps of the compressed level."""
    level = np.clip(np.abs(samples), 0, 1)
    base = 1 + np.log(_A)
    compressed = np.where(level < 1 / _A, _A * level / base, (1 + np.log(np.maximum(level, 1 / _A) * _A)) / base)
    steps = (np.floor(compressed * 128) + 0.5).clip(0, 127.5) / 128
    expanded = np.where(steps < 1 / base, steps * base / _A, np.exp(steps * base - 1) / _A)
    return np.sign(samples) * expanded
