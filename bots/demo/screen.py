# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo prints: events with their time as they happen, and the last tables."""

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.demo.report import Observed, Report

_COLOURS = {"staff": "cyan", "partner": "magenta", "guest": "yellow"}


class Screen:
    """Prints to the terminal, one line an event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print one event; rich's markup is interpreted, so escape what others wrote."""
        self._console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/]  {text}", soft_wrap=True)

    def caption(self, door: str, name: str, text: str) -> None:
        """Print one caption as the live feed brought it."""
        self.say(f"[{_COLOURS.get(door, 'white')}]{escape(name)}[/]: {escape(text)}")

    def summary(self, seen: Observed, report: Report) -> None:
        """Print the figures and the verdict."""
        figures: dict[str, Any] = report.json
        people = Table(title="What was said, and what the captions made of it")
        for column in ("door", "media after", "words", "word error rate", "captions", "right name"):
            people.add_column(column, justify="left" if column == "door" else "right")
        for door, seconds in seen.seconds_to_media.items():
            speaker = figures["speakers"].get(door)
            people.add_row(
                door,
                "never" if seconds is None else f"{seconds:.1f} s",
                *(_cells(speaker) if speaker else ["–"] * 4),
            )
        self._console.print(people)
        whole = Table(show_header=False)
        whole.add_column()
        whole.add_column(justify="right")
        for label, value in (
            ("word error rate, all", f"{figures['wer']:.1%}"),
            ("captions with the right name", f"{figures['attribution']:.0%}"),
            ("end of speech → live feed, p50 / p95", _pair(figures, "caption_delay")),
            ("end of speech → room event, p50 / p95", _pair(figures, "room_delay")),
            ("likeness of sound sent and heard, least", f"{min(seen.similarity.values(), default=0.0):.2f}"),
            ("RTP packets in / out / lost", " / ".join(str(figures["packets"][key]) for key in ("in", "out", "lost"))),
            ("transcript in the room", ", ".join(seen.files) or "none"),
        ):
            whole.add_row(label, value)
        self._console.print(whole)
        for failure in report.failures:
            self._console.print(f"[red]✗[/] {escape(failure)}")
        self._console.print("[green]✓ everything as promised[/]" if report.ok else "[red]not good enough[/]")


def _cells(speaker: dict[str, Any]) -> list[str]:
    return [
        str(speaker["words"]),
        f"{speaker['wer']:.1%}",
        str(speaker["captions"]),
        f"{speaker['attribution']:.0%}",
    ]


def _pair(figures: dict[str, Any], name: str) -> str:
    values = (figures[f"{name}_p50_s"], figures[f"{name}_p95_s"])
    return " / ".join("never" if value is None else f"{value:.2f} s" for value in values)
