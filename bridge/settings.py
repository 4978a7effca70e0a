# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What `bridge.toml` says; docs/ARCHITECTURE.md shows the whole file.

Unknown keys are refused, secrets are never printed, and a secret that is short or well known stops the start.
"""

from __future__ import annotations

import stat
import tomllib
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from bridge.domain.branding import ACCENT, PNG, SERVICE, Brand, accent_of, logo_type
from bridge.domain.contractors import Policy as ContractorPolicy
from bridge.domain.errors import Refused
from bridge.domain.identities import MAX_ORGANIZATION
from bridge.domain.invitation import clean_address
from bridge.domain.languages import DEFAULT, Language
from bridge.domain.lifecycle import Policy
from bridge.domain.lobby import LobbyPolicy
from bridge.domain.names import is_new_localpart, localpart_of, parse_server_name, server_of
from bridge.domain.recurrence import zone_of

MIN_SECRET = 32
"""Characters. Stops: secrets that can be guessed; HS256 wants 32 bytes by RFC 7518, 3.2, too."""
_WELL_KNOWN = ("changeme", "secret", "password", "insecure", "example", "passerelle", "0123456789abcdef", "abcdefghij")
"""Of documentation, so that whoever searches for it has it; what jwt.io signs with says `secret`."""


class BadSettings(Exception):  # noqa: N818  # reads as what it is
    """The file cannot be used; the text says which line of thought to correct, and shows no secret."""


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < MIN_SECRET:
        msg = f"must have at least {MIN_SECRET} characters"
        raise ValueError(msg)
    if len(set(text)) < 8 or any(word in text.lower() for word in _WELL_KNOWN):
        msg = "is not random; generate it"
        raise ValueError(msg)
    return secret


def _server_name(text: str) -> str:
    if parse_server_name(text) is None:
        msg = f"{text!r} is no Matrix server name"
        raise ValueError(msg)
    return text


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://", "ws://", "wss://")):
        msg = "must be a URL"
        raise ValueError(msg)
    return text.rstrip("/")


Secret = Annotated[SecretStr, AfterValidator(_strong)]
Server = Annotated[str, AfterValidator(_server_name)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Port = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(_Section):
    """Where the bridge listens, and how the world calls it."""

    host: str = "127.0.0.1"
    port: Port
    internal_port: Port
    public_url: BaseUrl
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose `X-Forwarded-For` is believed. Without it everybody behind a reverse proxy shares one address's limits."""


class DatabaseSettings(_Section):
    """Which PostgreSQL."""

    url: SecretStr


class HomeserverSettings(_Section):
    """Our own homeserver, and what it lets us do."""

    name: Server
    client_url: BaseUrl
    federation_url: BaseUrl
    as_token: Secret
    hs_token: Secret
    bot_localpart: str = "passerelle"
    guest_prefix: str = "guest-"
    jwt_login_secret: Secret
    sso_secret: Secret | None = None
    """With which the homeserver asks us to sign staff in to Element; without it they sign in to our pages alone."""

    @field_validator("bot_localpart", "guest_prefix")
    @classmethod
    def _localpart(cls, text: str) -> str:
        if not is_new_localpart(text):
            msg = "must be a Matrix localpart"
            raise ValueError(msg)
        return text

    @property
    def bot_user(self) -> str:
        """The user that creates the rooms."""
        return f"@{self.bot_localpart}:{self.name}"

    def is_guest(self, user_id: str) -> bool:
        """Tell whether this is a throw-away account of ours."""
        return (localpart_of(user_id, self.name) or "").startswith(self.guest_prefix)


class SfuSettings(_Section):
    """The SFU as clients reach it, and as we do."""

    public_url: BaseUrl
    api_url: BaseUrl
    api_key: str = Field(min_length=1)
    api_secret: Secret


_PROCONNECT: dict[str, object] = {
    "pkce": False,
    "scopes": "openid given_name usual_name email uid siret idp_id",
    "signed_userinfo": True,
    "localpart_claim": "email",
}
"""What ProConnect wants otherwise than most: no parameter of PKCE, scopes of its own, a signed userinfo, and it has no
`preferred_username`."""


class OidcSettings(_Section):
    """The provider where staff sign in; docs/staff-sign-in.md has examples. A key that is set wins over the profile."""

    issuer: BaseUrl
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    profile: Literal["generic", "proconnect"] = "generic"
    pkce: bool = True
    scopes: str = Field(default="openid profile email", pattern=r"^openid( |$)")
    signing_algorithm: Literal["RS256", "ES256"] = "RS256"
    """With which the client was registered; no other is believed."""
    signed_userinfo: bool = False
    """Refuse a userinfo answer that is no signed JWT."""
    localpart_claim: Literal["preferred_username", "email", "uid", "sub"] = "preferred_username"
    """What a person's Matrix account is named after at the first sign-in."""
    reserved: frozenset[str] = frozenset({"admin", "administrator", "root", "server", "synapse", "system"})
    """Localparts that no sign-in leads into, as accounts of operators are."""
    acr: tuple[str, ...] = Field(default=(), max_length=8)
    """Assurance levels that are enough; empty: any."""
    amr: tuple[str, ...] = Field(default=(), max_length=8)
    """Ways of signing in of which one must have been used, as `mfa`; empty: any."""
    idp_hint: str = Field(default="", max_length=255)
    """Identity provider that ProConnect leads to at once."""
    organizations: dict[str, str] = Field(default={}, max_length=10_000)
    """SIRET, SIREN or `idp_id` to the short name that stands behind people's names."""
    session_hours: float = Field(default=12, gt=0, le=168)
    idle_minutes: float = Field(default=240, ge=5, le=10_080)

    @model_validator(mode="before")
    @classmethod
    def _by_profile(cls, given: object) -> object:
        return _PROCONNECT | given if isinstance(given, dict) and given.get("profile") == "proconnect" else given

    @field_validator("organizations")
    @classmethod
    def _short_names(cls, names: dict[str, str]) -> dict[str, str]:
        if wrong := next((name for name in names.values() if not 0 < len(name) <= MAX_ORGANIZATION), None):
            msg = f"{wrong[:MAX_ORGANIZATION]!r} must have 1 to {MAX_ORGANIZATION} characters"
            raise ValueError(msg)
        return names


class FederationSettings(_Section):
    """Whom we ask about people of other servers, and which of these are inside."""

    ca_file: Path | None = None
    allow_private: frozenset[Server] = frozenset()


class CaptionsSettings(_Section):
    """Who writes captions."""

    bot_user: str

    @field_validator("bot_user")
    @classmethod
    def _user(cls, text: str) -> str:
        if server_of(text) is None:
            msg = "must be a Matrix user id"
            raise ValueError(msg)
        return text


class GuestsSettings(_Section):
    """How guests are marked for everybody, and how sponsors are reminded of contractors."""

    label: str = Field(default="Guest", min_length=1, max_length=40, pattern=r"^[^()]*$")
    """Stands after each guest's name, in brackets; in the language of the house."""
    language: Language = DEFAULT
    """Of what sponsors are told."""
    remind_days: int = Field(default=7, ge=1, le=60)
    """How long before a contractor's end the sponsor is told."""
    grace_days: int = Field(default=14, ge=0, le=365)
    """How long after it the same link can still be renewed."""

    @property
    def policy(self) -> ContractorPolicy:
        """The same for `bridge.domain.contractors`."""
        return ContractorPolicy(remind=timedelta(days=self.remind_days), grace=timedelta(days=self.grace_days))


class TranscriptsSettings(_Section):
    """How long what was said is kept (days; 0: as long as its meeting), and whose people never get a transcript.

    Minutes are written from a transcript within days; what nobody decided to keep is not kept.
    """

    keep_days: int = Field(default=30, ge=0, le=3650)
    deny_servers: frozenset[Server] = frozenset()


class MeetingsSettings(_Section):
    """When meetings open, end, are put away and are deleted by themselves."""

    doors_open_minutes: int = Field(default=10, ge=0, le=24 * 60)
    quiet_minutes: int = Field(default=10, ge=1, le=24 * 60)
    archive_after_days: int = Field(default=30, ge=0, le=3650)
    delete_after_days: int = Field(default=365, ge=0, le=3650)
    time_zone: str = "UTC"
    language: Language = DEFAULT
    lobby: LobbyPolicy = LobbyPolicy.OFF
    """For whom a new meeting has a lobby where whoever makes it does not say."""

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, text: str) -> str:
        try:
            zone_of(text)
        except Refused as refused:
            raise ValueError(refused.error) from None
        return text

    @property
    def policy(self) -> Policy:
        """The same for `bridge.domain.lifecycle`; 0 days: never."""
        return Policy(
            doors_open=timedelta(minutes=self.doors_open_minutes),
            quiet=timedelta(minutes=self.quiet_minutes),
            archive_after=timedelta(days=self.archive_after_days) or None,
            delete_after=timedelta(days=self.delete_after_days) or None,
        )


class MailSettings(_Section):
    """The server that takes our mail. Without this section nobody is invited by mail."""

    host: str = Field(min_length=1)
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` sends in the clear, for a relay on the same machine; it takes no user."""
    user: str = ""
    password_file: Path | None = None
    sender: str
    """The address that letters come from."""
    ca_file: Path | None = None

    @field_validator("sender")
    @classmethod
    def _address(cls, text: str) -> str:
        try:
            return clean_address(text)
        except Refused:
            msg = "must be a mail address"
            raise ValueError(msg) from None

    @model_validator(mode="after")
    def _login(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            msg = "user and password_file go together"
            raise ValueError(msg)
        if self.user and self.security == "none":
            msg = "no password is sent in the clear: set security to starttls or tls"
            raise ValueError(msg)
        if self.password_file is not None:
            self.password()
        return self

    def password(self) -> str:
        """Return the password, or ""; its file must be the owner's alone."""
        if self.password_file is None:
            return ""
        try:
            if stat.S_IMODE(self.password_file.stat().st_mode) & 0o077:
                msg = f"others may read {self.password_file}: chmod 600 {self.password_file}"
                raise ValueError(msg)
            return self.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"{self.password_file} cannot be read: {error.strerror}"
            raise ValueError(msg) from None


class BrandingSettings(_Section):
    """What the service is called and how it looks; without this section, Passerelle as it comes."""

    name: str = Field(default=SERVICE, min_length=1, max_length=40)
    operator: str = Field(default="", max_length=120)
    """Who runs it, for the accessibility statement."""
    logo: Path | None = None
    """An SVG or a PNG file, shown 28 pixels high beside the name."""
    accent: str | None = None
    """The colour of buttons and links on light pages; those of dark pages follow from it."""
    contact: str = Field(default="", pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)?$")
    """Where people tell what keeps them out: `mailto:…` or `https://…`."""
    accessibility_url: str = Field(default="", pattern=r"^(https://\S+)?$")
    """Your own statement, instead of ours."""
    legal_url: str = Field(default="", pattern=r"^(https://\S+)?$")
    privacy_url: str = Field(default="", pattern=r"^(https://\S+)?$")

    def brand(self) -> Brand:
        """Return what letters and calendars show of it. Reads the logo."""
        picture = b"" if self.logo is None else self.logo.read_bytes()
        return Brand(
            service=self.name,
            accent=self.accent or ACCENT,
            picture=picture if picture and logo_type(picture) == PNG else b"",
            operator=self.operator,
            legal=self.legal_url,
            privacy=self.privacy_url,
        )

    @field_validator("accent")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None:
            accent_of(text)
        return text

    @field_validator("logo")
    @classmethod
    def _picture(cls, path: Path | None) -> Path | None:
        try:
            if path is not None:
                logo_type(path.read_bytes())
        except (OSError, ValueError) as error:
            msg = f"{path} {error.strerror or error if isinstance(error, OSError) else error}"
            raise ValueError(msg) from None
        return path


class InternalSettings(_Section):
    """What bots and operators prove themselves with."""

    token: Secret


class OperatorsSettings(_Section):
    """Staff who may revoke what is nobody's alone: people, partner organisations. `passerelle revoke` may, too."""

    users: frozenset[str] = frozenset()

    @field_validator("users")
    @classmethod
    def _users(cls, users: frozenset[str]) -> frozenset[str]:
        if wrong := next((user for user in sorted(users) if server_of(user) is None), None):
            msg = f"{wrong!r} is no Matrix user id"
            raise ValueError(msg)
        return users


class Settings(_Section):
    """The whole of `bridge.toml`."""

    http: HttpSettings
    database: DatabaseSettings
    homeserver: HomeserverSettings
    sfu: SfuSettings
    oidc: OidcSettings | None = None
    federation: FederationSettings = FederationSettings()
    captions: CaptionsSettings
    guests: GuestsSettings = GuestsSettings()
    mail: MailSettings | None = None
    meetings: MeetingsSettings = MeetingsSettings()
    transcripts: TranscriptsSettings = TranscriptsSettings()
    branding: BrandingSettings = BrandingSettings()
    operators: OperatorsSettings = OperatorsSettings()
    internal: InternalSettings

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        secrets = [
            self.homeserver.as_token,
            self.homeserver.hs_token,
            self.homeserver.jwt_login_secret,
            self.sfu.api_secret,
            self.internal.token,
            *([self.homeserver.sso_secret] if self.homeserver.sso_secret else []),
        ]
        if len({secret.get_secret_value() for secret in secrets}) != len(secrets):
            msg = "every secret must be one of its own"
            raise ValueError(msg)
        return self


def load(path: Path) -> Settings:
    """Read and check the file; `BadSettings` says what to change."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            msg = f"{path} holds secrets and others may read it: chmod 600 {path}"
            raise BadSettings(msg)
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise BadSettings(msg) from error
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        lines = [f"[{'.'.join(str(part) for part in fault['loc'])}] {fault['msg']}" for fault in error.errors()]
        raise BadSettings(f"{path}: " + "; ".join(lines)) from None  # the cause would print the values
