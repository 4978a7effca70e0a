# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Correcting a line of the live captions where it stands, and seeing that others did."""

from __future__ import annotations

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.small_archive import CORRECTED, CORRECTED_MS
from tests.browser.waiting import until


@pytest_asyncio.fixture(loop_scope="session")
async def staff(browser, small_bridge):
    """Marie's page: she organises the meeting."""
    page = await browser.new_page(locale="en-GB", timezone_id="Europe/Paris", viewport={"width": 1280, "height": 800})
    await page.goto(f"{small_bridge.url}/m/m1#code=good")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()
    await until(lambda: small_bridge.feeds)
    yield page
    await page.close()


def said(small_bridge, *texts: str, **changes) -> None:
    for number, text in enumerate(texts):
        small_bridge.say(
            **{"id": f"s{number}", "text": text, "start_ms": CORRECTED_MS + number, "user_id": "@ana:here"} | changes
        )


def texts(page: Page):
    return page.locator("#captions-lines .caption-stable")


def field(page: Page):
    return page.locator("#captions-lines textarea")


async def test_a_line_is_corrected_with_keys_alone_and_everybody_sees_by_whom(staff, small_bridge):
    said(small_bridge, "Le pond ouvre.", "Lundi.", "Mardi.")
    await expect(texts(staff)).to_have_count(3)
    stops = staff.locator('.caption-edit[tabindex="0"]')
    await expect(stops).to_have_count(1)
    await stops.focus()
    for key in ("ArrowUp", "Home", "ArrowUp", "Enter"):
        await staff.keyboard.press(key)
    await expect(field(staff)).to_be_focused()
    await expect(field(staff)).to_have_attribute("lang", "fr")
    await field(staff).fill("Le pont ouvre.")
    small_bridge.say(id="later", text="Mercredi.", start_ms=CORRECTED_MS + 9)
    await expect(texts(staff)).to_have_count(4)
    await expect(field(staff)).to_be_focused()
    await staff.keyboard.press("Enter")
    await expect(texts(staff).first).to_have_text("Le pont ouvre.")
    await expect(staff.locator(".caption-by").first).to_have_text("corrected by Marie Curie, 10:05")
    await expect(staff.locator(".caption-edit").first).to_be_focused()
    await expect(staff.locator("#announcer")).to_have_text("The correction is saved.")
    await expect(stops).to_have_count(1)


async def test_an_edit_can_be_left_and_an_emptied_line_stays_as_struck_out(staff, small_bridge):
    said(small_bridge, "Le pond ouvre.")
    await texts(staff).hover()
    await staff.get_by_role("button", name="Correct what Marie Curie said: Le pond ouvre.").click()
    await field(staff).fill("")
    await staff.keyboard.press("Escape")
    await expect(texts(staff)).to_have_text("Le pond ouvre.")
    assert not [asked for asked in small_bridge.requests if asked.startswith("PATCH")]
    await staff.keyboard.press("Enter")
    await field(staff).fill("")
    await staff.get_by_role("button", name="Save").click()
    await expect(texts(staff)).to_have_text("A line was struck out by Marie Curie.")
    await expect(staff.locator(".caption-edit")).to_be_visible()


async def test_what_could_not_be_saved_is_kept_and_the_page_says_what_to_do(staff, small_bridge):
    said(small_bridge, "Le pond ouvre.")
    await staff.locator(".caption-edit").click()
    await field(staff).fill("Le pont ouvre.")
    alert = staff.locator("#captions-lines [role=alert]")
    for refusal, told in (
        ((409, "PASSERELLE_FINAL_TEXT"), "on the transcript’s page"),
        ((409, "PASSERELLE_NOT_FINAL"), "try again in a moment"),
        ((403, "M_FORBIDDEN"), "Ask the organiser"),
        ((401, "M_UNKNOWN_TOKEN"), "sign in again"),
        ((404, "M_NOT_FOUND"), "taken back"),
        ((429, "M_LIMIT_EXCEEDED"), "Wait a minute"),
    ):
        small_bridge.refuses_corrections = refusal
        await staff.keyboard.press("Enter")
        await expect(alert).to_contain_text(told)
        await expect(field(staff)).to_have_value("Le pont ouvre.")
        await expect(field(staff)).to_be_focused()


async def test_whoever_edits_learns_that_somebody_else_did_and_that_a_line_was_taken_back(staff, small_bridge):
    said(small_bridge, "Le pond ouvre.")
    await staff.locator(".caption-edit").click()
    await field(staff).fill("Mine.")
    ana = CORRECTED | {"corrected_by": "@ana:here", "corrected_name": "Ana"}
    said(small_bridge, "Le pont ouvre.", rev=2, **ana)
    await expect(staff.locator(".line-form")).to_contain_text("Ana has just corrected this line: “Le pont ouvre.”")
    await expect(field(staff)).to_have_value("Mine.")
    spoken = staff.locator("#captions-live p")
    await expect(spoken).to_have_text(["Marie Curie: Le pond ouvre.", "Marie Curie, corrected: Le pont ouvre."])
    said(small_bridge, "", rev=3)
    await expect(field(staff)).to_have_count(0)
    await expect(texts(staff)).to_have_count(0)
    await expect(staff.locator("#announcer")).to_contain_text("taken back")


async def test_guests_correct_their_own_words_and_see_who_corrected_others(browser, small_bridge):
    page = await browser.new_page(locale="fr-FR", timezone_id="Europe/Paris", viewport={"width": 1280, "height": 800})
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.get_by_label("Votre nom").fill("Ana Silva")
    await page.get_by_role("button", name="Rejoindre la réunion").click()
    said(small_bridge, "Le pont ouvre.", **CORRECTED)
    said(small_bridge, "D’accord.", id="own", user_id="@guest-1:here", display_name="Ana Silva")
    said(small_bridge, "Oui.", id="voice", user_id="@guest-1:here", voice="voice-1", display_name="Voix 1")
    said(small_bridge, "Je ne su", id="partial", user_id="@guest-1:here", final=False)
    await expect(texts(page)).to_have_count(4)
    await expect(page.locator(".caption-edit:visible")).to_have_count(1)
    await expect(page.locator(".caption-by:visible")).to_have_text(["corrigé par Marie Curie, 10:05"])
    await page.get_by_role("button", name="Corriger ce que Ana Silva a dit").click()
    await field(page).fill("D’accord pour lundi.")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(texts(page).filter(has_text="D’accord")).to_have_text("D’accord pour lundi.")
    await page.close()
