# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Voices at one microphone: the pipeline as it comes from a directory, on real recordings."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bots.captions.parts import Speakers
from bots.engines import diarize
from bots.engines.diarize import Diarizer, PipelineError
from tests.voices import pipeline

WHOLE = """
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params: {segmentation: $model/segmentation, embedding: $model/embedding, plda: $model/plda}
"""
FILES = ("segmentation/pytorch_model.bin", "embedding/pytorch_model.bin", "plda/plda.npz", "plda/xvec_transform.npz")
needs_pipeline = pytest.mark.skipif(bool(pipeline.missing()), reason=pipeline.missing() or "all is installed")


@pytest.fixture
def directory(tmp_path) -> Path:
    """What `check` calls whole; nothing in it can be loaded."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(2048))
    (tmp_path / "config.yaml").write_text(WHOLE)
    return tmp_path


@pytest.fixture(scope="module")
def diarizer(tmp_path_factory) -> Diarizer:
    diarizer = Diarizer(pipeline.make(tmp_path_factory.mktemp("diarization") / "pipeline"))
    diarizer.load()
    return diarizer


def test_a_whole_pipeline_is_accepted(directory):
    diarize.check(directory)


@pytest.mark.parametrize("name", FILES)
def test_a_pipeline_that_lacks_a_file_is_refused_by_that_files_name(directory, name):
    (directory / name).unlink()
    with pytest.raises(PipelineError, match=name):
        Diarizer(directory)


def test_a_copy_without_the_large_files_is_refused(directory):
    (directory / FILES[0]).write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(PipelineError, match="git lfs pull"):
        Diarizer(directory)


@pytest.mark.parametrize("text", ["", "[]", "pipeline: {}", "pipeline: {params: {segmentation: a}}", "{"])
def test_a_config_that_is_none_is_refused(directory, text):
    (directory / "config.yaml").write_text(text)
    with pytest.raises(PipelineError, match="describes no speaker diarization"):
        Diarizer(directory)


def test_a_pipeline_that_would_fetch_something_is_refused(directory):
    (directory / "config.yaml").write_text(WHOLE.replace("$model/embedding", "pyannote/wespeaker"))
    with pytest.raises(PipelineError, match="embedding is pyannote/wespeaker, not in this directory"):
        Diarizer(directory)


def test_a_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PipelineError, match="community-1"):
        Diarizer(tmp_path / "nowhere")


def test_without_the_extra_the_error_says_what_to_install(directory):
    script = (
        "import sys; from pathlib import Path\n"
        "sys.modules['torch'] = sys.modules['torchaudio'] = None\n"
        "from bots.engines.diarize import Diarizer\n"
        f"Diarizer(Path({str(directory)!r})).load()\n"
    )
    failed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert "DiarizationMissing" in failed.stderr
    assert "passerelle[diarization]" in failed.stderr


@needs_pipeline
def test_importing_it_makes_no_exporter_and_a_pipeline_tells_nobody(diarizer):
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "false"
    assert not [name for name in sys.modules if name.startswith("opentelemetry")]
    assert not [name for name in sys.modules if name.startswith("pyannote.audio.telemetry.")]


@needs_pipeline
def test_two_people_on_a_real_telephone_call_are_told_apart(diarizer):
    from tests.voices.der import der
    from tests.voices.recordings import TARGET, phone_call

    samples, reference = phone_call()
    assert der(reference, diarizer.turns(samples, overlapping=True)) <= TARGET
    exclusive = diarizer.turns(samples)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(exclusive))


@needs_pipeline
def test_no_more_voices_are_heard_than_are_known_to_speak_and_each_has_a_print(diarizer):
    from tests.voices.recordings import phone_call

    samples, _ = phone_call()
    alone = diarizer.hear(samples, Speakers(1, 1))
    assert {turn.voice for turn in alone.turns} == set(alone.prints)
    (voiceprint,) = alone.prints.values()
    assert np.linalg.norm(voiceprint) == pytest.approx(1, abs=1e-4)


@needs_pipeline
def test_a_man_and_a_woman_at_a_rooms_microphone_are_told_apart(diarizer):
    from tests.voices.der import der
    from tests.voices.mixes import mix
    from tests.voices.recordings import DISTINCT, TARGET

    samples, reference = mix(*DISTINCT["man_and_woman_1"])
    assert der(reference, diarizer.turns(samples, overlapping=True)) <= TARGET


@needs_pipeline
def test_one_persons_voiceprints_are_alike_and_another_persons_are_not(diarizer):
    from tests.voices.mixes import phrases

    one, two = (diarizer.voiceprint(phrase) for phrase in sorted(phrases("staff"), key=len)[-2:])
    other = diarizer.voiceprint(max(phrases("guest"), key=len))
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-4)
    assert one @ two > pipeline.LIKENESS.same > pipeline.LIKENESS.other > one @ other


@needs_pipeline
def test_too_little_speech_or_silence_has_no_voiceprint_and_no_turns(diarizer):
    assert diarizer.voiceprint(np.zeros(4000, np.float32)) is None
    assert diarizer.turns(np.zeros(32_000, np.float32)) == []


@needs_pipeline
def test_the_shape_of_the_published_pipeline_loads_and_runs(tmp_path):
    published = Diarizer(pipeline.make(tmp_path / "pipeline", clustering="VBxClustering"))
    published.load()
    from tests.voices.recordings import phone_call

    samples, _ = phone_call()
    assert {turn.voice for turn in published.turns(samples[:160_000])} <= {"SPEAKER_00", "SPEAKER_01", "SPEAKER_02"}
