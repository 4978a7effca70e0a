# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What `bots.toml` says; docs/ARCHITECTURE.md shows the whole file. Unknown keys are refused, secrets never printed."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from bots.captions.voices import SAME
from bots.engines.weights import WeightsError, find_model

MIN_SECRET = 32
"""Characters. Stops: secrets that can be guessed; the bridge asks for the same."""
_DISTINCT = 8


class SettingsError(Exception):
    """The file can't be used; the text says what to correct, and shows no secret."""


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return text.rstrip("/")


def _user_id(text: str) -> str:
    if not text.startswith("@") or not text.partition(":")[2]:
        raise ValueError("must be a Matrix user id")
    return text


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < MIN_SECRET or len(set(text)) < _DISTINCT:
        raise ValueError(f"must have at least {MIN_SECRET} random characters; make it with: openssl rand -hex 32")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_strong)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HomeserverSettings(_Section):
    """The bot's account. The device id is fixed, so that restarts don't pile up devices."""

    client_url: BaseUrl
    user_id: Annotated[str, AfterValidator(_user_id)]
    password: Secret
    device_id: str = Field(min_length=1, max_length=64)

    @property
    def server_name(self) -> str:
        """The homeserver's name; a user id's localpart holds no colon."""
        return self.user_id.partition(":")[2]


class BridgeSettings(_Section):
    """Where segments are stored."""

    internal_url: BaseUrl
    internal_token: Secret


class KyutaiSettings(_Section):
    """Where a Kyutai server listens (``ws://`` or ``wss://``), and which of its keys is ours."""

    url: Annotated[str, Field(pattern="^wss?://[^/]+")]
    token: SecretStr
    model: str = "kyutai/stt-1b-en_fr"


class SpeechSettings(_Section):
    """Who reads: ``whisper`` here, or a ``kyutai`` server.

    ``model`` is Whisper's directory or published name, or empty: the weights of passerelle[base-model]. If Whisper
    believes mostly in ``languages``, only these count; one alone is never asked for. ``workers`` is how many utterances
    are read at once, 0 for as many as there are processors (Kyutai: sixteen). ``licence`` and ``host`` stand in the
    model's passport: by default what is known of the model, and the homeserver's name. ``final_model`` reads calls once
    more when they are over, the live one if it is empty; ``final = "off"`` keeps no sound for that, and ``spool`` is
    where it lies until then, beside ``model_cache`` if it is left out.
    """

    model: str = ""
    model_cache: Path
    languages: tuple[Language, ...] = Field(("fr", "en"), min_length=1)
    workers: int = Field(0, ge=0, le=64)
    licence: str = Field("", max_length=200)
    host: str = Field("", max_length=200)
    engine: Literal["whisper", "kyutai"] = "whisper"
    kyutai: KyutaiSettings | None = None
    final: Literal["on", "off"] = "on"
    final_model: str = ""
    spool: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.engine == "kyutai" and self.kyutai is None:
            raise ValueError('engine = "kyutai" wants [speech.kyutai] with url and token')
        return self

    @property
    def worker_count(self) -> int:
        """How many utterances are read at once."""
        return self.workers or os.cpu_count() or 1

    @property
    def spool_folder(self) -> Path:
        """Where the sound of calls lies until their final transcript is written."""
        return self.spool or self.model_cache.parent / "spool"


class DatabaseSettings(_Section):
    """PostgreSQL for the jobs of the final pass; without it there is none."""

    url: SecretStr


class CallSettings(_Section):
    """The authorisation service to use if the homeserver names none."""

    livekit_service_url: str


class MetricsSettings(_Section):
    """Where Prometheus finds our figures: a port of 127.0.0.1; 0 for nowhere."""

    port: int = Field(default=0, ge=0, le=65535)


class CanarySettings(_Section):
    """How often recordings with known words are read during calls (0: never), and how many may be wrong, 0…1."""

    minutes: float = Field(default=10.0, ge=0, le=1440)
    max_wer: float = Field(default=0.3, gt=0, le=1)


class TranslationSettings(_Section):
    """A LibreTranslate server, and the languages that final captions are brought into."""

    url: BaseUrl
    api_key: SecretStr = SecretStr("")
    languages: tuple[Language, ...] = Field(min_length=1, max_length=8)


class DiarizationSettings(_Section):
    """Voices at shared microphones, by a local copy of a pyannote.audio pipeline (passerelle[diarization]).

    ``look``: find shared microphones that nobody marked. From cosine ``same`` on two voiceprints are one voice, below
    ``other`` they are two, and below ``clear`` beyond doubt; the figures belong to the pipeline's embedding.
    """

    pipeline: Path
    look: bool = True
    same: float = Field(default=SAME, gt=-1, lt=1)
    other: float = Field(default=0.35, gt=-1, lt=1)
    clear: float = Field(default=0.25, gt=-1, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.clear <= self.other <= self.same:
            raise ValueError("clear, other and same must rise in this order")
        return self


class Settings(_Section):
    """The whole file."""

    homeserver: HomeserverSettings
    bridge: BridgeSettings
    speech: SpeechSettings
    call: CallSettings
    metrics: MetricsSettings = MetricsSettings()
    canary: CanarySettings = CanarySettings()
    translation: TranslationSettings | None = None
    diarization: DiarizationSettings | None = None
    database: DatabaseSettings | None = None

    @property
    def keeps_sound(self) -> bool:
        """Whether sound is kept until the final transcript is written."""
        return self.database is not None and self.speech.final == "on"


def load(path: Path) -> Settings:
    """Read the file.

    Raises:
        SettingsError: it can't be read, others may read it, or something in it is wrong.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingsError(f"{path} holds secrets and others may read it: chmod 600 {path}")
            data = tomllib.load(file)
        return Settings.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc']))}: {part['msg']}"
            for part in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"{path}: {wrong}") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def model_of(speech: SpeechSettings) -> str:
    """Return what faster-whisper opens for live captions.

    Raises:
        SettingsError: there is no usable model.
    """
    return _model(speech.model, speech.model_cache)


def final_model_of(speech: SpeechSettings) -> str:
    """Return what faster-whisper opens for final transcripts.

    Raises:
        SettingsError: there is no usable model.
    """
    return _model(speech.final_model or speech.model, speech.model_cache)


def _model(model: str, cache: Path) -> str:
    try:
        return find_model(model, cache)
    except (WeightsError, OSError) as error:
        raise SettingsError(str(error)) from error
