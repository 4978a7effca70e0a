# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A guest shows in a browser that a mail address is theirs, where whoever invited them asked for it."""

from __future__ import annotations

import re

from playwright.async_api import Browser, expect


async def test_a_guest_is_asked_for_an_address_types_the_code_and_comes_in(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context(locale="en")).new_page()
    await page.goto(f"{small_bridge.url}/j/mail")
    await expect(page.locator("#guest-mail")).to_be_hidden()
    await page.locator("#guest-name").fill("Gina")
    await page.locator("#guest-name").press("Enter")
    await expect(page.locator("#guest-email")).to_be_focused()
    await page.locator("#guest-email").fill("gina")
    await page.locator("#guest-mail-send").click()
    await expect(page.locator("#guest-mail-error")).to_be_visible()
    assert small_bridge.codes == []

    await page.locator("#guest-email").fill("gina@partner.example")
    await page.locator("#guest-mail-send").click()
    await expect(page.locator("#guest-code")).to_be_focused()
    await expect(page.locator("#guest-mail-note")).to_contain_text("gina@partner.example")
    await expect(page.locator("#guest-mail-error")).to_be_hidden()
    await page.locator("#guest-code").fill("000000")
    await page.locator("#guest-code").press("Enter")
    await expect(page.locator("#guest-code")).to_have_attribute("aria-invalid", "true")
    assert small_bridge.guests == []

    await page.reload()
    await expect(page.locator("#guest-code")).to_be_visible()
    await page.locator("#guest-name").fill("Gina")
    await page.locator("#guest-code").fill("123456")
    await page.locator("#guest-join").click()
    await expect(page.locator("#widget")).to_be_visible()
    assert (small_bridge.guests, small_bridge.codes) == (["Gina"], ["gina@partner.example"])


async def test_whoever_invites_may_ask_for_an_address(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context(locale="en")).new_page()
    await page.goto(f"{small_bridge.url}/#code=good")
    await page.locator("#meetings").get_by_role("button", name=re.compile("Invite")).click()
    for asks in (False, True):
        await page.locator("#invite-verify-email").set_checked(asks)
        async with page.expect_response("**/invites"):
            await page.locator("#invite-link-form button[type=submit]").click()
    assert [asked["verify_email"] for asked in small_bridge.invited] == [False, True]


async def test_hosts_see_the_address_of_who_waits(browser: Browser, small_bridge) -> None:
    page = await (await browser.new_context(locale="en")).new_page()
    await page.goto(f"{small_bridge.url}/m/m1/host#code=good")
    await expect(page.locator(".waiter").first).to_contain_text("ana@port.example (verified)")
    await expect(page.locator(".waiter").last).not_to_contain_text("verified")
