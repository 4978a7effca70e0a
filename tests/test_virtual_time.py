# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The loop that jumps: what was set first for a moment happens first, whatever else is waiting."""

import asyncio
from random import Random

from tests.virtual_time import run


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set():
    async def scenario():
        loop, chance, fired = asyncio.get_running_loop(), Random(1), []
        now = loop.time()
        expected = sorted((chance.randrange(5), number) for number in range(500))
        for number, moment in sorted((number, moment) for moment, number in expected):
            loop.call_at(now + moment, fired.append, (moment, number))
            loop.call_at(now + chance.random() * 5, fired.append, None).cancel()
        await asyncio.sleep(5)
        return fired == expected

    assert run(scenario())
