# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a handler wakes a loop that otherwise looks around every so often."""

from __future__ import annotations

import asyncio


class Nudge:
    """Many may nudge; one waits. Nudges that come while it works are not lost and count as one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Wake the loop."""
        self._event.set()

    async def wait(self, at_most_s: float) -> None:
        """Return at the next nudge, or after this time."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
