# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The commands by which an operator revokes, and lets in again: they ask the bridge that runs, by its internal API.

`passerelle revoke …`, or `python -m bridge revoke …` where nothing but the bridge is installed.
"""

from __future__ import annotations

import json as json_text
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from bridge.domain.revocation import Kind
from bridge.settings import BadSettings, Settings, load

PATIENCE_S = 30.0
"""How long the command looks on; the bridge goes on without it."""
_TIMEOUT_S = 15.0

Config = Annotated[Path, Parameter(name="--config")]
Json = Annotated[bool, Parameter(name="--json", negative=())]

app = App(name="revoke", help="End what was opened: a link, a guest, a pass, a device, a person, a homeserver.")


class _Failed(Exception):  # noqa: N818  # what happened, in the words for the operator
    pass


@app.default
def revoke(kind: Kind, subject: str, *, config: Config, json: Json = False) -> int:
    """Revoke something and wait until all of it has ended. Exit 1: it was refused; 3: it still goes on.

    Args:
        kind: link, guest, contractor, partners, device, everywhere, person or server.
        subject: The id of a link, a pass or a session, a Matrix user id, a homeserver's name, or for partners a
            meeting's id, a slash and a homeserver's name.
        config: The bridge's file, bridge.toml.
        json: Print the act as JSON.
    """
    try:
        settings = load(config)
        act = _ask(settings, "POST", "revocations", {"kind": kind.value, "subject": subject})
        deadline = time.monotonic() + PATIENCE_S
        while act["done_at"] is None and time.monotonic() < deadline:
            time.sleep(0.1)
            act = _ask(settings, "GET", f"revocations/{act['id']}")
    except (BadSettings, _Failed) as problem:
        return _complain(problem)
    ended = act["done_at"] is not None
    text = f"ended within {act['seconds']} s" if ended else "nothing opens any more; the bridge goes on ending the rest"
    _print(json_text.dumps(act) if json else f"{act['kind']} {act['subject']}: {text}")
    return 0 if ended else 3


@app.command(name="list")
def list_barred(*, config: Config, json: Json = False) -> int:
    """List the homeservers and people who are let in nowhere.

    Args:
        config: The bridge's file, bridge.toml.
        json: Print them as JSON.
    """
    try:
        found = _ask(load(config), "GET", "barred")["barred"]
    except (BadSettings, _Failed) as problem:
        return _complain(problem)
    if json:
        _print(json_text.dumps(found))
    for one in found if not json else ():
        _print(f"{one['at']}  {one['name']}  by {one['by']}")
    return 0


@app.command(name="undo")
def undo(name: str, *, config: Config) -> int:
    """Let a homeserver or a person in again. Links, guests, passes and sign-ins stay ended.

    Args:
        name: The homeserver's name, or the user id.
        config: The bridge's file, bridge.toml.
    """
    try:
        _ask(load(config), "DELETE", f"barred/{quote(name, safe='')}")
    except (BadSettings, _Failed) as problem:
        return _complain(problem)
    return 0


def _ask(settings: Settings, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    http = settings.http
    request = urllib.request.Request(  # an address of our own
        f"http://{http.host}:{http.internal_port}/internal/v1/{path}",
        method=method,
        data=None if body is None else json_text.dumps(body).encode(),
        headers={"Authorization": f"Bearer {settings.internal.token.get_secret_value()}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            found: dict[str, Any] = json_text.load(answer)
            return found
    except urllib.error.HTTPError as refused:
        raise _Failed(_sentence(refused.read())) from None
    except OSError as error:
        raise _Failed(f"the bridge does not answer at {http.host}:{http.internal_port}: {error}") from None


def _sentence(answer: bytes) -> str:
    try:
        return str(json_text.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:200]


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(problem: Exception) -> int:
    sys.stderr.write(f"{problem}\n")
    return 1
