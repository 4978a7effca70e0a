# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The transcript of a meeting and the search over all of them, as people use them."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.small_archive import CORRECTED_MS, hit, paragraph, past


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser):
    page = await browser.new_page(locale="en-GB", timezone_id="Europe/Paris", viewport={"width": 1100, "height": 900})
    yield page
    await page.close()


async def read(page: Page, url: str, place: str = "") -> None:
    await page.goto(f"{url}/m/m1/transcript#code=good")
    await expect(page.locator("#turns li").first).to_be_visible()
    if place:
        await page.goto(f"{url}/m/m1/transcript#{place}")
        await page.reload()
        await expect(page.locator("#turns li").first).to_be_visible()


async def test_the_text_stands_by_speaker_with_times_and_says_what_wrote_it(page, small_bridge):
    await read(page, small_bridge.url)
    await expect(page.locator("h1:visible")).to_have_text("Weekly with Lyon")
    await expect(page.locator(".turn-name")).to_have_text(["Marie Curie", "Jean Perrin", "Ada (Guest)"])
    await expect(page.locator(".turn").first.locator(".said")).to_have_count(2)
    await expect(page.locator(".turn time").first).to_have_text("10:00:15")
    await expect(page.locator(".said-by")).to_have_text(["corrected by Marie Curie, 10:05 History"])
    await expect(page.locator("#transcript-model")).to_contain_text("faster-whisper-large-v3")
    await expect(page.locator("#transcript-kept")).to_have_text("This text will be deleted on December 22, 2026.")
    await expect(page.locator("#transcript-state")).to_be_hidden()
    assert await page.locator(".said-text").nth(2).get_attribute("lang") == "en"


async def test_a_line_is_corrected_where_it_stands(page, small_bridge):
    await read(page, small_bridge.url)
    await page.get_by_role("button", name="Edit what Jean Perrin said").click()
    field = page.locator(".line-form textarea")
    await expect(field).to_be_focused()
    await field.fill("The load test is on Saturday.")
    await page.get_by_role("button", name="Save", exact=True).click()
    line = page.locator(".said[data-line=p3]")
    await expect(line.locator(".said-text")).to_have_text("The load test is on Saturday.")
    await expect(line.locator(".said-by")).to_have_text("corrected by Marie Curie, 10:05 History")
    await expect(line.locator(".said-edit")).to_be_focused()
    path = "/api/v1/meetings/m1/transcripts/$call/paragraphs/p3"
    assert small_bridge.archive.asked == [{"path": path, "text": "The load test is on Saturday."}]


async def test_an_emptied_line_is_shown_as_struck_out_and_an_edit_can_be_left(page, small_bridge):
    await read(page, small_bridge.url)
    await page.get_by_role("button", name="Edit what Ada").click()
    await page.locator(".line-form textarea").fill("")
    await page.keyboard.press("Escape")
    await expect(page.locator(".said[data-line=p4] .said-text")).to_have_text("Et la déviation ?")
    await page.get_by_role("button", name="Edit what Ada").click()
    await page.locator(".line-form textarea").fill("")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".said[data-line=p4] .said-by")).to_have_text(
        "A line was struck out by Marie Curie. History"
    )
    await expect(page.locator(".said[data-line=p4] .said-text")).to_be_hidden()


async def test_whoever_may_correct_a_line_sees_what_it_said_before_who_changed_it_and_when(page, small_bridge):
    archive = small_bridge.archive
    archive.history = [past("Et la <b> ?", "Et la déviation ?"), past("Et la déviation ?", "", name="Ada")]
    await read(page, small_bridge.url)
    line = page.locator(".said[data-line=p4]")
    history = line.get_by_role("button", name="History")
    await history.click()
    await expect(history).to_have_attribute("aria-expanded", "true")
    await expect(line.locator(".history p")).to_have_text(["Marie Curie, 10:05", "Ada, 10:05"])
    await expect(line.locator(".history del")).to_have_text(["Et la <b> ?", "Et la déviation ?"])
    await expect(line.locator(".history ins")).to_have_text(["Et la déviation ?", "(struck out)"])
    await history.click()
    await expect(line.locator(".history")).to_be_hidden()
    archive.me = {"user_id": "@jean:here", "host": False}
    await page.reload()
    await expect(line.locator(".said-by")).to_have_text("corrected by Marie Curie, 10:05")


async def test_who_is_no_host_edits_their_own_words_alone(page, small_bridge):
    small_bridge.archive.me = {"user_id": "@jean:here", "host": False}
    small_bridge.archive.paragraphs.append(paragraph(5, "Jean Perrin", "Somebody else.", voice="voice-1"))
    await read(page, small_bridge.url)
    await expect(page.locator(".said-edit")).to_have_count(1)
    await expect(page.locator(".said[data-line=p3] .said-edit")).to_have_count(1)


async def test_the_text_is_searched_without_accents_and_what_is_found_is_marked(page, small_bridge):
    await read(page, small_bridge.url)
    await page.locator("#find").fill("DEVIATION")
    await expect(page.locator("#find-count")).to_have_text("1 line found")
    await expect(page.locator("mark")).to_have_text(["déviation"])
    await page.locator("#find").fill("")
    await expect(page.locator(".said")).to_have_count(4)


async def test_a_file_is_downloaded_under_the_name_that_the_server_gives(page, small_bridge):
    await read(page, small_bridge.url)
    await page.locator("#download-format").select_option("txt")
    async with page.expect_download() as download:
        await page.locator("#download-start").click()
    assert (await download.value).suggested_filename == "Semaine à Lyon.txt"
    assert small_bridge.archive.asked == [{"format": "txt", "lang": "en", "tz": "Europe/Paris"}]


async def test_while_the_final_text_is_written_the_page_says_how_far_it_is_and_then_shows_it(page, small_bridge):
    archive = small_bridge.archive
    archive.call |= {"state": "running", "done": 0.4, "final": False}
    await read(page, small_bridge.url)
    await expect(page.locator("#transcript-state")).to_contain_text("is being written")
    assert await page.locator("#transcript-progress").evaluate("(bar) => bar.value") == 0.4
    await page.get_by_role("button", name="Edit what Jean Perrin said").click()
    await page.locator(".line-form textarea").fill("Live.")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".said[data-line=p3] .said-text")).to_have_text("Live.")
    assert archive.asked[0]["path"] == "/api/v1/meetings/m1/captions/p3"
    archive.call |= {"state": "done", "done": 1.0, "final": True}
    await expect(page.locator("#transcript-state")).to_be_hidden()
    await expect(page.locator("#transcript-progress")).to_be_hidden()


async def test_nothing_that_was_said_becomes_part_of_the_page(page, small_bridge):
    nasty = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    small_bridge.archive.title = nasty
    small_bridge.archive.paragraphs = [
        paragraph(1, nasty, nasty, corrected_by="@x:y", corrected_name=nasty, corrected_at=CORRECTED_MS)
    ]
    await read(page, small_bridge.url)
    await page.locator("#find").fill("img")
    await expect(page.locator("mark")).to_have_text(["img"])
    assert await page.locator("#view-transcript img, #view-transcript script").count() == 0
    assert "<img" in await page.title()


async def test_a_guest_reads_in_the_window_of_the_meeting_and_strangers_are_asked_to_sign_in(page, small_bridge):
    await page.goto(f"{small_bridge.url}/m/m1/transcript")
    await expect(page.locator("#view-sign-in")).to_be_visible()
    meeting = small_bridge.meetings[0]
    session = small_bridge.session("@guest-1:here", "Ada", "guest", meeting)
    await page.evaluate(
        "([key, text]) => sessionStorage.setItem(key, text)", ["passerelle.guest.t", json.dumps(session)]
    )
    await page.reload()
    await expect(page.locator("#turns li").first).to_be_visible()
    await expect(page.locator("#glossary-save")).to_be_hidden()
    small_bridge.archive.refuse = 404
    await page.reload()
    await expect(page.locator("#transcript-error")).to_contain_text("is not open to you")


async def test_the_organiser_writes_the_glossary(page, small_bridge):
    await read(page, small_bridge.url)
    await page.locator("#glossary summary").click()
    await page.locator("#glossary-terms").fill("Guillotière\n\nProConnect")
    await page.locator("#glossary-save").click()
    await expect(page.locator("#glossary-note")).to_have_text("The terms are saved.")
    assert small_bridge.archive.terms == ["Guillotière", "ProConnect"]


async def test_the_search_shows_what_was_found_where_and_leads_there(page, small_bridge):
    parts = [{"text": "The ", "hit": False}, {"text": "load", "hit": True}, {"text": " test <b>", "hit": False}]
    small_bridge.archive.hits = [hit("load", title="Weekly <b>", lang="en", parts=parts)]
    await page.goto(f"{small_bridge.url}/search#code=good")
    await page.locator("#search-start").click()
    await expect(page.locator("#search-error")).to_be_visible()
    await page.locator("#search-words").fill("load")
    await page.locator("summary").click()
    await page.locator("#search-meeting").select_option("m1")
    await page.locator("#search-person").fill("Jean")
    await page.locator("#search-from").fill("2026-11-22")
    await page.locator("#search-to").fill("2026-11-22")
    await page.locator("#search-start").click()
    await expect(page.locator("#search-state")).to_have_text("The newest 1 result")
    await expect(page.locator(".result-text")).to_have_text("The load test <b>")
    await expect(page.locator("mark")).to_have_text(["load"])
    midnight = int(datetime(2026, 11, 22, tzinfo=ZoneInfo("Europe/Paris")).timestamp() * 1000)
    assert small_bridge.archive.asked == [
        {
            "q": "load",
            "meeting": "m1",
            "person": "Jean",
            "from_ms": str(midnight),
            "to_ms": str(midnight + 86_400_000),
        }
    ]
    await page.locator("#search-more").click()
    await expect(page.locator(".result")).to_have_count(2)
    await expect(page.locator("#search-more")).to_be_hidden()
    await page.locator(".result a").first.click()
    await expect(page.locator(".said-found")).to_have_attribute("data-line", "p3")


async def test_meetings_lead_to_their_transcripts(page, small_bridge):
    await page.goto(f"{small_bridge.url}/#code=good")
    await page.get_by_role("link", name="Read the transcript of").click()
    await expect(page.locator("#turns li").first).to_be_visible()
    await page.get_by_role("link", name="Search in all transcripts").click()
    await expect(page.locator("#search-words")).to_be_focused()
