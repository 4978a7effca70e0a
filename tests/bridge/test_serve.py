# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bridge serve` as a process: starting, stopping, dying, and doing so beside another one."""

import json
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.store.upgrades import UPGRADES

DEADLINE_S = 60.0


@dataclass
class Process:
    """One bridge."""

    running: subprocess.Popen[bytes]
    public: str
    internal: str
    log: Path

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.public + path, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None
        except OSError:
            return 0, None

    def push(self, txn: str, hs_token: str) -> int:
        request = urllib.request.Request(
            f"{self.internal}/_matrix/app/v1/transactions/{txn}",
            data=b'{"events": []}',
            method="PUT",
            headers={"Authorization": f"Bearer {hs_token}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)

    def until_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while self.get("/ready")[0] != 200:
            assert self.running.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


HS_TOKEN = secrets.token_urlsafe(32)
Start = Callable[[], Process]


@pytest.fixture
def start(tmp_path: Path, empty_database_url: str, free_port: Callable[[], int]) -> Iterator[Start]:
    started: list[Process] = []

    def start_one() -> Process:
        port, internal_port, nobody = free_port(), free_port(), free_port()
        number = len(started)
        config = tmp_path / f"bridge{number}.toml"
        config.write_text(
            f"""
            [http]
            port = {port}
            internal_port = {internal_port}
            public_url = "http://localhost:{port}"
            [database]
            url = "{empty_database_url}"
            [homeserver]
            name = "localhost:{nobody}"
            client_url = "http://127.0.0.1:{nobody}"
            federation_url = "https://127.0.0.1:{nobody}"
            as_token = "{secrets.token_urlsafe(32)}"
            hs_token = "{HS_TOKEN}"
            jwt_login_secret = "{secrets.token_urlsafe(32)}"
            [sfu]
            public_url = "ws://localhost:{nobody}"
            api_url = "http://127.0.0.1:{nobody}"
            api_key = "passerelle"
            api_secret = "{secrets.token_urlsafe(32)}"
            [captions]
            bot_user = "@captions:localhost:{nobody}"
            [internal]
            token = "{secrets.token_urlsafe(32)}"
            """
        )
        config.chmod(0o600)
        log = tmp_path / f"bridge{number}.log"
        with log.open("wb") as output:
            running = subprocess.Popen(
                [sys.executable, "-m", "bridge", "serve", "--config", config], stdout=output, stderr=output
            )
        process = Process(running, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{internal_port}", log)
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.running.poll() is None:
            process.running.kill()
        process.running.wait(30)


def test_a_bridge_serves_before_its_homeserver_does_and_stops_cleanly(start: Start):
    process = start()
    process.until_ready()
    assert process.get("/healthz") == (200, {"ok": True})
    process.running.send_signal(signal.SIGTERM)
    assert process.running.wait(30) == 0, process.log.read_text()
    events = [json.loads(line)["event"] for line in process.log.read_text().splitlines()]
    assert events[:2] == ["database_ready", "listening"]
    assert events[-1] == "stopping"


def test_two_bridges_that_start_together_both_serve_and_one_migrates(start: Start):
    both = [start(), start()]
    for process in both:
        process.until_ready()
    upgrades = [json.loads(process.log.read_text().splitlines()[0])["upgrades"] for process in both]
    assert sorted(upgrades) == [0, len(UPGRADES)]


def test_a_bridge_that_was_killed_starts_again_and_knows_what_it_acknowledged(start: Start):
    first = start()
    first.until_ready()
    assert first.push("t1", HS_TOKEN) == 200
    first.running.kill()
    first.running.wait(30)
    second = start()
    second.until_ready()
    assert second.push("t1", HS_TOKEN) == 200


def test_a_configuration_that_is_wrong_ends_with_2_and_a_sentence(tmp_path: Path):
    config = tmp_path / "bridge.toml"
    config.write_text("[http]\n")
    config.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "serve", "--config", config],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "[homeserver]" in done.stderr
    assert "Traceback" not in done.stderr
