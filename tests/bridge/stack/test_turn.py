# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""coturn's file: what it lets through, and that nothing else gets into its lines."""

import ipaddress
import stat
import tomllib

import pytest

from bridge.cli import turn_config
from bridge.stack.errors import StackError
from bridge.stack.turn import Relay, render_coturn, render_sfu_table
from sfu.shell.settings import checked


@pytest.fixture
def tls(tmp_path):
    paths = tmp_path / "turn.crt", tmp_path / "turn.key"
    for path in paths:
        path.write_text("pem")
    return paths


def options(text):
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_the_relay_reaches_the_sfu_and_nothing_else():
    config = options(render_coturn(Relay("turn.example", ("203.0.113.5", "2001:db8::5"), ("203.0.113.7",))))
    assert config["allowed-peer-ip"] == ["203.0.113.7"]
    denied = [list(map(ipaddress.ip_address, both.split("-"))) for both in config["denied-peer-ip"]]
    assert {(int(low), high.max_prefixlen, int(high)) for low, high in denied} == {
        (0, 32, 2**32 - 1),
        (0, 128, 2**128 - 1),
    }
    assert config["listening-ip"] == config["relay-ip"] == ["203.0.113.5", "2001:db8::5"]


def test_credentials_are_limited_in_time_and_number_and_nobody_administers_over_the_network():
    relay = Relay("turn.example", ("203.0.113.5",), ("203.0.113.7",))
    config = options(render_coturn(relay))
    assert config["static-auth-secret"] == [relay.secret]
    assert config["user-quota"] == ["12"]
    assert {"use-auth-secret", "no-cli", "no-tcp-relay", "no-multicast-peers", "no-tls", "no-dtls"} <= set(config)
    assert int(config["total-quota"][0]) > 12
    assert int(config["max-bps"][0]) > 0
    assert relay.secret not in repr(relay)


def test_behind_a_nat_it_listens_inside_and_is_known_outside(tls):
    relay = Relay("turn.example", ("203.0.113.5/10.0.0.5",), ("203.0.113.7",), *tls, tls_port=443)
    config = options(render_coturn(relay))
    assert (config["listening-ip"], config["external-ip"]) == (["10.0.0.5"], ["203.0.113.5/10.0.0.5"])
    assert (config["tls-listening-port"], config["cert"]) == (["443"], [str(tls[0])])
    assert "no-tls" not in config
    assert relay.urls()[-1] == "turns:turn.example:443?transport=tcp"


def test_the_sfu_takes_its_table():
    relay = Relay("turn.example", ("203.0.113.5",), ("203.0.113.7",))
    table = tomllib.loads(render_sfu_table(relay))
    settings = checked({"keys": {"k": "0123456789abcdefghijklmnopqrstuv"}, **table}, "test")
    assert settings.turn.shared().urls == tuple(relay.urls())
    assert settings.turn.shared().secret == relay.secret


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "turn.example\nno-auth"}, "host name"),
        ({"name": ""}, "host name"),
        ({"addresses": ()}, "at least one"),
        ({"sfu": ()}, "at least one"),
        ({"sfu": ("sfu.example",)}, "no IP address"),
        ({"sfu": ("0.0.0.0",)}, "send to"),
        ({"sfu": ("127.0.0.1",)}, "loopback"),
        ({"addresses": ("203.0.113.5/nat",)}, "no IP address"),
    ],
)
def test_what_coturn_could_not_use_is_refused(fields, complaint):
    base = {"name": "turn.example", "addresses": ("203.0.113.5",), "sfu": ("203.0.113.7",)}
    with pytest.raises(StackError, match=complaint):
        Relay(**(base | fields))


def test_a_certificate_comes_with_its_key(tls, tmp_path):
    with pytest.raises(StackError, match="belong together"):
        Relay("turn.example", ("203.0.113.5",), ("203.0.113.7",), tls[0])
    with pytest.raises(StackError, match="no file"):
        Relay("turn.example", ("203.0.113.5",), ("203.0.113.7",), tls[0], tmp_path / "none")


def test_the_command_writes_a_private_file_and_prints_the_table(tmp_path, capsys):
    output = tmp_path / "turnserver.conf"
    assert turn_config(name="turn.example", address=("203.0.113.5",), sfu=("203.0.113.7",), output=output) == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    table = tomllib.loads(capsys.readouterr().out)["turn"]
    assert options(output.read_text())["static-auth-secret"] == [table["secret"]]
    assert turn_config(name="turn.example", address=("here",), sfu=("203.0.113.7",), output=output) == 1
    assert "'here' is no IP address" in capsys.readouterr().err
