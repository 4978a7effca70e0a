# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The sponsor's page and the page of a contractor's link."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_sponsor_gives_renews_and_withdraws(browser: Browser, small_bridge, screenshots, language: str):
    page = await browser.new_page(locale=language, viewport={"width": 1280, "height": 900})
    await page.goto(f"{small_bridge.url}/contractors#code=good")
    rows = page.locator("#contractors li")
    await expect(rows).to_have_count(2)
    await page.locator("#contractor-form button").click()
    await expect(page.locator("#contractor-error")).to_be_visible()
    await page.locator("#contractor-name").fill("Rosalind F.")
    await page.locator("#contractor-organisation").fill("CNRS")
    await page.locator("#contractor-meetings input").first.check()
    await page.locator("#contractor-form button").click()
    await expect(page.locator("#contractor-url")).to_have_value("http://localhost/c/secret")
    await expect(rows).to_have_count(3)
    await page.screenshot(path=screenshots / f"contractors-{language}.png", full_page=True)
    await rows.nth(1).locator("button").first.click()
    await expect(page.locator("#contractors-note")).to_contain_text("Grace H.")
    assert [one["state"] for one in small_bridge.passes.given] == ["valid", "valid", "valid"]
    await rows.nth(0).locator("button").last.click()
    await expect(rows).to_have_count(2)
    await page.close()


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_contractor_sees_what_the_link_opens(browser: Browser, small_bridge, screenshots, language: str):
    page = await browser.new_page(locale=language, viewport={"width": 1280, "height": 900})
    await page.goto(f"{small_bridge.url}/c/good")
    await expect(page.locator("#pass-about")).to_contain_text("Ada L. (ACME)")
    await expect(page.locator("#pass-meetings li")).to_have_count(2)
    await page.screenshot(path=screenshots / f"pass-{language}.png", full_page=True)
    await page.goto(f"{small_bridge.url}/c/old")
    await expect(page.locator("#problem-heading")).to_be_visible()
    await page.close()
