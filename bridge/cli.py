# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command `passerelle`. The other packages add their subcommands through the group `passerelle.commands`."""

import asyncio
import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from bridge.stack.errors import StackError

ENTRY_POINTS = "passerelle.commands"

app = App(
    name="passerelle",
    help="Meetings as Matrix rooms: a local stack, and the programs it is made of.",
    version=importlib.metadata.version("passerelle"),
)


@app.command
def up(
    *,
    data: Path = Path("build/up"),
    port_base: int | None = None,
    open_browser: Annotated[bool, Parameter(name="--open", negative="--no-open")] = True,
    json: bool = False,
    without: tuple[Literal["sfu", "bridge", "bots"], ...] = (),
    fsync: bool = True,
) -> int:
    """Start a whole stack on this machine, with a meeting ready, and stay until Ctrl-C.

    Args:
        data: Folder that keeps everything; a second start finds it again.
        port_base: First port of the stack, 8400 unless the folder has one already. It takes ports up to 50 above.
        open_browser: Open the page where there is a desktop.
        json: Say what happens as one JSON object a line.
        without: Leave a program out, to run it by hand with its file in DATA/config.
        fsync: Let PostgreSQL wait for the disk. Without it a power cut may cost the data; tests start faster.
    """
    try:
        from bridge.stack import up as stack  # noqa: PLC0415
        from bridge.stack.report import JsonReport, Report  # noqa: PLC0415
    except ModuleNotFoundError as e:
        Console(stderr=True).print(f"{e.name} is missing: install Passerelle with its extra, passerelle\\[stack].")
        return 1
    report = (JsonReport if json else Report)(Console())
    problems: list[str] = []
    try:
        asyncio.run(stack.up(stack.Options(data, port_base, open_browser, frozenset(without), fsync), report))
    except* StackError as group:
        problems = [str(e) for e in _leaves(group)]
    for problem in problems:
        Console(stderr=True).print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    return 1 if problems else 0


@app.command
def turn_config(
    *,
    name: str,
    address: tuple[str, ...],
    sfu: tuple[str, ...],
    output: Path = Path("turnserver.conf"),
    certificate: Path | None = None,
    key: Path | None = None,
    port: int = 3478,
    tls_port: int = 5349,
) -> int:
    """Write a coturn configuration, with a secret of its own, and print the table that sfu.toml needs for it.

    Args:
        name: Host name under which clients find the relay; its certificate is for that name.
        address: Where the relay listens; PUBLIC/PRIVATE behind a NAT. Give it again for IPv6.
        sfu: Address of the SFU's media port, the only one that can be reached through the relay. May be repeated.
        output: The file to write, mode 0600.
        certificate: Certificate chain for TLS.
        key: Its private key.
        port: UDP and TCP port.
        tls_port: TLS port; 443 passes more firewalls, where nothing else needs it.
    """
    from bridge.stack import turn  # noqa: PLC0415
    from bridge.stack.secrets import write_private  # noqa: PLC0415

    try:
        relay = turn.Relay(name, address, sfu, certificate, key, port, tls_port)
    except StackError as problem:
        Console(stderr=True).print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    write_private(output, turn.render_coturn(relay))
    print(turn.render_sfu_table(relay), end="")  # noqa: T201
    return 0


@app.command
def check_sign_in(*, config: Path) -> int:
    """Look at the provider where staff sign in, and say what keeps them out or may do so. Signs nobody in.

    Args:
        config: The bridge's file, bridge.toml.
    """
    from bridge.settings import BadSettings, load  # noqa: PLC0415
    from bridge.web.oidc import Provider  # noqa: PLC0415

    try:
        settings = load(config)
    except BadSettings as problem:
        Console(stderr=True).print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    if settings.oidc is None:
        Console(stderr=True).print(f"{config} has no [oidc]: staff can't sign in.", markup=False, soft_wrap=True)
        return 1
    base, ca_file = settings.http.public_url, settings.federation.ca_file
    provider = Provider(settings.oidc, redirect_uri=base, ca_file=None if ca_file is None else str(ca_file))
    found = asyncio.run(provider.look())
    for text in found.faults:
        print(f"wrong   {text}")  # noqa: T201
    for text in found.doubts:
        print(f"unsure  {text}")  # noqa: T201
    print(f"to register at {provider.issuer}: redirect URI {base}/auth/callback")  # noqa: T201
    print(f"                post-logout redirect URI {base}/auth/signed-out")  # noqa: T201
    return 1 if found.faults else 0


def _leaves(group: BaseExceptionGroup[StackError]) -> list[StackError]:
    return [leaf for e in group.exceptions for leaf in (_leaves(e) if isinstance(e, BaseExceptionGroup) else [e])]


def main() -> None:
    """Run the command line with every subcommand that is installed."""
    listing = not sys.argv[1:] or sys.argv[1] in {"--help", "-h"}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        # Imported when it is called, or when the list of commands has to say what it is for.
        app.command(entry.load() if listing else entry.value, name=entry.name)
    app.command("bridge.revoke_cli:app", name="revoke")
    sys.exit(app())
