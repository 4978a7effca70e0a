# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a stack tells people while it starts and runs: lines to read, or one JSON object a line."""

import json
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bridge.stack.people import STAFF
from bridge.stack.ready import Ready


class Report:
    """Lines for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def started(self, what: str, seconds: float) -> None:
        """One part of the stack is ready."""
        self._console.print(f"[green]✓[/] {escape(what)} [dim]{seconds:.1f} s[/]", highlight=False)

    def say(self, text: str) -> None:
        """Something happened that whoever started the stack should know."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def ready(self, ready: Ready, file: Path) -> None:
        """All is ready."""
        lines = ["", f"[bold]Ready after {time.monotonic() - self._began:.1f} s.[/]", ""]
        if ready.meeting is not None:
            names = ", ".join(person.name for person in STAFF)
            lines += [
                f"  [bold]{ready.url}[/]",
                f"    Sign in as {names} (no password); the meeting is called “{escape(ready.meeting.title)}”.",
                f"  [bold]{ready.guest_link}[/]",
                "    Open this one in another window, as a guest.",
                "",
            ]
        lines += [f"  For programs: {escape(str(file))}", "  Ctrl-C stops everything; what was said stays.", ""]
        self._console.print("\n".join(lines), highlight=False, soft_wrap=True)


class JsonReport(Report):
    """Lines for programs. They hold no secret; those are in `ready.json` alone."""

    def started(self, what: str, seconds: float) -> None:
        """One part of the stack is ready."""
        self._write(event="started", what=what, seconds=round(seconds, 2))

    def say(self, text: str) -> None:
        """Something happened that whoever started the stack should know."""
        self._write(event="message", text=text)

    def ready(self, ready: Ready, file: Path) -> None:
        """All is ready."""
        seconds = round(time.monotonic() - self._began, 2)
        self._write(event="ready", url=ready.url, file=str(file), seconds=seconds)

    def _write(self, **fields: object) -> None:
        self._console.out(json.dumps(fields, ensure_ascii=False), highlight=False)
