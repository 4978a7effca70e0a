# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is a command that somebody may give?"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that somebody may give. `meeting` is there for every command that is about one."""

    event_id: str
    command: str
    sender: UserId
    words: tuple[str, ...]
    meeting: Meeting | None

    @property
    def about(self) -> Meeting:
        """The meeting."""
        assert self.meeting is not None  # `bridge.web.bot` sees to it by the table
        return self.meeting
