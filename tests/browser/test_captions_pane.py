# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions beside the call: lines that settle, the feed that comes back, and who may start and agree."""

from __future__ import annotations

from typing import Any

import pytest_asyncio
from playwright.async_api import Page, Route, expect

from tests.browser.waiting import until

CONSENT = "org.passerelle.captions.consent"
RECORD_STATUS = """() => {
  const status = document.querySelector("#captions-status");
  window.said = "";
  new MutationObserver(() => { window.said += status.textContent; }).observe(status, { childList: true });
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser, small_bridge):
    opened: list[Page] = []

    async def new_page() -> Page:
        page = await browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 800})
        await page.route("**/ec/**", lambda route: route.fulfill(body=""))  # Element Call costs more than all the rest
        opened.append(page)
        return page

    async def as_guest(*, consent: bool = False) -> Page:
        page = await new_page()
        await page.goto(f"{small_bridge.url}/j/fresh")
        await page.get_by_label("Your name").fill("Ana Silva")
        if consent:
            await page.get_by_role("checkbox", name="My words may be captioned").check()
        return await join(page)

    async def as_staff() -> Page:
        page = await new_page()
        await page.goto(f"{small_bridge.url}/m/m1#code=good")
        return await join(page)

    async def join(page: Page) -> Page:
        await page.get_by_role("button", name="Join the meeting").click()
        await expect(page.locator("#view-call")).to_be_visible()
        if small_bridge.feed_allowed:
            await until(lambda: small_bridge.feeds)
        return page

    yield {"guest": as_guest, "staff": as_staff}
    for page in opened:
        await page.close()


def lines(page: Page) -> Any:
    return page.locator("#captions-lines li")


async def test_a_partial_shows_its_unsettled_end_apart_and_becomes_the_final_in_place(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="Le pont 🌉 sera ouvert", stable_chars=9, final=False)
    await expect(lines(page)).to_have_count(1)
    await expect(lines(page).locator(".caption-stable")).to_have_text("Le pont 🌉")
    await expect(lines(page).locator(".caption-tail")).to_have_text(" sera ouvert")
    await expect(lines(page).locator(".caption-speaker")).to_have_text("Marie Curie")
    await expect(page.locator("#captions-live p")).to_have_count(0)
    small_bridge.say(id="a", text="Le pont sera ouvert lundi.", rev=2)
    await expect(lines(page).locator(".caption-stable")).to_have_text("Le pont sera ouvert lundi.")
    await expect(lines(page).locator(".caption-tail")).to_be_empty()
    await expect(lines(page)).to_have_count(1)
    await expect(page.locator("#captions-live p")).to_have_text(["Marie Curie: Le pont sera ouvert lundi."])
    assert await lines(page).locator(".caption-stable").get_attribute("lang") == "fr"


async def test_a_line_of_a_bot_that_died_is_settled_as_it_is_and_grows_again_if_the_bot_is_back(
    open_page, small_bridge
):
    page = await open_page["guest"]()
    await page.clock.install()
    small_bridge.say(id="a", text="Le pont sera", stable_chars=7, final=False)
    await expect(lines(page).locator(".caption-tail")).to_have_text(" sera")
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 10"))
    await page.clock.run_for(19_000)
    small_bridge.say(id="a", text="Le pont sera ouvert", stable_chars=12, final=False, rev=2)
    await expect(lines(page).locator(".caption-tail")).to_have_text(" ouvert")
    await page.clock.run_for(29_000)
    await expect(lines(page)).to_have_attribute("data-final", "false")
    await page.clock.run_for(1_500)
    await expect(lines(page)).to_have_attribute("data-final", "true")
    await expect(lines(page).locator(".caption-stable")).to_have_text("Le pont sera ouvert")
    await expect(page.locator("#captions-live p")).to_have_text(["Marie Curie: Le pont sera ouvert"])
    small_bridge.say(id="a", text="Le pont sera ouvert lundi", stable_chars=19, final=False, rev=3)
    await expect(lines(page).locator(".caption-tail")).to_have_text(" lundi")


async def test_an_older_revision_changes_nothing_and_lines_stand_in_the_order_of_speech(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="b", text="Second.", start_ms=2000, rev=3)
    small_bridge.say(id="b", text="Secomd", start_ms=2000, rev=2)
    small_bridge.say(id="a", text="First.", start_ms=1000, user_id="@ana:here", display_name="Ana")
    await expect(lines(page).locator(".caption-stable")).to_have_text(["First.", "Second."])


async def test_what_the_bot_takes_back_is_gone_and_not_read_out(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="Thank you for watching", final=False)
    await expect(lines(page)).to_have_count(1)
    small_bridge.say(id="a", text="", rev=2)
    await expect(lines(page)).to_have_count(0)
    await expect(page.locator("#captions-live p")).to_have_count(0)


async def test_the_name_is_shown_once_for_lines_that_follow_each_other_but_read_for_each(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="One.", start_ms=1)
    small_bridge.say(id="b", text="Two.", start_ms=2)
    await expect(lines(page)).to_have_class(["caption", "caption caption-same"])
    await expect(lines(page).nth(1)).to_contain_text("Marie Curie")
    small_bridge.say(id="c", text="Three.", start_ms=3, voice="voice-1", display_name="Voix 1 (Marie Curie)")
    await expect(lines(page)).to_have_class(["caption", "caption caption-same", "caption"])
    await expect(lines(page).nth(2).locator(".caption-speaker")).to_have_text("Voix 1 (Marie Curie)")


async def test_whoever_comes_late_sees_what_was_said_and_only_what_comes_then_is_read_out(open_page, small_bridge):
    small_bridge.say(id="a", text="Before.", start_ms=1)
    page = await open_page["guest"]()
    small_bridge.say(id="b", text="Now.", start_ms=2)
    await expect(lines(page).locator(".caption-stable")).to_have_text(["Before.", "Now."])
    await expect(page.locator("#captions-live p")).to_have_text(["Marie Curie: Now."])


async def test_text_of_a_caption_is_never_markup(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="<img src=x onerror=alert(1)>", display_name="<b>Marie</b>")
    await expect(lines(page).locator(".caption-stable")).to_have_text("<img src=x onerror=alert(1)>")
    assert await lines(page).locator("img, b").count() == 0


async def test_the_pane_follows_until_somebody_reads_back(open_page, small_bridge):
    page = await open_page["guest"]()
    for number in range(60):
        small_bridge.say(id=f"s{number:02}", text=f"Sentence number {number}.", start_ms=number)
    await expect(lines(page)).to_have_count(60)
    await expect(lines(page).last).to_be_in_viewport()
    await page.locator("#captions-scroll").evaluate("(pane) => { pane.scrollTop = 0; }")
    small_bridge.say(id="t", text="And one more.", start_ms=99)
    jump = page.get_by_role("button", name="Jump to the latest")
    await expect(jump).to_be_visible()
    await expect(lines(page).last).not_to_be_in_viewport()
    await jump.click()
    await expect(lines(page).last).to_be_in_viewport()
    await expect(jump).to_be_hidden()


async def test_a_cut_feed_is_said_and_comes_back_without_doubling_lines(open_page, small_bridge):
    small_bridge.set_state("m.room.member", "@captions:here", {"membership": "join"})
    small_bridge.set_state("org.matrix.msc3401.call.member", "_@captions:here_X", {"a": 1}, sender="@captions:here")
    page = await open_page["guest"]()
    status = page.locator("#captions-status")
    await expect(status).to_have_text("Captions are on. Only people who agreed are written down.")
    small_bridge.say(id="a", text="Before the cut.")
    await expect(lines(page)).to_have_count(1)
    await page.evaluate(RECORD_STATUS)
    small_bridge.cut_feeds()
    small_bridge.say(id="b", text="During the cut.", start_ms=5)
    await until(lambda: small_bridge.feeds == 2)
    await expect(lines(page).locator(".caption-stable")).to_have_text(["Before the cut.", "During the cut."])
    assert "Captions are interrupted" in await page.evaluate("() => window.said")
    await expect(status).to_contain_text("Captions are on.")


async def test_captions_that_are_not_for_this_person_are_not_asked_for_again(open_page, small_bridge):
    small_bridge.feed_allowed = False
    page = await open_page["guest"]()
    await expect(page.locator("#captions-status")).to_have_text("Captions of this meeting are not open to you.")


async def test_size_place_and_visibility_are_the_readers_own(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="Bonjour.")
    size = "() => parseFloat(getComputedStyle(document.querySelector('.caption-stable')).fontSize)"
    await expect(lines(page)).to_have_count(1)
    before = await page.evaluate(size)
    await page.get_by_role("button", name="Larger text").click()
    assert await page.evaluate(size) > before
    await expect(page.locator("#announcer")).to_have_text("Text size 118 %")
    await page.get_by_role("button", name="Move the captions").click()
    box, call = await page.locator("#captions").bounding_box(), await page.locator("#widget").bounding_box()
    assert box
    assert call
    assert box["y"] >= call["y"] + call["height"]
    assert box["width"] == 1280
    await page.get_by_role("button", name="Hide the captions").click()
    toggle = page.get_by_role("button", name="Captions", exact=True)
    await expect(toggle).to_be_focused()
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await expect(page.locator("#captions")).to_be_hidden()
    await toggle.click()
    await expect(page.locator("#captions")).to_be_visible()
    assert await page.evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('passerelle'))") == [
        "passerelle.captions"
    ]


async def test_size_place_colours_and_language_are_still_there_after_a_reload(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.get_by_role("button", name="Larger text").click()
    await page.get_by_role("button", name="Language and colours").click()
    await page.get_by_role("combobox", name="Colours").select_option("Yellow on black")
    await page.get_by_role("combobox", name="Language to read").select_option("English")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("combobox", name="Colours")).to_be_hidden()
    await expect(page.get_by_role("button", name="Language and colours")).to_be_focused()
    await page.reload()
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#captions")).to_have_attribute("data-colours", "yellow")
    small_bridge.say(id="a", text="Hello.", lang="en")
    await expect(lines(page)).to_have_count(1)
    look = await page.evaluate(
        """() => { const style = getComputedStyle(document.querySelector('.caption-stable'));
            return [style.color, parseFloat(style.fontSize) / 16]; }"""
    )
    assert look == ["rgb(255, 228, 92)", 1.25]
    await page.get_by_role("button", name="Language and colours").click()
    await expect(page.get_by_role("combobox", name="Language to read")).to_have_value("en")


async def test_whatever_stands_in_the_browsers_storage_captions_are_shown(open_page, small_bridge):
    for stored in ("{", "null", '{"size": "x", "place": 3, "colours": "mauve", "language": "<b>"}', '{"size": 99}'):
        page = await open_page["guest"]()
        await page.evaluate("(text) => localStorage.setItem('passerelle.captions', text)", stored)
        await page.reload()
        await expect(page.locator("#captions")).to_have_attribute("data-colours", "page")


async def test_whoever_reads_one_language_sees_of_others_who_speaks_and_which(open_page, small_bridge):
    page = await open_page["guest"]()
    small_bridge.say(id="a", text="Le pont sera ouvert.", start_ms=1, lang="fr")
    small_bridge.say(id="b", text="Lundi.", start_ms=2, lang="fr")
    small_bridge.say(id="c", text="On Monday.", start_ms=3, lang="en", user_id="@ana:here", display_name="Ana")
    await page.get_by_role("button", name="Language and colours").click()
    await page.get_by_role("combobox", name="Language to read").select_option("English")
    await expect(lines(page).locator(".caption-stable")).to_have_text(
        ["(speaks French)", "(speaks French)", "On Monday."]
    )
    await expect(lines(page).nth(1)).to_be_hidden()
    spoken = page.locator("#captions-live p")
    before = await spoken.count()
    small_bridge.say(id="d", text="Nein, am Dienstag.", start_ms=4, lang="de")
    await expect(lines(page).locator(".caption-stable").last).to_have_text("(speaks German)")
    small_bridge.say(id="e", text="Yes.", start_ms=5, lang="en", user_id="@ana:here", display_name="Ana")
    await expect(spoken).to_have_count(before + 1)
    await page.get_by_role("combobox", name="Language to read").select_option("German")
    await expect(lines(page).locator(".caption-stable").nth(3)).to_have_text("Nein, am Dienstag.")
    await page.get_by_role("combobox", name="Language to read").select_option("All, as spoken")
    await expect(lines(page).locator(".caption-stable")).to_have_text(
        ["Le pont sera ouvert.", "Lundi.", "On Monday.", "Nein, am Dienstag.", "Yes."]
    )
    await expect(lines(page).nth(1)).to_be_visible()


async def test_whoever_reads_one_language_reads_the_translation_as_soon_as_there_is_one(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.get_by_role("button", name="Language and colours").click()
    await page.get_by_role("combobox", name="Language to read").select_option("English")
    text, spoken = lines(page).locator(".caption-stable"), page.locator("#captions-live p")
    small_bridge.say(id="a", text="Le pont sera ouvert lundi.", start_ms=1)
    await expect(text).to_have_text("(speaks French)")
    await expect(spoken).to_have_count(0)
    small_bridge.translate("a", "de", "Die Brücke wird am Montag geöffnet.")
    await expect(page.locator("#captions-language option")).to_have_text(
        ["All, as spoken", "French", "English", "German"]
    )
    small_bridge.translate("a", "en", "The bridge opens on Monday.")
    await expect(text).to_have_text("The bridge opens on Monday.")
    await expect(text).to_have_attribute("lang", "en")
    await expect(lines(page)).to_contain_text("(translated from French)")
    await expect(spoken).to_have_text(["Marie Curie: The bridge opens on Monday."])
    small_bridge.say(id="a", text="Le pont sera ouvert mardi.", start_ms=1, rev=2)
    await expect(text).to_have_text("(speaks French)")
    small_bridge.translate("a", "en", "The bridge opens on Tuesday.", rev=2)
    await expect(text).to_have_text("The bridge opens on Tuesday.")
    small_bridge.translate("unknown", "en", "Nothing to translate.")
    await page.get_by_role("combobox", name="Language to read").select_option("All, as spoken")
    await expect(text).to_have_text("Le pont sera ouvert mardi.")
    await expect(lines(page)).not_to_contain_text("translated")


async def test_anybody_in_the_meeting_can_have_captions_as_a_picture_in_the_call(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.get_by_role("button", name="Language and colours").click()
    await expect(page.get_by_role("button", name="Show the picture")).to_be_hidden()
    small_bridge.set_state("m.room.member", "@captions:here", {"membership": "join"})
    small_bridge.set_state(*BOT_IN_CALL, {"a": 1}, sender="@captions:here")
    await page.get_by_role("button", name="Show the picture").click()
    await page.get_by_role("button", name="Take it away").click()
    await until(lambda: len(small_bridge.sent) == 2)
    assert [content["body"] for _, _, content in small_bridge.sent] == ["!captions tile", "!captions tile off"]
    await expect(page.locator("#announcer")).to_have_text("The picture is taken away.")


async def test_consent_is_off_unless_given_and_can_be_taken_back(open_page, small_bridge):
    page = await open_page["guest"]()
    switch = page.get_by_role("switch", name="My words may be captioned")
    await expect(switch).not_to_be_checked()
    await expect(page.locator("#captions-status")).to_have_text("Captions are off.")
    assert small_bridge.sent == []
    await switch.check()
    await until(lambda: small_bridge.sent == [(CONSENT, "@guest-1:here", {"allow": True})])
    await switch.uncheck()
    await until(lambda: small_bridge.sent[1:] == [(CONSENT, "@guest-1:here", {"allow": False})])


async def test_whoever_withdraws_while_their_consent_is_still_being_written_has_withdrawn(open_page, small_bridge):
    page = await open_page["guest"]()
    holding: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        if holding:
            await route.continue_()
        holding.append(route)

    await page.route("**/state/org.passerelle.captions.consent/**", hold_the_first)
    switch = page.get_by_role("switch", name="My words may be captioned")
    await switch.check()
    await until(lambda: len(holding) == 1)
    await switch.uncheck()
    await holding[0].continue_()
    await until(lambda: [content["allow"] for _, _, content in small_bridge.sent] == [True, False])
    await expect(page.locator("#announcer")).to_have_text("Your words are no longer captioned.")
    await expect(switch).not_to_be_checked()


async def test_consent_given_at_the_door_is_sent_with_the_persons_own_account(open_page, small_bridge):
    page = await open_page["guest"](consent=True)
    await until(lambda: small_bridge.sent == [(CONSENT, "@guest-1:here", {"allow": True})])
    await expect(page.get_by_role("switch", name="My words may be captioned")).to_be_checked()


async def test_consent_that_could_not_be_saved_is_not_shown_as_given(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.route("**/state/org.passerelle.captions.consent/**", lambda route: route.abort())
    switch = page.get_by_role("switch", name="My words may be captioned")
    await switch.click()
    await expect(page.locator("#banner")).to_have_text("Your choice could not be saved. Please try again.")
    await expect(switch).not_to_be_checked()


BOT_IN_CALL = ("org.matrix.msc3401.call.member", "_@captions:here_X")


async def start_captions(page, small_bridge):
    await page.get_by_role("button", name="Start captions").click()
    await until(lambda: small_bridge.sent == [("invite", "@captions:here", None)])
    await expect(page.locator("#captions-status")).to_have_text("Captions are starting…")
    small_bridge.set_state(*BOT_IN_CALL, {"a": 1}, sender="@captions:here")
    await expect(page.locator("#captions-status")).to_contain_text("Captions are on.")


async def test_an_organiser_starts_captions_and_ends_them_in_a_way_that_leaves_the_transcript(open_page, small_bridge):
    page = await open_page["staff"]()
    await start_captions(page, small_bridge)
    await page.get_by_role("button", name="Stop captions").click()
    await expect(page.locator("#captions-status")).to_contain_text("Captions are ending")
    assert [(kind, content["body"]) for kind, _, content in small_bridge.sent[1:]] == [
        ("m.room.message", "!captions off")
    ]
    small_bridge.set_state("m.room.member", "@captions:here", {"membership": "leave"}, sender="@captions:here")
    await expect(page.get_by_role("button", name="Start captions")).to_be_visible()
    await expect(page.locator("#captions-status")).to_contain_text("Captions are off.")


async def test_a_bot_that_does_not_go_by_itself_is_removed(open_page, small_bridge):
    page = await open_page["staff"]()
    await start_captions(page, small_bridge)
    await page.clock.install()
    await page.get_by_role("button", name="Stop captions").click()
    await expect(page.locator("#captions-status")).to_contain_text("Captions are ending")
    await page.clock.fast_forward(21_000)
    await until(lambda: small_bridge.sent[-1] == ("kick", "@captions:here", None))
    await expect(page.get_by_role("button", name="Start captions")).to_be_visible()


async def test_captions_that_have_not_begun_are_called_off_at_once(open_page, small_bridge):
    page = await open_page["staff"]()
    await page.get_by_role("button", name="Start captions").click()
    await page.get_by_role("button", name="Stop captions").click()
    await until(lambda: small_bridge.sent[-1] == ("kick", "@captions:here", None))
    await expect(page.get_by_role("button", name="Start captions")).to_be_visible()


async def test_nobody_else_sees_the_organisers_buttons(open_page, small_bridge):
    page = await open_page["guest"]()
    await expect(page.locator("#captions-status")).to_have_text("Captions are off.")
    await expect(page.get_by_role("button", name="Start captions")).to_be_hidden()
    await expect(page.get_by_role("button", name="Invite")).to_be_hidden()


async def test_a_room_that_shows_up_late_is_waited_for_and_one_that_never_does_is_not(open_page, small_bridge):
    small_bridge.syncs_without_room = 2
    page = await open_page["staff"]()
    await expect(page.get_by_role("button", name="Start captions")).to_be_visible()
    small_bridge.syncs_without_room = 10**6
    page = await open_page["guest"]()
    await expect(page.get_by_role("heading", name="Your access to this meeting has ended")).to_be_visible()


async def test_losing_the_room_ends_the_stay_and_forgets_the_session(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.route(
        "**/_matrix/client/v3/sync**",
        lambda route: route.fulfill(status=401, json={"errcode": "M_UNKNOWN_TOKEN", "error": "gone"}),
    )
    small_bridge.set_state("m.room.name", "", {"name": "wakes the long poll"})
    await expect(page.get_by_role("heading", name="Your access to this meeting has ended")).to_be_focused()
    assert await page.evaluate("() => sessionStorage.length") == 0
    assert await page.locator("iframe").count() == 0


async def test_a_lost_connection_is_said_until_it_is_back(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.route("**/_matrix/client/v3/sync**", lambda route: route.abort())
    small_bridge.set_state("m.room.name", "", {"name": "wakes the long poll"})
    await expect(page.locator("#banner")).to_have_text("Connection lost. Trying again…")
    await page.unroute("**/_matrix/client/v3/sync**")
    await expect(page.locator("#banner")).to_be_hidden()


async def test_leaving_shows_the_way_back_and_it_works(open_page, small_bridge):
    page = await open_page["guest"]()
    await page.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("heading", name="You left the meeting")).to_be_focused()
    assert await page.locator("iframe").count() == 0
    await page.get_by_role("button", name="Join again").click()
    await expect(page.locator("#view-call")).to_be_visible()
    assert await page.locator("iframe").count() == 1
    assert small_bridge.guests == ["Ana Silva"]
