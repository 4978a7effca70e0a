# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""With the colours of somebody's own choice (Windows' high contrast) every control has an edge, every state is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser import views
from tests.browser.test_accessibility import SCREENS

EDGELESS = """() => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const fields = "select, textarea, meter, input:not([type=checkbox], [type=radio])";
  const edge = (one) => {
    const { borderTopStyle, borderTopWidth } = getComputedStyle(one);
    return borderTopStyle !== "none" && parseFloat(borderTopWidth) > 0;
  };
  return [...document.querySelectorAll(`button, .button, .switch-track, ${fields}`)]
    .filter((one) => shown(one) && one.getBoundingClientRect().width > 1 && !edge(one))
    .map((one) => one.outerHTML.slice(0, 120));
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, small_bridge) -> AsyncIterator[Page]:
    small_bridge.meetings[0]["agenda"] = "1. Budget"
    small_bridge.say(id="a", text="Le pont sera ouvert.", start_ms=1)
    small_bridge.say(id="b", text="Le pont sera ouv", stable_chars=8, final=False, start_ms=2)
    context = await browser.new_context(forced_colors="active", viewport={"width": 1000, "height": 800})
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize("show", [views.door, views.host_page_with_people, views.call_with_the_agenda])
async def test_every_control_has_an_edge(page: Page, small_bridge, show) -> None:
    await show(page, small_bridge.url)
    folder = SCREENS / "forced-colours"
    folder.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=folder / f"{show.__name__}.png", full_page=True)
    assert await page.evaluate(EDGELESS) == []


async def test_a_switch_that_is_on_looks_different_and_so_does_a_microphone_that_is_off(
    page: Page, small_bridge
) -> None:
    await views.call(page, small_bridge.url)
    track = page.locator(".switch-track")
    off = await track.screenshot()
    await page.locator("#consent-live").check()
    await page.locator("#call-title").focus()
    assert await track.screenshot(animations="disabled") != off

    await page.goto(f"{small_bridge.url}/j/fresh")
    microphone = page.locator("#toggle-microphone")
    await expect(microphone.locator(".slash")).to_be_hidden()
    await microphone.click()
    await expect(microphone.locator(".slash")).to_be_visible()
