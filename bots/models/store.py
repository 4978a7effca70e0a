# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lies in the model directory, and is it what was published or what was there when it came?

Each model is a folder of its name. Beside its files lies ``passerelle-model.json``: where it came from, under which
licence, and the SHA-256 of every file.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bots.engines.weights import WeightsError, find_model
from bots.models.catalogue import Model, Origin

_MANIFEST = "passerelle-model.json"
_PART = ".part"
_OFFLINE = "HF_HUB_OFFLINE"

Snapshot = Callable[[Model, Path], None]


class ModelError(Exception):
    """A model can't be had or is not what it should be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that lies here, as its manifest has it."""

    name: str
    folder: Path
    licence: str
    source: str
    revision: str
    sha256: dict[str, str]


def fetch(model: Model, directory: Path, snapshot: Snapshot | None = None) -> Installed:
    """Bring a model into the directory; a reader never sees half of one, and what was loaded is not loaded again.

    Args:
        model: what to bring.
        directory: the operator's model directory.
        snapshot: loads a hub's files into a folder; Hugging Face's own client if it is left out.

    Raises:
        ModelError: it can't be had, or is not what was published.
    """
    here = installed(directory, model.name)
    if here is not None and not damage(here, model):
        return here
    target = directory / model.name
    part = directory / f".{model.name}{_PART}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if here is not None:
            shutil.rmtree(target)
        if model.origin is Origin.PACKAGES:
            part = Path(find_model("", directory))
        else:
            part.mkdir(exist_ok=True)
            (snapshot or from_hub)(model, part)
            shutil.rmtree(part / ".cache", ignore_errors=True)
        made = Installed(model.name, part, model.licence, model.source, model.revision, hashes(part))
        wrong = damage(made, model)
        if wrong:
            shutil.rmtree(part, ignore_errors=True)
            raise ModelError(f"{model.name} is not what was published: {'; '.join(wrong)}. Fetch it again.")
        _write_manifest(made)
        if part != target:
            shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
    except (OSError, WeightsError) as error:
        raise ModelError(f"{model.name} can't be had: {error}") from error
    return Installed(model.name, target, model.licence, model.source, model.revision, made.sha256)


def installed(directory: Path, name: str) -> Installed | None:
    """Return what lies there under a name; a folder without a manifest is none of ours."""
    try:
        told = json.loads((directory / name / _MANIFEST).read_text())
        known = {str(file): str(digest) for file, digest in told["sha256"].items()}
        return Installed(
            name, directory / name, str(told["licence"]), str(told["source"]), str(told["revision"]), known
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def all_installed(directory: Path) -> Iterator[Installed]:
    """Give everything that lies there, by name."""
    for folder in sorted(directory.iterdir() if directory.is_dir() else ()):
        if (found := installed(directory, folder.name)) is not None:
            yield found


def damage(model: Installed, published: Model | None) -> list[str]:
    """Hash every file anew; return what is wrong, nothing if all is as it should be."""
    try:
        now = hashes(model.folder)
    except OSError as error:
        return [f"it can't be read: {error}"]
    expected = dict(model.sha256)
    if published is not None:
        expected |= dict(published.sha256)
    wrong = [f"{name} is missing" for name in expected if name not in now]
    wrong += [f"{name} is another" for name, digest in expected.items() if name in now and now[name] != digest]
    return wrong + [f"{name} was not there before" for name in now if name not in expected]


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path in it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _MANIFEST:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def from_hub(model: Model, folder: Path) -> None:
    """Load the files with Hugging Face's client, which goes on where it was interrupted.

    Raises:
        ModelError: no network, no such files, or conditions that were not accepted.
    """
    if os.environ.get(_OFFLINE, "").upper() in {"1", "TRUE", "YES", "ON"}:
        raise ModelError(
            f"{model.name} comes from Hugging Face, and {_OFFLINE} is set: unset it, or copy its folder here."
        )
    import httpx2  # noqa: PLC0415 - only to name its errors
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - half a second, for this command alone

    try:
        snapshot_download(
            model.source, revision=model.revision, local_dir=folder, allow_patterns=list(model.files), max_workers=2
        )
    except errors.GatedRepoError as error:
        raise ModelError(f"{model.name} has conditions: {model.needs}.") from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, httpx2.HTTPError, OSError) as error:
        raise ModelError(
            f"{model.name} can't be loaded from huggingface.co: {type(error).__name__}. What came so far is kept; on a"
            f" machine without network, copy its folder from one that has it."
        ) from error


def _write_manifest(model: Installed) -> None:
    told = {
        "name": model.name,
        "licence": model.licence,
        "source": model.source,
        "revision": model.revision,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": model.sha256,
    }
    part = model.folder / f"{_MANIFEST}{_PART}"
    part.write_text(json.dumps(told, indent=1) + "\n")
    part.replace(model.folder / _MANIFEST)
