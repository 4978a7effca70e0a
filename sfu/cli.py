# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command `sfu`: `python -m sfu serve`, and `passerelle sfu serve`."""

import asyncio
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
import structlog

from sfu.shell.app import StartError
from sfu.shell.app import serve as serve_settings
from sfu.shell.settings import Settings, SettingsError, checked, is_readable_by_others, load

app = cyclopts.App(name="sfu", help="The media server: LiveKit signalling in, RTP through.")

app.command("sfu.load.command:load", name="load")  # imported when it is wanted: a server needs none of it

log = structlog.get_logger()


@app.command
def serve(
    *,
    config: Path | None = None,
    dev: bool = False,
    host: str = "127.0.0.1",
    port: int = 7880,
    media_port: Annotated[
        int | None, cyclopts.Parameter(help="Media port, UDP and TCP; dev default: port + 2.")
    ] = None,
    advertise: list[str] | None = None,
    webhook: list[str] | None = None,
    engine: Literal["auto", "python", "native"] | None = None,
    media_threads: int | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    config
        The configuration file (sfu.toml).
    dev
        Need no file: rooms are made by whoever joins, the API key and secret are LIVEKIT_API_KEY and
        LIVEKIT_API_SECRET, or are made up and printed.
    host
        Address for HTTP and media, with --dev. It needs --advertise when it is 0.0.0.0.
    port
        HTTP port, with --dev.
    advertise
        Address that clients are told for media instead of --host, with --dev.
    webhook
        URLs that are told what happens in rooms, with --dev.
    engine
        Which forwarding engine; overrides the file. `auto` takes the one in C where it was built.
    media_threads
        Threads that read media, each with a port of its own, the media port and those after it; overrides the file.
        A room lives on one of them. As many as there are cores, less one, is the most that is of use.
    """
    _log_to_stderr()
    try:
        settings = _settings(
            config,
            dev=dev,
            host=host,
            port=port,
            media_port=media_port,
            advertise=advertise,
            webhook=webhook,
            changes={"engine": engine, "media_threads": media_threads},
        )
        asyncio.run(serve_settings(settings))
    except (SettingsError, StartError) as error:
        print(f"sfu: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


@app.command(name="config")
def config_command(what: Literal["show"], /, *, config: Path) -> int:
    """Print the settings as they are understood, each secret as stars."""
    try:
        sys.stdout.write(f"{load(config).model_dump_json(indent=2)}\n")
    except SettingsError as error:
        print(f"sfu: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _settings(
    config: Path | None,
    *,
    dev: bool,
    host: str,
    port: int,
    media_port: int | None,
    advertise: list[str] | None,
    webhook: list[str] | None,
    changes: dict[str, str | int | None],
) -> Settings:
    if dev == (config is not None):
        raise SettingsError("give either --config FILE or --dev")
    wanted = {name: value for name, value in changes.items() if value is not None}
    if config is not None:
        settings = load(config)
        if is_readable_by_others(config):
            log.warning("configuration_readable_by_others", file=str(config), wanted_mode="0600")
        return checked({**settings.model_dump(exclude_unset=True), **wanted}, str(config))
    key, secret = os.environ.get("LIVEKIT_API_KEY"), os.environ.get("LIVEKIT_API_SECRET")
    if not key or not secret:
        key, secret = f"dev{secrets.token_hex(4)}", secrets.token_hex(32)
        print(f"LIVEKIT_URL=ws://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201
        print(f"LIVEKIT_API_KEY={key}\nLIVEKIT_API_SECRET={secret}", flush=True)  # noqa: T201
    values: dict[str, object] = {
        "http_host": host,
        "http_port": port,
        "media_host": host,
        "media_port": port + 2 if media_port is None else media_port,
        "advertise": advertise or (),
        "auto_create": True,
        "keys": {key: secret},
        "webhook": {"urls": webhook, "api_key": key} if webhook else None,
        **wanted,
    }
    return checked(values, "--dev")


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if not sys.stderr.isatty() else structlog.dev.ConsoleRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
