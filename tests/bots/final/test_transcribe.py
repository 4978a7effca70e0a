# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle transcribe`, as it is called."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile

from bots.engines.diarize import Diarizer
from bots.engines.weights import find_model
from bots.final.transcribing import Choices, Transcriber
from tests.bots.final.conftest import SPEECH
from tests.voices import pipeline

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


@pytest.mark.skipif(bool(pipeline.missing()), reason=pipeline.missing())
def test_speakers_are_told_apart_by_pyannote(models: Path, tmp_path: Path):
    """Its own sample: a telephone call of two people, half a minute."""
    sample = Path(find_spec("pyannote.audio").submodule_search_locations[0]) / "sample" / "sample.wav"
    diarizer = Diarizer(pipeline.make(tmp_path / "pipeline"))
    made = Transcriber(find_model("", models), Choices(("en",)), diarizer)
    made.load()
    paragraphs = made.transcribe(sample, lambda _: None).paragraphs
    assert {paragraph.voice.display_name for paragraph in paragraphs} == {"Speaker 1", "Speaker 2"}
    assert paragraphs[0].voice.display_name == "Speaker 1"
    assert len(paragraphs) > 4, "they take turns"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Say which recordings"),
        (["-"], "Standard input"),
        (["a.wav", "--fast"], "no option --fast"),
        (["a.wav", "--output=-", "--format", "odt"], "ODT"),
        (["a.wav", "--model", "/no/such"], "holds no model.bin"),
        (["a.wav", "--diarize"], "holds no config.yaml"),
    ],
)
def test_what_it_can_not_do_is_said_before_any_work(tmp_path: Path, arguments: list[str], reason: str):
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
