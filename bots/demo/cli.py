# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command `passerelle demo`."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Annotated

import aiohttp
import structlog
from cyclopts import App, Parameter
from rich.console import Console

from bots.call import CallError
from bots.demo.doors import DoorError
from bots.demo.meeting import Meeting, assign
from bots.demo.report import Observed, judge
from bots.demo.screen import Screen
from bots.demo.speech import Recording, SpeechFolderError, load_folder
from bots.demo.stack import StackFailedError, running
from bots.matrix_rtc import MatrixError

app = App(name="demo", help="Hold a meeting of three people from three doors, with captions, and judge it.")


@app.default
def demo(
    *,
    speech: Path = Path("tests/fixtures/speech"),
    data: Path = Path("build/demo/data"),
    report: Path = Path("build/demo/report.json"),
    port_base: Annotated[int | None, Parameter(help="First port of the stack.")] = None,
) -> int:
    """Start a stack, let three people in, have them talk, and report what was seen.

    The exit status is 0 only if everything was good enough: everybody heard everybody, media came within 10 s at
    every door, every caption carries the right name, and words and delays are within their limits.

    Args:
        speech: Folder with a wav or flac and a txt for each of two or three speakers.
        data: Folder of the stack; kept, so that the next run is faster.
        report: Where the figures go, as JSON.
    """
    console = Console(highlight=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    logging.getLogger("livekit").setLevel(logging.ERROR)  # it warns of each video frame that we are too slow to count
    screen = Screen(console)
    seen: Observed | None = None
    try:
        seen = asyncio.run(_hold(assign(load_folder(speech)), data, port_base, screen))
    except* KeyboardInterrupt:
        console.print("Stopped.")
    except* (SpeechFolderError, StackFailedError, DoorError, CallError, MatrixError, aiohttp.ClientError) as group:
        for error in leaves(group):
            console.print(str(error), style="red", markup=False)
    if seen is None:
        return 1
    verdict = judge(seen)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(verdict.json, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    screen.summary(seen, verdict)
    console.print(f"figures: {report}", style="dim", markup=False)
    return 0 if verdict.ok else 1


async def _hold(recordings: dict[str, Recording], data: Path, port_base: int | None, screen: Screen) -> Observed:
    async with running(data, port_base) as ready:
        return await Meeting(ready, recordings, screen).hold()


def leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    """The errors of a group and of the groups in it."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
