# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""bots.toml: what is accepted, and what the refusal says."""

from pathlib import Path

import pytest

from bots.settings import SettingsError, load

GOOD = """
[homeserver]
client_url = "http://localhost:8430/"
user_id = "@captions:localhost:8431"
password = "a very secret password 0123456789"
device_id = "CAPTIONS"
[bridge]
internal_url = "http://127.0.0.1:8401"
internal_token = "another secret: 0123456789abcdefgh"
[speech]
model = ""
model_cache = "models"
[call]
livekit_service_url = "http://localhost:8400/livekit/jwt"
"""


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "bots.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_of_the_architecture_page_is_read(tmp_path):
    settings = load(written(tmp_path, GOOD))
    assert settings.homeserver.client_url == "http://localhost:8430"
    assert settings.homeserver.server_name == "localhost:8431"
    assert settings.speech.languages == ("fr", "en")
    assert settings.speech.worker_count >= 1
    assert settings.call.livekit_service_url == "http://localhost:8400/livekit/jwt"


def test_secrets_are_not_shown(tmp_path):
    assert "secret" not in repr(load(written(tmp_path, GOOD)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[call]", "[call]\nextra = 1", "call.extra"),
        ('device_id = "CAPTIONS"', 'device_id = ""', "homeserver.device_id"),
        ("@captions:localhost:8431", "captions", "homeserver.user_id"),
        ("http://127.0.0.1:8401", "127.0.0.1:8401", "bridge.internal_url"),
        ("[speech]", '[speech]\nlanguages = ["French"]', "speech.languages"),
        ("[speech]", '[speech]\nengine = "kyutai"', r"speech: .*\[speech.kyutai\]"),
        ("[call]", '[speech.kyutai]\nurl = "http://gpu"\ntoken = "secret"\n[call]', "speech.kyutai.url"),
        ("[speech]", "[speech]\nlanguages = []", "speech.languages"),
        ("[call]", '[translation]\nurl = "http://lt"\nlanguages = []\n[call]', "translation.languages"),
        ("[call]", "[metrics]\nport = 70000\n[call]", "metrics.port"),
        ("[call]", "[canary]\nmax_wer = 0\n[call]", "canary.max_wer"),
        ("[bridge]", "[bridge", "bots.toml"),
        ('password = "a very secret password 0123456789"', "password = 5", "homeserver.password"),
        ("a very secret password 0123456789", "", "homeserver.password"),
        ("another secret: 0123456789abcdefgh", "a" * 40, "bridge.internal_token"),
    ],
)
def test_what_is_wrong_is_named_without_secrets(tmp_path, old, new, said):
    with pytest.raises(SettingsError, match=said) as refusal:
        load(written(tmp_path, GOOD.replace(old, new)))
    assert "secret" not in str(refusal.value)


def test_a_file_that_others_can_read_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="chmod 600"):
        load(written(tmp_path, GOOD, 0o640))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load(tmp_path / "none.toml")
