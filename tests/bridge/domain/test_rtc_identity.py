# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.rtc_grant import CLOCK_SKEW_S, TOKEN_LIFETIME_S, join_claims
from bridge.domain.rtc_identity import hashed_identity, livekit_room, plain_identity


def test_names_are_those_of_the_published_vectors():
    assert livekit_room("!roomid:example.com", "slot1234") == "O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc"
    assert livekit_room("!room:example.com") == "krj2dgxw2K6EOm9he4GfQJ6JsSVWfJ8a7BkyjZcSmxs"
    identity = hashed_identity("@alice:example.com", "DEVICE123", "memberABC")
    assert identity == "J+T45tGruxc+HrUOqJJlyQSV33m728Cme4+vt8/SWrU"


def test_a_plain_identity_keeps_user_and_device_as_they_stand():
    assert plain_identity("@alice:localhost:8431", "DEV") == "@alice:localhost:8431:DEV"


def test_hashed_names_do_not_run_into_one_another():
    assert livekit_room("a", "bc") != livekit_room("ab", "c")
    assert livekit_room('a","b', "c") != livekit_room("a", 'b","c')


def test_a_token_says_who_where_and_for_ten_minutes():
    claims = json.loads(join_claims(api_key="key", identity="@a:s:D", room="r+/", now_s=1000))
    assert claims["sub"] == "@a:s:D"
    assert claims["iss"] == "key"
    assert claims["exp"] == 1000 + TOKEN_LIFETIME_S == 1600
    assert claims["nbf"] == 1000 - CLOCK_SKEW_S
    assert claims["video"] == {
        "roomJoin": True,
        "room": "r+/",
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
        "canUpdateOwnMetadata": False,
    }


@pytest.mark.parametrize("sign", [">", "?", "~", "\x7f", "é", "🎉"])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_payload_is_read_by_atob_whatever_the_identity_holds(sign: str, shift: int):
    identity = "x" * shift + sign * 6
    payload = join_claims(api_key="key", identity=identity, room="room", now_s=0)
    assert not set(base64.urlsafe_b64encode(payload)) & set(b"-_")
    assert json.loads(payload)["sub"] == identity


@given(st.text(), st.text())
def test_no_payload_ever_needs_base64url(identity: str, room: str):
    payload = join_claims(api_key="key", identity=identity, room=room, now_s=0)
    assert not set(base64.urlsafe_b64encode(payload)) & set(b"-_")
