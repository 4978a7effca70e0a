# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who holds this token, and what may they do? LiveKit's JWTs (RFC 7519) verified and issued."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import extract_compact

from sfu.core import limits
from sfu.core.grants import Grants, ParticipantKind, Rights, Source

LEEWAY_S = 60
"""Clocks of issuers and of this server may differ by so much."""

REFRESHED_TTL_S = 600
"""Life of a token that was refreshed over signalling, unless the one before lives longer."""

SIGNATURE_TTL_S = 300
"""Life of the token of one webhook."""

_ALGORITHMS = ["HS256"]

_SOURCES = {
    "camera": Source.CAMERA,
    "microphone": Source.MICROPHONE,
    "screen_share": Source.SCREEN_SHARE,
    "screen_share_audio": Source.SCREEN_SHARE_AUDIO,
}


class TokenError(Exception):
    """A token that opens nothing; theirs, the text is safe to show."""


def verify(token: str, keys: Mapping[str, str], now: float) -> Grants:
    """Check a token's signature and times (`now` in Unix seconds) and read its claims.

    `iss` chooses the secret; the algorithm is HS256 whatever the header says.
    """
    if not token:
        raise TokenError("a token is needed: Authorization: Bearer …, or access_token")
    if len(token) > limits.TOKEN_MAX:
        raise TokenError(f"a token has at most {limits.TOKEN_MAX} bytes")
    try:
        secret = keys.get(str(_unverified_issuer(token)))
        if secret is None:
            raise TokenError("the token was issued with an unknown API key")
        claims: dict[str, Any] = jwt.decode(token, OctKey.import_key(secret), algorithms=_ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:  # RecursionError: [[[[…
        raise TokenError("the token is malformed or its signature is wrong") from error
    _check_times(claims, now)
    return _grants(claims)


def refresh(grants: Grants, key: str, secret: str, now: float) -> str:
    """Make a token with these rights that ends no earlier than they did before; `now` in Unix seconds."""
    issued, rights = int(now), grants.rights
    claims: dict[str, Any] = {
        "iss": key,
        "sub": grants.identity,
        "iat": issued,
        "nbf": issued,
        "exp": max(issued + REFRESHED_TTL_S, int(grants.expires_at)),
        "name": grants.name,
        "metadata": grants.metadata,
        "attributes": grants.attributes,
        "kind": grants.kind.name.lower(),
        "video": {
            "room": grants.room,
            "roomJoin": grants.room_join,
            "roomCreate": grants.room_create,
            "roomList": grants.room_list,
            "roomAdmin": grants.room_admin,
            "canPublish": rights.can_publish,
            "canSubscribe": rights.can_subscribe,
            "canPublishData": rights.can_publish_data,
            "canPublishSources": [source.name.lower() for source in rights.can_publish_sources],
            "canUpdateOwnMetadata": rights.can_update_own_metadata,
            "hidden": rights.hidden,
        },
    }
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))


def sign_body(body: bytes, key: str, secret: str, now: float) -> str:
    """Make the token that vouches for a webhook's body; `now` in Unix seconds."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": key, "nbf": int(now), "exp": int(now) + SIGNATURE_TTL_S, "sha256": digest}
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))


def _unverified_issuer(token: str) -> object:
    claims = json.loads(extract_compact(token.encode()).payload)
    return claims.get("iss") if isinstance(claims, dict) else None


def _check_times(claims: dict[str, Any], now: float) -> None:
    if "exp" not in claims:
        raise TokenError("the token has no exp")
    if now > _time(claims, "exp") + LEEWAY_S:
        raise TokenError("the token has expired")
    if now < _time(claims, "nbf") - LEEWAY_S:
        raise TokenError("the token is not valid yet")


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TokenError(f"the claim {name} is no time")
    return float(value)


def _grants(claims: dict[str, Any]) -> Grants:
    video = claims.get("video")
    if not isinstance(video, dict):
        video = {}
    can_publish = _flag(video, "canPublish", default=True)
    return Grants(
        identity=_text(claims, "sub") or _text(claims, "jti"),
        name=_text(claims, "name"),
        metadata=_text(claims, "metadata"),
        attributes=_attributes(claims.get("attributes")),
        kind=ParticipantKind.__members__.get(_text(claims, "kind").upper(), ParticipantKind.STANDARD),
        room=_text(video, "room"),
        room_join=_flag(video, "roomJoin"),
        room_create=_flag(video, "roomCreate"),
        room_list=_flag(video, "roomList"),
        room_admin=_flag(video, "roomAdmin"),
        rights=Rights(
            can_publish=can_publish,
            can_subscribe=_flag(video, "canSubscribe", default=True),
            can_publish_data=_flag(video, "canPublishData", default=can_publish),
            can_publish_sources=_sources(video.get("canPublishSources")),
            can_update_own_metadata=_flag(video, "canUpdateOwnMetadata"),
            hidden=_flag(video, "hidden"),
        ),
        expires_at=_time(claims, "exp"),
        issued_at=max(_time(claims, "iat"), _time(claims, "nbf")),
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise TokenError(f"the claim {name} is no text")
    return value


def _flag(claims: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = claims.get(name)
    if value is not None and not isinstance(value, bool):
        raise TokenError(f"the claim {name} is neither true nor false")
    return default if value is None else value


def _attributes(value: object) -> dict[str, str]:
    if not value:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise TokenError("the claim attributes is no map of texts")
    return dict(value)


def _sources(value: object) -> tuple[Source, ...]:
    if not value:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TokenError("the claim canPublishSources is no list of texts")
    # A source that this server does not know grants nothing, and must not fall back to canPublish.
    return tuple(_SOURCES.get(name.lower(), Source.UNKNOWN) for name in value)
