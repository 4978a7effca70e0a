# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do the parameters of a client with two peer connections say? A query string into the core's words.

Such clients (Go, older JavaScript and Rust) have no join_request: each field is a parameter of its own.
"""

import base64
import binascii
import json
from collections.abc import Mapping

from livekit.protocol import models

from sfu.core import limits, requests
from sfu.wire.requests import WireError

_TRUE = {"1", "true"}

_NUMBER_MAX_CHARS = 4


def read_parameters(query: Mapping[str, str]) -> requests.Join:
    """Read a join, or the wish to resume. Raises `WireError`; what is not known is passed over."""
    return requests.Join(
        client=requests.ClientInfo(
            protocol=_number(query.get("protocol", "")),
            client_protocol=_number(query.get("client_protocol", "")),
            capabilities=_capabilities(query.get("capabilities", "")),
            sdk=query.get("sdk", "unknown")[: limits.NAME_MAX_CHARS].upper(),
            version=query.get("version", "")[: limits.NAME_MAX_CHARS],
        ),
        auto_subscribe=query.get("auto_subscribe", "1").lower() in _TRUE,
        attributes=tuple(_attributes(query.get("attributes", "")).items()),
        two_connections=True,
        reconnect=query.get("reconnect", "").lower() in _TRUE,
        participant=query.get("sid", ""),
    )


def _number(text: str) -> int:
    """A small number; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_MAX_CHARS else 0


def _capabilities(text: str) -> tuple[int, ...]:
    """Names as the protocol has them, separated by commas."""
    known = dict(models.ClientInfo.Capability.items())
    names = text.split(",")[: limits.LAYERS_MAX]
    return tuple(known[name] for name in names if name in known)


def _attributes(text: str) -> dict[str, str]:
    """A map of texts as JSON in base64url."""
    if not text:
        return {}
    try:
        attributes = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise WireError("attributes cannot be read") from error
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        raise WireError("attributes are no map of texts")
    return attributes
