# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When captions end by themselves."""

from dataclasses import dataclass
from enum import Enum, auto

EMPTY_S = 5.0
"""The call has ended when nobody else was in it for this long: a reload must not end it."""
RESUMED_EMPTY_S = 30.0
"""After a restart of ours, other people's clients may need a moment too."""
UNUSED_S = 3600.0
"""stops: a bot that was asked for and forgotten holding one of few places."""


class Ending(Enum):
    """Why captions of a call end."""

    REMOVED = auto()
    ASKED = auto()
    EMPTY = auto()
    UNUSED = auto()
    REFUSED = auto()
    STOPPED = auto()


@dataclass(slots=True)
class EmptyCall:
    """Watches whether anybody else is in the call; times in seconds, monotonic."""

    started: float
    resumed: bool = False
    _seen: bool = False
    _alone_since: float | None = None

    def look(self, *, others: bool, now: float) -> Ending | None:
        """Take what is so now; tell whether the call is over."""
        if others:
            self._seen, self._alone_since = True, None
            return None
        if not self._seen and not self.resumed:
            return Ending.UNUSED if now - self.started >= UNUSED_S else None
        if self._alone_since is None:
            self._alone_since = now
        patience = EMPTY_S if self._seen else RESUMED_EMPTY_S
        return Ending.EMPTY if now - self._alone_since >= patience else None
