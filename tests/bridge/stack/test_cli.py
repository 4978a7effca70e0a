# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command `passerelle`, and what it prints."""

import importlib.metadata
import io
import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from bridge.cli import ENTRY_POINTS
from bridge.stack.meeting import Meeting
from bridge.stack.ports import Ports
from bridge.stack.ready import Ready, has_desktop
from bridge.stack.render import Addresses
from bridge.stack.report import JsonReport, Report

PASSERELLE = Path(sys.executable).with_name("passerelle")
READY = Ready(
    where=Addresses(Ports(8400)),
    meeting=Meeting("m1", "Team [bold] meeting", "!r", "@marie.curie:localhost:8431", "http://localhost:8400/m/m1"),
    guest_link="http://localhost:8400/j/the-token",
    partner_password="the-password",
    internal_token="the-internal-token",
    ca_file=Path("ca.pem"),
    pids={},
)


def passerelle(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([PASSERELLE, *arguments], check=False, capture_output=True, text=True, timeout=60)


def test_help_lists_the_subcommands_of_every_package():
    names = {entry.name for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    assert {"sfu", "bots"} <= names
    text = passerelle("--help").stdout
    assert all(name in text for name in names | {"up"})
    assert "Hold a meeting of three people" in text


def test_a_subcommand_of_another_package_answers():
    assert "serve" in passerelle("sfu", "--help").stdout


def test_an_option_that_does_not_exist_is_refused():
    done = passerelle("up", "--prot-base", "9000")
    assert done.returncode != 0
    assert "prot-base" in done.stdout + done.stderr


def test_without_the_extra_it_says_what_to_install():
    code = (
        "import sys; sys.modules['trustme'] = None; sys.argv = ['passerelle', 'up']; "
        "from bridge.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "passerelle[stack]" in done.stderr
    assert "trustme" in done.stderr


def printed(report_type: type[Report]) -> str:
    output = io.StringIO()
    report = report_type(Console(file=output, width=40))
    report.started("homeserver [home]", 1.25)
    report.say("something [red] happened")
    report.ready(READY, Path("ready.json"))
    return output.getvalue()


def test_people_read_the_page_the_guest_link_and_how_to_sign_in():
    text = printed(Report)
    assert "http://localhost:8400/\n" in text
    assert "http://localhost:8400/j/the-token\n" in text
    assert "Marie Curie" in text
    assert "Team [bold] meeting" in text
    assert "something [red] happened" in text
    assert "the-password" not in text
    assert "the-internal-token" not in text


def test_programs_read_one_object_a_line_without_any_secret():
    text = printed(JsonReport)
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["started", "message", "ready"]
    assert "the-" not in text


def test_a_browser_is_opened_only_where_somebody_would_see_it():
    assert has_desktop({"DISPLAY": ":0"})
    assert has_desktop({"WAYLAND_DISPLAY": "wayland-0"})
    assert not has_desktop({"DISPLAY": ""})
    assert not has_desktop({})
