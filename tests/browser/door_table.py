# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does it cost to get into a meeting, door by door? Visits into a table, and the budget that it must keep."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[2] / "build" / "browser" / "doors.json"

CLICKS = {"guest": 2, "staff": 1, "partner": 2}
"""The most that each door may ask for, besides the browser's own question for the devices."""
GUEST_P95_S = 5.0
COLUMNS = ("clicks", "seconds_p50", "seconds_p95", "seconds_cold")


def profiles() -> int:
    """How many visits each door gets: `make test-browser` asks for 20, to count clicks one is enough."""
    return int(os.environ.get("DOOR_PROFILES", "1"))


def times_count() -> bool:
    """Whether seconds fail the run: not in plain `make test`, whose machine does other things."""
    return "DOOR_PROFILES" in os.environ


@dataclass(frozen=True)
class Visit:
    """One fresh profile that came in. Clicks that differ from one visit to the next would be a finding of their own."""

    clicks: int
    from_join_s: float
    """From the last click to the first decoded picture of somebody else, Element Call preloaded."""


@dataclass
class DoorTable:
    """Filled by tests while they run; written once at their end."""

    visits: dict[str, list[Visit]] = field(default_factory=dict)
    cold_s: dict[str, list[float]] = field(default_factory=dict)
    """From navigation to that picture, without a pause in between."""
    axe_violations: int | None = None

    def axe(self, found: int) -> None:
        """Count what axe found wrong in one view."""
        self.axe_violations = (self.axe_violations or 0) + found

    def doors(self) -> dict[str, dict[str, float | None]]:
        """Return the rows."""
        return {
            door: {
                "clicks": max(visit.clicks for visit in visits),
                "seconds_p50": round(percentile([visit.from_join_s for visit in visits], 50), 2),
                "seconds_p95": round(percentile([visit.from_join_s for visit in visits], 95), 2),
                "seconds_cold": round(statistics.median(self.cold_s[door]), 2) if door in self.cold_s else None,
            }
            for door, visits in self.visits.items()
        }

    def document(self) -> dict[str, Any]:
        """Return the content of doors.json."""
        counted = {door: len(visits) for door, visits in self.visits.items()}
        return {**self.doors(), "axe_violations": self.axe_violations, "profiles": counted}

    def write(self, path: Path = TABLE) -> None:
        """Write it where CI looks for it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document(), indent=1) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        lines = [f"{'door':<9}" + "".join(f"{column:>14}" for column in COLUMNS)]
        for door, row in self.doors().items():
            lines.append(f"{door:<9}" + "".join(f"{row[column] or '':>14}" for column in COLUMNS))
        return "\n".join([*lines, f"axe violations: {self.axe_violations}"])


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many of a hundred do not exceed; of few values an observed one, never a guess."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def over_budget(door: str, row: Mapping[str, Any], *, times: bool) -> list[str]:
    """Return what one row of the table may not cost, in words; nothing is the good case."""
    found = []
    if row["clicks"] > CLICKS[door]:
        found.append(f"{door}: {row['clicks']} clicks, {CLICKS[door]} at most")
    if times and door == "guest" and row["seconds_p95"] > GUEST_P95_S:
        found.append(f"{door}: {row['seconds_p95']} s from Join to the first picture (p95), {GUEST_P95_S} at most")
    return found
