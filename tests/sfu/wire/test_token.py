# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Tokens: those of the real library open doors, forged ones don't."""

import base64
import datetime
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from livekit import api

from sfu.core import limits
from sfu.core.grants import Grants, ParticipantKind, Rights, Source
from sfu.wire import token

KEY, SECRET = "key", "0123456789abcdefghijklmnopqrstuv"
KEYS = {"other": "zyxwvutsrqponmlkjihgfedcba987654", KEY: SECRET}
NOW = 1_700_000_000.0


def signed(header=None, secret=SECRET, **claims):
    body = {"iss": KEY, "sub": "alice", "exp": NOW + 60, "video": {"roomJoin": True, "room": "r"}}
    body = {name: value for name, value in {**body, **claims}.items() if value is not ...}
    header = {"alg": "HS256", **(header or {})}
    return jwt.encode(header, body, OctKey.import_key(secret), algorithms=[header["alg"]])


def refused(text, now=NOW):
    with pytest.raises(token.TokenError) as caught:
        token.verify(text, KEYS, now)
    return str(caught.value)


def test_a_token_of_the_real_library_says_what_it_was_made_with():
    made = (
        api.AccessToken(KEY, SECRET)
        .with_identity("@alice:localhost:8431:DEVICE")
        .with_name("Alice")
        .with_kind("agent")
        .with_metadata("meta")
        .with_attributes({"a": "b"})
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room="r",
                can_publish=False,
                can_publish_sources=["microphone"],
                hidden=True,
                can_update_own_metadata=True,
            )
        )
    )
    grants = token.verify(made.to_jwt(), KEYS, time.time())
    assert grants.identity == "@alice:localhost:8431:DEVICE"
    assert (grants.name, grants.metadata, grants.attributes) == ("Alice", "meta", {"a": "b"})
    assert (grants.kind, grants.room, grants.room_join) == (ParticipantKind.AGENT, "r", True)
    assert (grants.rights.can_publish, grants.rights.can_publish_sources) == (False, (Source.MICROPHONE,))
    assert (grants.rights.hidden, grants.rights.can_update_own_metadata, grants.room_admin) == (True, True, False)
    assert abs(grants.issued_at - time.time()) < 5


def test_absent_claims_have_livekit_s_defaults():
    grants = token.verify(signed(), KEYS, NOW)
    assert (grants.rights, grants.issued_at) == (Rights(), 0.0)
    silent = token.verify(signed(video={"canPublish": False}), KEYS, NOW)
    assert (silent.rights.can_publish_data, silent.rights.can_subscribe, silent.room_join) == (False, True, False)
    assert token.verify(signed(sub=..., jti="by-id"), KEYS, NOW).identity == "by-id"


def test_an_unknown_source_grants_nothing_and_does_not_fall_back():
    grants = token.verify(signed(video={"canPublishSources": ["hologram"]}), KEYS, NOW)
    assert not grants.rights.may_publish(Source.CAMERA)


def test_a_refreshed_token_keeps_every_right():
    grants = Grants(
        identity="alice",
        name="Alice",
        metadata="m",
        attributes={"a": "b"},
        kind=ParticipantKind.AGENT,
        room="r",
        room_join=True,
        room_admin=True,
        rights=Rights(
            can_publish=False,
            can_subscribe=False,
            can_publish_data=True,
            can_publish_sources=(Source.SCREEN_SHARE_AUDIO,),
            can_update_own_metadata=True,
            hidden=True,
        ),
        issued_at=NOW,
        expires_at=NOW + token.REFRESHED_TTL_S,
    )
    made = token.refresh(grants, KEY, SECRET, NOW)
    assert token.verify(made, KEYS, NOW + 1) == grants
    assert "expired" in refused(made, NOW + token.REFRESHED_TTL_S + token.LEEWAY_S + 1)


def test_a_refreshed_token_ends_no_earlier_than_the_one_before():
    grants = Grants(identity="alice", expires_at=NOW + 6 * 3600)
    made = token.refresh(grants, KEY, SECRET, NOW)
    assert token.verify(made, KEYS, NOW + 5 * 3600).expires_at == NOW + 6 * 3600


def test_clocks_may_differ_by_the_leeway_and_no_more():
    old = signed(exp=NOW)
    assert token.verify(old, KEYS, NOW + 59)
    assert "expired" in refused(old, NOW + 61)
    early = signed(nbf=NOW + 60)
    assert token.verify(early, KEYS, NOW + 1)
    assert "not valid yet" in refused(early, NOW - 1)


def unsigned(algorithm):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"iss": KEY, "sub": "alice", "exp": NOW + 60, "video": {"roomJoin": True, "room": "r"}}
    return f"{part({'alg': algorithm})}.{part(claims)}."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b.c",
        "....",
        "é.é.é",
        signed(secret="0123456789abcdefghijklmnopqrstuX"),
        signed()[:-4] + "AAAA",
        signed(iss="unknown"),
        signed(iss="other"),
        signed(iss=...),
        signed(iss=["key"]),
        unsigned("none"),
        unsigned("HS256"),
        signed({"alg": "HS384"}),
        signed(exp=...),
        signed(exp="soon"),
        signed(exp=True),
        signed(exp=-1),
        signed(nbf="now"),
        signed(sub=5),
        signed(name=["x"]),
        signed(attributes=["x"]),
        signed(attributes={"a": 1}),
        signed(video={"roomJoin": "yes"}),
        signed(video={"room": 5}),
        signed(video={"canPublishSources": [1]}),
        signed(video={"canPublishSources": "camera"}),
        "x" * (limits.TOKEN_MAX + 1),
    ],
)
def test_what_is_no_valid_token_is_refused_with_a_text_that_holds_no_secret(text):
    complaint = refused(text)
    assert complaint
    assert SECRET not in complaint
    assert not text or text not in complaint


def test_an_expired_token_of_the_real_library_is_refused():
    made = api.AccessToken(KEY, SECRET).with_identity("a").with_ttl(datetime.timedelta(seconds=-120))
    assert "expired" in refused(made.to_jwt(), time.time())
