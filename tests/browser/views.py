# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every state of every page: how a browser gets there. `test_accessibility` walks this table, and takes its pictures.

Whoever adds a route that answers a page adds its states here; a route that is in neither table fails a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect


@dataclass(frozen=True, slots=True)
class View:
    """A route as the application names it, one of its states, and the way there from the address of a `SmallBridge`."""

    route: str
    show: Callable[[Page, str], Awaitable[None]]

    @property
    def name(self) -> str:
        return self.show.__name__


ELSEWHERE = "any other address"
DOOR = "/j/fresh#door=choose"
"""Without a choice a browser that was signed in, as a state before may have left it, is sent to sign in at once."""


async def home(page: Page, url: str) -> None:
    await page.goto(url)


async def desk(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await expect(page.locator("#meetings li")).to_have_count(1)
    await page.locator("#create-form button").click()
    await expect(page.locator("#create-error")).to_be_visible()


async def plan(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await page.locator("#create-later").check()
    await page.locator("#create-title").fill("Budget")
    await page.locator("#create-form button").click()
    await expect(page.locator("#create-times-error")).to_be_visible()


async def change(page: Page, url: str) -> None:
    await page.goto(f"{url}/#code=good")
    await page.locator("#meetings button").nth(1).click()
    await expect(page.locator("#change-form")).to_be_visible()


async def sign_in_problem(page: Page, url: str) -> None:
    await page.goto(f"{url}/auth/callback?kind=away")
    await expect(page.locator("#again")).to_be_visible()


async def invite(page: Page, url: str) -> None:
    await desk(page, url)
    await page.locator("#meetings button").first.click()
    await page.locator("#invite-verify-email").check()
    await page.locator("#invite-link-form button[type=submit]").click()
    await expect(page.locator("#invite-note")).to_be_visible()


async def door(page: Page, url: str) -> None:
    await page.goto(url + DOOR)
    await page.locator("#guest-form").evaluate("(form) => form.requestSubmit()")
    await expect(page.locator("#guest-error")).to_be_visible()
    await page.locator("#devices-choice summary").click()


async def door_that_asks_for_mail(page: Page, url: str) -> None:
    await page.goto(f"{url}/j/mail")
    await page.locator("#guest-name").fill("Gina")
    await page.locator("#guest-join").click()
    await page.locator("#guest-email").fill("gina@partner.example")
    await page.locator("#guest-mail-send").click()
    await page.locator("#guest-code").fill("654321")
    await page.locator("#guest-join").click()
    await expect(page.locator("#guest-mail-error")).to_be_visible()


async def partner(page: Page, url: str) -> None:
    await page.goto(url + DOOR)
    await page.locator("#partner-app").select_option("element_call")
    await page.locator("#partner-send").click()
    await expect(page.locator("#partner-error")).to_be_visible()
    await expect(page.locator("#partner-address")).to_be_visible()


async def partner_waits(page: Page, url: str) -> None:
    await page.context.route("https://matrix.to/**", lambda route: route.fulfill(body="theirs"))
    await page.goto(url + DOOR)
    await page.locator("#partner-id").fill("@pavel:partner.example")
    await page.locator("#partner-remember").uncheck()
    async with page.context.expect_page() as opened:
        await page.locator("#partner-send").click()
    await (await opened.value).close()
    await expect(page.locator("#partner-progress")).to_be_visible()


async def network_blocked(page: Page, url: str) -> None:
    """The longest that the network's part says."""
    await page.route("**/network-test", lambda route: route.fulfill(json={"url": "ws://localhost:1", "jwt": "x"}))
    await page.goto(url + DOOR)
    await expect(page.locator("#network-advice")).to_be_visible()


async def sign_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def lobby(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1#code=good")
    await expect(page.locator("#view-lobby")).to_be_visible()


async def call(page: Page, url: str) -> None:
    await lobby(page, url)
    await page.locator("#staff-join").click()
    await expect(page.locator("#captions-switch")).to_be_visible()
    await expect(page.locator("#captions-lines li")).to_have_count(2)


async def call_with_the_agenda(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#call-agenda summary").click()
    await expect(page.locator("#call-agenda-text")).to_be_visible()


async def call_with_captions_below(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#captions-move").click()


async def call_with_settings_of_captions(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#captions-settings-toggle").click()
    await page.locator("#captions-colours").select_option("yellow")
    await page.locator("#captions-language").select_option("en")


async def call_with_a_line_that_is_corrected(page: Page, url: str) -> None:
    await call_with_settings_of_captions(page, url)
    await page.locator("#captions-language").select_option("")
    await page.locator("#captions-settings-toggle").click()
    await page.locator(".caption-edit").first.click()
    await page.locator(".line-form textarea").fill("Le pont.")
    await page.route("**/captions/*", lambda route: route.abort())
    await page.locator(".line-form [type=submit]").click()
    await expect(page.locator(".line-form [role=alert]")).to_be_visible()


async def left(page: Page, url: str) -> None:
    await call(page, url)
    await page.locator("#leave").click()
    await expect(page.locator("#view-left")).to_be_visible()


async def problem(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1#code=spent")
    await expect(page.locator("#view-problem")).to_be_visible()


async def transcript(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript#code=good")
    await expect(page.locator("#turns li").first).to_be_visible()
    await page.locator("#find").fill("deviation")
    await expect(page.locator("mark")).to_have_count(1)
    await page.locator("#glossary summary").click()


async def transcript_edited(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript#code=good")
    await page.locator(".said-by .said-action").click()
    await expect(page.locator(".history li")).to_have_count(1)
    await page.locator(".said-edit").first.click()
    await expect(page.locator(".line-form")).to_be_visible()


async def transcript_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/transcript")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def search(page: Page, url: str) -> None:
    await page.goto(f"{url}/search#code=good")
    await page.locator("summary").click()
    await page.locator("#search-words").fill("pont")
    await page.locator("#search-start").click()
    await expect(page.locator(".result")).to_have_count(1)


async def contractors(page: Page, url: str) -> None:
    await page.goto(f"{url}/contractors#code=good")
    await expect(page.locator("#contractors li")).to_have_count(2)


async def contractor(page: Page, url: str) -> None:
    await page.goto(f"{url}/c/good")
    await expect(page.locator("#pass-meetings li")).to_have_count(2)


async def plan_of_a_series(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/plan#code=good")
    await page.locator("#dates button").first.click()
    await page.locator("#date-day").fill("")
    await page.locator("#date-form [type=submit]").click()
    await expect(page.locator("#date-error")).to_be_visible()
    await page.locator("#invitees-form [type=submit]").click()
    await expect(page.locator("#invitees-error")).to_be_visible()
    await page.locator("#plan-lock").click()
    await expect(page.locator("#plan-note")).to_be_visible()


async def plan_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/plan")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def account(page: Page, url: str) -> None:
    await page.goto(f"{url}/account#code=good")
    await page.locator("#calendar-new").click()
    await expect(page.locator("#calendar-result")).to_be_visible()
    await page.locator("#token-name").fill("Wiki")
    await page.locator("#token-form [type=submit]").click()
    await expect(page.locator("#token-error")).to_be_visible()
    await page.locator("#token-scopes input").first.check()
    await page.locator("#token-form [type=submit]").click()
    await expect(page.locator("#tokens li")).to_have_count(2)
    await expect(page.locator("#own-sessions-list li")).to_have_count(2)


async def account_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/account")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def accessibility(page: Page, url: str) -> None:
    await page.goto(f"{url}/accessibility")


async def onward(page: Page, url: str) -> None:
    await page.goto(f"{url}/onward")


async def nothing_here(page: Page, url: str) -> None:
    await page.goto(f"{url}/nowhere")
    await expect(page.locator("main h1")).to_be_visible()


async def waiting(page: Page, url: str) -> None:
    await page.goto(f"{url}/j/waiting")
    await expect(page.locator("#waiting-facts li")).to_have_count(3)


async def too_early(page: Page, url: str) -> None:
    await page.goto(f"{url}/j/early")
    await expect(page.locator("#waiting-title")).not_to_be_empty()


async def refused(page: Page, url: str) -> None:
    await page.goto(f"{url}/j/refused")
    await expect(page.locator("#waiting-text")).to_contain_text("Marie Curie")


async def host_page(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/host#code=good")
    await expect(page.locator(".waiter")).to_have_count(2)


async def host_page_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m1/host")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def host_page_with_people(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m2/host#code=good")
    await expect(page.locator("#people li")).to_have_count(4)


async def host_page_of_members(page: Page, url: str) -> None:
    await page.goto(f"{url}/m/m3/host#code=good")
    await expect(page.locator("#view-denied")).to_be_visible()


async def access(page: Page, url: str) -> None:
    await page.goto(f"{url}/access#code=good")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.locator("#access-guest button").first.click()
    await page.locator("#access-link-more").click()
    await expect(page.locator("#access-note")).to_contain_text("0")
    await expect(page.locator("#access-barred li")).to_have_count(1)


async def access_of_strangers(page: Page, url: str) -> None:
    await page.goto(f"{url}/access")
    await expect(page.locator("#view-sign-in")).to_be_visible()


async def access_of_others(page: Page, url: str) -> None:
    await page.route("**/api/v1/barred", lambda route: route.fulfill(status=403, json={"errcode": "M_FORBIDDEN"}))
    await page.goto(f"{url}/access#code=good")
    await expect(page.locator("#view-denied")).to_be_visible()


VIEWS = (
    View(ELSEWHERE, nothing_here),
    *(View("/", show) for show in (home, desk, plan, change, invite)),
    View("/auth/callback", sign_in_problem),
    *(View("/j/{token}", show) for show in (door, door_that_asks_for_mail, partner, partner_waits, network_blocked)),
    *(View("/j/{token}", show) for show in (waiting, too_early, refused)),
    *(View("/m/{meeting_id}/host", show) for show in (host_page, host_page_with_people)),
    *(View("/m/{meeting_id}/host", show) for show in (host_page_of_strangers, host_page_of_members)),
    *(View("/m/{meeting_id}", show) for show in (sign_in, lobby, call, call_with_the_agenda, call_with_captions_below)),
    *(View("/m/{meeting_id}", show) for show in (call_with_settings_of_captions, call_with_a_line_that_is_corrected)),
    *(View("/m/{meeting_id}", show) for show in (left, problem)),
    *(View("/m/{meeting_id}/transcript", show) for show in (transcript, transcript_edited, transcript_of_strangers)),
    *(View("/m/{meeting_id}/plan", show) for show in (plan_of_a_series, plan_of_strangers)),
    *(View("/account", show) for show in (account, account_of_strangers)),
    *(View("/access", show) for show in (access, access_of_strangers, access_of_others)),
    View("/accessibility", accessibility),
    View("/onward", onward),
    View("/search", search),
    View("/contractors", contractors),
    View("/c/{token}", contractor),
)
NOT_PAGES = {
    "/healthz": "for load balancers",
    "/ready": "for load balancers",
    "/ec/config.json": "Element Call's settings",
    "/ec/{tail}": "Element Call, which is not ours to change",
    "/static/{tail}": "files of pages",
    "/calendar/{token}.ics": "for calendars",
    "/j/{token}/calendar.ics": "a file",
    "/j/{token}/qr.svg": "a picture",
    "/j/{token}/partner/{ticket}": "what the page of a partner asks while it waits",
    "/j/{token}/place": "for the page of the link, as are the next three",
    "/j/{token}/wait": "a stream",
    "/c/{token}/{meeting_id}/place": "the same for passes",
    "/c/{token}/{meeting_id}/wait": "a stream",
    "/auth/login": "goes on to the provider; what it refuses looks like /auth/callback",
    "/auth/homeserver": "the same, from Element",
    "/auth/signed-out": "goes on to the start page",
}
"""Routes that answer a browser something else; so do those below `/api/` and `/livekit/`."""
