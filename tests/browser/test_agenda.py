# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Participants see what a meeting is about."""

from __future__ import annotations

from playwright.async_api import Browser, expect


async def test_the_agenda_is_shown_as_it_was_written_before_and_in_the_call(browser: Browser, small_bridge) -> None:
    small_bridge.meetings[0]["agenda"] = "1. Budget\n2. <b>Any</b> other business"
    page = await (await browser.new_context(viewport={"width": 390, "height": 844})).new_page()
    await page.goto(f"{small_bridge.url}/m/m1#code=good")
    await expect(page.locator("#lobby-agenda-text")).to_have_text("1. Budget 2. <b>Any</b> other business")
    await page.locator("#staff-join").click()
    assert await page.locator("#call-title").evaluate("(title) => title.scrollWidth <= title.clientWidth")
    await expect(page.locator("#call-agenda-text")).to_be_hidden()
    await page.locator("#call-agenda summary").click()
    await expect(page.locator("#call-agenda-text")).to_be_in_viewport(ratio=1)
