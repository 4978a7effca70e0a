# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which clients are the columns of the table?"""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Client:
    """A column: its name, what kind of program it is, and how it is started."""

    name: str
    head: tuple[str, ...]
    """The same in words that fit above a column."""
    kind: str
    """`python`, `browser`, `node`: a participant; `python-api`, `node-api`: a server SDK."""
    package: str = ""
    options: dict = field(default_factory=dict)


CHOSEN = "CONFORMANCE_CLIENTS"
"""The environment variable that names the columns to run, with commas between them; all when it is empty."""

CLIENTS = (
    Client("livekit 1.2.1", ("Python", "1.2.1"), "python"),
    Client("livekit-client 2.16.1", ("JS", "2.16.1"), "browser", "livekit-client-216", {"singlePeerConnection": False}),
    Client("livekit-client 2.21.0", ("JS", "2.21.0"), "browser", "livekit-client-221"),
    Client("livekit-client 2.22.3", ("JS", "2.22.3"), "browser", "livekit-client-2223"),
    Client("livekit-client 2.23.0", ("JS", "2.23.0"), "browser", "livekit-client-newest"),
    Client(
        "livekit-client 2.23.0 dual",
        ("JS two", "PCs", "2.23.0"),
        "browser",
        "livekit-client-newest",
        {"singlePeerConnection": False},
    ),
    Client("livekit-api 1.2.2", ("API", "Python"), "python-api"),
    Client("livekit-server-sdk 2.19.2", ("API", "npm"), "node-api", "livekit-server-sdk"),
)


def chosen():
    """The columns to run."""
    names = os.environ.get(CHOSEN)
    return [client for client in CLIENTS if not names or client.name in names.split(",")]
