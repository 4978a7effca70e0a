# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What came of each cell? Collects it from pytest, prints the table and writes the JSON."""

import json
import sys
from pathlib import Path

from tests.conformance.rows import CLIENTS

REPORT = Path("build/conformance/report.json")
PASS, FAIL, ABSENT = "✓", "✗", "—"
COLUMN = 8


class Collector:
    """A pytest plugin: `cells` maps (capability, client) to the node ids of its tests, `results` to what came of it."""

    def __init__(self, *, shows=False):
        self.shows = shows
        self.cells = {}
        self.results = {}
        self._known = {}

    def pytest_collection_finish(self, session):
        for item in session.items:
            if cell := dict(item.user_properties).get("cell"):
                self.cells.setdefault(tuple(cell), []).append(item.nodeid)
                self._known[item.nodeid] = tuple(cell)

    def pytest_runtest_logreport(self, report):
        cell = self._known.get(report.nodeid)
        if cell is None or (report.when != "call" and report.outcome == "passed"):
            return
        if report.outcome == "passed":
            self.results.setdefault(cell, "pass")
        else:
            self.results[cell] = f"fail: {_why(report)}"
        if self.shows:
            print("." if report.outcome == "passed" else "F", end="", flush=True, file=sys.stderr)


def _why(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return crash.message.splitlines()[0].removeprefix("AssertionError: ")
    return str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr).splitlines()[-1]


def as_json(results):
    """`{client: {capability: "pass" | "fail: why"}}`; a client without a feature has no entry for it."""
    table = {}
    for (capability, client), result in results.items():
        table.setdefault(client, {})[capability] = result
    return table


def write(results, path=REPORT):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(results), indent=2, ensure_ascii=False) + "\n")


def read(path=REPORT):
    """What was written last; nothing where nothing was."""
    table = json.loads(path.read_text() if path.exists() else "{}")
    return {(capability, client): result for client, column in table.items() for capability, result in column.items()}


def as_text(results):
    """The table, capabilities down and clients across, and below it why cells failed."""
    capabilities = list(dict.fromkeys(capability for capability, _ in results))
    columns = [client for client in CLIENTS if any(name == client.name for _, name in results)]
    left = max(len(capability) for capability in capabilities) + 2
    depth = max(len(client.head) for client in columns)
    lines = []
    for level in range(depth):
        words = [([""] * (depth - len(client.head)) + list(client.head))[level] for client in columns]
        lines.append(" " * left + "".join(word.center(COLUMN) for word in words).rstrip())
    lines.append("─" * (left + COLUMN * len(columns)))
    for capability in capabilities:
        marks = []
        for client in columns:
            result = results.get((capability, client.name))
            marks.append(ABSENT if result is None else PASS if result == "pass" else FAIL)
        lines.append(capability.ljust(left) + "".join(mark.center(COLUMN) for mark in marks).rstrip())
    passed = sum(result == "pass" for result in results.values())
    lines += [
        "─" * (left + COLUMN * len(columns)),
        f"{passed} of {len(results)} cells pass; {ABSENT} means that the client has no such feature.",
    ]
    failed = [(cell, result) for cell, result in results.items() if result != "pass"]
    return "\n".join([*lines, *(f"{FAIL} {capability}, {client}: {why[6:]}" for (capability, client), why in failed)])
