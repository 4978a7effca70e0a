# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces with a cable between them that loses packets and can be made narrow. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SERVER, CLIENT = "10.213.77.1", "10.213.77.2"


def missing() -> str:
    """Why it can't be done here; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    lacking = [tool for tool in ("ip", "tc", "nft") if shutil.which(tool) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    probe = f"psrl{os.getpid()}p"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:
        return "this system lets nobody make network namespaces"
    _run("ip", "netns", "del", probe)
    return ""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


class Cable:
    """What lies between server and clients; `within` are the words that run a command on either side."""

    def __init__(self, server: str, client: str) -> None:
        self._server, self._client = server, client

    def at_server(self) -> list[str]:
        """Before a command that shall run where the server is."""
        return ["ip", "netns", "exec", self._server]

    def at_client(self) -> list[str]:
        """Before a command that shall run beyond the cable."""
        return ["ip", "netns", "exec", self._client]

    def lose(self, percent: int) -> None:
        """Drop this share of the UDP packets, each way."""
        rules = "table inet loss {}\ndelete table inet loss\n"
        if percent:
            drop = f"meta l4proto udp numgen random mod 100 < {percent} drop"
            chains = [f"chain {hook} {{ type filter hook {hook} priority 0; {drop}; }}" for hook in ("input", "output")]
            rules += "table inet loss {\n" + "\n".join(chains) + "\n}\n"
        subprocess.run([*self.at_client(), "nft", "-f", "-"], input=rules, check=True, capture_output=True, text=True)

    def narrow(self, bits_per_second: int, buffer: int = 30_000) -> None:
        """Let no more through from the server to the clients."""
        shape = ["tbf", "rate", str(bits_per_second), "burst", "3200", "limit", str(buffer)]
        _run(*self.at_server(), "tc", "qdisc", "replace", "dev", "cable", "root", *shape)


@contextmanager
def cable() -> Iterator[Cable]:
    """Make both namespaces; remove them in the end, whatever happened."""
    server, client = f"psrl{os.getpid()}s", f"psrl{os.getpid()}c"
    made = []
    try:
        for name in (server, client):
            _run("ip", "netns", "add", name)
            made.append(name)
        _run("ip", "-n", server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", client)
        for name, address in ((server, SERVER), (client, CLIENT)):
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            _run("ip", "-n", name, "link", "set", "cable", "up")
        yield Cable(server, client)
    finally:
        for name in made:
            _run("ip", "netns", "del", name)
