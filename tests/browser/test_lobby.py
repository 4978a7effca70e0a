# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The lobby in real browsers before a real bridge and PostgreSQL: guest and host reload, and the bridge is killed, in
mid-flow. The homeserver is the small one of tests/bridge/web; how these states look is for `views.py`."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from bridge.domain.names import UserId
from bridge.store import sessions
from bridge.store.database import open_database
from tests.bridge.conftest import cluster, empty_database_url  # noqa: F401  # fixtures
from tests.bridge.web.conftest import HOME, SECRETS, SmallHomeserver, SmallSfu
from tests.ports import free_ports

MARIE = f"@marie:{HOME}"
BEARER = "b" * 43
DEADLINE_S = 60


class RunningBridge:
    """`python -m bridge serve`, which can be killed and started again."""

    def __init__(self, folder: Path, database: str, homeserver: str, sfu: str) -> None:
        self.port, self.internal = free_ports()[0], free_ports()[0]
        self.url = f"http://localhost:{self.port}"
        self._log = folder / "bridge.log"
        self._config = folder / "bridge.toml"
        sections: dict[str, dict[str, Any]] = {
            "http": {"port": self.port, "internal_port": self.internal, "public_url": self.url},
            "database": {"url": database},
            "homeserver": {"name": HOME, "client_url": homeserver, "federation_url": homeserver}
            | {"as_token": SECRETS["as"], "hs_token": SECRETS["hs"], "jwt_login_secret": SECRETS["jwt"]},
            "sfu": {"public_url": "ws://localhost:1", "api_url": sfu, "api_key": "key", "api_secret": SECRETS["sfu"]},
            "captions": {"bot_user": f"@captions:{HOME}"},
            "internal": {"token": SECRETS["internal"]},
        }
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
            for name, section in sections.items()
        ]
        self._config.write_text("".join(lines))
        self._config.chmod(0o600)

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bridge", "serve", "--config", str(self._config), stdout=log, stderr=log
            )
        async with aiohttp.ClientSession() as http, asyncio.timeout(DEADLINE_S):
            while True:
                assert self.process.returncode is None, self._log.read_text()
                try:
                    async with http.get(f"{self.url}/ready") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def ask(self, method: str, path: str, **body: Any) -> Any:
        internal = path.startswith("/internal")
        headers = {"Authorization": f"Bearer {SECRETS['internal'] if internal else BEARER}"}
        base = f"http://localhost:{self.internal}" if internal else self.url
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, base + path, json=body, headers=headers) as said,
        ):
            assert said.status < 300, await said.text()
            return await said.json()


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(tmp_path: Path, empty_database_url: str) -> AsyncIterator[RunningBridge]:  # noqa: F811
    small, sfu = TestServer(SmallHomeserver().app), TestServer(SmallSfu().app)
    for server in (small, sfu):
        await server.start_server()
    running = RunningBridge(tmp_path, empty_database_url, *(str(one.make_url("")).rstrip("/") for one in (small, sfu)))
    await running.start()
    async with open_database(empty_database_url, size=1) as database, database.transaction() as tx:
        until = datetime.now(UTC) + timedelta(hours=1)
        await sessions.create(tx, BEARER, user_id=UserId(MARIE), door="staff", meeting_id=None, expires_at=until)
    yield running
    await running.kill()
    for server in (small, sfu):
        await server.close()


async def host_page(page: Page, bridge: RunningBridge, meeting: str) -> None:
    matrix = {"user_id": MARIE, "device_id": "D", "access_token": "t", "base_url": bridge.url, "server_name": HOME}
    user = {"id": MARIE, "display_name": "Marie Curie", "door": "staff"}
    session = {"token": BEARER, "user": user, "matrix": matrix, "meeting": None}
    await page.add_init_script(f"sessionStorage.setItem('passerelle.staff', {json.dumps(json.dumps(session))})")
    await page.goto(f"{bridge.url}/m/{meeting}/host")


async def knock(page: Page, link: str, name: str) -> None:
    await page.goto(link)
    await page.get_by_label("Your name").fill(name)
    await page.locator("#guest-organisation").fill("Port of Lyon")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#waiting")).to_be_visible()


async def test_a_guest_waits_through_reloads_and_a_killed_bridge_and_is_let_in(browser, bridge):
    meeting = (await bridge.ask("POST", "/internal/v1/meetings", title="Weekly with Lyon", organizer=MARIE))["id"]
    await bridge.ask("PATCH", f"/api/v1/meetings/{meeting}", lobby="guests")
    link = (await bridge.ask("POST", f"/internal/v1/meetings/{meeting}/invites", uses=5, ttl_s=3600))["url"]
    ana, bob, marie = [await browser.new_page(locale="en-GB") for _ in range(3)]

    await knock(ana, link, "Ana Silva")
    await expect(ana.locator("#waiting")).to_contain_text("No host is there yet")
    await expect(ana.locator("#waiting")).to_contain_text("You are the only one waiting")
    await expect(ana.locator("#announcer")).to_contain_text("You are the only one waiting")
    await ana.reload()
    await expect(ana.locator("#waiting")).to_contain_text("You are the only one waiting")

    await host_page(marie, bridge, meeting)
    await expect(marie.locator(".waiter")).to_contain_text("1. Ana Silva (Port of Lyon)")
    await expect(ana.locator("#waiting")).to_contain_text("A host is there")
    await knock(bob, link, "Bob")
    await expect(bob.locator("#waiting")).to_contain_text("number 2 of 2")
    await marie.reload()
    await expect(marie.locator(".waiter")).to_have_count(2)

    await bridge.kill()
    await expect(ana.locator("#waiting-connection")).to_be_visible()
    await expect(marie.locator("#host-connection")).to_be_visible()
    await bridge.start()
    await expect(ana.locator("#waiting-connection")).to_be_hidden(timeout=60_000)
    await expect(marie.locator("#host-connection")).to_be_hidden(timeout=60_000)

    await marie.get_by_role("button", name="Let in: Ana Silva").press("Enter")
    await expect(ana.locator("#view-call")).to_be_visible()  # no other click
    await expect(ana.locator("#call-title")).to_have_text("Weekly with Lyon")
    await expect(marie.locator(".waiter")).to_have_count(1)
    await expect(marie.get_by_role("button", name="Let in: Bob")).to_be_focused()  # the next under the same finger
    await expect(bob.locator("#waiting")).to_contain_text("You are the only one waiting")
    await marie.get_by_role("button", name="Refuse: Bob").click()
    await expect(bob.get_by_role("heading", name="You were not let in")).to_be_visible()
    await expect(bob.locator("#waiting-text")).to_contain_text(MARIE)
    await expect(marie.locator("#waiting-none")).to_be_visible()
    await bob.get_by_role("button", name="Leave the queue").click()
    await expect(bob.locator("#guest-form")).to_be_visible()
    for page in (ana, bob, marie):
        await page.close()


async def test_who_is_too_early_sees_when_it_begins_and_goes_in_by_itself(browser, bridge):
    meeting = (await bridge.ask("POST", "/internal/v1/meetings", title="Budget", organizer=MARIE))["id"]
    link = (await bridge.ask("POST", f"/internal/v1/meetings/{meeting}/invites", uses=5, ttl_s=3600))["url"]
    start = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%dT18:00")
    schedule = {"start": start, "time_zone": "UTC", "duration_minutes": 30}
    await bridge.ask("PATCH", f"/api/v1/meetings/{meeting}", schedule=schedule)
    ana = await browser.new_page(locale="fr", timezone_id="UTC")
    await ana.goto(link)
    await ana.locator("#guest-name").fill("Ana Silva")
    await ana.locator("#guest-join").click()
    await expect(ana.locator("#waiting-text")).to_contain_text(re.compile("Elle commence .* 18:00"))
    await bridge.ask("POST", f"/api/v1/meetings/{meeting}/open")
    await expect(ana.locator("#view-call")).to_be_visible()
    await ana.close()
