# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Goal S9: a running stack shows its secrets to nobody. `tests/conftest.py` looks again at the end of the whole run."""

import subprocess
import sys

import aiohttp
import psutil
import pytest

from tests.canary import hits, logs_of, secrets_of

pytestmark = pytest.mark.stack


async def test_no_secret_stands_in_logs_settings_shown_error_pages_and_the_process_list(stack):
    secrets = secrets_of(stack.data)
    bridge, internal = (f"http://127.0.0.1:{stack.base + port}" for port in (0, 1))
    places = logs_of(stack.data, stack.output) | shown(stack) | processes(stack) | await errors(bridge, internal)
    found = hits(secrets, places)
    size = sum(map(len, places.values()))
    print(f"S9: {len(secrets)} secrets in {len(places)} places of {size:,} characters in all: {len(found)} found")
    assert not found


def shown(stack) -> dict[str, str]:
    """What `config show` prints."""
    command = [sys.executable, "-m"]
    printed = {}
    for program in ("bridge", "sfu", "bots"):
        config = stack.data / "config" / f"{program}.toml"
        show = [*command, program, "config", "show", "--config", config]
        done = subprocess.run(show, check=True, capture_output=True, text=True)
        assert "**********" in done.stdout
        printed[f"{program} config show"] = done.stdout + done.stderr
    return printed


def processes(stack) -> dict[str, str]:
    """What everybody on the machine sees of our processes."""
    ours = [stack.process.pid, *(child.pid for child in psutil.Process(stack.process.pid).children(recursive=True))]
    assert len(ours) > 5
    return {f"command line of {pid}": " ".join(psutil.Process(pid).cmdline()) for pid in ours if psutil.pid_exists(pid)}


async def errors(bridge: str, internal: str) -> dict[str, str]:
    """What is answered to those who ask wrongly."""
    asked = [
        ("GET", f"{bridge}/nothing"),
        ("GET", f"{bridge}/api/v1/meetings"),
        ("POST", f"{bridge}/livekit/jwt/get_token"),
        ("GET", f"{bridge}/auth/callback?state=x&code=y"),
        ("POST", f"{bridge}/j/{'x' * 43}"),
        ("POST", f"{internal}/internal/v1/meetings"),
        ("PUT", f"{internal}/_matrix/app/v1/transactions/1"),
    ]
    told = {}
    async with aiohttp.ClientSession() as http:
        for method, url in asked:
            for kind in ("application/json", "text/html"):
                async with http.request(method, url, data=b"{", headers={"Accept": kind}) as response:
                    assert response.status >= 400
                    told[f"{method} {url} {kind}"] = f"{await response.text()} {dict(response.headers)}"
    return told
