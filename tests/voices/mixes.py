# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Conversations at one microphone in a room, made from recordings of single people: sound, and who speaks when."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from faster_whisper.vad import VadOptions, get_speech_timestamps

from bots.captions.turns import Turn
from bots.engines.contract import SAMPLE_RATE, Samples

SPEECH = Path(__file__).parents[1] / "fixtures/speech"
OVERLAPS = 0.25
"""The share of turns that begin before the one before them ended."""
_LOUDNESS = 0.08
_NOISE = 0.0015
_ROOM = {"taps": 4000, "level": 0.0375, "decay": 700}


def mix(people: tuple[str, ...], seed: int, seconds: float = 30.0) -> tuple[Samples, list[Turn]]:
    """Let people take turns at random for about ``seconds``; the same seed gives the same conversation."""
    chance = random.Random(seed)
    stock = {name: chance.sample(phrases(name), len(phrases(name))) for name in people}
    said = dict.fromkeys(people, 0)
    sound = np.zeros(int((seconds + 15) * SAMPLE_RATE), np.float32)
    turns: list[Turn] = []
    now, last = 0.5, ""
    while now < seconds - 2:
        last = chance.choice([name for name in people if name != last])
        phrase = stock[last][said[last] % len(stock[last])]
        said[last] += 1
        level = _LOUDNESS / np.sqrt(np.mean(phrase**2)) * 10 ** (chance.uniform(-4, 4) / 20)
        early = bool(turns) and chance.random() < OVERLAPS
        start = max(0.0, now + (-chance.uniform(0.3, 1.0) if early else chance.uniform(0.15, 0.9)))
        first = int(start * SAMPLE_RATE)
        sound[first : first + len(phrase)] += phrase * level
        end = start + len(phrase) / SAMPLE_RATE
        turns.append(Turn(round(start * 1000), round(end * 1000), last))
        now = max(now, end)
    return _in_a_room(sound[: int((now + 0.5) * SAMPLE_RATE)], seed), turns


@cache
def phrases(name: str) -> list[Samples]:
    """Return what somebody says between two pauses, each time."""
    samples, rate = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    options = VadOptions(min_silence_duration_ms=250, speech_pad_ms=30, max_speech_duration_s=8)
    found = [samples[part["start"] : part["end"]] for part in get_speech_timestamps(samples, options)]
    return [phrase for phrase in found if len(phrase) > 0.8 * SAMPLE_RATE]


def _in_a_room(sound: Samples, seed: int) -> Samples:
    chance = np.random.default_rng(seed)
    echo = chance.standard_normal(_ROOM["taps"]) * _ROOM["level"] * np.exp(-np.arange(_ROOM["taps"]) / _ROOM["decay"])
    echo[0] = 1.0
    heard = np.convolve(sound, echo)[: len(sound)] + chance.standard_normal(len(sound)) * _NOISE
    return np.clip(heard, -1, 1).astype(np.float32)
