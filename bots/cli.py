# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bots`, and `passerelle bots`."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import structlog
from cyclopts import App, Parameter

from bots.settings import SettingsError, load

_LIVE_NICE = 5
"""The call itself comes first: where both want one processor, the SFU gets three times as much."""
_WORK_NICE = 10
"""The call and live captions come first."""

app = App(name="bots", help="The caption bot.")


@app.command
def serve(*, config: Annotated[Path, Parameter(help="bots.toml; it holds secrets, mode 0600.")]) -> None:
    """Write captions of calls whose organisers ask for them, until SIGTERM."""
    from bots.matrix import SessionEndedError  # noqa: PLC0415 - libwebrtc and nio are loaded only to serve
    from bots.service import serve as run  # noqa: PLC0415 - as above

    _log_to_stderr()
    os.nice(_LIVE_NICE)
    try:
        asyncio.run(run(load(config)))
    except* (SettingsError, SessionEndedError) as errors:
        sys.exit(f"bots: {errors.exceptions[0]}")


@app.command
def work(*, config: Annotated[Path, Parameter(help="bots.toml; it holds secrets, mode 0600.")]) -> None:
    """Write final transcripts of calls that are over, one at a time, until SIGTERM; start several for more."""
    from bots.final.work import work as run  # noqa: PLC0415 - pgqueuer is loaded only to work
    from bots.store.database import NewerDatabaseError  # noqa: PLC0415 - as above

    _log_to_stderr()
    os.nice(_WORK_NICE)
    try:
        asyncio.run(run(load(config)))
    except (SettingsError, NewerDatabaseError) as error:
        sys.exit(f"bots: {error}")


@app.command
def jobs(
    *, config: Annotated[Path, Parameter(help="bots.toml; it holds secrets, mode 0600.")], retry: bool = False
) -> int:
    """Show the final transcripts that failed for good, and why; fails if there are any.

    Args:
        config: The settings.
        retry: Have all of them tried again.
    """
    from bots.final.failed_jobs import show  # noqa: PLC0415 - pgqueuer is loaded only for it

    try:
        return asyncio.run(show(load(config), retry=retry))
    except SettingsError as error:
        sys.exit(f"bots: {error}")


@app.command(name="config")
def config_command(what: Literal["show"], /, *, config: Path) -> None:
    """Print the settings as they are understood, each secret as stars."""
    try:
        sys.stdout.write(f"{load(config).model_dump_json(indent=2)}\n")
    except SettingsError as error:
        sys.exit(f"bots: {error}")


def _log_to_stderr() -> None:
    """Log JSON lines of ours, without local variables, and of the libraries only warnings: the rest holds tokens."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
