# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""All faults at once, as far as the machine likes: most of their time is waiting for what does not come."""

import asyncio
import importlib
import sys

import pytest
import pytest_asyncio
from playwright.async_api import Error as PageError

from tests.conformance.call import Call
from tests.conformance.clients.browser import Browser
from tests.conformance.clients.server_sdks import ApiRefused
from tests.conformance.clients.vocabulary import Refused
from tests.conformance.hooks import receiving
from tests.conformance.rows import CLIENTS
from tests.conformance.server import KEY, serving
from tests.faults.catalogue import FAULTS

AT_ONCE = 4
PATIENCE = 0.5
"""A faulty server gets half the time that a right one has."""

FILES = ("codecs", "data", "joining", "media", "networks", "people", "reconnecting", "server_api")
CELLS = {
    name: function
    for file in FILES
    for name, function in vars(importlib.import_module(f"tests.conformance.test_{file}")).items()
    if name.startswith("test_")
}


async def run_cell(fault, name, browser, folder):
    """Run the cell that must find a fault against a server with it; give what it said, nothing if it passed."""
    client = next(client for client in CLIENTS if client.name == fault.client)
    command = (sys.executable, "-m", "tests.faults", "--fault", name, "--", "serve")
    with receiving() as hooks:
        webhook = {"urls": [hooks.url], "api_key": KEY}
        with serving(folder, command=command, webhook=webhook) as server:
            server.hooks = hooks
            try:
                async with Call(server, client, browser, patience=PATIENCE).running() as call:
                    await CELLS[fault.cell](call)
            except (AssertionError, TimeoutError, Refused, ApiRefused, PageError) as error:
                return f"{type(error).__name__}: {error}"
    return ""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def findings(request, chromium_arguments, tmp_path_factory):
    """By fault, the task that runs its cell."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def run(name):
        async with gate:
            return await run_cell(FAULTS[name], name, browser, tmp_path_factory.mktemp("fault"))

    chosen = [item.callspec.params["name"] for item in request.session.items if "findings" in item.fixturenames]
    async with Browser(chromium_arguments) as browser:
        tasks = {name: asyncio.create_task(run(name)) for name in chosen}
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


def pytest_collection_modifyitems(items):
    for item in items:
        if "findings" in item.fixturenames:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.browser)
