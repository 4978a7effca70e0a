# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Work as a control plane has it in a storm of joins: descriptions read and written, for as long as it is wanted."""

from sfu.core.media import Fingerprint, IceCredentials
from sfu.load.description import offer
from sfu.wire.sdp import parse_description

OWN = Fingerprint("sha-256", ":".join(["AB"] * 32))


def keep_busy(stopped):
    """Until `stopped` is set."""
    text = offer(IceCredentials("busy", "p" * 22), OWN, "voice", "camera", ("q", "h", "f"))
    while not stopped.is_set():
        parse_description(text)
