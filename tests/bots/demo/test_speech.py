# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import soundfile

from bots.demo.speech import RATE, RECORDING_MAX_S, SpeechFolderError, load_folder, phrases


def tone(seconds, rate=RATE, amplitude=8000):
    return (amplitude * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def silence(seconds, rate=RATE):
    return np.zeros(int(seconds * rate), np.int16)


def write(folder, name, samples, text="hello", rate=RATE):
    soundfile.write(folder / f"{name}.wav", samples, rate)
    (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def test_a_recording_is_cut_at_its_pauses_only():
    found = phrases(np.concatenate([silence(0.5), tone(1), silence(0.2), tone(0.5), silence(0.8), tone(2)]))
    assert [(round(p.start / RATE, 1), round(p.end / RATE, 1)) for p in found] == [(0.5, 2.2), (3.0, 5.0)]


def test_a_recording_without_a_sound_has_no_phrase_longer_than_itself():
    assert phrases(np.array([], np.int16)) == []


def test_recordings_are_read_in_order_and_resampled(tmp_path):
    write(tmp_path, "b", tone(1, 16_000), "deux", 16_000)
    write(tmp_path, "a", tone(1), "one")
    recordings = load_folder(tmp_path)
    assert [(r.name, r.text) for r in recordings] == [("a", "one"), ("b", "deux")]
    assert all(abs(len(r.samples) - RATE) < RATE * 0.01 for r in recordings)


def test_each_fault_of_a_folder_is_named(tmp_path):
    with pytest.raises(SpeechFolderError, match="not a folder"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(SpeechFolderError, match="holds 0 recordings"):
        load_folder(tmp_path)
    write(tmp_path, "a", tone(1))
    write(tmp_path, "b", tone(1))
    (tmp_path / "b.txt").unlink()
    with pytest.raises(SpeechFolderError, match=r"b\.wav has no b\.txt"):
        load_folder(tmp_path)
    (tmp_path / "b.txt").write_text(" ")
    with pytest.raises(SpeechFolderError, match=r"b\.txt is empty"):
        load_folder(tmp_path)
    write(tmp_path, "b", silence(RECORDING_MAX_S + 1, 8000), rate=8000)
    with pytest.raises(SpeechFolderError, match="longer than"):
        load_folder(tmp_path)
    (tmp_path / "b.wav").write_bytes(b"RIFFnot a wave at all")
    with pytest.raises(SpeechFolderError, match="can't be read"):
        load_folder(tmp_path)
