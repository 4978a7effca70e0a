# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How much processor time has each thread of a process had? From /proc, so on Linux alone."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def by_thread(pid: int) -> dict[str, float]:
    """Seconds of each thread so far, by `name (number)`; empty where that cannot be read."""
    seconds = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            head, _, rest = (task / "stat").read_text().rpartition(")")
            ticks = rest.split()[11:13]
            exact = task / "schedstat"  # in nanoseconds, where the kernel keeps it
            spent = int(exact.read_text().split()[0]) / 1e9 if exact.exists() else sum(map(int, ticks)) / _TICKS
        except (OSError, IndexError):
            continue  # it ended meanwhile
        seconds[f"{head.partition('(')[2]} ({task.name})"] = spent
    return seconds


def since(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Seconds of each thread between two moments, those that did anything."""
    spent = {name: round(seconds - before.get(name, 0.0), 3) for name, seconds in after.items()}
    return {name: seconds for name, seconds in spent.items() if seconds > 0}


def stolen() -> float | None:
    """Seconds that the host gave to other machines since boot; None where that cannot be read."""
    try:
        return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]) / _TICKS
    except (OSError, IndexError, ValueError):
        return None
