# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the README promises first: `make demo`, as a newcomer runs it, and what it says of bad recordings."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import pytest

PASSERELLE = str(Path(sys.executable).with_name("passerelle"))
SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"


def free_base():
    """A base whose port and whose media port nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 60_000)


async def run(*arguments, timeout_s):
    process = await asyncio.create_subprocess_exec(
        PASSERELLE, "demo", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        pytest.fail(f"not done after {timeout_s} s:\n{output.decode()}")
    return process.returncode, output.decode()


@pytest.mark.stack
@pytest.mark.timeout(260)
async def test_three_people_from_three_doors_hear_each_other_and_are_captioned(tmp_path):
    report = tmp_path / "report.json"
    status, output = await run(
        "--speech", str(SPEECH), "--data", str(tmp_path / "data"), "--report", str(report),
        "--port-base", str(free_base()), timeout_s=240,
    )  # fmt: skip
    assert status == 0, output
    seen = json.loads(report.read_text(encoding="utf-8"))
    assert seen["ok"] is True
    assert set(seen["doors"]) == {"staff", "partner", "guest"}
    assert {caption["lang"] for caption in seen["captions"]} == {"en", "fr"}
    assert len(seen["heard"]) == 6
    assert min(seen["packets"]["in"], seen["packets"]["out"]) > 1000
    said = " ".join(output.split())  # the terminal breaks lines
    for caption in seen["captions"]:
        assert " ".join(caption["text"].split()) in said


async def test_recordings_without_their_words_are_refused_before_anything_starts(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"")
    status, output = await run("--speech", str(tmp_path), "--data", str(tmp_path / "data"), timeout_s=30)
    assert status == 1
    assert "a.wav has no a.txt beside it" in output
    assert not (tmp_path / "data").exists()
