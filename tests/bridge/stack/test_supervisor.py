# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The supervisor with real processes."""

import asyncio
import json
import os
import signal
import sys
import time

import psutil
import pytest

from bridge.stack.errors import StackError
from bridge.stack.supervisor import Service, supervise

WRITES_READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WRITES_READY
ENDS = "import sys; print('no luck today'); sys.exit(7)"


def python(name: str, tmp_path, code: str = WRITES_READY) -> Service:
    flag = tmp_path / f"{name}.ready"

    async def ready(started_at: float) -> bool:
        return flag.exists()

    return Service(name, [sys.executable, "-c", code, str(flag)], ready)


async def until(condition, what: str, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s} s"
        await asyncio.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def status(tmp_path) -> dict:
    return json.loads((tmp_path / "run" / "status.json").read_text())["services"]


async def test_started_services_run_until_the_block_is_left(tmp_path):
    async with supervise(tmp_path, lambda text: None) as supervisor:
        await supervisor.start(python("one", tmp_path))
        await supervisor.start(python("two", tmp_path))
        pids = supervisor.pids()
        assert set(pids) == {"one", "two"}
        assert not any(gone(pid) for pid in pids.values())
        assert status(tmp_path)["one"] == {"state": "ready", "pid": pids["one"], "restarts": 0}
    assert all(gone(pid) for pid in pids.values())
    assert {service["state"] for service in status(tmp_path).values()} == {"stopped"}


async def test_each_process_leads_a_session_of_its_own_so_ctrl_c_does_not_reach_it(tmp_path):
    async with supervise(tmp_path, lambda text: None) as supervisor:
        await supervisor.start(python("one", tmp_path))
        pid = supervisor.pids()["one"]
        assert os.getsid(pid) == pid != os.getsid(0)


async def test_a_killed_process_is_started_again_and_it_is_said(tmp_path):
    said = []
    async with supervise(tmp_path, said.append) as supervisor:
        await supervisor.start(python("one", tmp_path))
        first = supervisor.pids()["one"]
        (tmp_path / "one.ready").unlink()
        os.kill(first, signal.SIGKILL)
        await until(lambda: status(tmp_path)["one"]["restarts"] == 1, "the restart")
        await until(lambda: status(tmp_path)["one"]["state"] == "ready", "readiness")
        assert status(tmp_path)["one"]["pid"] == supervisor.pids()["one"] != first
        await until(lambda: len(said) == 2, "both messages")
    assert "SIGKILL" in said[0]
    assert "starting it again" in said[0]
    assert said[1] == "one is back."


async def test_a_process_that_ends_while_it_starts_is_reported_with_the_end_of_its_log(tmp_path):
    with pytest.RaisesGroup(StackError) as refused:
        async with supervise(tmp_path, lambda text: None) as supervisor:
            await supervisor.start(python("one", tmp_path, ENDS))
    text = str(refused.value.exceptions[0])
    assert "exit code 7" in text
    assert "no luck today" in text
    assert "one.log" in text


async def test_a_program_that_is_not_there_is_reported(tmp_path):
    async def ready(started_at: float) -> bool:
        return False

    with pytest.RaisesGroup(StackError) as refused:
        async with supervise(tmp_path, lambda text: None) as supervisor:
            await supervisor.start(Service("one", [str(tmp_path / "missing")], ready))
    assert "can't be started" in str(refused.value.exceptions[0])


async def test_a_process_that_is_never_ready_is_ended_and_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.stack.supervisor._READY_WITHIN_S", 0.3)
    pids = {}

    async def ready(started_at: float) -> bool:
        pids.update(supervisor.pids())
        return False

    with pytest.RaisesGroup(StackError) as refused:
        async with supervise(tmp_path, lambda text: None) as supervisor:
            service = python("one", tmp_path)
            await supervisor.start(Service("one", service.command, ready))
    assert "not ready after" in str(refused.value.exceptions[0])
    assert pids
    assert gone(pids["one"])


async def test_one_that_ignores_the_order_to_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.stack.supervisor._STOP_WITHIN_S", 0.3)
    said = []
    async with supervise(tmp_path, said.append) as supervisor:
        await supervisor.start(python("one", tmp_path, IGNORES_SIGTERM))
        pid = supervisor.pids()["one"]
    assert gone(pid)
    assert "by force" in said[0]


async def test_services_stop_in_reverse_order(tmp_path):
    order = tmp_path / "order"
    code = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        f"  open({str(order)!r}, 'a').write(pathlib.Path(sys.argv[1]).stem + ' ')\n"
        "  sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n" + WRITES_READY
    )
    async with supervise(tmp_path, lambda text: None) as supervisor:
        for name in ("first", "second", "third"):
            await supervisor.start(python(name, tmp_path, code))
    assert order.read_text().split() == ["third", "second", "first"]


async def test_leaving_while_something_starts_leaves_nothing_behind(tmp_path):
    async def never(started_at: float) -> bool:
        return False

    service = python("one", tmp_path)
    pids = []

    async def body() -> None:
        async with supervise(tmp_path, lambda text: None) as supervisor, asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.start(Service("one", service.command, never)))
            await until(supervisor.pids, "the spawn")
            pids.extend(supervisor.pids().values())
            raise StackError("changed my mind")

    with pytest.RaisesGroup(StackError, flatten_subgroups=True):
        await body()
    assert pids
    assert all(gone(pid) for pid in pids)


async def test_a_log_that_has_grown_too_large_is_put_aside_once(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.stack.supervisor._LOG_BYTES_KEPT", 10)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "one.log").write_text("x" * 11)
    async with supervise(tmp_path, lambda text: None) as supervisor:
        await supervisor.start(python("one", tmp_path))
    assert (tmp_path / "logs" / "one.log.1").read_text() == "x" * 11
    assert (tmp_path / "logs" / "one.log").read_text() == ""


async def test_readiness_is_asked_about_the_process_that_runs_now(tmp_path):
    asked = []

    async def ready(started_at: float) -> bool:
        asked.append(started_at)
        return True

    service = python("one", tmp_path)
    async with supervise(tmp_path, lambda text: None) as supervisor:
        await supervisor.start(Service("one", service.command, ready))
        began = time.time()
        os.kill(supervisor.pids()["one"], signal.SIGKILL)
        await until(lambda: len(asked) == 2, "the second process was asked about")
    assert asked[0] <= began <= asked[1]
