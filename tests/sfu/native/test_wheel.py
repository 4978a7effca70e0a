# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The package as others install it: a wheel in an environment of its own serves with the native engine."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from sfu.native.build import NotBuiltError, compiler

ROOT = Path(__file__).parents[3]
WITHIN_S = 60


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment with the wheel; what the package wants it finds in ours."""
    try:
        compiler()
    except NotBuiltError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ours = ("build", ".venv", "node_modules", ".git", ".*_cache", "__pycache__", "*.so", "fixtures")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*ours))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], check=True)
    [wheel] = folder.glob("*.whl")
    assert "-cp311-abi3-linux_" in wheel.name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    made = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", made, "install", "--no-deps", wheel], check=True)
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_paths()["purelib"])
    return made


def test_the_wheel_serves_with_the_native_engine(python, tmp_path, free_ports):
    port, media_port = free_ports()
    asked = "import sfu.native; print(sfu.native.__file__)"
    where = subprocess.check_output([python, "-c", asked], cwd=tmp_path, text=True)
    assert Path(where).is_relative_to(python.parents[1])
    arguments = ["--dev", "--engine=native", f"--port={port}", f"--media-port={media_port}"]
    log, url = tmp_path / "log", f"http://127.0.0.1:{port}/"
    with log.open("w") as stream:
        command = [python, "-m", "sfu", "serve", *arguments]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=stream, stderr=stream, env={"PATH": os.environ["PATH"]}
        )
    try:
        deadline, up = time.monotonic() + WITHIN_S, False
        while not up:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
                up = answer.status == 200
            time.sleep(0.05)
        process.terminate()
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert '"engine": "native"' in log.read_text()
