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
from bots.demo.report import judge
from bots.demo.screen import Screen
from bots.demo.speech import SpeechFolderError, load_folder
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
    status = 1
    try:
        status = asyncio.run(_demo(console, speech, data, report, port_base))
    except* KeyboardInterrupt:
        console.print("Stopped.")
    except* (SpeechFolderError, StackFailedError, DoorError, CallError, MatrixError, aiohttp.ClientError) as group:
        for error in leaves(group):
            console.print(str(error), style="red", markup=False)
    return status


def leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    """The errors of a group and of the groups in it."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def _demo(console: Console, speech: Path, data: Path, report_path: Path, port_base: int | None) -> int:
    recordings = assign(load_folder(speech))
    async with running(data, port_base) as ready:
        screen = Screen(console)
        seen = await Meeting(ready, recordings, screen).hold()
        report = judge(seen)
        report_path.parent.mkdir(parents=True, exist_ok=True)
        report_path.write_text(json.dumps(report.json, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        screen.summary(seen, report)
        console.print(f"figures: {report_path}", style="dim", markup=False)
    return 0 if report.ok else 1
