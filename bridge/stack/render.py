# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every configuration file of a local stack, written from its ports, secrets and certificates.

Synapse's come from the templates in `homeserver-config`; our own programs read TOML, whose keys
`docs/ARCHITECTURE.md` fixes. All are written anew at each start, so that they never disagree.
"""

import base64
import json
import re
import secrets as randomness
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bridge.domain.lobby import LobbyPolicy
from bridge.stack.certificates import Certificate, Certificates
from bridge.stack.people import (
    ADMIN_LOCALPART,
    BOT_LOCALPART,
    CAPTIONS_DEVICE,
    CAPTIONS_LOCALPART,
    GUEST_PREFIX,
    JWT_ISSUER,
    STAFF,
)
from bridge.stack.ports import LOOPBACK, Ports
from bridge.stack.secrets import HomeserverSecrets, Secrets, write_private

BRIDGE_DATABASE = "passerelle"
_OIDC_CLIENT_ID = "passerelle"
_SFU_API_KEY = "passerelle"

TomlValue = str | int | bool | Sequence[str]
TomlTable = Mapping[str, TomlValue]
TomlDocument = Mapping[str, TomlValue | TomlTable | Sequence[TomlTable]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The URLs and names of a stack, each spelled in one place only."""

    ports: Ports

    @property
    def bridge(self) -> str:
        """Where people open pages."""
        return f"http://localhost:{self.ports.bridge}"

    @property
    def bridge_internal(self) -> str:
        """Where bots, operators and the homeserver reach the bridge."""
        return f"http://{LOOPBACK}:{self.ports.bridge_internal}"

    @property
    def livekit_service(self) -> str:
        """The MatrixRTC authorisation service; clients compare it letter by letter."""
        return f"{self.bridge}/livekit/jwt"

    @property
    def sfu_api(self) -> str:
        """Server API of the SFU."""
        return f"http://{LOOPBACK}:{self.ports.sfu}"

    @property
    def oidc_issuer(self) -> str:
        """The OIDC provider."""
        return f"http://localhost:{self.ports.oidc}"

    @property
    def home_name(self) -> str:
        """Server name of `home`."""
        return f"localhost:{self.ports.home_federation}"

    @property
    def home_client(self) -> str:
        """Client API of `home`."""
        return f"http://localhost:{self.ports.home_client}"

    @property
    def partner_name(self) -> str:
        """Server name of `partner`."""
        return f"localhost:{self.ports.partner_federation}"

    @property
    def partner_client(self) -> str:
        """Client API of `partner`."""
        return f"http://localhost:{self.ports.partner_client}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """Where the files are that the programs are started with."""

    home: Path
    partner: Path
    sfu: Path
    bridge: Path
    bots: Path
    oidc: Path


def templates_folder() -> Path:
    """`homeserver-config`: beside this module in an installed wheel, at the root of a checkout."""
    installed = Path(__file__).parent / "homeserver-config"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "homeserver-config"


def templates() -> Environment:
    """Everything of `homeserver-config`; a value that nobody gave is an error."""
    return Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  no HTML: values of YAML pass `tojson`, those of coturn are checked
        keep_trailing_newline=True,
    )


def render_all(data: Path, ports: Ports, secrets: Secrets, certificates: Certificates) -> Rendered:
    """Write every file below `data` and say where each one is."""
    where = Addresses(ports)
    config = data / "config"
    config.mkdir(mode=0o700, exist_ok=True)
    environment = templates()
    registration = config / "appservice.yaml"
    write_private(registration, _appservice(environment, where, secrets))
    rendered = Rendered(
        home=_homeserver(
            environment,
            where,
            data / "home",
            name=where.home_name,
            client=(where.home_client, ports.home_client),
            federation_port=ports.home_federation,
            secrets=secrets.home,
            tls=(certificates.ca, certificates.home),
            app_services=[str(registration)],
            jwt_login={"secret": secrets.jwt_login_secret, "issuer": JWT_ISSUER},
            sso={"bridge": where.bridge, "internal": where.bridge_internal, "secret": secrets.sso_secret},
            guests={"prefix": GUEST_PREFIX, "bot": f"@{BOT_LOCALPART}:{where.home_name}"},
        ),
        partner=_homeserver(
            environment,
            where,
            data / "partner",
            name=where.partner_name,
            client=(where.partner_client, ports.partner_client),
            federation_port=ports.partner_federation,
            secrets=secrets.partner,
            tls=(certificates.ca, certificates.partner),
            app_services=[],
            jwt_login=None,
            sso=None,
            guests=None,
        ),
        sfu=config / "sfu.toml",
        bridge=config / "bridge.toml",
        bots=config / "bots.toml",
        oidc=config / "oidc.toml",
    )
    write_private(rendered.sfu, toml(_sfu(ports, secrets)))
    write_private(rendered.bridge, toml(_bridge(where, secrets, certificates)))
    write_private(rendered.bots, toml(_bots(where, secrets, data)))
    write_private(rendered.oidc, toml(_oidc(where, secrets, data)))
    return rendered


def _appservice(templates: Environment, where: Addresses, secrets: Secrets) -> str:
    server = re.escape(where.home_name)
    return templates.get_template("appservice.yaml.j2").render(
        url=where.bridge_internal,
        as_token=secrets.as_token,
        hs_token=secrets.hs_token,
        bot_localpart=BOT_LOCALPART,
        guests_regex=f"@{re.escape(GUEST_PREFIX)}.*:{server}",
        bot_regex=f"@{re.escape(BOT_LOCALPART)}:{server}",
    )


def _homeserver(
    templates: Environment,
    where: Addresses,
    folder: Path,
    *,
    name: str,
    client: tuple[str, int],
    federation_port: int,
    secrets: HomeserverSecrets,
    tls: tuple[Path, Certificate],
    app_services: list[str],
    jwt_login: Mapping[str, str] | None,
    sso: Mapping[str, str] | None,
    guests: Mapping[str, str] | None,
) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    _ensure_signing_key(folder / "signing.key")
    write_private(folder / "log.yaml", templates.get_template("log.yaml.j2").render(level="INFO"))
    ca, certificate = tls
    client_url, client_port = client
    text = templates.get_template("homeserver.yaml.j2").render(
        server_name=name,
        client_url=f"{client_url}/",
        client_port=client_port,
        federation_port=federation_port,
        folder=str(folder),
        database={
            "port": where.ports.postgres,
            "name": folder.name,
            "user": folder.name,
            "password": secrets.database_password,
        },
        secrets=secrets,
        app_services=app_services,
        jwt_login=jwt_login,
        sso=sso,
        guests=guests,
        livekit_service_url=where.livekit_service,
        tls={"certificate": str(certificate.certificate), "key": str(certificate.key), "ca": str(ca)},
    )
    write_private(folder / "homeserver.yaml", text)
    return folder / "homeserver.yaml"


def _ensure_signing_key(path: Path) -> None:
    """Synapse's format: algorithm, key id, the Ed25519 seed in unpadded base64. It is the server's identity."""
    if not path.exists():
        seed = base64.b64encode(randomness.token_bytes(32)).decode("ascii").rstrip("=")
        write_private(path, f"ed25519 a_{randomness.token_hex(2)} {seed}\n")


def _sfu(ports: Ports, secrets: Secrets) -> TomlDocument:
    return {
        "http_host": LOOPBACK,
        "http_port": ports.sfu,
        "media_host": LOOPBACK,
        "media_port": ports.media,
        "engine": "auto",
        "auto_create": False,
        "keys": {_SFU_API_KEY: secrets.sfu_api_secret},
    }


def _bridge(where: Addresses, secrets: Secrets, certificates: Certificates) -> TomlDocument:
    ports = where.ports
    return {
        "http": {
            "host": LOOPBACK,
            "port": ports.bridge,
            "internal_port": ports.bridge_internal,
            "public_url": where.bridge,
        },
        "database": {
            "url": _database_url(where, secrets),
        },
        "homeserver": {
            "name": where.home_name,
            "client_url": where.home_client,
            "federation_url": f"https://{LOOPBACK}:{ports.home_federation}",
            "as_token": secrets.as_token,
            "hs_token": secrets.hs_token,
            "bot_localpart": BOT_LOCALPART,
            "guest_prefix": GUEST_PREFIX,
            "jwt_login_secret": secrets.jwt_login_secret,
            "sso_secret": secrets.sso_secret,
        },
        "sfu": {
            "public_url": f"ws://localhost:{ports.sfu}",
            "api_url": where.sfu_api,
            "api_key": _SFU_API_KEY,
            "api_secret": secrets.sfu_api_secret,
        },
        "oidc": {
            "issuer": where.oidc_issuer,
            "client_id": _OIDC_CLIENT_ID,
            "client_secret": secrets.oidc_client_secret,
            "profile": "proconnect",
            "scopes": "openid given_name usual_name email uid siret idp_id organizational_unit belonging_population",
            "localpart_claim": "uid",
            "reserved": [ADMIN_LOCALPART],
        },
        "federation": {
            "ca_file": str(certificates.ca),
            "allow_private": [where.home_name, where.partner_name],
        },
        "captions": {"bot_user": f"@{CAPTIONS_LOCALPART}:{where.home_name}"},
        "meetings": {"lobby": LobbyPolicy.OFF.value},
        "internal": {"token": secrets.internal_token},
    }


def _database_url(where: Addresses, secrets: Secrets) -> str:
    """The database that the bridge and the final pass share; each has a schema of its own."""
    password = secrets.bridge_database_password
    return f"postgresql://{BRIDGE_DATABASE}:{password}@{LOOPBACK}:{where.ports.postgres}/{BRIDGE_DATABASE}"


def _bots(where: Addresses, secrets: Secrets, data: Path) -> TomlDocument:
    return {
        "homeserver": {
            "client_url": where.home_client,
            "user_id": f"@{CAPTIONS_LOCALPART}:{where.home_name}",
            "password": secrets.captions_password,
            "device_id": CAPTIONS_DEVICE,
        },
        "bridge": {"internal_url": where.bridge_internal, "internal_token": secrets.internal_token},
        "speech": {"model": "", "model_cache": str(data / "models")},
        "call": {"livekit_service_url": where.livekit_service},
        "metrics": {"port": where.ports.bots_metrics},
        "database": {"url": _database_url(where, secrets)},
    }


def _oidc(where: Addresses, secrets: Secrets, data: Path) -> TomlDocument:
    return {
        "issuer": where.oidc_issuer,
        "host": LOOPBACK,
        "port": where.ports.oidc,
        "signing_key_file": str(data / "oidc-signing-key.pem"),
        "clients": [
            {
                "client_id": _OIDC_CLIENT_ID,
                "client_secret": secrets.oidc_client_secret,
                "redirect_uris": [f"{where.bridge}/auth/callback"],
                "post_logout_redirect_uris": [f"{where.bridge}/auth/signed-out"],
            }
        ],
        "people": [asdict(person) for person in STAFF],
    }


def toml(document: TomlDocument) -> str:
    """TOML text of plain values, tables and arrays of tables, one level deep.

    A JSON string is a TOML basic string as long as it holds no lone surrogate, so JSON does the quoting.
    """
    lines: list[str] = []
    tables: list[str] = []
    for key, value in document.items():
        if isinstance(value, Mapping):
            tables += ["", f"[{key}]", *_pairs(value)]
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            for table in value:
                tables += ["", f"[[{key}]]", *_pairs(table)]
        else:
            lines += _pairs({key: value})
    return "\n".join([*lines, *tables]).lstrip("\n") + "\n"


def _pairs(table: Mapping[str, object]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
