# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle transcribe`, as it is called."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.bots.final.conftest import SPEECH

COMMAND = [sys.executable, "-c", "import sys; from bots.final.cli import app; sys.exit(app())"]


def run(models: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *arguments, "--models", models], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def short(tmp_path: Path) -> Path:
    samples, rate = soundfile.read(SPEECH / "guest.flac", frames=16_000 * 5)
    soundfile.write(tmp_path / "call.wav", samples, rate)
    return tmp_path / "call.wav"


def test_several_files_are_transcribed_and_a_bad_one_does_not_stop_the_rest(models: Path, short: Path):
    bad = short.with_name("bad.mp3")
    bad.write_bytes(b"no sound at all")
    twin = shutil.copy(short, short.with_suffix(".ogg.wav"))
    same = Path(shutil.copy(short, short.with_suffix(".wave")))
    ended = run(models, bad, short, twin, same, "--language", "en", "--format", "json")
    assert ended.returncode == 1
    assert "bad.mp3 is no recording that can be read" in ended.stderr
    assert "Traceback" not in ended.stderr
    made = json.loads(short.with_suffix(".json").read_text())
    assert "calling" in made["paragraphs"][0]["text"]
    assert made["model"]["name"] == "whisper-base"
    assert len(made["model"]["sha256"]) == 64
    assert short.with_name("call.wave.json").exists(), "two recordings of one name do not share a file"
    assert not list(short.parent.glob(".*")), "nothing half written is left"


def test_one_file_goes_to_standard_output_alone(models: Path, short: Path):
    ended = run(models, short, "--language", "en", "--output=-", "--format", "vtt")
    assert ended.returncode == 0
    assert ended.stdout.startswith("WEBVTT")
    assert not short.with_suffix(".vtt").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Say which recordings"),
        (["-"], "Standard input"),
        (["a.wav", "--fast"], "no option --fast"),
        (["a.wav", "--output=-", "--format", "odt"], "ODT"),
        (["a.wav", "--model", "/no/such"], "holds no model.bin"),
    ],
)
def test_what_it_can_not_do_is_said_before_any_work(tmp_path: Path, arguments: list[str], reason: str):
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
