# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The stack that the demo runs against: `passerelle up` as a process of its own, for as long as the demo lasts."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

_START_S = 180.0
_STOP_S = 40.0
_POLL_S = 0.1


class StackFailedError(Exception):
    """The stack did not become ready; it has said why itself."""


@contextlib.asynccontextmanager
async def running(data: Path, port_base: int | None) -> AsyncIterator[dict[str, Any]]:
    """Start the stack, yield its `ready.json`, stop it at the end.

    Raises:
        StackFailedError: it ended, or was not ready in three minutes.
    """
    command = [str(Path(sys.executable).with_name("passerelle")), "up", "--data", str(data), "--no-open"]
    if port_base is not None:
        command += ["--port-base", str(port_base)]
    # A session of its own: Ctrl-C reaches us first, and we let the conversation end before the stack does.
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        yield await _ready(process, data / "ready.json")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, path: Path) -> dict[str, Any]:
    waited = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(_START_S):
            while not waited.done():
                if (ready := await asyncio.to_thread(_read, path)) is not None:
                    return ready
                await asyncio.wait([waited], timeout=_POLL_S)
    except TimeoutError:
        raise StackFailedError(f"the stack was not ready after {_START_S:.0f} s") from None
    finally:
        waited.cancel()
    raise StackFailedError(f"the stack ended with status {process.returncode} before it was ready")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        ready: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return ready
