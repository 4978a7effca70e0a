# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Shares the work out: a process for each of two cores, as a model's processor seconds are counted by the process."""

import asyncio
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.bench.captions import talkers
from tests.bench.captions.corpus import Talk
from tests.bench.captions.measure import Bench, Row

PROCESSES = 2
_bench: list[Bench] = []
"""The process's own, once it was needed."""


def measured(todo: Sequence[tuple[Talk, str]], ways: tuple[str, ...]) -> list[Row]:
    """Caption each talk under its condition in each way."""
    rows: list[Row] = []
    with _pool(PROCESSES) as pool:
        for number, part in enumerate(pool.map(_one, todo, [ways] * len(todo)), 1):
            rows += part
            print(f"\r{number} of {len(todo)} recordings", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def carried() -> int:
    """The most people at once whose captions keep their delays; each count that is tried has a process of its own."""
    for count in talkers.TRIED:
        with _pool(1) as pool:
            load = pool.submit(_talk, count).result()
        print(load, file=sys.stderr)
        if load.carried:
            return count
    return 0


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def _one(asked: tuple[Talk, str], ways: tuple[str, ...]) -> list[Row]:
    if not _bench:
        _bench.append(Bench())
    return list(_bench[0].run(*asked, ways))


def _talk(count: int) -> talkers.Load:
    return asyncio.run(talkers.measure(count))
