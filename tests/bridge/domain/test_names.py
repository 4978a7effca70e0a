# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.names import is_device_id, is_room_id, localpart_of, parse_server_name, server_of


@pytest.mark.parametrize(
    ("text", "host", "port", "literal"),
    [
        ("matrix.org", "matrix.org", None, False),
        ("localhost:8431", "localhost", 8431, False),
        ("Matrix.Example.ORG:443", "matrix.example.org", 443, False),
        ("1.2.3.4", "1.2.3.4", None, True),
        ("1.2.3.4:8448", "1.2.3.4", 8448, True),
        ("[2001:db8::1]:8448", "2001:db8::1", 8448, True),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None, False),
    ],
)
def test_server_names_are_taken_apart(text: str, host: str, port: int | None, literal: bool):
    name = parse_server_name(text)
    assert name is not None
    assert (name.host, name.port, name.literal is not None) == (host, port, literal)
    assert name.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "matrix.org ",
        "matrix.org\n",
        "matrix..org",
        ".matrix.org",
        "matrix.org.",
        "-matrix.org",
        "ma_trix.org",
        "bücher.example",
        "matrix.org:",
        "matrix.org:0",
        "matrix.org:65536",
        "matrix.org:-1",
        "matrix.org:+80",
        "matrix.org:８０",
        "matrix.org:80:80",
        "matrix.org/path",
        "matrix.org?x",
        "matrix.org#x",
        "user@matrix.org",
        "user:pass@matrix.org",
        "http://matrix.org",
        "matrix.org\\x",
        "2130706433",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.01",
        "1.2.3.4.5",
        "a.0x10",
        "[::1",
        "::1",
        "[::1]x",
        "[fe80::1%eth0]",
        "[127.0.0.1]",
        "[]",
        "a" * 64 + ".org",
        "a." * 115 + "org",
        "a\x00.org",
    ],
)
def test_what_is_no_server_name_is_not_taken_for_one(text: str):
    assert parse_server_name(text) is None


@given(st.text(max_size=60))
def test_parsing_a_server_name_never_fails(text: str):
    name = parse_server_name(text)
    assert name is None or name.text == text


@pytest.mark.parametrize(
    ("user_id", "server"),
    [
        ("@alice:localhost:8431", "localhost:8431"),
        ("@a.b=c/d:hs.example", "hs.example"),
        ("@Old~User:hs.example", "hs.example"),
        ("@x:[::1]:8448", "[::1]:8448"),
        ("alice:hs.example", None),
        ("@alice", None),
        ("@:hs.example", None),
        ("@al ice:hs.example", None),
        ("@alice:hs.example/x", None),
        ("@alice:", None),
        ("@" + "a" * 250 + ":hs.example", None),
        ("@é:hs.example", None),
    ],
)
def test_a_user_id_names_its_server(user_id: str, server: str | None):
    assert server_of(user_id) == server


def test_a_localpart_is_given_for_exactly_that_server():
    assert localpart_of("@alice:localhost:8431", "localhost:8431") == "alice"
    assert localpart_of("@alice:localhost:8431", "localhost") is None
    assert localpart_of("@alice:evil:localhost:8431", "localhost:8431") is None


def test_room_ids_of_every_version_are_rooms_and_nothing_else_is():
    assert is_room_id("!abc:hs.example:8448")
    assert is_room_id("!" + "a" * 43)
    for text in ("", "!", "#alias:hs", "abc", "!a b", "!a\x00", "!é", "!" + "a" * 255):
        assert not is_room_id(text)


def test_device_ids_are_visible_text_of_at_most_255_bytes():
    assert is_device_id("CAPTIONS")
    assert is_device_id("a" * 255)
    for text in ("", "a" * 256, "é" * 128, "a\nb", "a\x00"):
        assert not is_device_id(text)
