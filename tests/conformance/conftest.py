# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The suite as pytest sees it: a test for each capability, once per client that has it."""

from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.call import Call
from tests.conformance.clients.browser import CHROMIUM, Browser
from tests.conformance.hooks import receiving
from tests.conformance.red import RED_CELLS
from tests.conformance.rows import Client, chosen
from tests.conformance.server import KEY, remote, serving

HERE = Path(__file__).parent
MODULES = HERE / "clients" / "node_modules"
KINDS = {"python", "browser", "node"}


def pytest_generate_tests(metafunc):
    """One test per client that has the capability."""
    marker = metafunc.definition.get_closest_marker("capability")
    if marker is None or "call" not in metafunc.fixturenames:
        return
    columns = []
    elsewhere = marker.kwargs.get("own") if remote() else None
    for client in chosen():
        if client.kind not in marker.kwargs.get("kinds", KINDS) or absence(marker, client) or elsewhere:
            continue
        marks = []
        if client.kind == "browser":
            marks.append(pytest.mark.browser)
            if not CHROMIUM:
                marks.append(pytest.mark.skip(reason="needs Chromium (Debian: apt install chromium)"))
        if client.package and not (MODULES / client.package).exists():
            marks.append(pytest.mark.skip(reason=f"{client.package} is not installed: npm ci --prefix {HERE}/clients"))
        if reason := red(marker.args[0], client):
            marks.append(pytest.mark.xfail(reason=reason, strict=True))
        columns.append(pytest.param(client, id=client.name, marks=marks))
    metafunc.parametrize("client", columns)


def absence(marker, client):
    """Why a client has no cell for a capability, if it has none."""
    absent = marker.kwargs.get("absent", {})
    return absent.get(client.name) or absent.get(client.kind)


def red(capability, client):
    """Why a cell is known to fail, if it is."""
    cells = RED_CELLS.get(capability, {})
    return cells.get(client.name) or cells.get("*")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            # One event loop for all, so that one browser and one server serve them all.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            marker = item.get_closest_marker("capability")
            client = item.callspec.params.get("client") if marker else None
            if isinstance(client, Client):  # and not pytest's mark of an empty column
                item.user_properties.append(("cell", (marker.args[0], client.name)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_arguments):
    """One Chromium for all tests."""
    async with Browser(chromium_arguments) as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server under test."""
    if given := remote():
        yield given
        return
    with receiving() as hooks:
        webhook = {"urls": [hooks.url], "api_key": KEY}
        with serving(tmp_path_factory.mktemp("sfu"), webhook=webhook) as started:
            started.hooks = hooks
            yield started
            assert started.stop() == 0
    assert "Traceback" not in started.log.read_text(), started.log.read_text()


@pytest_asyncio.fixture(loop_scope="session")
async def call(server, client, browser):
    """The call of one cell."""
    async with Call(server, client, browser).running() as running:
        yield running
