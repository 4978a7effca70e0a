# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was promised, what was measured: the rows of the closing table."""

from dataclasses import asdict, dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Row:
    """One measured value."""

    goal: str
    case: str
    bound: str
    measured: str
    passed: bool


class Goals:
    """Collects rows; a test asserts what `at_most` and `at_least` say."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def at_most(self, goal: str, case: str, bound: float, measured: float, unit: str = "") -> bool:
        """Note a value that must not be above its bound."""
        return self._note(goal, case, f"<= {_text(bound)}{unit}", f"{_text(measured)}{unit}", measured <= bound)

    def at_least(self, goal: str, case: str, bound: float, measured: float, unit: str = "") -> bool:
        """Note a value that must not be below its bound."""
        return self._note(goal, case, f">= {_text(bound)}{unit}", f"{_text(measured)}{unit}", measured >= bound)

    def _note(self, goal: str, case: str, bound: str, measured: str, passed: bool) -> bool:
        self.rows.append(Row(goal, case, bound, measured, passed))
        return passed

    def table(self) -> list[str]:
        """Aligned columns, by goal."""
        cells = [("goal", "case", "bound", "measured", "")]
        ordered = sorted(self.rows, key=lambda row: (row.goal, row.case))
        cells += [(r.goal, r.case, r.bound, r.measured, "pass" if r.passed else "FAIL") for r in ordered]
        widths = [max(len(row[n]) for row in cells) for n in range(5)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]

    def as_json(self) -> list[dict[str, object]]:
        """The same for programs."""
        return [asdict(row) for row in self.rows]


def seeds(count: int) -> list[object]:
    """For `parametrize`: so many of them in every run, and ten times as many in a long one."""
    return [*range(1, count + 1), *(pytest.param(n, marks=pytest.mark.long) for n in range(count + 1, 10 * count + 1))]


def _text(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value < 100 else f"{value:.0f}"
