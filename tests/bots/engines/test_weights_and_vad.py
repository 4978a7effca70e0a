# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Finding the model, and the voice detector."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bots.engines import weights
from bots.engines.contract import VAD_WINDOW
from bots.engines.vad import SileroDetector
from bots.engines.weights import WeightsError, find_model

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"


def test_the_installed_halves_become_one_model_once(model):
    directory = Path(model)
    assert (directory / "model.bin").stat().st_size == 145_217_532
    before = (directory / "model.bin").stat().st_mtime_ns
    assert find_model("", directory.parent) == model
    assert (directory / "model.bin").stat().st_mtime_ns == before
    assert [path.name for path in directory.parent.iterdir()] == [directory.name], "nothing is left lying about"


def halves(tmp_path: Path, monkeypatch, *, damaged: bool) -> None:
    content = b"one" + b"two"
    monkeypatch.setattr(weights, "_MODEL_BYTES", len(content))
    monkeypatch.setattr(weights, "BASE_SHA256", __import__("hashlib").sha256(content).hexdigest())
    monkeypatch.setattr(weights, "_PARTS", ("halves_one", "halves_two"))
    monkeypatch.syspath_prepend(tmp_path)
    for number, (name, part) in enumerate((("halves_one", b"one"), ("halves_two", b"TWO" if damaged else b"two")), 1):
        data = tmp_path / name / "data"
        data.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        (data / f"model.bin.part{number}").write_bytes(part)
        for beside in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (data / beside).write_text("{}")


def test_a_model_that_lost_a_byte_is_refused_and_not_kept(tmp_path, monkeypatch):
    halves(tmp_path, monkeypatch, damaged=True)
    with pytest.raises(WeightsError, match="damaged"):
        find_model("", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_half_written_model_is_made_anew(tmp_path, monkeypatch):
    halves(tmp_path, monkeypatch, damaged=False)
    broken = tmp_path / "cache" / "whisper-base"
    broken.mkdir(parents=True)
    (broken / "model.bin").write_bytes(b"on")
    assert (Path(find_model("", tmp_path / "cache")) / "model.bin").read_bytes() == b"onetwo"


def test_without_weights_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_PARTS", ("no_such_package_1", "no_such_package_2"))
    with pytest.raises(WeightsError, match=r"passerelle\[base-model\]"):
        find_model("", tmp_path)


def test_a_directory_must_hold_a_model_and_a_name_is_passed_on(tmp_path):
    with pytest.raises(WeightsError, match=r"model\.bin"):
        find_model(str(tmp_path), tmp_path)
    (tmp_path / "model.bin").touch()
    assert find_model(str(tmp_path), tmp_path) == str(tmp_path)
    assert find_model("large-v3-turbo", tmp_path) == "large-v3-turbo"


def test_window_by_window_the_detector_says_what_it_says_of_the_whole():
    from faster_whisper.vad import get_vad_model

    samples, _ = soundfile.read(SPEECH / "partner.flac", dtype="float32")
    samples = samples[: len(samples) // VAD_WINDOW * VAD_WINDOW][: 300 * VAD_WINDOW]
    whole = get_vad_model()(samples).reshape(-1)
    detector = SileroDetector()
    steps = [detector.probability(samples[at : at + VAD_WINDOW]) for at in range(0, len(samples), VAD_WINDOW)]
    assert np.abs(whole - steps).max() < 1e-4
    assert max(steps) > 0.9
    assert min(steps) < 0.1


def test_two_detectors_do_not_share_what_they_heard():
    samples, _ = soundfile.read(SPEECH / "guest.flac", dtype="float32")
    windows = [samples[at : at + VAD_WINDOW] for at in range(16_000, 32_000, VAD_WINDOW)]
    one, other = SileroDetector(), SileroDetector()
    alone = [one.probability(window) for window in windows[:-1]]
    for window in windows:
        other.probability(-window)
    fresh = SileroDetector()
    assert [fresh.probability(window) for window in windows[:-1]] == alone
