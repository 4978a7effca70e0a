# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How many clicks, and how long until one sees somebody, by each door: fresh profiles, real Element Call, real servers.

What counts is what the browser says: events that it trusts, and the first picture that it decoded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import CHROMIUM
from tests.browser.door_table import Visit, over_budget, profiles, times_count

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

DESKTOP = {"width": 1280, "height": 800}
COLD_VISITS = 3
"""Visits without a pause, of which the median counts."""

# In every frame: presses and typing that a person did, and the first picture of somebody else.
WATCH = """
(() => {
  const tell = (kind) => window.saw({ kind, at: performance.timeOrigin + performance.now() });
  const typed = new WeakSet();
  addEventListener("click", (event) => event.isTrusted && tell("click"), true);
  addEventListener("input", (event) => {
    if (!event.isTrusted || !event.target.matches?.("input:not([type=checkbox])") || typed.has(event.target)) return;
    typed.add(event.target);
    tell("click");
  }, true);
  const watched = new WeakSet();
  setInterval(() => {
    for (const video of document.querySelectorAll('video[data-lk-local-participant="false"]')) {
      if (watched.has(video)) continue;
      watched.add(video);
      video.requestVideoFrameCallback(() => tell("picture"));
    }
  }, 20);
})();
"""
WARM = "() => performance.getEntriesByName('passerelle-warm').length > 0"


@dataclass
class Watched:
    """One fresh profile and what its browser told, in Unix milliseconds."""

    context: BrowserContext
    clicks: list[float] = field(default_factory=list)
    picture: asyncio.Future[float] = field(default_factory=asyncio.Future)
    leave: str = ""
    """The token with which the visitor has to be taken out again."""

    def take(self, seen: dict) -> None:
        if seen["kind"] == "click":
            self.clicks.append(seen["at"])
        elif not self.picture.done():
            self.picture.set_result(seen["at"])


async def fresh(browser) -> Watched:
    watched = Watched(await browser.new_context(locale="en-GB", viewport=DESKTOP))
    await watched.context.expose_binding("saw", lambda _source, seen: watched.take(seen))
    await watched.context.add_init_script(WATCH)
    return watched


async def by_guest(page: Page, link: str, *, warm: bool) -> None:
    await page.goto(link)
    if warm:
        await page.wait_for_function(WARM)
    await page.get_by_label("Your name").press_sequentially("Ana Silva")
    await page.get_by_role("button", name="Join the meeting").click()


async def by_staff(page: Page, link: str, *, warm: bool) -> None:
    await page.goto(link)
    await expect(page.get_by_text("Signed in as Jean Moulin")).to_be_visible()
    if warm:
        await page.wait_for_function(WARM)
    await page.get_by_role("button", name="Join the meeting").click()


async def by_partner(page: Page, link: str, *, warm: bool) -> None:
    await page.goto(link)
    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="Invite me and open it").click()
    call = await opened.value
    await call.wait_for_url("**/room?joined*")  # once their Element Call has accepted the invitation
    assert await call.evaluate("() => window.opener") is None, "nothing leads back to our page"
    join = call.get_by_test_id("lobby_joinCall")
    if warm:
        await expect(join).to_be_enabled()
    await join.click()


@dataclass
class House:
    """What the visitors' own organisations have."""

    partner: dict[str, Any]
    partner_call: str


async def nothing_before(_watched: Watched, _link: str, _house: House) -> None:
    pass


async def signed_in_before(watched: Watched, link: str, _house: House) -> None:
    """Be somebody whose browser the provider knows: they signed in this morning, in another window."""
    page = await watched.context.new_page()
    await page.goto(link)
    await page.get_by_role("link", name="Sign in").first.click()
    await page.get_by_role("button", name="Jean Moulin").click()
    await expect(page.get_by_text("Signed in as Jean Moulin")).to_be_visible()
    await page.close()


async def known_by_their_own_call(watched: Watched, link: str, house: House) -> None:
    """Be a partner who came before: our page remembers who they are, their own Element Call has their session."""
    own = await asyncio.to_thread(house.partner["session"])
    auth = {name: own[name] for name in ("user_id", "device_id", "access_token")} | {"passwordlessUser": False}
    remembered = {"user": house.partner["user_id"], "app": "element_call", "address": house.partner_call}
    site = link[: link.index("/j/")]
    kept = {site: ("passerelle.partner", remembered), house.partner_call: ("matrix-auth-store", auth)}
    await watched.context.add_init_script(
        f"{{ const [key, value] = ({json.dumps(kept)})[location.origin] ?? [];"
        " if (key) localStorage.setItem(key, JSON.stringify(value)); }"
    )
    watched.leave = own["access_token"]


async def leave(house: House, room_id: str, token: str) -> None:
    """Take the partner out again, so that the next visit comes over the border as the first did."""
    room = f"/rooms/{quote(room_id, safe='')}"
    for path in (f"{room}/leave", f"{room}/forget", "/logout"):
        await asyncio.to_thread(house.partner["ask"], "POST", path, {}, token)


Prepare = Callable[[Watched, str, House], Awaitable[None]]
DOORS: dict[str, tuple[Prepare, Callable[..., Awaitable[None]]]] = {
    "guest": (nothing_before, by_guest),
    "staff": (signed_in_before, by_staff),
    "partner": (known_by_their_own_call, by_partner),
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def meeting(playwright, chromium_arguments, cameras, new_meeting, call) -> AsyncIterator[dict[str, Any]]:
    """A meeting whose host is in the call already, for every door."""
    made = new_meeting("By any door", uses=len(DOORS) * (profiles() + COLD_VISITS))
    camera = f"--use-file-for-fake-video-capture={cameras['marie']}"
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*chromium_arguments, camera])
    host = await browser.new_page(locale="en-GB", viewport=DESKTOP)
    await call.sign_in_and_join(host, made["url"])
    await call.in_call(host)
    yield made
    await browser.close()


@pytest.mark.parametrize("door", DOORS)
async def test_what_a_door_costs(browser, meeting, door_table, partner, partner_call, door):
    prepare, enter = DOORS[door]
    house = House(partner, partner_call)
    cold = COLD_VISITS if times_count() else 0
    link = meeting["guest_link"]

    for number in range(profiles() + cold):
        watched, warm = await fresh(browser), number >= cold
        await prepare(watched, link, house)
        watched.clicks.clear()  # what came before belongs to an earlier visit
        page = await watched.context.new_page()
        began = await page.evaluate("() => performance.timeOrigin + performance.now()")
        await enter(page, link, warm=warm)
        async with asyncio.timeout(60):
            seen = await watched.picture
        if warm:
            visit = Visit(clicks=len(watched.clicks), from_join_s=(seen - watched.clicks[-1]) / 1000)
            door_table.visits.setdefault(door, []).append(visit)
        else:
            door_table.cold_s.setdefault(door, []).append((seen - began) / 1000)
        await watched.context.close()
        if watched.leave:
            await leave(house, meeting["room_id"], watched.leave)

    assert over_budget(door, door_table.doors()[door], times=times_count()) == []
