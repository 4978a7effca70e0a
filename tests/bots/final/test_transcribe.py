# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle transcribe`, as it is called."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, Word, paragraphs
from bots.captions.parts import Speakers
from bots.captions.turns import Turn
from bots.engines.diarize import Diarizer
from bots.engines.weights import find_model
from bots.final import recording
from bots.final.cli import _doubt, _write
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
    empty = short.with_name("empty.wav")
    empty.touch()
    wrong = (bad, empty, short.parent / "gone.mp3", short.parent)
    ended = run(models, *wrong, short, twin, same, "--language", "en", "--format", "json")
    assert ended.returncode == 1
    for reason in (
        "bad.mp3 is no recording that can be read",
        "empty.wav is empty: copy it again",
        "gone.mp3 does not exist: look at its name again",
        "is a folder: name the recordings in it",
    ):
        assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    made = json.loads(short.with_suffix(".json").read_text())
    assert "calling" in made["paragraphs"][0]["text"]
    assert made["model"]["name"] == "whisper-base"
    assert len(made["model"]["sha256"]) == 64
    assert short.with_name("call.wave.json").exists(), "two recordings of one name do not share a file"
    assert not list(short.parent.glob(".*")), "nothing half written is left"


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """A video as a camera writes it, whose sound is stereo at 48 kHz, or that has none."""

    def make(*, silent: bool) -> Path:
        path = tmp_path / "film.mp4"
        with av.open(path, "w") as container:
            picture = container.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p")
            if not silent:
                samples, _ = soundfile.read(SPEECH / "guest.flac", frames=16_000 * 5)
                sound = container.add_stream("aac", rate=48_000, layout="stereo")
                both = (np.repeat(np.repeat(samples, 3), 2) * 32767).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(both[None], format="s16", layout="stereo")
                frame.sample_rate = 48_000
                for part in (*sound.encode(frame), *sound.encode()):
                    container.mux(part)
            frames = [av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8)) for _ in range(5)]
            for frame in (*frames, None):
                for part in picture.encode(frame):
                    container.mux(part)
        return path

    return make


def test_the_sound_of_a_film_is_taken_and_a_silent_one_is_refused(film):
    assert sum(map(len, recording.blocks(film(silent=False)))) == pytest.approx(5 * 16_000, abs=2_000)
    with pytest.raises(recording.RecordingError, match="has no sound in it"):
        recording.duration_s(film(silent=True))


def test_a_recording_that_is_somebody_elses_is_refused(short: Path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(recording.av, "open", refuse)
    with pytest.raises(recording.RecordingError, match="its owner must let you"):
        recording.duration_s(short)


def test_a_folder_that_can_not_be_written_is_said_with_what_helps(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(recording.RecordingError, match="--output names another folder"):
        _write(tmp_path / "file" / "call.txt", "words")


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
