# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A partner who has Hydrogen: our invitation stands in it, one press accepts it, and they and staff read each other."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import BrowserContext, Page, expect

from bots.demo import doors
from bots.matrix_rtc import MatrixSession

HERE = Path(__file__).parent
ESBUILD = HERE.parents[3] / "bridge/web/vendor/node_modules/.bin/esbuild"
MODULES = HERE / "node_modules"
SDK, OLM = MODULES / "hydrogen-view-sdk", MODULES / "@matrix-org/olm"

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (SDK.is_dir() and ESBUILD.exists()), reason="needs `npm ci --prefix tests/browser/call/clients`"
    ),
]


def bundle() -> bytes:
    """Hydrogen in one file, as an organisation's build makes it."""
    node_only = [f"--external:{name}" for name in ("crypto", "fs", "path")]  # olm.js asks for them in Node alone
    done = subprocess.run(
        [ESBUILD, HERE / "hydrogen.mjs", "--bundle", "--format=esm", *node_only], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest_asyncio.fixture(loop_scope="session")
async def hydrogen(partner: dict[str, Any]) -> AsyncIterator[str]:
    """Serve Hydrogen as the partner's organisation does, on a site of its own; return its address."""
    script = bundle()
    files = {
        "index.html": HERE / "hydrogen.html",
        "sw.js": SDK / "lib-build/sw.js",
        "olm.js": OLM / "olm.js",
        "olm.wasm": OLM / "olm.wasm",
    }

    async def file(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(files[request.path[1:]])

    async def bundled(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=script, content_type="text/javascript")

    async def config(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"defaultHomeServer": partner["server"]["client_url"]})

    app = web.Application()
    app.add_routes([web.get(f"/{name}", file) for name in files])
    app.add_routes([web.get("/hydrogen.js", bundled), web.get("/config.json", config)])
    app.router.add_static("/assets", SDK / "asset-build/assets")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/index.html"
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def marie(stack: Any) -> AsyncIterator[MatrixSession]:
    """The host's own Matrix session, as the staff's sign-in gives it."""
    async with aiohttp.ClientSession() as http:
        session = await doors.staff(http, stack.ready["url"].rstrip("/"), stack.ready["staff"][0]["sub"])
    account = doors.Account.from_session(session)
    async with MatrixSession(account.user_id, account.device_id, account.access_token, account.base_url) as signed_in:
        yield signed_in


async def ask_to_be_invited(context: BrowserContext, link: str, user_id: str) -> Page:
    """Press at our door as a partner does who opens the meeting with whatever client they have."""
    await context.route("https://matrix.to/**", lambda route: route.fulfill(body="choose your application"))
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_label("Your Matrix ID").fill(user_id)
    await page.get_by_role("button", name="Invite me and open it").click()
    await expect(page.locator("#partner-progress")).to_contain_text("Accept the invitation in your application")
    return page


async def sign_in(context: BrowserContext, address: str, account: dict[str, str]) -> Page:
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_label("Username").fill(account["user_id"])
    await page.get_by_label("Password").fill(account["password"])
    await page.get_by_role("button", name="Log In").click()
    return page


async def test_a_partner_accepts_our_invitation_in_hydrogen_and_talks_with_staff(
    browser, stack, new_meeting, hydrogen, marie
):
    account, title = stack.ready["partner_user"], "Over the border in Hydrogen"
    meeting = new_meeting(title)
    context = await browser.new_context(locale="en-GB")
    door = await ask_to_be_invited(context, meeting["guest_link"], account["user_id"])
    client = await sign_in(context, hydrogen, account)

    await client.get_by_role("link", name=title).click()
    inviter = f"@passerelle:{stack.ready['homeservers']['home']['name']}"
    await expect(client.get_by_text(f"({inviter}) invited you.")).to_be_visible()
    await expect(client.get_by_role("heading", name=title, level=3)).to_be_visible()
    await client.get_by_role("button", name="Accept").click()
    await expect(client.get_by_role("heading", name=title, level=2)).to_be_visible()
    write = client.get_by_placeholder("Send a message")
    await expect(write).to_be_visible()
    await expect(client.get_by_text("Pavel Novák joined the room")).to_be_visible()
    await expect(door.locator("#partner-progress")).to_contain_text("You are in the room")

    await marie.join(meeting["room_id"])
    welcome = {"msgtype": "m.text", "body": "Welcome from the other side"}
    await marie.send_event(meeting["room_id"], "m.room.message", welcome, "welcome")
    read = client.locator(".Timeline_message", has_text="Welcome from the other side")
    await expect(read).to_contain_text("Marie Curie")

    await write.fill("Bonjour de Lyon")
    await write.press("Enter")
    async with asyncio.timeout(30):
        async for event in marie.timeline(meeting["room_id"]):
            if event["content"].get("body") == "Bonjour de Lyon":
                assert event["sender"] == account["user_id"]
                break
    await context.close()
