# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m sfu serve` as a process of its own, in a network namespace where one is named."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from livekit import api

KEY, SECRET = "key", "0123456789abcdefghijklmnopqrstuv"
READY_WITHIN_S = 60.0


def token(identity: str, room: str) -> str:
    """To join a room."""
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


@contextmanager
def serving(
    log: Path, arguments: Sequence[str], ready: Callable[[], bool], prefix: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run it until the block ends; `ready` says whether it answers."""
    environment = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "sfu", "serve", "--dev", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()
