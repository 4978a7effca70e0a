# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bridge serve --config bridge.toml`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Literal

import cyclopts

from bridge.domain.errors import Unavailable
from bridge.revoke_cli import app as revoke_cli
from bridge.settings import BadSettings, load
from bridge.store.upgrades import NewerDatabase
from bridge.web.serve import configure_logging, serve

app = cyclopts.App(name="bridge", help="Meetings, doors, authorisation and pages.")

app.command(revoke_cli)


@app.command(name="serve")
def serve_command(*, config: Path) -> int:
    """Run the bridge until it is told to stop. Exit 2: the configuration; 1: something that we need is not there."""
    configure_logging()
    try:
        asyncio.run(serve(load(config)))
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (NewerDatabase, Unavailable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


@app.command(name="config")
def config_command(what: Literal["show"], /, *, config: Path) -> int:
    """Print the settings as they are understood, each secret as stars."""
    try:
        sys.stdout.write(f"{load(config).model_dump_json(indent=2)}\n")
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(app())
