# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What our use of Whisper takes care of: fast speech, and processors."""

import numpy as np
from threadpoolctl import threadpool_info

from bots.engines.contract import SAMPLE_RATE
from tests.bench.captions.corpus import talks


def test_a_fast_sentence_is_read_to_its_last_word(engine):
    """The limit that stops a decoder in a loop is twice what anybody says."""
    (talk,) = (talk for talk in talks("report", "fr") if talk.name == "fr-june-10")
    phrase = talk.phrases[1]
    sound = talk.samples()[int(phrase.start_s * SAMPLE_RATE) : int(phrase.end_s * SAMPLE_RATE)]
    assert engine.transcribe(sound, "fr").text.endswith("étoile.")


def test_no_second_thread_spins_beside_a_reading(engine):
    """OpenBLAS's would, and cost as much as the reading."""
    engine.identify(np.zeros(16_000, np.float32))
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    assert {pool["num_threads"] for pool in pools} == {1}, "other libraries of other tests have BLAS of their own"


def test_names_to_look_for_do_not_cost_what_was_said(engine):
    """With them alone, base writes one word of the first part."""
    (talk, *_) = talks("report", "en")
    sound = talk.samples()
    for start_s in (4, 8, 12):
        part = sound[start_s * SAMPLE_RATE : (start_s + 8) * SAMPLE_RATE]
        plain, named = (engine.transcribe(part, "en", terms=terms).text for terms in ((), ("Marie Curie", "Budget")))
        assert len(named.split()) > 0.7 * len(plain.split())
