# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests of the SFU share: ports, and patience with examples on a busy machine."""

import random
import socket
from contextlib import ExitStack

import pytest
from hypothesis import settings

settings.register_profile("passerelle", deadline=None)
settings.load_profile("passerelle")


@pytest.fixture(scope="session")
def free_ports():
    """Two neighbouring free ports: HTTP, and media by UDP and TCP."""

    def find():
        for first in random.sample(range(22100, 22990, 2), 445):  # others may look for ports at the same time
            kinds = (socket.SOCK_STREAM, first), (socket.SOCK_DGRAM, first + 1), (socket.SOCK_STREAM, first + 1)
            with ExitStack() as sockets:
                try:
                    for kind, port in kinds:
                        sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
                except OSError:
                    continue
                return first, first + 1
        raise RuntimeError("no free ports")

    return find
