# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bots`: how it refuses, and what its log never holds."""

import subprocess
import sys

LOG_A_FAILURE = """
import structlog
from bots.cli import _log_to_stderr

def sign_in(password):
    raise RuntimeError("refused")

_log_to_stderr()
try:
    sign_in("hunter" + "2")
except RuntimeError:
    structlog.get_logger().exception("room_failed")
"""


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_wrong_file_is_refused_in_one_line():
    ended = run("-m", "bots", "serve", "--config", "no-such-file.toml")
    assert ended.returncode == 1
    assert ended.stderr.startswith("bots: no-such-file.toml")
    assert "Traceback" not in ended.stderr


def test_a_failure_in_the_log_shows_where_but_no_values():
    ended = run("-c", LOG_A_FAILURE)
    assert "sign_in" in ended.stderr
    assert "hunter2" not in ended.stderr
