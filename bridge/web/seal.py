# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How tokens of others lie in our database: encrypted with a key that lies in the configuration only.

What must end with a session is kept with it: the Matrix token of the browser, so that its device can be signed out when
the page is long gone, and the provider's identity token, which a sign-out there asks for.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Seal:
    """Seals small JSON objects. The key is derived from a secret, for this purpose alone."""

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(hmac.new(secret.encode(), b"passerelle sessions", hashlib.sha256).digest())

    def close(self, values: dict[str, str]) -> str:
        """Return the values, sealed."""
        return jwe.encrypt_compact(_HEADER, json.dumps(values), self._key)

    def open(self, sealed: str) -> dict[str, str]:
        """Return the values; none where the seal is of another secret, or nothing was sealed."""
        try:
            values = json.loads(
                jwe.decrypt_compact(sealed, self._key, algorithms=list(_HEADER.values())).plaintext or b""
            )
        except (JoseError, ValueError):
            return {}
        return {name: value for name, value in values.items() if isinstance(value, str)}
