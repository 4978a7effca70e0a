# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Hosts plan a meeting and invite to it; people connect a calendar and programs."""

from __future__ import annotations

import pytest_asyncio
from playwright.async_api import expect


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser):
    page = await browser.new_page(locale="en-GB", timezone_id="Europe/Paris")
    yield page
    await page.close()


async def test_a_host_moves_and_cancels_single_dates(page, small_bridge):
    small_bridge.plans.plan()
    await page.goto(f"{small_bridge.url}/m/m1/plan#code=good")
    dates = page.locator("#dates li")
    await expect(dates).to_have_count(2)
    await dates.first.get_by_role("button", name="Move: ").click()
    await expect(page.get_by_label("Day")).to_be_focused()
    await page.get_by_label("Day").fill("2030-03-02")
    await page.get_by_label("Time").fill("14:30")
    await page.get_by_role("button", name="Move this date").click()
    await expect(page.locator("#dates-note")).to_have_text("The date is moved.")
    await expect(dates.first).to_contain_text("March 2")
    assert small_bridge.plans.dates[0]["starts_at"] == "2030-03-02T14:30:00Z"
    await dates.nth(1).get_by_role("button", name="Cancel: ").click()
    await expect(page.locator("#dates-note")).to_contain_text("Cancelled: ")
    await expect(dates).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Add to my calendar").click()
    assert (await download.value).suggested_filename == "meeting.ics"


async def test_a_host_invites_by_mail_sees_what_became_of_it_and_takes_it_back(page, small_bridge):
    await page.goto(f"{small_bridge.url}/m/m1/plan#code=good")
    people = page.locator("#invitees li")
    await expect(people).to_have_count(2)
    await expect(people.nth(1)).to_contain_text("could not be delivered")
    await page.get_by_role("button", name="Send the invitations").click()
    await expect(page.get_by_label("Mail addresses")).to_be_focused()
    await expect(page.locator("#invitees-error")).to_be_visible()
    await page.get_by_label("Mail addresses").fill("ana@ngo.example, li@ngo.example\n")
    await page.get_by_label("Language of the invitation").select_option("de")
    await page.get_by_role("button", name="Send the invitations").click()
    await expect(page.locator("#invitees-note")).to_have_text("2 invitations on their way")
    assert [(one["address"], one["language"]) for one in small_bridge.plans.invitees[2:]] == [
        ("ana@ngo.example", "de"),
        ("li@ngo.example", "de"),
    ]
    await people.first.get_by_role("button", name="Withdraw").click()
    await expect(people).to_have_count(3)


async def test_a_host_locks_a_meeting_writes_its_agenda_and_puts_it_away_when_it_is_over(page, small_bridge):
    await page.goto(f"{small_bridge.url}/m/m1/plan#code=good")
    await page.get_by_role("button", name="Lock").click()
    await expect(page.locator("#plan-locked")).to_be_visible()
    assert small_bridge.meetings[0]["locked"]
    await page.get_by_role("button", name="Unlock").click()
    await expect(page.locator("#plan-locked")).to_be_hidden()
    await page.get_by_label("What is to be talked about").fill("1. Budget")
    await page.get_by_role("button", name="Save the agenda").click()
    await expect(page.locator("#agenda-note")).to_be_visible()
    assert small_bridge.meetings[0]["agenda"] == "1. Budget"
    await expect(page.get_by_role("button", name="Put away")).to_be_hidden()
    small_bridge.meetings[0]["state"] = "ended"
    await page.reload()
    await page.get_by_role("button", name="Put away").click()
    await expect(page.locator("#plan-state")).to_have_text("Put away")
    assert small_bridge.meetings[0]["state"] == "archived"


async def test_a_calendar_is_subscribed_replaced_and_withdrawn(page, small_bridge):
    await page.goto(f"{small_bridge.url}/account#code=good")
    await page.get_by_role("button", name="Make the address").click()
    await expect(page.get_by_label("Secret address")).to_have_value(f"{small_bridge.url}/calendar/secret.ics")
    webcal = small_bridge.url.replace("http", "webcal", 1)
    await expect(page.get_by_role("link", name="Open in my calendar")).to_have_attribute(
        "href", f"{webcal}/calendar/secret.ics"
    )
    await expect(page.get_by_role("button", name="Replace it by a new one")).to_be_visible()
    await page.get_by_role("button", name="Withdraw it").click()
    await expect(page.get_by_role("button", name="Make the address")).to_be_focused()
    await expect(page.get_by_label("Secret address")).to_be_hidden()
    assert small_bridge.plans.calendar is None


async def test_an_api_token_is_made_shown_once_and_revoked(page, small_bridge):
    await page.goto(f"{small_bridge.url}/account#code=good")
    await page.get_by_label("What it is for").fill("Wiki")
    await page.get_by_role("button", name="Make the token").click()
    await expect(page.locator("#token-error")).to_have_text("Please choose what the token may do.")
    await page.get_by_label("Read meetings").check()
    await page.get_by_role("button", name="Make the token").click()
    await expect(page.get_by_label("The token, shown only now")).to_have_value("pslt_secret")
    assert small_bridge.plans.tokens[1]["scopes"] == ["meetings:read"]
    await page.reload()
    await expect(page.locator("#tokens li")).to_have_count(2)
    assert "pslt_secret" not in await page.content()
    await page.get_by_role("button", name="Revoke: Wiki").click()
    await expect(page.locator("#tokens li")).to_have_count(1)
