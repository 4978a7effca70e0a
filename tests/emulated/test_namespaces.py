# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The same with nothing emulated: the kernel loses packets and holds them back between the server and a real client."""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulated.namespaces import SERVER, cable, missing
from tests.emulated.server import serving, token

PORT, MEDIA_PORT = 7880, 7882  # in a namespace of their own all ports are free
URL = f"ws://{SERVER}:{PORT}"
TOP = 1280
LOSS_PERCENT = 7
LOSSY_S = 10.0


class Process:
    """A person in a namespace, and what it said so far."""

    def __init__(self, process):
        self.said = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self.said.append(json.loads(line))

    def last(self, key):
        """The newest report of something."""
        return next((fact[key] for fact in reversed(self.said) if key in fact), 0)

    @property
    def events(self):
        return [fact["event"] for fact in self.said if "event" in fact]


@contextmanager
def person(prefix, role, identity):
    command = [*prefix, sys.executable, "-m", "tests.emulated.person", role, URL, token(identity, "room")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


def until(condition, seconds):
    """Seconds until it was so; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def counted(who, seconds):
    """Pictures and blocks of sound that came per second, by the first and last report in these seconds."""
    began = time.monotonic()
    until(lambda: time.monotonic() - began > seconds, 2 * seconds)
    facts = [fact for fact in who.said if "pictures" in fact and fact["at"] > began]
    first, last = facts[0], facts[-1]
    return tuple((last[key] - first[key]) / (last["at"] - first["at"]) for key in ("pictures", "sounds"))


@pytest.mark.timeout(300)
def test_a_real_client_survives_real_loss_and_a_real_bottleneck(goals, tmp_path):
    reason = missing()
    if reason:
        pytest.skip(reason)
    with cable() as wire:

        def ready():
            probe = f"import socket; raise SystemExit(socket.socket().connect_ex(('{SERVER}', {PORT})))"
            return not subprocess.run([*wire.at_server(), sys.executable, "-c", probe], check=False).returncode

        arguments = [f"--host={SERVER}", f"--port={PORT}", f"--media-port={MEDIA_PORT}"]
        with (
            serving(tmp_path / "sfu.log", arguments, ready, wire.at_server()),
            person(wire.at_server(), "publisher", "alice"),
            person(wire.at_client(), "watcher", "bob") as bob,
        ):
            until(lambda: bob.last("width") == TOP and bob.last("sounds"), 60)
            wire.lose(LOSS_PERCENT)
            pictures, sounds = counted(bob, LOSSY_S)
            wire.lose(0)
            results = [
                goals.at_least("M2", f"kernel, {LOSS_PERCENT} % lost: pictures per second, of 20", 12, pictures),
                goals.at_least("M2", f"kernel, {LOSS_PERCENT} % lost: sound heard", 80, sounds, " %"),
            ]
            wire.narrow(5_000_000)
            until(lambda: bob.last("width") == TOP, 60)
            wire.narrow(1_000_000)
            lowered = until(lambda: 0 < bob.last("width") < TOP, 30)
            wire.narrow(5_000_000)
            returned = until(lambda: bob.last("width") == TOP, 60)
            results += [
                goals.at_most("M4", "kernel: lower layer after the drop (reports come each second)", 4, lowered, " s"),
                goals.at_most("M4", "kernel: top layer after recovery", 20, returned, " s"),
                goals.at_most("M1", "kernel: reconnections", 0, len(bob.events) - 1),
            ]
            assert bob.events[0] == "connected"
    assert all(results)
