# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from synapse.types import map_username_to_mxid_localpart

from bridge.domain.errors import Refused
from bridge.domain.identities import local_path, localpart_for, unescaped
from bridge.domain.meetings import CALL_MEMBER, CAPTION_MODEL, CAPTION_STATUS, CONSENT, matrix_to, room_recipe


def test_a_room_lets_everybody_call_and_consent_but_not_rule():
    recipe = room_recipe("Team", "@marie:localhost:8431")
    levels = recipe["power_level_content_override"]
    assert recipe["room_version"] == "12"
    assert recipe["preset"] == "private_chat"
    assert levels["users"] == {"@marie:localhost:8431": 100}  # version 12: not the creator
    assert levels["events"][CALL_MEMBER] == 0
    assert levels["events"][CONSENT] == 0
    assert levels["events"][CAPTION_MODEL] == levels["events"][CAPTION_STATUS] == 0
    assert levels["events"]["m.room.power_levels"] == 100
    assert (levels["invite"], levels["kick"], levels["state_default"]) == (50, 50, 50)
    state = {event["type"]: event["content"] for event in recipe["initial_state"]}
    assert state["m.room.history_visibility"] == {"history_visibility": "joined"}
    assert state["m.room.join_rules"] == {"join_rule": "invite"}
    assert state["m.room.guest_access"] == {"guest_access": "forbidden"}
    assert "m.room.encryption" not in state


def test_a_matrix_link_names_a_server_to_ask():
    assert matrix_to("!a+b/c", "localhost:8431") == "https://matrix.to/#/%21a%2Bb%2Fc?via=localhost%3A8431"


def localpart(name: str) -> str:
    return localpart_for(name, server_name="hs", guest_prefix="guest-", reserved=frozenset({"passerelle", "captions"}))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("marie.curie", "marie.curie"),
        ("Marie.Curie", "marie.curie"),
        ("5f1a9c3e-marie", "5f1a9c3e-marie"),
        ("a@b.example", "a=40b.example"),
        ("zoé", "zo=c3=a9"),
        ("a:b", "a=3ab"),
        ("a+b/c=d", "a+b/c=3dd"),
    ],
)
def test_a_providers_name_becomes_a_localpart(name: str, expected: str):
    assert localpart(name) == expected
    assert map_username_to_mxid_localpart(unescaped(expected)) == expected  # Synapse maps what we tell it once more


@pytest.mark.parametrize(
    "name", ["", "  ", "___", "guest-1", "GUEST-x", "passerelle", "captions", "a" * 255, "é" * 100]
)
def test_reserved_and_unusable_names_get_no_account(name: str):
    with pytest.raises(Refused) as refused:
        localpart(name)
    assert refused.value.status == 403


def test_different_names_become_different_localparts():
    assert localpart("a=40b") != localpart("a@b")


@pytest.mark.parametrize("path", ["/", "/m/abc", "/m/abc?invite=x-y_z", "/j/token"])
def test_signing_in_returns_to_our_own_pages(path: str):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "m/x",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\\b",
        "/a#b",
        "/a\nb",
        "/é",
        "/a b",
        "/" + "a" * 600,
    ],
)
def test_signing_in_returns_nowhere_else(path: str):
    assert local_path(path) is None
