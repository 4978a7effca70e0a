# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The closing table of the media goals, and `build/emulated/report.json`."""

import json
from pathlib import Path

import pytest

from tests.emulated.goals import Goals

REPORT = Path("build/emulated/report.json")
_goals = Goals()


@pytest.fixture(scope="session")
def goals() -> Goals:
    """Where a test writes what it measured."""
    return _goals


def pytest_terminal_summary(terminalreporter, config):
    """Print the table and keep it."""
    if not _goals.rows:
        return
    terminalreporter.section("media goals")
    for line in _goals.table():
        terminalreporter.write_line(line)
    report = config.rootpath / REPORT
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(_goals.as_json(), indent=1) + "\n")
