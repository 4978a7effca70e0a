# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is the SFU configured? One TOML file, checked before anything starts."""

import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from sfu.core.formats import mime_of
from sfu.core.reach import reach
from sfu.core.turn import Turn

SECRET_MIN = 32
"""Bytes of an API secret: as many as HS256 hashes to (RFC 7518 section 3.2)."""

_DISTINCT_MIN = 10
"""Different characters of a secret; `secretsecret…` has five."""

_WELL_KNOWN = ("devkey", "secret", "password", "changeme", "passerelle", "livekit", "example")
_LEAKED = frozenset({"a-string-secret-at-least-256-bits-long", "0123456789abcdef" * 2, "0123456789abcdef" * 4})
"""Long enough and published: jwt.io's own, and what people type instead of making one."""

PORT_MAX = 65_535
Port = Annotated[int, Field(ge=1, le=PORT_MAX)]
Engine = Literal["auto", "python", "native"]
CodecName = Literal["vp8", "h264", "vp9", "av1", "h265", "opus", "red"]
CODECS: tuple[CodecName, ...] = ("vp8", "h264", "vp9", "av1", "h265", "opus", "red")


class SettingsError(Exception):
    """The configuration cannot be used; the text says what to change and holds no secret."""


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text.encode()) < SECRET_MIN:
        raise ValueError(f"the secret has fewer than {SECRET_MIN} bytes; make one with: openssl rand -hex 32")
    rest = text.lower()
    for word in _WELL_KNOWN:
        rest = rest.replace(word, "")
    if text in _LEAKED or len(set(rest)) < _DISTINCT_MIN:
        raise ValueError("the secret is a well-known one or repeats itself; make one with: openssl rand -hex 32")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_strong)]
TurnUrl = Annotated[
    str, Field(pattern=r"^turns?:(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?(\?transport=(udp|tcp))?$")
]


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a webhook's URL begins with http:// or https:// and names a host")
    return url


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class TurnSettings(BaseModel):
    """`[turn]`: a coturn with `use-auth-secret` and the same secret as `static-auth-secret`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    urls: Annotated[tuple[TurnUrl, ...], Field(min_length=1, max_length=8)]
    """`turn:host:3478?transport=udp`, `turns:host:443?transport=tcp` …; clients try them all."""
    secret: Secret
    ttl: Annotated[int, Field(ge=60, le=86_400)] = 14_400
    """Seconds for which credentials open allocations. A reconnection brings new ones."""

    def shared(self) -> Turn:
        """Give them to whoever makes credentials."""
        return Turn(self.urls, self.secret.get_secret_value(), self.ttl)


class Webhook(BaseModel):
    """`[webhook]`: who is told what happens in rooms."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: tuple[Annotated[str, AfterValidator(_http)], ...]
    api_key: str
    """The key of `[keys]` whose secret signs."""


class Settings(BaseModel):
    """`sfu.toml`; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    http_host: str = "127.0.0.1"
    http_port: Port = 7880
    media_host: Annotated[tuple[str, ...], BeforeValidator(_several)] = ("127.0.0.1",)
    """An address to bind for media, or a list of them, IPv4 and IPv6, the preferred one first."""
    media_port: Port = 7882
    media_tcp: bool = True
    """Whether media may come by TCP too, on the same port number, from networks that block UDP."""
    media_threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads of the native engine that read media, each with a port: `media_port` and those after it."""
    advertise: tuple[str, ...] = ()
    """Addresses that clients are told instead of the bound ones of the same family, as behind a NAT."""
    engine: Engine = "auto"
    auto_create: bool = False
    """Whether a join makes its room; otherwise the server API does."""
    codecs: Annotated[tuple[CodecName, ...], Field(min_length=1)] = CODECS
    """What may be published, the video codec that clients use by default first."""
    enable_remote_unmute: bool = False
    """Whether the server API may unmute somebody's microphone or camera."""
    max_speakers: Annotated[int, Field(ge=0, le=100)] = 0
    """Microphones of a room that are sent on at a time, the loudest; 0 sends all of them on."""
    keys: Annotated[dict[str, Secret], Field(min_length=1)]
    """API keys and their secrets."""
    turn: TurnSettings | None = None
    """A relay for networks from which the media port can't be reached."""
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _webhooks_can_be_signed(self) -> Self:
        if self.webhook is not None and self.webhook.api_key not in self.keys:
            raise ValueError("webhook.api_key is none of the keys")
        return self

    @model_validator(mode="after")
    def _every_thread_has_a_port(self) -> Self:
        if self.media_port + self.media_threads - 1 > PORT_MAX:
            raise ValueError(f"media_threads: there are fewer than {self.media_threads} ports from media_port on")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        reach(self.media_host, self.advertise)
        return self

    def carried(self) -> tuple[str, ...]:
        """Give the codecs by their mime types, video before audio as LiveKit has it."""
        mimes = [mime_of(name) for name in self.codecs]
        return tuple(sorted(mimes, key=lambda mime: mime.startswith("audio/")))

    def plain_keys(self) -> dict[str, str]:
        """Give the secrets as text, to check and sign tokens with."""
        return {key: secret.get_secret_value() for key, secret in self.keys.items()}


def load(path: Path) -> Settings:
    """Read a configuration file. Raises `SettingsError`."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    return checked(values, str(path))


def checked(values: dict[str, object], source: str) -> Settings:
    """Check configuration values. Raises `SettingsError` that names each wrong key."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(": ".join(filter(None, (_key(problem), problem["msg"]))) for problem in error.errors())
        raise SettingsError(f"{source}: {problems}") from error


def _key(problem: ErrorDetails) -> str:
    return ".".join(map(str, problem["loc"]))


def is_readable_by_others(path: Path) -> bool:
    """Say whether a file with secrets has a mode wider than 0600."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
