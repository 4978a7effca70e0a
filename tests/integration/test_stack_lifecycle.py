# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a stack starts, holds, and ends."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest

pytestmark = pytest.mark.stack

PASSERELLE = Path(sys.executable).with_name("passerelle")
HOMESERVERS_ONLY = ("--without", "sfu", "--without", "bridge", "--without", "bots")


def refused(data: Path, *options: str) -> str:
    """Start a stack that can't start; it must say why within seconds and leave with 1."""
    done = subprocess.run(
        [PASSERELLE, "up", "--data", data, "--no-open", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_killed_process_comes_back_and_the_homeservers_get_over_it(homeservers, wait_until, gone):
    for name in ("oidc", "partner", "postgres"):
        before = homeservers.status()[name]
        os.kill(before["pid"], signal.SIGKILL)

        def is_back(name=name, before=before) -> bool:
            now = homeservers.status()[name]
            return now["restarts"] > before["restarts"] and now["state"] == "ready"

        wait_until(is_back, f"{name} is back; {homeservers.output.read_text()}", 90)
        assert homeservers.status()[name]["pid"] != before["pid"]
        assert gone(before["pid"])
    partner = homeservers.ready["partner_user"]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": partner["user_id"]},
        "password": partner["password"],
    }
    url = f"{homeservers.ready['homeservers']['partner']['client_url']}/_matrix/client/v3/login"
    wait_until(lambda: httpx2.post(url, json=login, timeout=30).is_success, "a sign-in after PostgreSQL was killed")
    assert "was ended by SIGKILL; starting it again" in homeservers.output.read_text()


def test_a_second_start_on_a_running_folder_says_so(homeservers):
    text = refused(homeservers.data)
    assert f"already running on {homeservers.data} (process {homeservers.process.pid})" in text
    assert homeservers.process.poll() is None


def test_ready_json_is_private_and_the_output_and_logs_hold_no_secret(homeservers):
    assert stat.S_IMODE((homeservers.data / "ready.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(homeservers.data.stat().st_mode) & 0o077 == 0
    saved = json.loads((homeservers.data / "secrets.json").read_text())
    secrets = [v for group in (saved.pop("home"), saved.pop("partner"), saved) for v in group.values()]
    told = homeservers.output.read_text() + "".join(
        log.read_text(errors="replace") for log in (homeservers.data / "logs").iterdir()
    )
    assert len(told) > 1000
    assert not [secret for secret in secrets if secret in told]


def test_ctrl_c_ends_everything_and_the_next_start_finds_the_data(tmp_path, port_base, start_stack, wait_until, gone):
    data = tmp_path / "data"
    with start_stack(data, port_base, *HOMESERVERS_ONLY) as first:
        before = first.ready
        children = psutil.Process(first.process.pid).children(recursive=True)
        assert len(children) > 4
        first.stop(signal.SIGINT)
        assert not [child for child in children if not gone(child.pid)]
        assert not (data / "ready.json").exists()
        assert {service["state"] for service in first.status().values()} == {"stopped"}
    assert f"--port-base {port_base}" in refused(data, "--port-base", str(port_base + 60))
    with start_stack(data, None, *HOMESERVERS_ONLY, "--json") as second:
        assert second.base == port_base
        assert second.ready["partner_user"] == before["partner_user"]
        second.stop(signal.SIGTERM)
        events = [json.loads(line) for line in second.output.read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] == "ready"] == ["ready"]
    assert {event["what"].split(",")[0] for event in events if event["event"] == "started"} == {
        "PostgreSQL", "OIDC provider", "homeserver home", "homeserver partner",
    }  # fmt: skip


def test_when_the_supervisor_itself_is_killed_nothing_is_left_behind(
    tmp_path, port_base, start_stack, wait_until, gone
):
    with start_stack(tmp_path / "data", port_base, *HOMESERVERS_ONLY) as running:
        children = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        running.process.wait()
        wait_until(
            lambda: not [child for child in children if not gone(child.pid)],
            "every process of the stack has ended",
        )


@pytest.mark.parametrize(
    ("offset", "kind", "who"),
    [(0, socket.SOCK_STREAM, "the bridge"), (11, socket.SOCK_DGRAM, "the SFU"), (20, socket.SOCK_STREAM, "PostgreSQL")],
)
def test_a_busy_port_is_named_before_anything_starts(tmp_path, port_base, offset, kind, who):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an earlier test may have left TIME_WAIT
        holder.bind(("127.0.0.1", port_base + offset))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        text = refused(tmp_path / "data", "--port-base", str(port_base))
    assert f"port {port_base + offset} " in text
    assert who in text
    assert "--port-base" in text
    assert not (tmp_path / "data" / "logs").exists(), "nothing was started"


def test_ctrl_c_while_it_starts_ends_it_cleanly(tmp_path, port_base, wait_until, gone):
    data = tmp_path / "data"
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [PASSERELLE, "up", "--data", data, "--port-base", str(port_base), "--no-open", *HOMESERVERS_ONLY],
            stdout=file,
            stderr=file,
        )
    try:
        wait_until((data / "home" / "homeserver.yaml").exists, "the start of something")
        wait_until(lambda: "PostgreSQL" in output.read_text(), "PostgreSQL")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()
        assert "Traceback" not in output.read_text()
        assert not [child for child in children if not gone(child.pid)]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
