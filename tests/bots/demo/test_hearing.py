# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from bots.demo.hearing import EnvelopeMeter, similarity


def speechlike(seed):
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0, 1, 60) ** 2, 4800)
    return (loudness * random.normal(0, 6000, len(loudness))).clip(-32768, 32767).astype(np.int16)


def metered(samples, delay_s=0.0, gain=1.0):
    meter = EnvelopeMeter(100.0, 48_000)
    for index, start in enumerate(range(0, len(samples), 480)):
        meter.add(100.0 + delay_s + index * 0.01, (samples[start : start + 480] * gain).astype(np.int16))
    return meter.envelope()


def test_the_same_sound_later_and_quieter_is_recognised():
    sound = speechlike(1)
    assert similarity(metered(sound), metered(sound, delay_s=0.37, gain=0.5)) > 0.9


def test_another_sound_silence_and_nothing_are_not():
    sent = metered(speechlike(1))
    assert similarity(sent, metered(speechlike(2))) < 0.5
    assert similarity(sent, metered(np.zeros(48_000 * 6, np.int16))) == 0.0
    assert similarity(sent, EnvelopeMeter(0.0, 48_000).envelope()) == 0.0


def test_a_sound_with_a_third_missing_is_not_the_same():
    sound = speechlike(3)
    holed = sound.copy()
    for start in range(0, len(holed), 48_000):
        holed[start : start + 20_000] = 0
    assert similarity(metered(sound), metered(holed)) < 0.8


def test_frames_from_before_the_beginning_do_not_count():
    meter = EnvelopeMeter(10.0, 48_000)
    meter.add(9.0, np.ones(480, np.int16))
    assert len(meter.envelope()) == 0


def test_frames_that_come_in_bursts_keep_their_place():
    sound = speechlike(4)
    meter = EnvelopeMeter(0.0, 48_000)
    for index, start in enumerate(range(0, len(sound), 480)):
        meter.add((index // 10 * 10 + 9) * 0.01, sound[start : start + 480])
    assert similarity(metered(sound), meter.envelope()) > 0.95
