# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every view of the pages, in both themes and languages, has nothing that axe finds wrong by WCAG 2.2 A and AA.

Element Call's own frame is left out: it is not ours to change.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.small_archive import hit, past

AXE = Path(__file__).parents[2] / "bridge" / "web" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run({ exclude: ["#widget"] }, { runOnly: tags });
  const say = (id, { html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`;
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => say(id, node)));
}"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci, in bridge/web/vendor")


async def home(page: Page, url: str) -> None:
    await page.goto(url)


async def desk(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await expect(page.locator("#meetings li")).to_have_count(1)
    await page.locator("#create-form button").click()
    await expect(page.locator("#create-error")).to_be_visible()


async def plan(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await page.locator("#create-later").check()
    await page.locator("#create-title").fill("Budget")
    await page.locator("#create-form button").click()
    await expect(page.locator("#create-times-error")).to_be_visible()


async def change(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await page.locator("#meetings button").nth(1).click()
    await expect(page.locator("#change-form")).to_be_visible()


async def own_sessions(page: Page, url: str) -> None:
    await desk(page, url)
    await page.locator("#own-sessions summary").click()
    await expect(page.locator("#own-sessions-list li")).to_have_count(2)


async def sign_in_problem(page: Page, url: str) -> None:
    await page.goto(f"{url}/auth/callback?kind=away")
    await expect(page.locator("#again")).to_be_visible()


async def invite(page: Page, url: str) -> None:
    await desk(page, url)
    await page.locator("#meetings button").first.click()
    await page.locator("#invite-link-form button[type=submit]").click()
    await expect(page.locator("#invite-note")).to_be_visible()


async def door(page: Page, url: str) -> None:
    await page.goto(f"{url}/j/fresh")
    await page.locator("#guest-form").evaluate("(form) => form.requestSubmit()")
    await expect(page.locator("#guest-error")).to_be_visible()
    await page.locator("summary").click()


async def sign_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def lobby(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1#code=good")
    await expect(page.locator("#view-lobby")).to_be_visible()


async def call(page: Page, url: str) -> None:
    await lobby(page, url)
    await page.locator("#staff-join").click()
    await expect(page.locator("#captions-switch")).to_be_visible()
    await expect(page.locator("#captions-lines li")).to_have_count(2)


async def call_with_captions_below(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#captions-move").click()


async def call_with_settings_of_captions(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#captions-settings-toggle").click()
    await page.locator("#captions-colours").select_option("yellow")
    await page.locator("#captions-language").select_option("en")


async def call_with_a_line_that_is_corrected(page: Page, url: str) -> None:
    await call_with_settings_of_captions(page, url)
    await page.locator("#captions-language").select_option("")
    await page.locator("#captions-settings-toggle").click()
    await page.locator(".caption-edit").first.click()
    await page.locator(".line-form textarea").fill("Le pont.")
    await page.route("**/captions/*", lambda route: route.abort())
    await page.locator(".line-form [type=submit]").click()
    await expect(page.locator(".line-form [role=alert]")).to_be_visible()


async def left(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#leave").click()
    await expect(page.locator("#view-left")).to_be_visible()


async def problem(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1#code=spent")
    await expect(page.locator("#view-problem")).to_be_visible()


async def transcript(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript#code=good")
    await expect(page.locator("#turns li").first).to_be_visible()
    await page.locator("#find").fill("deviation")
    await expect(page.locator("mark")).to_have_count(1)
    await page.locator("#glossary summary").click()


async def transcript_edited(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript#code=good")
    await page.locator(".said-by .said-action").click()
    await expect(page.locator(".history li")).to_have_count(1)
    await page.locator(".said-edit").first.click()
    await expect(page.locator(".line-form")).to_be_visible()


async def transcript_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def search(page: Page, url: str) -> None:
    await page.goto(f"{url}/search#code=good")
    await page.locator("summary").click()
    await page.locator("#search-words").fill("pont")
    await page.locator("#search-start").click()
    await expect(page.locator(".result")).to_have_count(1)


async def contractors(page: Page, url: str) -> None:
    await page.goto(f"{url}/contractors#code=good")
    await expect(page.locator("#contractors li")).to_have_count(2)


async def contractor(page: Page, url: str) -> None:
    await page.goto(f"{url}/c/good")
    await expect(page.locator("#pass-meetings li")).to_have_count(2)


@pytest_asyncio.fixture(loop_scope="session", params=["light-en", "dark-fr"])
async def page(browser, small_bridge, request):
    scheme, language = request.param.split("-")
    page = await browser.new_page(locale=language, color_scheme=scheme, viewport={"width": 1280, "height": 800})
    small_bridge.say(id="a", text="Le pont sera ouvert.", start_ms=1)
    small_bridge.archive.hits = [hit("pont")]
    small_bridge.archive.history = [past("Et la déviation !", "Et la déviation ?")]
    small_bridge.say(id="b", text="Le pont sera ouv", stable_chars=8, final=False, start_ms=2)
    yield page
    await page.close()


CALLS = [home, desk, plan, change, own_sessions, sign_in_problem, invite, door, sign_in, lobby, call]
CALLS += [call_with_captions_below, call_with_settings_of_captions, call_with_a_line_that_is_corrected, left, problem]
TRANSCRIPTS = [transcript, transcript_edited, transcript_of_strangers, search]
CONTRACTORS = [contractors, contractor]


@pytest.mark.parametrize("view", CALLS + TRANSCRIPTS + CONTRACTORS, ids=lambda view: view.__name__)
async def test_axe_finds_nothing_wrong(page, small_bridge, view):
    await view(page, small_bridge.url)
    await page.evaluate(AXE.read_text())
    assert await page.evaluate(RUN) == []
