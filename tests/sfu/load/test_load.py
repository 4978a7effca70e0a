# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`sfu load` against the real server: what it measures, and what it says when it cannot."""

import asyncio
import json
import os
import signal
import socket

import pytest

from sfu import native as media
from sfu.load import cpu, native
from sfu.load.batched import PythonTraffic
from sfu.load.meeting import percentile
from sfu.load.plan import LARGE, SMALL, Plan
from sfu.load.run import load
from sfu.load.server import Server, own
from sfu.load.traffic import LoadError
from tests.emulated.server import KEY, SECRET, serving
from tests.ports import free_ports

needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="no C compiler is here")


@pytest.fixture(scope="module")
def said():
    return []


async def run(plan, server, said, *, make="auto", output=None):
    how = {"room": "", "engine": "auto", "voices": 0}
    return await load(plan, server, make=make, output=output, say=said.append, **how)


@needs_compiler
async def test_three_people_meet_at_a_server_of_our_own_and_everything_comes_through(tmp_path, said):
    output = tmp_path / "load.json"
    figures = await run(Plan(3, 2, 2, 1, 16, 0.2, 1.0), None, said, make="c", output=output)
    assert json.loads(output.read_text()) == figures
    joins, media = figures["joins"], figures["media"]
    assert figures["light_media"] == "C"
    assert joins["without_media"] == 0
    assert joins["first_media_s"]["max"] > 0
    assert joins["server_cpu_s"]
    assert media["in_pps"] > 50  # two cameras in three layers and two microphones: 690 on a machine that keeps up
    assert media["out_pps"] > 50
    assert (media["lost"], media["wrong"]) == (0, 0)
    assert media["checked"] > 0
    assert media["added_ms"]["p50"] > 0
    assert any("3 of 3" in line or "packets sent" in line for line in said)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    port, media_port = free_ports()

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    log = tmp_path_factory.mktemp("load") / "sfu.log"
    with serving(log, [f"--port={port}", f"--media-port={media_port}"], answers) as process:
        yield Server(f"ws://127.0.0.1:{port}", KEY, SECRET, process.pid)


async def test_without_a_compiler_python_makes_the_same_media(server, said, monkeypatch):
    monkeypatch.setattr(native, "compiler", lambda: None)
    figures = await run(Plan(2, 1, 1, 1, 0, 0.0, 0.5), server, said)
    assert figures["light_media"] == "Python"
    assert any("no C compiler" in line for line in said)
    assert figures["media"]["wrong"] == 0
    assert figures["media"]["out_pps"] > 50


@needs_compiler
async def test_two_rooms_are_served_by_two_media_threads(tmp_path, said):
    if media.why_not() is not None:
        pytest.skip(media.why_not())
    port, media_port = free_ports(media=2)

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    arguments = [f"--port={port}", f"--media-port={media_port}", "--engine=native", "--media-threads=2"]
    with serving(tmp_path / "sfu.log", arguments, answers) as process:
        server = Server(f"ws://127.0.0.1:{port}", KEY, SECRET, process.pid)
        plan = Plan(2, 2, 2, 1, 0, 0.0, 1.0)
        rooms = [
            load(plan, server, room=room, make="c", engine="auto", voices=0, output=None, say=said.append)
            for room in ("one", "two")
        ]
        for figures in await asyncio.gather(*rooms):
            assert (figures["media"]["lost"], figures["media"]["wrong"]) == (0, 0)
            assert figures["media"]["out_pps"] > 50
        spent = [seconds for name, seconds in cpu.by_thread(process.pid).items() if name.startswith("media")]
    assert len(spent) == 2
    assert min(spent) > 0.2 * max(spent)


async def test_a_refused_token_is_told_with_the_servers_words(server, said):
    wrong = Server(server.url, server.key, "0" * 40)
    with pytest.raises(LoadError, match=r"refused with 401: the token .* are --key and --secret those of the server"):
        await run(Plan(1, 0, 0, 0, 0, 0.0, 1.0), wrong, said, make="python")


async def test_a_server_that_goes_in_the_middle_ends_the_load_clearly(said):
    before = len(said)
    async with own(engine="auto", voices=0) as server:
        running = asyncio.create_task(run(Plan(2, 1, 1, 1, 0, 0.0, 600.0), server, said, make="python"))
        while not any("packets sent" in line for line in said[before:]):
            await asyncio.sleep(0.05)
            assert not running.done()
        os.kill(server.pid, signal.SIGTERM)
    with pytest.raises(LoadError, match=r"the server sent load-. away: SERVER_SHUTDOWN|closed the connection"):
        await running


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://somewhere", "is no server: --url is like ws://"),
        ("ws://127.0.0.1:1", "no connection to ws://127.0.0.1:1"),
    ],
)
async def test_a_url_where_no_server_is_gets_a_clear_answer(url, words, said):
    with pytest.raises(LoadError, match=words):
        await run(Plan(1, 0, 0, 0, 0, 0.0, 1.0), Server(url, "key", "0" * 40), said, make="python")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(0, 0, 0, 0, 0, 0.0, 1.0), "--people is 1 to 1000"),
        (Plan(1001, 0, 0, 0, 0, 0.0, 1.0), "run several of these"),
        (Plan(2, 3, 0, 0, 0, 0.0, 1.0), "--publishers is 0 to --people"),
        (Plan(2, 1, 2, 0, 0, 0.0, 1.0), "--audio is 0 to --publishers"),
        (Plan(2, 1, 1, 0, -1, 0.0, 1.0), "not negative"),
        (Plan(2, 1, 1, 0, 0, 0.0, 0.0), "--seconds is more than 0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, words):
    with pytest.raises(LoadError, match=words):
        plan.check()


@pytest.mark.parametrize(("people", "publishers"), [(1, 1), (3, 2), (10, 3), (150, 25), (150, 150), (7, 0)])
def test_publishers_come_evenly_among_all_and_the_first_person_is_one(people, publishers):
    plan = Plan(people, publishers, 0, 0, 0, 0.0, 1.0)
    numbers = [plan.publishing(person) for person in range(people)]
    assert [number for number in numbers if number is not None] == list(range(publishers))
    assert not publishers or numbers[0] == 0


def test_everybody_shows_as_many_cameras_as_the_plan_says():
    plan = Plan(150, 25, 25, 1, 16, 0.0, 1.0)
    for person in range(150):
        shown = [plan.quality(person, publisher) for publisher in range(25)]
        assert (shown.count(LARGE), shown.count(SMALL)) == (1, 16)


@needs_compiler
def test_c_that_does_not_compile_is_told_with_the_compilers_words(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "_FLAGS", ("-no-such-option",))
    with pytest.raises(LoadError, match=r"cannot compile traffic\.c: .*no-such-option"):
        native.build(tmp_path)


@needs_compiler
def test_the_c_compiles_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "_FLAGS", (*native._FLAGS, "-Werror"))
    assert native.build(tmp_path).exists()


def test_python_counts_what_waits_and_nobody_looks_at():
    traffic = PythonTraffic(sample_every=1)
    for _ in range(traffic._samples.maxlen + 3):
        traffic._keep(None)
    assert traffic.counts().samples_lost == 3


def test_threads_that_did_nothing_are_left_out():
    assert cpu.since({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.5, "c": 0.25}) == {"b": 0.5, "c": 0.25}


def test_percentiles_of_nothing_are_none():
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0, 2.0], 1.0) == 2.0
