# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Fast speech is read to its end: the limit that stops a decoder in a loop is twice what anybody says."""

from bots.engines.contract import SAMPLE_RATE
from tests.bench.captions.corpus import talks


def test_a_fast_sentence_is_read_to_its_last_word(engine):
    (talk,) = (talk for talk in talks("report", "fr") if talk.name == "fr-june-10")
    phrase = talk.phrases[1]
    sound = talk.samples()[int(phrase.start_s * SAMPLE_RATE) : int(phrase.end_s * SAMPLE_RATE)]
    assert engine.transcribe(sound, "fr").text.endswith("étoile.")
