# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which ports can a media server under test have?"""

import socket


def free_ports() -> tuple[int, int]:
    """A port for HTTP and one for media (UDP and TCP), both free now."""
    with socket.socket() as http:
        http.bind(("127.0.0.1", 0))
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
                udp.bind(("127.0.0.1", 0))
                try:
                    tcp.bind(udp.getsockname())
                except OSError:
                    continue
                return http.getsockname()[1], udp.getsockname()[1]
