# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.settings import BadSettings, Settings, load

GOOD = {name: secrets.token_urlsafe(32) for name in ("as_token", "hs_token", "jwt", "sfu", "internal")}
TEXT = f"""
[http]
host = "127.0.0.1"
port = 8400
internal_port = 8401
public_url = "http://localhost:8400/"
[database]
url = "postgresql://postgres:database-password@127.0.0.1:8420/passerelle"
[homeserver]
name = "localhost:8431"
client_url = "http://localhost:8430"
federation_url = "https://127.0.0.1:8431"
as_token = "{GOOD["as_token"]}"
hs_token = "{GOOD["hs_token"]}"
bot_localpart = "passerelle"
guest_prefix = "guest-"
jwt_login_secret = "{GOOD["jwt"]}"
[sfu]
public_url = "ws://localhost:8410"
api_url = "http://127.0.0.1:8410"
api_key = "passerelle"
api_secret = "{GOOD["sfu"]}"
[oidc]
issuer = "http://localhost:8450"
client_id = "passerelle"
client_secret = "client-password"
[federation]
ca_file = "/ca.pem"
allow_private = ["localhost:8431", "localhost:8441"]
[captions]
bot_user = "@captions:localhost:8431"
[internal]
token = "{GOOD["internal"]}"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_file(text: str) -> Path:
        path = tmp_path / "bridge.toml"
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write_file


def test_the_file_of_the_architecture_is_read(write: Callable[[str], Path]):
    settings = load(write(TEXT))
    assert settings.http.public_url == "http://localhost:8400"
    assert settings.homeserver.bot_user == "@passerelle:localhost:8431"
    assert settings.federation.allow_private == {"localhost:8431", "localhost:8441"}
    assert settings.oidc is not None
    assert settings.oidc.pkce


def test_sign_in_can_be_left_out(write: Callable[[str], Path]):
    start, end = TEXT.index("[oidc]"), TEXT.index("[federation]")
    assert load(write(TEXT[:start] + TEXT[end:])).oidc is None


def test_printing_settings_shows_no_secret(write: Callable[[str], Path]):
    settings = load(write(TEXT))
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    for secret in (*GOOD.values(), "database-password", "client-password"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (GOOD["as_token"], ""),
        (GOOD["as_token"], "short"),
        (GOOD["hs_token"], "a" * 40),
        (GOOD["jwt"], "changeme-changeme-changeme-changeme-1234"),
        (GOOD["sfu"], "x" * 31),
        (GOOD["jwt"], "a-string-secret-at-least-256-bits-long"),
        (GOOD["jwt"], "0123456789abcdef" * 4),
        (GOOD["internal"], GOOD["hs_token"]),
        ("port = 8400", "port = 70000"),
        ("port = 8400", 'port = "8400"x'),
        ("[captions]", "[captions]\nunknown = 1"),
        ("[http]", "[http]\nproxy = true"),
        ("[database]", "[extra]\nx = 1\n[database]"),
        ('name = "localhost:8431"', 'name = "127.1"'),
        ('"localhost:8441"', '"https://localhost:8441"'),
        ('"@captions:localhost:8431"', '"captions"'),
        ('"guest-"', '"Guest "'),
        ("http://localhost:8430", "localhost:8430"),
        ("[internal]", "[internal"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_and_shows_no_secret(write: Callable[[str], Path], old: str, new: str):
    assert old in TEXT
    with pytest.raises(BadSettings) as refused:
        load(write(TEXT.replace(old, new, 1)))
    assert not [secret for secret in GOOD.values() if secret in str(refused.value)]
    assert refused.value.__cause__ is None or "input_value" not in str(refused.value.__cause__)


def test_a_file_that_others_may_read_stops_the_start(write: Callable[[str], Path]):
    path = write(TEXT)
    path.chmod(0o640)
    with pytest.raises(BadSettings, match="chmod 600"):
        load(path)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path):
    with pytest.raises(BadSettings):
        load(tmp_path / "nothing.toml")


def test_settings_do_not_change_while_we_run(write: Callable[[str], Path]):
    settings: Settings = load(write(TEXT))
    with pytest.raises(ValueError, match="frozen"):
        settings.http.port = 1  # type: ignore[misc]


MAIL = '[mail]\nhost = "mail.example"\nsender = "meet@example.org"\n'


def test_mail_leaves_by_a_server_with_a_password_of_its_own_file(write: Callable[[str], Path], tmp_path: Path):
    assert load(write(TEXT)).mail is None
    mail = load(write(TEXT + MAIL)).mail
    assert mail is not None
    assert (mail.security, mail.port, mail.password()) == ("starttls", 587, "")
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    login = f'user = "passerelle"\npassword_file = "{password}"\n'
    mail = load(write(TEXT + MAIL + login)).mail
    assert mail is not None
    assert mail.password() == "correct horse"
    assert "correct horse" not in repr(mail)
    wrong = (
        (login + 'security = "none"\n', "in the clear"),
        ('user = "passerelle"\n', "go together"),
        (f'user = "x"\npassword_file = "{tmp_path / "gone"}"\n', "cannot be read"),
    )
    for more, why in wrong:
        with pytest.raises(BadSettings, match=why):
            load(write(TEXT + MAIL + more))
    password.chmod(0o644)
    with pytest.raises(BadSettings, match="chmod 600"):
        load(write(TEXT + MAIL + login))
    with pytest.raises(BadSettings, match="mail address"):
        load(write(TEXT + MAIL.replace("meet@", "meet, x@")))
