# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""An event loop whose clock stands still while a program computes, and jumps to the next timer when all of it waits.

A call in an executor runs at once, in this thread, and its answer comes after as many seconds as the meter says that
it cost: so a pool of ``n`` workers behaves as on ``n`` processors that nobody else uses, whatever this machine does.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.bench.captions.meter import Meter
from tests.virtual_time import VirtualLoop


class MeteredLoop(VirtualLoop):
    """Run it as any loop; ``time()`` begins at 0."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        super().__init__(begins_s=0.0)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        answer = self.create_future()
        before = self._meter.spent_s
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - as an executor does: the caller gets it
            self._finish_later(answer, before, answer.set_exception, error)
        else:
            self._finish_later(answer, before, answer.set_result, result)
        return answer

    def _finish_later(self, answer: Any, before: float, finish: Callable[[Any], None], value: Any) -> None:
        def done() -> None:
            if not answer.done():
                finish(value)

        self.call_later(self._meter.spent_s - before, done)
