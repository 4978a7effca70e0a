# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does `sfu load` do with its options? Chooses the server and the make of light media, runs, writes."""

import asyncio
import json
import resource
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sfu.load import report
from sfu.load.batched import PythonTraffic
from sfu.load.meeting import Meeting
from sfu.load.native import NativeTraffic
from sfu.load.plan import Plan
from sfu.load.server import Server, own
from sfu.load.traffic import LoadError, Traffic


def light_media(make: str, say: Callable[[str], None]) -> Traffic:
    """Choose C or Python; `auto` says when it has to be Python. Raises LoadError when `c` cannot be had."""
    if make == "python":
        return PythonTraffic()
    try:
        return NativeTraffic()
    except LoadError as error:
        if make == "c":
            raise
        say(f"light media comes from Python, for a few thousand packets a second at most: {error}")
        return PythonTraffic()


async def load(
    plan: Plan,
    server: Server | None,
    *,
    room: str,
    make: str,
    engine: str,
    voices: int,
    output: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Simulate a meeting at a server, or at one of our own; gives the figures. Raises LoadError."""
    plan.check()
    if output is not None and not output.parent.is_dir():
        raise LoadError(f"there is no folder {output.parent} for --output")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # three sockets a publisher, two a listener
    traffic = light_media(make, say)
    async with own(engine=engine, voices=voices) if server is None else nullcontext(server) as loaded:
        say(f"{plan.people} people, {plan.publishers} publish, at {loaded.url}; light media by {traffic.name}")
        room = room or f"load-{secrets.token_hex(4)}"
        outcome = await Meeting(plan, loaded, room, traffic, say).run()
    figures = report.as_json(plan, loaded, traffic.name, outcome)
    if output is not None:
        await asyncio.to_thread(output.write_text, json.dumps(figures, indent=2) + "\n")
    return figures
