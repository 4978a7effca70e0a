# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""An asyncio loop whose clock jumps: minutes of timers in seconds of work."""

import asyncio
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    """Never waits: where another would sleep until the next timer, it moves the clock there."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits for somebody else: nothing will ever happen")
            self.now += max(timeout, 0.0)
        return ready


class _Timer(asyncio.TimerHandle):
    """Of timers for the same moment the one that was set first is the first."""

    number = 0

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self.number) < (other.when(), other.number)


class VirtualLoop(asyncio.SelectorEventLoop):
    """For programs that wait for timers and for each other alone; sockets are only polled.

    Packets that a link holds back arrive in one moment. asyncio's heap alone would mix them, in another way each time.
    """

    def __init__(self, begins_s: float = 1000.0) -> None:
        self._jumping = _JumpingSelector(begins_s)
        self._numbers = itertools.count()
        super().__init__(self._jumping)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's own, which makes a handle that knows the time alone."""
        timer = _Timer(when, callback, args, self, context)
        timer.number = next(self._numbers)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now


def run(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run a scenario in virtual time. Whatever a callback raises ends it, and is raised here."""
    failures: list[BaseException] = []

    async def guarded() -> Result:
        task = asyncio.ensure_future(scenario)

        def failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            failures.append(context.get("exception") or RuntimeError(context["message"]))
            task.cancel()

        asyncio.get_running_loop().set_exception_handler(failed)
        return await task

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            result = runner.run(guarded())
        except asyncio.CancelledError:
            if failures:
                raise failures[0] from None
            raise
    if failures:
        raise failures[0]
    return result
