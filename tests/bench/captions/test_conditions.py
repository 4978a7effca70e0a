# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The conditions are what their names say, and the same in every run."""

import numpy as np
import pytest

from bots.engines.contract import SAMPLE_RATE
from tests.bench.captions.conditions import NOISES_DB, telephone, under
from tests.bench.captions.corpus import LANGUAGES, SETS, noisy, talks


def tone(hertz, *, level=0.3, seconds=1.0):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


def rms(samples):
    return float(np.sqrt(np.mean(np.asarray(samples, np.float64) ** 2)))


@pytest.mark.parametrize("condition", sorted(NOISES_DB))
def test_noise_is_as_far_below_the_speech_as_its_name_says_whatever_pauses_there_are(condition):
    speech = np.concatenate([tone(300), np.zeros(3 * SAMPLE_RATE, np.float32)])
    babble = [tone(hertz, level=0.05) for hertz in (150, 440, 910)]
    noisy_speech = under(condition, speech, [slice(0, SAMPLE_RATE)], babble, "talk")
    below = 20 * np.log10(rms(speech[:SAMPLE_RATE]) / rms(noisy_speech - speech))
    assert below == pytest.approx(NOISES_DB[condition], abs=0.2)


def test_noise_is_the_same_in_every_run_and_another_for_another_talk():
    heard = [under("noise_5db", tone(300), [slice(0, 9)], [tone(99), tone(1234)], name) for name in ("a", "a", "b")]
    assert np.array_equal(heard[0], heard[1])
    assert not np.array_equal(heard[0], heard[2])


@pytest.mark.parametrize(("hertz", "passes"), [(100, False), (250, False), (1000, True), (3000, True), (4500, False)])
def test_a_telephone_line_lets_300_to_3400_hz_through(hertz, passes):
    heard = rms(telephone(tone(hertz)))
    assert heard == pytest.approx(rms(tone(hertz)), rel=0.05) if passes else heard < 0.005


@pytest.mark.parametrize("level", [0.9, 0.1, 0.01])
def test_a_law_keeps_loud_and_soft_alike_at_about_38_db(level):
    """G.712 asks for 33 dB and more over this range."""
    soft = tone(1013, level=level)
    noise = rms(telephone(soft) - soft)
    assert 32 < 20 * np.log10(rms(soft) / noise) < 42


@pytest.mark.parametrize("lang", LANGUAGES)
def test_there_are_a_thousand_words_to_report_and_none_of_them_in_the_tuning_set(lang):
    texts = {chosen: [phrase.text for talk in talks(chosen, lang) for phrase in talk.phrases] for chosen in SETS}
    assert not set(texts["report"]) & set(texts["tuning"])
    assert sum(len(talk.words) for talk in talks("report", lang)) >= 1000
    assert sum(len(talk.words) for talk in noisy(talks("report", lang))) >= 200


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_word_has_its_time_within_its_phrase(lang):
    for talk in (talk for chosen in SETS for talk in talks(chosen, lang)):
        for phrase in talk.phrases:
            times = [time for word in phrase.words for time in (word.start_s, word.end_s)]
            assert times == sorted(times), (talk.name, phrase.text)
            assert phrase.start_s - 0.02 <= times[0], (talk.name, phrase.text)
            assert times[-1] <= phrase.end_s + 0.02, (talk.name, phrase.text)
            assert phrase.end_s < len(talk.samples()) / SAMPLE_RATE
