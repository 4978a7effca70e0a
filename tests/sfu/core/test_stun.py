# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""STUN against the vectors of RFC 5769 and against rubbish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core import stun

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RESPONSE_V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RESPONSE_V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)


def test_the_request_of_rfc_5769_is_read_and_authentic() -> None:
    message = stun.parse(REQUEST)
    assert message is not None
    assert message.type == stun.BINDING_REQUEST
    assert message.transaction == TRANSACTION
    assert message.username == "evtj:h6vY"
    assert message.priority == 0x6E0001FF
    assert not message.use_candidate
    assert stun.verify(REQUEST, message, PASSWORD)
    assert not stun.verify(REQUEST, message, PASSWORD + "x")


@pytest.mark.parametrize(
    ("data", "mapped"),
    [
        (RESPONSE_V4, ("192.0.2.1", 32853)),
        (RESPONSE_V6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_the_responses_of_rfc_5769_name_the_address(data: bytes, mapped: tuple[str, int]) -> None:
    message = stun.parse(data)
    assert message is not None
    assert message.type == stun.BINDING_SUCCESS
    assert message.mapped == mapped
    assert stun.verify(data, message, PASSWORD)


@pytest.mark.parametrize("address", [("192.0.2.1", 32853), ("2001:db8::1", 1), ("fe80::1%eth0", 65535)])
def test_an_answer_reads_back(address: tuple[str, int]) -> None:
    data = stun.binding_success(TRANSACTION, address, PASSWORD)
    message = stun.parse(data)
    assert message is not None
    assert message.mapped == (address[0].partition("%")[0], address[1])
    assert message.transaction == TRANSACTION
    assert stun.verify(data, message, PASSWORD)


@pytest.mark.parametrize("use_candidate", [True, False])
def test_a_request_reads_back(use_candidate: bool) -> None:
    data = stun.binding_request(TRANSACTION, "server:client", PASSWORD, priority=7, use_candidate=use_candidate)
    message = stun.parse(data)
    assert message is not None
    assert (message.username, message.priority, message.use_candidate) == ("server:client", 7, use_candidate)
    assert stun.verify(data, message, PASSWORD)


def test_any_flipped_bit_of_what_the_integrity_covers_is_noticed() -> None:
    for position in range((len(REQUEST) - 8) * 8):
        changed = bytearray(REQUEST)
        changed[position // 8] ^= 1 << position % 8
        message = stun.parse(bytes(changed))
        assert message is None or not stun.verify(bytes(changed), message, PASSWORD)


def test_attributes_after_the_integrity_count_for_nothing() -> None:
    head = stun.binding_request(TRANSACTION, "a:b", PASSWORD)[:-8]  # without FINGERPRINT
    forged = head + bytes.fromhex("00250000")
    forged = forged[:2] + (len(forged) - 20).to_bytes(2, "big") + forged[4:]
    message = stun.parse(forged)
    assert message is not None
    assert not message.use_candidate


@given(st.binary(max_size=200))
def test_rubbish_is_no_message(data: bytes) -> None:
    message = stun.parse(data)
    assert message is None or not stun.verify(data, message, PASSWORD)


@given(st.data())
def test_mutations_never_raise(data: st.DataObject) -> None:
    changed = bytearray(data.draw(st.sampled_from([REQUEST, RESPONSE_V4, RESPONSE_V6])))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    message = stun.parse(cut)
    if message is not None:
        stun.verify(cut, message, PASSWORD)


def test_a_user_name_that_is_longer_than_the_rfc_allows_is_no_message() -> None:
    fits, long = (stun.binding_request(bytes(12), "u" * size, "p" * 22) for size in (513, 514))
    message = stun.parse(fits)
    assert message is not None
    assert len(message.username) == 513
    assert stun.parse(long) is None
