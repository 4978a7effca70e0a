# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Hosts and operators see in a browser what lets people in, and end it with one button and one question."""

from __future__ import annotations

from playwright.async_api import Browser, Dialog, Page, expect


async def answering(page: Page, *, yes: bool = True) -> list[str]:
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if yes else dialog.dismiss())

    page.on("dialog", answer)
    return asked


async def test_a_host_ends_a_guests_access_and_hears_what_ended(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context()).new_page()
    asked = await answering(page)
    await page.goto(f"{small_bridge.url}/m/m2/host#code=good")
    await expect(page.locator("#access-guest li")).to_have_count(2)
    gina = page.locator("#access-guest li").first
    await expect(gina).to_contain_text("Gina (Port of Lyon)")
    await expect(gina).to_contain_text("gina@lyon.example (verified)")
    await gina.get_by_role("button").click()
    await expect(page.locator("#access-note")).to_contain_text("ended within 0.4 s (2 people)")
    assert "Gina" in asked[0]
    assert small_bridge.access.ended == ["@guest-1:here"]
    await expect(page.locator("#access-guest li")).to_have_count(1)
    await expect(page.locator("#access-guest-heading")).to_be_focused()


async def test_older_links_are_shown_when_asked_for_and_no_means_no(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context()).new_page()
    await answering(page, yes=False)
    await page.goto(f"{small_bridge.url}/m/m2/host#code=good")
    await page.locator("#access-link-more").click()
    await expect(page.locator("#access-link li")).to_have_count(3)
    await expect(page.locator("#access-link-more")).to_be_hidden()
    await page.locator("#access-link button").last.click()
    assert small_bridge.access.ended == []


async def test_an_operator_looks_through_all_meetings_and_lets_in_again(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context()).new_page()
    asked = await answering(page)
    await page.goto(f"{small_bridge.url}/access#code=good")
    await page.locator("#access-text").fill("partner")
    await page.locator("#access-text").press("Enter")
    await page.locator("#access-server button").first.click()
    await expect(page.locator("#access-note")).to_contain_text("Over: the way in, calls, and membership of rooms")
    assert "every meeting" in asked[0]
    assert {"kind": "server", "text": "partner", "after": ""} in small_bridge.access.asked
    await page.locator("#access-barred button").click()
    await expect(page.locator("#access-barred-part")).to_be_hidden()
    assert small_bridge.access.barred == []


async def test_people_sign_out_everywhere_else_or_everywhere(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context()).new_page()
    asked = await answering(page)
    await page.goto(f"{small_bridge.url}/account#code=good")
    await expect(page.locator("#own-sessions-list li")).to_have_count(2)
    await page.locator("#own-sessions-others").click()
    await expect(page.locator("#own-sessions-note")).to_have_text("Signed out of 1 other browser.")
    await expect(page.locator("#own-sessions-others")).to_be_hidden()
    await page.locator("#own-sessions-all").click()
    await page.wait_for_url("**/")
    await expect(page.locator("#home-note")).to_be_visible()
    assert "every Matrix app" in asked[0]
    assert "POST /auth/logout" in small_bridge.requests
