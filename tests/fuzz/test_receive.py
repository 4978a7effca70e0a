# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A stranger's packets against the native engine's receive path: new ones by libFuzzer, the kept ones anywhere.

`receive.c` says how an input is read. What crashed it is kept in `received/` with what reaches every line.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sfu.native.build import SOURCES, STRICT, NotBuiltError, compiler

HERE = Path(__file__).parent
KEPT = sorted((HERE / "received").iterdir())
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
"""Of new inputs; `make test-long` has ten minutes."""
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-fno-omit-frame-pointer", "-pthread", f"-I{SOURCES}", *STRICT)
SANITIZE = ("-fno-sanitize-recover=all", "-fsanitize=address,undefined")


def made(into, command, *flags):
    """The harness with the engine's sources, all but the cipher."""
    sources = [HERE / "receive.c", *(path for path in sorted(SOURCES.glob("*.c")) if path.name != "crypto.c")]
    done = subprocess.run([*command, *FLAGS, *flags, *sources, "-o", into], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return into


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def any_compiler():
    try:
        return compiler()
    except NotBuiltError as error:
        pytest.skip(str(error))


def test_kept_inputs_touch_nothing_that_is_not_theirs(any_compiler, tmp_path):
    replay = made(tmp_path / "replay", any_compiler, "-DREPLAYS", *SANITIZE)
    done = run(replay, *KEPT)
    assert (done.returncode, done.stdout) == (0, f"{len(KEPT)} inputs\n"), done.stderr[-4000:]


def test_kept_inputs_leave_nothing_behind_and_read_nothing_unwritten(any_compiler, tmp_path):
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("there is no valgrind")
    replay = made(tmp_path / "replay", any_compiler, "-DREPLAYS")
    done = run(valgrind, "--quiet", "--leak-check=full", "--error-exitcode=9", replay, *KEPT)
    assert (done.returncode, done.stdout) == (0, f"{len(KEPT)} inputs\n"), done.stderr[-4000:]


@pytest.mark.timeout(SECONDS + 300)
def test_new_inputs_touch_nothing_that_is_not_theirs(tmp_path):
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("there is no clang, which brings libFuzzer")
    runtime = subprocess.check_output([clang, "--print-runtime-dir"], text=True).strip()
    if not list(Path(runtime).glob("libclang_rt.fuzzer*.a")):
        pytest.skip("clang comes without libFuzzer (Debian: libclang-rt-dev)")
    fuzz = made(tmp_path / "fuzz", [clang], *SANITIZE, "-fsanitize=fuzzer")
    found = tmp_path / "found"
    found.mkdir()
    # No limit to its memory as a whole: a process begins with the peak of the one that started it.
    limits = (
        f"-max_total_time={SECONDS}",
        "-timeout=10",
        "-rss_limit_mb=0",
        "-malloc_limit_mb=256",
        "-print_final_stats=1",
    )
    done = run(fuzz, *limits, f"-artifact_prefix={tmp_path}/", found, HERE / "received", timeout=SECONDS + 240)
    kept = f"keep the input in {tmp_path} under tests/fuzz/received and mend the engine"
    assert done.returncode == 0, f"{done.stderr[-4000:]}\n{kept}"
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs is not None
    print(f"{int(runs[1]):,} inputs")
    assert int(runs[1]) > len(KEPT)
