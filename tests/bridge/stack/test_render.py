# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The files that a stack writes for its programs."""

import dataclasses
import pathlib
import re
import ssl
import stat
import tomllib

import jinja2
import pytest
import yaml

from bridge import settings as bridge_settings
from bridge.domain.lobby import LobbyPolicy
from bridge.stack import render
from bridge.stack.certificates import ensure_certificates
from bridge.stack.oidc_provider import Settings as OidcSettings
from bridge.stack.ports import Ports
from bridge.stack.secrets import load_secrets

SERVICE_URL = "http://localhost:8400/livekit/jwt"


@pytest.fixture
def stack(tmp_path):
    secrets = load_secrets(tmp_path)
    certificates = ensure_certificates(tmp_path / "tls")
    return render.render_all(tmp_path, Ports(8400), secrets, certificates), secrets, tmp_path


def load_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("which", ["home", "partner"])
def test_both_homeservers_are_set_up_for_matrixrtc_with_one_service_url(stack, which):
    config = load_yaml(getattr(stack[0], which))
    assert config["matrix_rtc"]["transports"] == [{"type": "livekit", "livekit_service_url": SERVICE_URL}]
    assert config["extra_well_known_client_content"]["org.matrix.msc4143.rtc_foci"] == [
        {"type": "livekit", "livekit_service_url": SERVICE_URL}
    ]
    features = config["experimental_features"]
    assert features["msc4143_enabled"] is features["msc4222_enabled"] is features["msc4354_enabled"] is True
    assert config["max_event_delay_duration"] == "24h"
    assert config["default_room_version"] == "12"
    assert config["enable_registration"] is False
    assert config["trusted_key_servers"] == []


def test_the_homeservers_have_names_ports_databases_and_keys_of_their_own(stack):
    home, partner = load_yaml(stack[0].home), load_yaml(stack[0].partner)
    assert (home["server_name"], partner["server_name"]) == ("localhost:8431", "localhost:8441")
    assert [listener["port"] for listener in home["listeners"]] == [8430, 8431]
    assert [listener["port"] for listener in partner["listeners"]] == [8440, 8441]
    assert (home["database"]["args"]["dbname"], partner["database"]["args"]["dbname"]) == ("home", "partner")
    for key in ("registration_shared_secret", "macaroon_secret_key", "form_secret", "signing_key_path"):
        assert home[key] != partner[key]


def test_everything_listens_on_loopback_only(stack):
    files = stack[0]
    for config in (load_yaml(files.home), load_yaml(files.partner)):
        assert all(listener["bind_addresses"] == ["127.0.0.1"] for listener in config["listeners"])
    sfu, bridge, oidc = (tomllib.loads(p.read_text()) for p in (files.sfu, files.bridge, files.oidc))
    assert {sfu["http_host"], sfu["media_host"], bridge["http"]["host"], oidc["host"]} == {"127.0.0.1"}


def test_only_home_knows_the_bridge_and_lets_it_sign_staff_in(stack):
    files, secrets, _ = stack
    home, partner = load_yaml(files.home), load_yaml(files.partner)
    assert home["jwt_config"] == {
        "enabled": True,
        "secret": secrets.jwt_login_secret,
        "algorithm": "HS256",
        "subject_claim": "sub",
        "display_name_claim": "name",
        "issuer": "passerelle",
        "audiences": ["localhost:8431"],
    }
    assert "jwt_config" not in partner
    assert len(home["app_service_config_files"]) == 1
    assert partner["app_service_config_files"] == []


def test_the_bridge_owns_its_bot_and_all_guests_and_nobody_else(stack):
    home = load_yaml(stack[0].home)
    registration = load_yaml(pathlib.Path(home["app_service_config_files"][0]))
    assert registration["id"] == "passerelle"
    assert registration["url"] == "http://127.0.0.1:8401"
    assert registration["rate_limited"] is False
    assert registration["receive_ephemeral"] is False
    namespaces = registration["namespaces"]["users"]
    assert all(namespace["exclusive"] for namespace in namespaces)

    def owned(user_id: str) -> bool:
        return any(re.match(namespace["regex"] + r"\Z", user_id) for namespace in namespaces)

    assert owned("@guest-x7:localhost:8431")
    assert owned("@passerelle:localhost:8431")
    for stranger in ("@guest:localhost:8431", "@guest-x:localhost:8441", "@captions:localhost:8431",
                     "@passerelle2:localhost:8431", "@marie.curie:localhost:8431"):  # fmt: skip
        assert not owned(stranger)


def test_the_bridge_accepts_its_file(stack):
    settings = bridge_settings.load(stack[0].bridge)
    assert settings.http.public_url == "http://localhost:8400"
    assert settings.federation.allow_private == {"localhost:8431", "localhost:8441"}


def test_the_oidc_provider_accepts_its_file(stack):
    settings = OidcSettings.model_validate(tomllib.loads(stack[0].oidc.read_text(encoding="utf-8")))
    assert settings.clients[0].redirect_uris == ["http://localhost:8400/auth/callback"]
    assert [person.uid for person in settings.people] == [
        "marie.curie", "jean.moulin", "ada.lovelace",
    ]  # fmt: skip


def test_the_programs_agree_on_their_shared_secrets(stack):
    files, secrets, _ = stack
    sfu, bridge, bots, oidc = (tomllib.loads(p.read_text()) for p in (files.sfu, files.bridge, files.bots, files.oidc))
    assert sfu["keys"] == {bridge["sfu"]["api_key"]: bridge["sfu"]["api_secret"]}
    assert bots["bridge"]["internal_token"] == bridge["internal"]["token"]
    assert bots["bridge"]["internal_url"] == "http://127.0.0.1:8401"
    assert oidc["clients"][0]["client_secret"] == bridge["oidc"]["client_secret"]
    assert bots["call"]["livekit_service_url"] == SERVICE_URL
    assert bots["database"]["url"] == bridge["database"]["url"]
    assert bridge["meetings"]["lobby"] in set(LobbyPolicy)
    assert bots["homeserver"]["user_id"] == bridge["captions"]["bot_user"] == "@captions:localhost:8431"
    registration = load_yaml(stack[2] / "config" / "appservice.yaml")
    assert (registration["as_token"], registration["hs_token"]) == (
        bridge["homeserver"]["as_token"], bridge["homeserver"]["hs_token"],
    )  # fmt: skip
    assert secrets.bridge_database_password in bridge["database"]["url"]


def test_every_file_with_a_secret_is_private(stack):
    _, secrets, data = stack
    flat = dataclasses.asdict(secrets)
    values = [v for group in (flat.pop("home"), flat.pop("partner"), flat) for v in group.values()]
    for path in data.rglob("*"):
        if path.is_file() and any(value in path.read_text(encoding="utf-8") for value in values):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_homeserver_keeps_its_signing_key_when_rendered_again(stack):
    _, secrets, data = stack
    before = {name: (data / name / "signing.key").read_text() for name in ("home", "partner")}
    render.render_all(data, Ports(8400), secrets, ensure_certificates(data / "tls"))
    assert {name: (data / name / "signing.key").read_text() for name in before} == before
    assert before["home"] != before["partner"]
    assert re.fullmatch(r"ed25519 a_[0-9a-f]{4} [A-Za-z0-9+/]{43}\n", before["home"])


def test_a_value_that_a_template_wants_and_nobody_gave_is_an_error(stack, monkeypatch, tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    for template in render.templates_folder().glob("*.j2"):
        (folder / template.name).write_text(template.read_text(encoding="utf-8") + "x: {{ forgotten }}\n")
    monkeypatch.setattr(render, "templates_folder", lambda: folder)
    with pytest.raises(jinja2.UndefinedError, match="forgotten"):
        render.render_all(stack[2], Ports(8400), stack[1], ensure_certificates(stack[2] / "tls"))


def test_the_certificates_are_valid_for_the_names_of_the_stack(stack):
    certificates = ensure_certificates(stack[2] / "tls")
    context = ssl.create_default_context(cafile=str(certificates.ca))
    for pair, name in ((certificates.home, "localhost"), (certificates.partner, "127.0.0.1"),
                       (certificates.home, "::1")):  # fmt: skip
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pair.certificate, pair.key)
        shake_hands(context, server, name)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert near.version() is not None


@pytest.mark.parametrize("text", ["plain", 'quote " and \\ back', "line\nbreak\ttab", "é ☃ 😀", ""])
def test_toml_text_is_read_back_as_it_was(text):
    document = {
        "top": text,
        "table": {"a": text, "n": 3, "b": True, "l": [text, "x"]},
        "rows": [{"c": text}, {"c": "d"}],
    }
    assert tomllib.loads(render.toml(document)) == document


def test_home_alone_has_guests_and_the_module_that_holds_them(stack):
    files = stack[0]
    home, partner = load_yaml(files.home), load_yaml(files.partner)
    (module,) = home["modules"]
    homeserver = tomllib.loads(files.bridge.read_text())["homeserver"]
    assert module["config"]["guest_prefix"] == homeserver["guest_prefix"]
    assert module["config"]["bot"] == f"@{homeserver['bot_localpart']}:{homeserver['name']}"
    assert (render.templates_folder() / "synapse" / "passerelle_guests" / "__init__.py").is_file()
    assert "modules" not in partner
