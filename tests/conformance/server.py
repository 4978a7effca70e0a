# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which server is under test? One that the suite starts, or the one that `LIVEKIT_URL` names."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from livekit import api

from tests.conformance.hooks import Hooks
from tests.ports import free_ports

SERVE = (sys.executable, "-m", "sfu", "serve")
KEY, SECRET = "conformance", "0123456789abcdefghijklmnopqrstuv"
READY_WITHIN_S = 30
STOPPED_WITHIN_S = 15


@dataclass
class Server:
    """A LiveKit server: where it is and the key to it."""

    url: str
    key: str
    secret: str
    process: subprocess.Popen | None = None
    log: Path | None = None
    media_port: int = 0
    hooks: Hooks | None = None
    command: tuple[str, ...] | None = None

    @property
    def http(self) -> str:
        return "http" + self.url.removeprefix("ws")

    def token(self, identity: str, room: str, *, kind: str = "standard", ttl=None, **grants) -> str:
        """A token to join with; all grants of `VideoGrants` can be set."""
        video = api.VideoGrants(**{"room_join": True, "room": room, "can_update_own_metadata": True, **grants})
        token = api.AccessToken(self.key, self.secret).with_grants(video).with_kind(kind)
        if identity:
            token = token.with_identity(identity)
        if ttl:
            token = token.with_ttl(ttl)
        return token.to_jwt()

    def stop(self) -> int:
        """End it as a supervisor does; give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN_S)


@contextmanager
def serving(folder: Path, *, command=SERVE, **settings) -> Iterator[Server]:
    """Start a server of our own; `settings` are added to its file."""
    port, media_port = free_ports()
    values = {"http_port": port, "media_port": media_port, **settings}
    config, log = folder / "sfu.toml", folder / "sfu.log"
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if not isinstance(value, dict)]
    lines += [f"[keys]\n{KEY} = {_toml(SECRET)}"]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    with log.open("w") as output:
        process = subprocess.Popen([*command, f"--config={config}"], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield Server(f"ws://127.0.0.1:{port}", KEY, SECRET, process, log, media_port, command=command)
    finally:
        process.kill()
        process.wait()


def remote() -> Server | None:
    """The server that the environment names, if it does."""
    url = os.environ.get("LIVEKIT_URL")
    if not url:
        return None
    return Server(
        "ws" + url.removeprefix("http") if url.startswith("http") else url,
        os.environ["LIVEKIT_API_KEY"],
        os.environ["LIVEKIT_API_SECRET"],
    )


def _toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
