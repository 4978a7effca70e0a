# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which ports can a media server under test have?"""

import socket
from contextlib import ExitStack, suppress


def free_ports(media: int = 1) -> tuple[int, int]:
    """A port for HTTP and the first of so many for media (UDP and TCP), all free now."""
    with socket.socket() as http:
        http.bind(("127.0.0.1", 0))
        while True:
            with ExitStack() as opened, suppress(OSError):
                first = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                first.bind(("127.0.0.1", 0))
                port = first.getsockname()[1]
                opened.enter_context(socket.socket()).bind(("127.0.0.1", port))
                for number in range(port + 1, port + media):
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        opened.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", number))
                return http.getsockname()[1], port
