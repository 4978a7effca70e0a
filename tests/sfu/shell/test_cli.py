# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command as an operator runs it: a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from sfu.native import why_not


@contextmanager
def running(*arguments, env=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sfu", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, **(env or {})},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_up(process, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_development_mode_prints_a_key_serves_and_ends_cleanly(free_ports, number):
    port, media_port = free_ports()
    with running("--dev", "--port", port, "--media-port", media_port) as process:
        assert wait_until_up(process, port) == b"OK"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    printed = dict(line.split("=", 1) for line in out.splitlines())
    assert printed["LIVEKIT_URL"] == f"ws://127.0.0.1:{port}"
    assert len(printed["LIVEKIT_API_SECRET"]) == 64
    missing = why_not()
    assert ('"engine": "native"' if missing is None else missing) in err
    assert printed["LIVEKIT_API_SECRET"] not in err


def test_the_environment_gives_the_key_and_nothing_is_printed(free_ports):
    port, media_port = free_ports()
    env = {"LIVEKIT_API_KEY": "mine", "LIVEKIT_API_SECRET": "0123456789abcdefghijklmnopqrstuv"}
    with running("--dev", "--port", port, "--media-port", media_port, env=env) as process:
        wait_until_up(process, port)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert out == ""
    assert env["LIVEKIT_API_SECRET"] not in err


def test_the_engine_in_c_serves_where_it_was_built_and_else_says_why_not(free_ports):
    port, media_port = free_ports()
    with running("--dev", "--engine", "native", "--port", port, "--media-port", media_port) as process:
        missing = why_not()
        if missing is None:
            assert wait_until_up(process, port) == b"OK"
            process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == (0 if missing is None else 1)
    assert ('"engine": "native"' if missing is None else missing) in err
    assert "Traceback" not in err


def test_a_configuration_file_is_served(free_ports, tmp_path):
    port, media_port = free_ports()
    config = tmp_path / "sfu.toml"
    config.write_text(
        f'http_port = {port}\nmedia_port = {media_port}\n[keys]\nk = "0123456789abcdefghijklmnopqrstuv"\n'
    )
    config.chmod(0o600)
    with running("--config", config, "--engine", "python", "--media-threads", 2) as process:
        assert wait_until_up(process, port) == b"OK"
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "configuration_readable_by_others" not in err
    assert "media_threads_unused" in err
    assert '"media_threads": 1' in err


@pytest.mark.parametrize("which", ["http", "media"])
def test_a_port_in_use_is_named(free_ports, which):
    port, media_port = free_ports()
    kind = socket.SOCK_STREAM if which == "http" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", port if which == "http" else media_port))
        if which == "http":
            taken.listen()
        with running("--dev", "--port", port, "--media-port", media_port) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    port, protocol = (port, "") if which == "http" else (media_port, " (UDP)")
    assert f"{which} port {port} on 127.0.0.1{protocol} is in use" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "env", "complaint"),
    [
        ((), {}, "--config FILE or --dev"),
        (("--config", "/nonexistent.toml"), {}, "/nonexistent.toml"),
        (("--dev",), {"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "secret"}, "32 bytes"),
        (("--dev", "--host", "0.0.0.0"), {}, "name one to advertise"),
        (("--dev", "--host", "0.0.0.0", "--advertise", "here"), {}, "'here' is no IP address"),
    ],
)
def test_what_cannot_start_says_why(arguments, env, complaint):
    with running(*arguments, env=env) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert complaint in err
    assert "Traceback" not in err


def test_what_is_no_http_gets_an_answer_and_leaves_no_trace_of_tokens(free_ports):
    port, media_port = free_ports()
    with running("--dev", "--port", port, "--media-port", media_port) as process:
        wait_until_up(process, port)
        secret_like = "eyJhbGciOiJIUzI1NiJ9"
        for request in (
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            f"GET /rtc/v1 HTTP/1.1\r\nAuthorization: Bearer {secret_like}{'x' * 20_000}\r\n\r\n".encode(),
            f"GET /rtc/v1?access_token={secret_like}{'x' * 20_000} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
                stranger.sendall(request)
                assert b" 400 " in stranger.recv(4096).split(b"\r\n")[0]
        assert wait_until_up(process, port) == b"OK"
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert secret_like not in err
