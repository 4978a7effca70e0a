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

from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, Word, paragraphs
from bots.captions.parts import Speakers
from bots.captions.turns import Turn
from bots.engines.diarize import Diarizer
from bots.engines.weights import find_model
from bots.final.cli import _doubt
from bots.final.hearing import LongHearing
from bots.final.transcribing import Choices, Transcriber, _by_speaker
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
    hearing = LongHearing(Diarizer(pipeline.make(tmp_path / "pipeline")), pipeline.LIKENESS.same)
    made = Transcriber(find_model("", models), Choices(("en",)), hearing)
    made.load()
    paragraphs = made.transcribe(sample, lambda _: None).paragraphs
    assert {paragraph.voice.display_name for paragraph in paragraphs} == {"Voice 1", "Voice 2"}
    assert paragraphs[0].voice.display_name == "Voice 1"
    assert len(paragraphs) > 4, "they take turns"


def test_recordings_in_french_have_voices_in_french():
    said = Utterance(Voice("", ""), "fr", (Word(0, 400, " Bonjour."), Word(900, 1300, " Bonsoir.")))
    (one, two) = _by_speaker([said], [Turn(0, 500, "B"), Turn(800, 1400, "A")])
    assert (one.voice.display_name, two.voice.display_name) == ("Voix 1", "Voix 2")


def test_fewer_speakers_than_asked_for_are_said():
    found = FinalTranscript(
        "", "", 0, 1, {}, "", paragraphs("", [Utterance(Voice("", "V"), "en", (Word(0, 1, " a"),))])
    )
    assert _doubt(found, Speakers(2, 2)) == "only 1 of 2 speakers could be told apart."
    assert _doubt(found, Speakers(0, 2)) == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Say which recordings"),
        (["-"], "Standard input"),
        (["a.wav", "--fast"], "no option --fast"),
        (["a.wav", "--output=-", "--format", "odt"], "ODT"),
        (["a.wav", "--model", "/no/such"], "holds no model.bin"),
        (["a.wav", "--diarize"], "holds no config.yaml"),
        (["a.wav", "--speakers", "2"], "holds no config.yaml"),
        (["a.wav", "--speakers", "0"], "At least one person speaks"),
        (["a.wav", "--speakers", "51"], "50 at most"),
        (["a.wav", "--min-speakers", "3", "--max-speakers", "2"], "at least 3 and at most 2"),
        (["a.wav", "--speakers", "3", "--max-speakers", "3"], "not both"),
    ],
)
def test_what_it_can_not_do_is_said_before_any_work(tmp_path: Path, arguments: list[str], reason: str):
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
