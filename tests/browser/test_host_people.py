# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts do to people on their page."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("fr", 390)])
async def test_hosts_moderate_on_their_page(browser: Browser, small_bridge, screenshots, language: str, width: int):
    small = small_bridge.hosting
    page = await browser.new_page(locale=language, viewport={"width": width, "height": 900})
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"{small_bridge.url}/m/m2/host#code=good")
    people = page.locator("#people li")
    await expect(people).to_have_count(4)
    await expect(people.first.locator("button")).to_have_count(1)  # nobody removes an organiser
    await expect(people.nth(3).locator("button")).to_have_count(3)  # and no guest hosts
    await page.screenshot(path=screenshots / f"host-people-{language}-{width}.png", full_page=True)
    await people.nth(2).locator("button").first.click()
    await page.locator("#rule-audience").uncheck()
    await page.locator("#rule-microphone").select_option("guests")
    await page.locator("#hands-next").click()
    await expect(page.locator("#hands-empty")).to_be_visible()
    await page.locator("#barred button").click()
    await people.nth(3).locator("button").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(people).to_have_count(3)
    assert small.asked == [
        ("POST", "people/@pavel:here/mute", None),
        ("PATCH", "rules", {"audience": False}),
        ("PATCH", "rules", {"microphone": "guests"}),
        ("POST", "hands/next", None),
        ("DELETE", "barred/@guest-1:here", None),
        ("DELETE", "people/@gina:here", None),
    ]
    await page.close()


async def test_a_host_who_does_not_organise_names_no_hosts(browser: Browser, small_bridge):
    small_bridge.hosting.organisers = ["@somebody:here"]
    page = await browser.new_page(locale="en")
    await page.goto(f"{small_bridge.url}/m/m2/host#code=good")
    await expect(page.locator("#people li")).to_have_count(4)
    assert await page.locator("#people li").nth(1).locator("button").count() == 0
    assert "Make host" not in await page.locator("#people").inner_text()
    await page.close()
