# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests of the SFU share: ports, and patience with examples on a busy machine."""

import socket

import pytest
from hypothesis import settings

settings.register_profile("passerelle", deadline=None)
settings.load_profile("passerelle")


@pytest.fixture(scope="session")
def free_ports():
    """Two neighbouring free ports: HTTP and media."""

    def find():
        for first in range(22100, 22990, 2):
            with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind(("127.0.0.1", first))
                    udp.bind(("127.0.0.1", first + 1))
                except OSError:
                    continue
                return first, first + 1
        raise RuntimeError("no free ports")

    return find
