# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""No parser fails on what a stranger sends, except by the error that it declares (goal R1)."""

import importlib.util
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
"""Of coverage-guided fuzzing per parser; `make test-long` has ten minutes."""
INPUTS = 1_000
"""For each parser, where no time is given: it gives way to other tests, so a time would say little."""
PATIENCE_S = SECONDS + 600

CRASHES = Path(__file__).parent / "crashes"


@pytest.mark.parametrize("name", TARGETS)
def test_what_crashed_a_parser_once_never_does_again(name):
    kept = sorted(path for path in (CRASHES / name).glob("*") if path.is_file())
    for payload in [*SEEDS[name], *(path.read_bytes() for path in kept)]:
        TARGETS[name](payload)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=200, deadline=None)
@given(payload=st.binary(max_size=4096))
def test_a_parser_takes_any_bytes(name, payload):
    TARGETS[name](payload)


@pytest.fixture(scope="module")
def guided(pytestconfig):
    """One guided run of each parser, two at a time."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris has no wheel for this machine")

    def fuzz(name):
        # The shell forks: what a process starts directly has its peak of memory, and the fuzzer takes that for its own.
        command = [
            "sh",
            "-c",
            '"$@"; exit $?',
            "sh",
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            f"-max_total_time={SECONDS}" if SECONDS else f"-runs={INPUTS}",
        ]
        run = partial(subprocess.run, check=False, capture_output=True, text=True)
        return run(command, cwd=pytestconfig.rootpath, timeout=PATIENCE_S)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(fuzz, name) for name in TARGETS}


@pytest.mark.timeout(len(TARGETS) * PATIENCE_S)
@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_what_a_guided_fuzzer_finds(name, guided):
    done = guided[name].result()
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs is not None
    print(f"{name}: {int(runs[1]):,} inputs")
    assert int(runs[1]) >= INPUTS
