# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Credentials as coturn makes them; tests/sfu/clients/test_networks.py shows them to a real coturn."""

from sfu.core.turn import Turn, ice_server

TURN = Turn(("turn:turn.example:3478",), "north", 600)


def test_credentials_name_their_end_and_their_session() -> None:
    server = ice_server(TURN, "PA_ann", 1_700_000_000)
    assert server.username == "1700000600:PA_ann"
    # printf 1700000600:PA_ann | openssl dgst -binary -sha1 -hmac north | base64
    assert server.credential == "9pW/OFZ5ocT+EeiMhhfPnEt2iOg="
    assert server.urls == TURN.urls


def test_a_relay_over_tls_is_known_by_its_urls_and_has_the_same_secret() -> None:
    both = Turn(("turn:turn.example:3478", "turns:turn.example:443?transport=tcp"), "north", 600)
    over_tls = both.over_tls()
    assert over_tls == Turn(both.urls[1:], "north", 600)
    assert TURN.over_tls() is None


def test_no_secret_is_shown_by_a_representation() -> None:
    server = ice_server(TURN, "PA_ann", 0)
    assert "north" not in repr(TURN)
    assert server.credential not in repr(server)
