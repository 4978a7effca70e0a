# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The C code meets strangers' packets under AddressSanitizer and UBSan, and compiles without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sfu.native.build import STRICT, NotBuiltError, build, compiler

HERE = Path(__file__).parent
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-O1", *STRICT)
ENGINE_SUITE = "(native and not plane and not tcp) or agree"


def runtimes():
    """The sanitizers' own libraries, which a Python without them must load first."""
    command = compiler()
    names = [f"-print-file-name={name}" for name in ("libasan.so", "libubsan.so")]
    found = [subprocess.check_output([*command, name], text=True).strip() for name in names]
    if not all(Path(path).is_absolute() for path in found):
        pytest.skip(f"{command[0]} has no shared sanitizers")
    return found


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """Runs a choice of the engine's tests."""
    try:
        preloaded = runtimes()
        engine = build(tmp_path_factory.mktemp("sanitized") / "_engine.abi3.so", SANITIZE)
    except NotBuiltError as error:
        if "warning" in str(error) or "error:" in str(error):
            raise
        pytest.skip(str(error))

    def run(*arguments):
        environment = os.environ | {"LD_PRELOAD": " ".join(preloaded), "ASAN_OPTIONS": "detect_leaks=0"}
        command = [sys.executable, str(HERE / "sanitized.py"), str(engine), "-q", "-x", "-p", "no:faulthandler"]
        command += ["-p", "no:cacheprovider", *arguments]
        root = HERE.parents[2]
        return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)

    return run


def test_random_sessions_and_hostile_packets_touch_nothing_that_is_not_theirs(sanitized) -> None:
    done = sanitized("tests/sfu/media/test_engines_agree.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "passed" in done.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_whole_engine_suite_touches_nothing_that_is_not_its_own(sanitized) -> None:
    done = sanitized("tests/sfu/media", "-m", "long or not long", "-k", ENGINE_SUITE, "--timeout", "3000")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "passed" in done.stdout
