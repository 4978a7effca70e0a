# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""TLS for federation over loopback: a certificate authority of this data folder and one certificate a homeserver.

The authority's private key is dropped after use, so nothing else can ever be issued in its name.
"""

from dataclasses import dataclass
from pathlib import Path

import trustme

from bridge.stack.secrets import write_private

_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where one homeserver's certificate and key lie."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files of the local authority lie."""

    ca: Path
    home: Certificate
    partner: Certificate


def ensure_certificates(folder: Path) -> Certificates:
    """Issue the certificates once; later calls find them."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = Certificates(
        ca=folder / "ca.pem",
        home=Certificate(folder / "home.crt", folder / "home.key"),
        partner=Certificate(folder / "partner.crt", folder / "partner.key"),
    )
    if found.ca.exists():
        return found
    authority = trustme.CA(organization_name="Passerelle local stack")
    for pair in (found.home, found.partner):
        issued = authority.issue_cert(*_NAMES)
        write_private(pair.key, issued.private_key_pem.bytes().decode("ascii"))
        pair.certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    found.ca.write_bytes(authority.cert_pem.bytes())  # last: its presence says that the set is complete
    return found
