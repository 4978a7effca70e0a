# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is what a receiver's path carries shared among its tracks?

Everyone's cheapest rung first, by priority; then everyone is raised step by step, so that no track gets its best
before the others have their second best, except that a screen share comes before cameras. Audio is never limited.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.core.layers import Rung, within
from sfu.core.media import TrackSid

RAISE_MARGIN = 1.1
"""To go up a rung, this much of its rate has to fit; to stay, the rate itself."""

_NOMINAL_BPS = {0: 150_000, 1: 500_000, 2: 1_700_000}
"""Of rungs that were never measured: LiveKit's layers of a 720p camera."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One video track that a receiver wants."""

    track: TrackSid
    rungs: tuple[Rung, ...]
    """What it offers within what the receiver shows, the cheapest first; not empty."""
    current: Rung | None = None
    """What is sent now."""
    screen_share: bool = False


@dataclass(frozen=True, slots=True)
class Allocation:
    """What every track gets."""

    rungs: dict[TrackSid, Rung | None]
    """None: paused."""
    need: float
    """Bits per second that the next improvement takes in all; 0 when everything is at its best."""


def ladder(rungs: Sequence[Rung], max_quality: int, max_fps: int = 0) -> tuple[Rung, ...]:
    """What a track offers (at least one rung, the cheapest first) within what a receiver shows.

    Half the pictures are better than a smaller picture, a quarter of them is not: of all but the least layer that
    serves, only the two highest temporal layers are rungs.
    """
    fitting = [rung for rung in rungs if rung.quality <= max_quality] or rungs[:1]
    steps: list[Rung] = []
    for _, group in itertools.groupby(fitting, key=lambda rung: (rung.stream, rung.spatial)):
        listed = list(group)
        usable = listed[: listed.index(within(listed, max_quality, max_fps)) + 1]
        steps += usable[-2:] if steps else usable
    return tuple(steps)


def cost(rung: Rung) -> float:
    """Bits per second, as measured."""
    return float(rung.bitrate_bps or _NOMINAL_BPS.get(rung.quality, 0))


def allocate(demands: Sequence[Demand], budget: float | None, *, allow_pause: bool = False) -> Allocation:
    """Share `budget` bits per second, None for no limit.

    Without `allow_pause` the cheapest rung of every track flows even where it does not fit.
    """
    if budget is None:
        return Allocation({demand.track: demand.rungs[-1] for demand in demands}, 0.0)
    ordered = sorted(demands, key=lambda demand: not demand.screen_share)  # stable: the oldest first
    chosen: dict[TrackSid, int] = {}
    left = budget
    need: float | None = None
    for demand in ordered:
        price = _price(demand, 0)
        if price > left and allow_pause:
            need = (budget - left) + price if need is None else need
            continue
        chosen[demand.track] = 0
        left -= cost(demand.rungs[0])
    for screen_share in (True, False):
        group = [demand for demand in ordered if demand.screen_share is screen_share and demand.track in chosen]
        moved = True
        while moved:
            moved = False
            for demand in group:
                at = chosen[demand.track]
                step = _next_step(demand, at)
                if step is None:
                    continue
                more = _price(demand, step) - cost(demand.rungs[at])
                if more <= left:
                    left -= cost(demand.rungs[step]) - cost(demand.rungs[at])
                    chosen[demand.track] = step
                    moved = True
                elif need is None:
                    need = (budget - left) + more
    # found while others could still be raised, it may be less than what is spent now
    return Allocation(
        {demand.track: demand.rungs[chosen[demand.track]] if demand.track in chosen else None for demand in demands},
        0.0 if need is None else max(need, budget - left + 1),
    )


def _next_step(demand: Demand, at: int) -> int | None:
    """The next rung up. One that costs no more than the one below is taken with it."""
    step = at + 1
    while step + 1 < len(demand.rungs) and cost(demand.rungs[step + 1]) <= cost(demand.rungs[step]):
        step += 1
    return step if step < len(demand.rungs) else None


def _price(demand: Demand, step: int) -> float:
    """What has to fit: more than it costs where it would be a raise."""
    wanted = cost(demand.rungs[step])
    if demand.current is not None and cost(demand.current) >= wanted:
        return wanted
    return wanted * RAISE_MARGIN
