# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which server is loaded? One that runs already, or one of our own for as long as it takes."""

import asyncio
import contextlib
import json
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sfu.load.traffic import LoadError

READY_S = 30.0
STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, who may make tokens, and which process it is where that is known."""

    url: str
    key: str
    secret: str
    pid: int | None = None
    engine: str = ""


@asynccontextmanager
async def own(*, engine: str, voices: int) -> AsyncIterator[Server]:
    """Run `sfu serve` with generated keys on free ports of 127.0.0.1. Raises LoadError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="sfu-load-") as scratch:
        http, media = _free_ports()
        secret, config, log = secrets.token_hex(32), Path(scratch) / "sfu.toml", Path(scratch) / "sfu.log"
        config.touch(mode=0o600)
        config.write_text(
            f"http_port = {http}\nmedia_port = {media}\nauto_create = true\nengine = {json.dumps(engine)}\n"
            f"max_speakers = {voices}\n[keys]\nload = {json.dumps(secret)}\n"
        )
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sfu", "serve", "--config", str(config), stdout=output, stderr=output
            )
        try:
            started = await _ready(process, log)
            yield Server(f"ws://127.0.0.1:{http}", "load", secret, process.pid, started)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(process: asyncio.subprocess.Process, log: Path) -> str:
    """Wait until it says that it serves; gives the engine that it chose."""
    loop = asyncio.get_running_loop()
    deadline, said = loop.time() + READY_S, ""
    while loop.time() < deadline:
        ended = process.returncode is not None
        said = await asyncio.to_thread(log.read_text)
        for line in said.splitlines():
            if '"sfu_started"' in line:
                return str(json.loads(line).get("engine", ""))
        if ended:
            break
        await asyncio.sleep(0.05)
    raise LoadError(f"the server does not start: {said.strip()[-500:] or 'it says nothing'}")


def _free_ports() -> tuple[int, int]:
    """A port for HTTP, and one for media that is free for UDP and TCP."""
    with socket.socket() as http:
        http.bind(("127.0.0.1", 0))
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
                udp.bind(("127.0.0.1", 0))
                try:
                    tcp.bind(udp.getsockname())
                except OSError:
                    continue
                return int(http.getsockname()[1]), int(udp.getsockname()[1])
