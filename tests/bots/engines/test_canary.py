# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The canaries through the real model."""

import numpy as np
import pytest

from bots.canary import SHIPPED, shipped
from bots.captions.wer import word_error_rate


@pytest.mark.parametrize("lang", SHIPPED)
def test_the_base_model_reads_the_canary_well_and_in_loud_noise_badly(engine, lang):
    (recording,) = shipped([lang])
    clear = engine.transcribe(recording.samples, recording.lang)
    assert word_error_rate(recording.text, clear.text) <= 0.1
    noise = np.random.default_rng(1).standard_normal(len(recording.samples)).astype(np.float32)
    drowned = engine.transcribe(recording.samples + 0.3 * noise, recording.lang)
    assert word_error_rate(recording.text, drowned.text) > 0.3
