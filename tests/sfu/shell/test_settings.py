# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration file: what is taken and what is refused, with a text that says what to change."""

import pytest

from sfu.shell.settings import SettingsError, checked, is_readable_by_others, load

GOOD = """
http_host = "127.0.0.1"
http_port = 8410
media_host = "127.0.0.1"
media_port = 8411
engine = "auto"
auto_create = false
[keys]
passerelle = "0123456789abcdefghijklmnopqrstuv"
"""


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "sfu.toml"
        path.write_text(text)
        return path

    return write_text


def test_the_documented_file_is_taken(write):
    settings = load(write(GOOD))
    assert (settings.http_port, settings.media_port, settings.auto_create) == (8410, 8411, False)
    assert settings.plain_keys() == {"passerelle": "0123456789abcdefghijklmnopqrstuv"}
    assert "0123456789" not in repr(settings)


def test_webhooks_have_urls_and_the_key_that_signs(write):
    told = '[webhook]\nurls = ["https://one.example/hook", "http://localhost:1/"]\napi_key = "passerelle"\n'
    webhook = load(write(GOOD + told)).webhook
    assert webhook is not None
    assert (webhook.urls[0], webhook.api_key) == ("https://one.example/hook", "passerelle")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("http_port = 8410", "http_prt = 8410", "http_prt"),
        ("8411", "70000", "media_port"),
        ("8411", "8411\nmedia_threads = 0", "media_threads"),
        ("8411", "65534\nmedia_threads = 3", "media_threads: there are fewer than 3 ports from media_port on"),
        ('"auto"', '"fast"', "engine"),
        ("0123456789abcdefghijklmnopqrstuv", "tooshort", "32 bytes"),
        ("0123456789abcdefghijklmnopqrstuv", "secret" * 8, "well-known"),
        ("0123456789abcdefghijklmnopqrstuv", "a" * 40, "well-known"),
        ("0123456789abcdefghijklmnopqrstuv", "devkey-secret-devkey-secret-devkey", "well-known"),
        ("0123456789abcdefghijklmnopqrstuv", "a-string-secret-at-least-256-bits-long", "well-known"),
        ("0123456789abcdefghijklmnopqrstuv", "", "32 bytes"),
        ('passerelle = "0123456789abcdefghijklmnopqrstuv"', "", "keys"),
        ("[keys]", "[keys", "not TOML"),
        ("[keys]", '[webhook]\nurls = ["ftp://host/"]\napi_key = "passerelle"\n[keys]', "webhook.urls"),
        ("[keys]", '[webhook]\nurls = ["http://host/"]\napi_key = "other"\n[keys]', "webhook.api_key is none"),
        ('media_host = "127.0.0.1"', 'media_host = "localhost"', "'localhost' is no IP address"),
        ('media_host = "127.0.0.1"', 'media_host = ["0.0.0.0", "::1"]', "name one to advertise"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_and_without_the_secret(write, old, new, complaint):
    with pytest.raises(SettingsError) as caught:
        load(write(GOOD.replace(old, new)))
    assert complaint in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)
    assert "secretsecret" not in str(caught.value)


def test_media_may_have_several_addresses(write):
    several = load(write(GOOD.replace('media_host = "127.0.0.1"', 'media_host = ["::1", "127.0.0.1"]')))
    assert several.media_host == ("::1", "127.0.0.1")
    assert load(write(GOOD)).media_host == ("127.0.0.1",)


TURN = """
[turn]
urls = ["turn:turn.example:3478?transport=udp", "turns:[2001:db8::1]:443?transport=tcp"]
secret = "vutsrqponmlkjihgfedcba9876543210"
"""


def test_a_turn_server_is_taken_with_its_secret_hidden(write):
    settings = load(write(GOOD + TURN))
    assert settings.turn.shared().urls[1].startswith("turns:[2001:db8::1]")
    assert settings.turn.shared().ttl_s == 14_400
    assert "vutsrq" not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("turn:turn.example", "http://turn.example", "turn.urls"),
        ("transport=udp", "transport=sctp", "turn.urls"),
        ("vutsrqponmlkjihgfedcba9876543210", "short", "32 bytes"),
        ("secret =", "ttl = 5\nsecret =", "turn.ttl"),
        ("secret =", "realm = 5\nsecret =", "turn.realm"),
    ],
)
def test_a_turn_server_that_cannot_work_is_refused(write, old, new, complaint):
    with pytest.raises(SettingsError) as caught:
        load(write(GOOD + TURN.replace(old, new)))
    assert complaint in str(caught.value)
    assert "vutsrq" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"no\.toml"):
        load(tmp_path / "no.toml")


def test_secrets_that_programs_make_are_strong_enough():
    import secrets

    for make in (secrets.token_hex, secrets.token_urlsafe):
        assert checked({"keys": {"k": make(32)}}, "test")


def test_a_file_that_others_can_read_is_noticed(write):
    path = write(GOOD)
    path.chmod(0o600)
    assert not is_readable_by_others(path)
    path.chmod(0o640)
    assert is_readable_by_others(path)
