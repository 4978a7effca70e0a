# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Query strings of clients with two peer connections, as they were seen."""

import base64
import json
from urllib.parse import parse_qsl

import pytest

from sfu.wire.join_parameters import read_parameters
from sfu.wire.requests import WireError

JS = "access_token=t&auto_subscribe=1&sdk=js&version=2.22.3&protocol=17&client_protocol=2&adaptive_stream=1"
PYTHON = (
    "sdk=python&os=Debian&os_version=12&device_model=Unknown&protocol=18&client_protocol=2&auto_subscribe=1"
    "&adaptive_stream=0&version=1.2.1&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW"
)
GO = "version=2.18.2&protocol=17&&auto_subscribe=0&sdk=go&os=linux"


def read(query):
    return read_parameters(dict(parse_qsl(query)))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("query", "sdk", "version", "protocol", "auto_subscribe"),
    [
        (JS, "JS", "2.22.3", 17, True),
        (PYTHON, "PYTHON", "1.2.1", 18, True),
        (GO, "GO", "2.18.2", 17, False),
        ("", "UNKNOWN", "", 0, True),
    ],
)
def test_what_clients_say_of_themselves_is_read(query, sdk, version, protocol, auto_subscribe):
    join = read(query)
    assert (join.client.sdk, join.client.version, join.client.protocol) == (sdk, version, protocol)
    assert (join.auto_subscribe, join.two_connections, join.reconnect) == (auto_subscribe, True, False)


def test_capabilities_are_named_and_unknown_ones_passed_over():
    assert read(PYTHON).client.capabilities == (1, 2)
    assert read("capabilities=CAP_UNHEARD_OF,,CAP_PACKET_TRAILER").client.capabilities == (1,)


def test_the_wish_to_resume_names_the_session():
    join = read(f"{JS}&reconnect=1&sid=PA_x&reconnect_reason=2")
    assert (join.reconnect, join.participant) == (True, "PA_x")


@pytest.mark.parametrize("padding", ["", "="])
def test_attributes_are_a_map_in_base64(padding):
    text = encoded({"a": "bc"}).rstrip("=")
    assert read_parameters({"attributes": text + padding * (-len(text) % 4)}).attributes == (("a", "bc"),)


@pytest.mark.parametrize("text", ["*", "AA", encoded([]), encoded({"a": 1}), encoded("a"), encoded({})[:-3] + "____"])
def test_other_attributes_are_refused(text):
    with pytest.raises(WireError):
        read_parameters({"attributes": text})


@pytest.mark.parametrize("text", ["-1", "x", "1" * 5000, "²"])
def test_numbers_that_are_none_are_passed_over(text):
    assert read_parameters({"protocol": text}).client.protocol == 0
