# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The closing table of the media goals, and `build/emulated/report.json`, where rows of other runs stay."""

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
    known = json.loads(report.read_text()) if report.exists() else []
    rows = {(row["goal"], row["case"]): row for row in [*known, *_goals.as_json()]}
    report.write_text(json.dumps([rows[key] for key in sorted(rows)], indent=1) + "\n")
