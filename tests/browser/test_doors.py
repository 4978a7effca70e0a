# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The doors in a real browser: by mouse and keyboard, with devices and without, when it works and when not."""

from __future__ import annotations

import asyncio
import re

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.waiting import until

FOCUS = """() => {
  const focused = document.activeElement;
  const style = getComputedStyle(focused);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [focused.id, outlined || focused.className === "skip-link"];
}"""
IN_CALL = re.compile(r".*/ec/index\.html.*")


def is_ours_broken(request) -> bool:
    return "/static/" in request.url and request.failure != "net::ERR_ABORTED"  # aborted: the page went on before


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser, small_bridge):
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: is_ours_broken(request) and faults.append(request.url))
    page.on("console", lambda message: "Content Security Policy" in message.text and faults.append(message.text))
    yield page
    await context.close()
    assert faults == []


async def enter_as_guest(page: Page, url: str, name: str = "Ana Silva") -> None:
    await page.goto(url)
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name="Join the meeting").click()


async def test_a_guest_needs_a_name_and_one_click_and_then_element_call_is_started(page, small_bridge):
    foreign: list[str] = []
    page.on("request", lambda request: request.url.startswith(small_bridge.url) or foreign.append(request.url))
    await enter_as_guest(page, f"{small_bridge.url}/j/fresh")
    await expect(page.locator("#view-call")).to_be_visible()
    await expect(page.get_by_role("heading", name="Weekly with Lyon")).to_be_visible()
    frame = page.frame(url=IN_CALL)
    assert frame
    assert "fresh" not in frame.url  # the link's secret does not travel into the frame
    assert "preload=true" in frame.url
    assert "skipLobby=true" in frame.url
    assert small_bridge.guests == ["Ana Silva"]
    # Element Call also asks our own homeserver's well-known address, by the name in its account.
    assert [url for url in foreign if not url.startswith(("https://here/", "data:", "blob:"))] == []


def uses_of_the_link(small_bridge) -> list[str]:
    """What was posted; the test of the network and the seat, for which pages ask by themselves, use nothing up."""
    posted = [request for request in small_bridge.requests if request.startswith("POST")]
    return [request for request in posted if not request.endswith(("/network-test", "/seat"))]


async def test_opening_a_link_uses_nothing_up_and_warms_element_call(page, small_bridge):
    async with page.expect_response(re.compile(r".*/ec/assets/index-.*\.js")):
        await page.goto(f"{small_bridge.url}/j/fresh")
    assert not uses_of_the_link(small_bridge)


ELEMENT_CALL_STARTED = "() => performance.getEntriesByName('passerelle-warm').length > 0"


async def test_element_call_is_started_before_the_guest_joins_and_then_used(page, small_bridge):
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.wait_for_function(ELEMENT_CALL_STARTED)
    frame = page.frame(url=IN_CALL)
    assert frame
    assert "fresh" not in frame.url
    assert small_bridge.guests == []
    await expect(page.locator("#view-call")).to_be_hidden()
    await expect(page.locator("#guest-join")).to_be_visible()
    assert not any("/sync" in request for request in small_bridge.requests)  # nobody has an account yet
    await frame.evaluate("() => (window.same = true)")
    await page.get_by_label("Your name").fill("Ana Silva")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()
    assert small_bridge.accounts == ["@guest-1:here"]
    assert await page.frame(url=IN_CALL).evaluate("() => window.same")


async def test_a_guest_who_gets_another_account_gets_another_frame(page, small_bridge):
    small_bridge.seat = {
        "user_id": "@guest-2:here",
        "device_id": "D2",
        "base_url": small_bridge.url,
        "room_id": "!room",
    }
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.wait_for_function(ELEMENT_CALL_STARTED)
    await page.get_by_label("Your name").fill("Ana Silva")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()
    await expect(page.locator("#widget iframe")).to_have_attribute("src", re.compile("userId=%40guest-1"))


async def test_a_reloaded_guest_is_the_same_guest(page, small_bridge):
    await enter_as_guest(page, f"{small_bridge.url}/j/fresh")
    await expect(page.locator("#view-call")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Your name")).to_have_value("Ana Silva")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()
    assert small_bridge.guests == ["Ana Silva"]


async def test_sessions_stay_in_the_window_that_they_were_given_to(page, small_bridge):
    await enter_as_guest(page, f"{small_bridge.url}/j/fresh")
    await expect(page.locator("#view-call")).to_be_visible()
    kept = await page.evaluate("() => JSON.stringify([Object.entries(localStorage), document.cookie])")
    assert "syt" not in kept
    assert "bearer" not in kept
    other = await page.context.new_page()
    await other.goto(f"{small_bridge.url}/j/fresh")
    await expect(other.get_by_label("Your name")).to_have_value("")


@pytest.mark.parametrize(
    ("status", "errcode", "heading"),
    [
        (404, "PASSERELLE_INVITE_UNKNOWN", "This link is not known"),
        (410, "PASSERELLE_INVITE_EXPIRED", "This link has expired"),
        (410, "PASSERELLE_INVITE_USED_UP", "This link has been used up"),
        (410, "PASSERELLE_INVITE_REVOKED", "This link was withdrawn"),
    ],
)
async def test_a_link_that_opens_no_door_says_why_and_whom_to_ask(page, small_bridge, status, errcode, heading):
    small_bridge.invite_errors["old"] = (status, errcode)
    await enter_as_guest(page, f"{small_bridge.url}/j/old")
    await expect(page.get_by_role("heading", name=heading)).to_be_focused()
    await expect(page.get_by_role("alert").filter(has_text=heading)).to_contain_text("invited you")


@pytest.mark.parametrize(
    ("status", "errcode", "text"),
    [
        (400, "PASSERELLE_BAD_NAME", "The server's own sentence."),
        (429, "M_LIMIT_EXCEEDED", "Wait a minute"),
        (503, "M_UNKNOWN", "went wrong on our side"),
    ],
)
async def test_a_refused_name_is_said_at_the_field(page, small_bridge, status, errcode, text):
    small_bridge.invite_errors["fresh"] = (status, errcode)
    await enter_as_guest(page, f"{small_bridge.url}/j/fresh")
    await expect(page.get_by_label("Your name")).to_be_focused()
    await expect(page.get_by_label("Your name")).to_have_accessible_description(re.compile(text))
    small_bridge.invite_errors.clear()
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()


async def test_a_missing_name_is_said_before_anything_is_sent(page, small_bridge):
    await enter_as_guest(page, f"{small_bridge.url}/j/fresh", name="   ")
    await expect(page.get_by_label("Your name")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("Please enter your name.")).to_be_visible()
    assert not uses_of_the_link(small_bridge)


async def test_a_lost_connection_is_said_and_the_same_click_works_later(page, small_bridge):
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.get_by_label("Your name").fill("Ana Silva")
    await page.route("**/j/fresh", lambda route: route.abort())
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.get_by_text("The server could not be reached")).to_be_visible()
    await page.unroute("**/j/fresh")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()


async def enter_as_partner(page: Page, url: str, app: str, address: str = "") -> None:
    await page.goto(url)
    await page.get_by_label("Your Matrix ID").fill("@pavel:partner.example")
    await page.get_by_label("Open the meeting in").select_option(app)
    if address:
        await page.get_by_label("Its address").fill(address)
    await page.get_by_role("button", name="Invite me and open it").click()


@pytest.mark.parametrize(
    ("app", "address", "opened"),
    [
        ("matrix_to", "", "https://matrix.to/#/%21room?via=here%3A1"),
        ("element_web", "chat.partner.example/", "https://chat.partner.example/#/room/%21room?via=here%3A1"),
        (
            "element_call",
            "https://partner.example/call/room/",
            "https://partner.example/call/room#?roomId=%21room&viaServers=here%3A1&perParticipantE2EE=false",
        ),
    ],
)
async def test_one_press_invites_a_partner_and_opens_their_application(page, small_bridge, app, address, opened):
    await page.context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="theirs"))
    async with page.context.expect_page() as window:
        await enter_as_partner(page, f"{small_bridge.url}/j/fresh", app, address)
    theirs = await window.value
    await theirs.wait_for_url(opened)
    assert await theirs.evaluate("() => window.opener === null") == (app != "element_call")
    assert small_bridge.partners == ["@pavel:partner.example"]
    await expect(page.get_by_role("link", name="Open it again")).to_have_attribute("href", opened)


@pytest.mark.parametrize(
    ("app", "scheme"),
    [("element_desktop", "element://vector/webapp/#/room/%21room"), ("matrix_uri", "matrix:roomid/room")],
)
async def test_an_installed_application_is_called_and_the_page_stays(page, small_bridge, app, scheme):
    await enter_as_partner(page, f"{small_bridge.url}/j/fresh", app)
    await expect(page.get_by_role("link", name="Open it again")).to_have_attribute("href", re.compile(f"^{scheme}"))
    assert page.url == f"{small_bridge.url}/j/fresh"
    assert len(page.context.pages) == 1


async def test_element_call_is_loaded_anew_once_it_has_accepted_the_invitation(page, small_bridge):
    await page.context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="theirs"))
    async with page.context.expect_page() as window:
        await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "element_call", "https://call.partner.example")
    theirs = await window.value
    await theirs.wait_for_url("https://call.partner.example/room#*")
    small_bridge.partner_progress = "joined"
    await theirs.wait_for_url("https://call.partner.example/room?joined#?roomId=%21room*")
    await expect(page.locator("#partner-progress")).to_contain_text("You are in the room")
    assert await theirs.evaluate("() => window.opener") is None, "nothing leads back to our page from the call"


async def test_who_is_in_the_room_already_opens_element_call_once_and_it_does_not_know_by_whom(page, small_bridge):
    small_bridge.partner_progress = "joined"
    await page.context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="theirs"))
    async with page.context.expect_page() as window:
        await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "element_call", "https://call.partner.example")
    theirs = await window.value
    await theirs.wait_for_url("https://call.partner.example/room#?roomId=%21room*")
    assert await theirs.evaluate("() => window.opener") is None


async def test_the_page_that_forgets_an_opener_sends_nobody_where_its_address_says(page, small_bridge):
    for said in ("https://evil.example/", "?to=https://evil.example/", "javascript:alert(1)"):
        await page.goto(f"{small_bridge.url}/onward#{said}")
        await expect(page.get_by_role("heading", name="Your application opens here")).to_be_visible()
        assert page.url.startswith(small_bridge.url)


async def time_passes_until(page: Page, there: Locator) -> None:
    """Let the page's clock jump on until something is seen; a jump is cheap, time that runs is not."""
    async with asyncio.timeout(20):
        while not await there.is_visible():
            await page.clock.fast_forward(2_000)


async def test_the_page_waits_with_a_partner_and_says_what_may_be_wrong(page, small_bridge):
    await page.clock.install()
    await page.context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="theirs"))
    await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "matrix_to")
    told = page.locator("#partner-progress")
    await expect(told).to_contain_text("@pavel:partner.example is invited")
    await time_passes_until(page, page.locator("#partner-help", has_text="Nothing arrived?"))
    for progress, text in (("joined", "You are in the room"), ("in_call", "You can close this page")):
        small_bridge.partner_progress = progress
        await time_passes_until(page, told.filter(has_text=text))
    await expect(page.locator("#partner-help")).to_be_hidden()
    await page.get_by_role("button", name="Use another account").click()
    await expect(page.get_by_label("Your Matrix ID")).to_be_focused()


@pytest.mark.parametrize(
    ("status", "errcode", "text"),
    [
        (503, "M_UNKNOWN", "partner.example did not answer"),
        (403, "PASSERELLE_NOT_FEDERATED", "exchange nothing"),
        (403, "PASSERELLE_CANNOT_INVITE", "refused the invitation"),
    ],
)
async def test_a_partner_who_cannot_be_invited_reads_why(page, small_bridge, status, errcode, text):
    small_bridge.invite_errors["fresh"] = (status, errcode)
    await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "matrix_to")
    await expect(page.get_by_label("Your Matrix ID")).to_have_accessible_description(re.compile(text))
    await until(lambda: len(page.context.pages) == 1)  # the window that was opened for the application is closed again


async def test_a_wrong_matrix_id_or_address_is_said_before_anything_is_sent(page, small_bridge):
    await page.goto(f"{small_bridge.url}/j/fresh")
    field = page.get_by_label("Your Matrix ID")
    await field.fill("pavel")
    await page.get_by_role("button", name="Invite me and open it").click()
    await expect(field).to_have_accessible_description(re.compile("starts with @"))
    for address in ("", "javascript:alert(1)"):
        await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "element_call", address)
        await expect(page.get_by_label("Its address")).to_have_accessible_description(re.compile("that you open it"))
    assert small_bridge.partners == []


async def test_a_partner_is_remembered_on_this_device_if_they_like(page, small_bridge):
    await page.context.route(re.compile(r"https://.*"), lambda route: route.fulfill(body="theirs"))
    await enter_as_partner(page, f"{small_bridge.url}/j/fresh", "element_web", "https://chat.partner.example")
    await expect(page.locator("#partner-progress")).to_be_visible()
    await page.goto(f"{small_bridge.url}/j/other")
    await expect(page.get_by_label("Your Matrix ID")).to_have_value("@pavel:partner.example")
    await expect(page.get_by_label("Its address")).to_have_value("https://chat.partner.example")
    assert await page.locator(".doors > .door").first.get_attribute("id") == "partner-door"
    await page.get_by_label("Remember this on this device").uncheck()
    await page.get_by_role("button", name="Invite me and open it").click()
    await expect(page.locator("#partner-progress")).to_be_visible()
    assert await page.evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('passerelle'))") == []


async def test_a_colleague_with_the_link_comes_in_by_name_and_the_code_leaves_the_address(page, small_bridge):
    await page.goto(f"{small_bridge.url}/j/fresh#code=good")
    await page.wait_for_url(f"{small_bridge.url}/m/m1")
    await expect(page.get_by_text("Signed in as Marie Curie")).to_be_visible()
    await page.go_back()
    assert "code=" not in page.url


@pytest.mark.parametrize("path", ["/m/m1", "/j/fresh"])
async def test_a_spent_sign_in_code_is_said_and_leads_back_to_signing_in(page, small_bridge, path):
    await page.goto(f"{small_bridge.url}{path}#code=spent")
    await expect(page.get_by_role("heading", name="Signing in did not complete")).to_be_focused()
    sign_in = page.locator("#problem-sign-in")
    await expect(sign_in).to_have_attribute("href", re.compile(rf"/auth/login\?next={path}$"))
    assert "code=" not in page.url


async def test_a_meeting_without_a_session_asks_to_sign_in(page, small_bridge):
    await page.goto(f"{small_bridge.url}/m/m1")
    link = page.locator("#view-sign-in").get_by_role("link", name="Sign in")
    await expect(link).to_have_attribute("href", "/auth/login?next=/m/m1")


async def test_staff_who_were_here_before_come_in_by_a_link_without_a_click_on_signing_in(page, small_bridge):
    await page.goto(f"{small_bridge.url}/#code=good")
    await expect(page.get_by_role("heading", name="Your meetings")).to_be_visible()
    small_bridge.silent_code = "good"
    window = await page.context.new_page()  # another window shares no session
    await window.goto(f"{small_bridge.url}/j/fresh")
    await window.wait_for_url(f"{small_bridge.url}/m/m1")
    await expect(window.get_by_text("Signed in as Marie Curie")).to_be_visible()
    await window.get_by_role("link", name="Come in another way").click()
    await expect(window.locator("#guest-join")).to_be_visible()
    await window.close()


async def test_whoever_cannot_sign_in_silently_chooses_a_door_and_is_not_sent_around_again(page, small_bridge):
    await page.goto(f"{small_bridge.url}/#code=good")
    await expect(page.get_by_role("heading", name="Your meetings")).to_be_visible()
    for times in (1, 1):
        window = await page.context.new_page()
        await window.goto(f"{small_bridge.url}/j/fresh")
        await expect(window.locator("#guest-join")).to_be_visible()
        await expect(window).to_have_url(f"{small_bridge.url}/j/fresh")
        assert small_bridge.requests.count("/auth/login?silent&next=%2Fj%2Ffresh") == times
        await window.close()


async def test_a_guest_s_browser_asks_no_provider(page, small_bridge):
    await page.goto(f"{small_bridge.url}/j/fresh")
    await expect(page.locator("#guest-join")).to_be_visible()
    assert not any("login" in request for request in small_bridge.requests)


async def test_staff_see_where_they_are_signed_in_and_end_a_session_there(page, small_bridge):
    await page.goto(f"{small_bridge.url}/account#code=good")
    await expect(page.get_by_text("Chrome, Linux: this window")).to_be_visible()
    await page.get_by_role("button", name="Sign out there: Firefox, macOS").click()
    await expect(page.get_by_text("Firefox, macOS")).to_have_count(0)


async def test_a_meeting_that_is_not_ones_own_says_so(page, small_bridge):
    await page.goto(f"{small_bridge.url}/m/other#code=good")
    await expect(page.get_by_role("heading", name="You cannot open this meeting")).to_be_focused()


async def test_staff_create_a_meeting_copy_its_link_revoke_it_and_sign_out(page, small_bridge):
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{small_bridge.url}/#code=good")
    await page.get_by_label("Title of the meeting").fill("Second phase")
    await page.get_by_role("button", name="Create the meeting").click()
    await expect(page.get_by_role("link", name="Open “Second phase”")).to_be_focused()
    await page.get_by_role("button", name="Invite people to “Second phase”").click()
    dialog = page.get_by_role("dialog", name="Invite people")
    await dialog.get_by_role("button", name="Create and copy the link").click()
    await expect(dialog.get_by_text("The link is copied.")).to_be_visible()
    assert await page.evaluate("() => navigator.clipboard.readText()") == f"{small_bridge.url}/j/fresh"
    picture = dialog.get_by_role("img", name="The link as a QR code")
    await expect(picture).to_have_attribute("src", f"{small_bridge.url}/j/fresh/qr.svg")
    await dialog.get_by_role("button", name="Revoke this link").click()
    await expect(dialog.get_by_text("The link is revoked.")).to_be_visible()
    assert "DELETE /api/v1/invites/i1" in small_bridge.requests
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Meet across organisations")).to_be_visible()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert "POST /auth/logout" in small_bridge.requests
    assert await page.evaluate("() => [sessionStorage.length, localStorage.length]") == [0, 0]


async def test_staff_plan_a_meeting_see_its_time_in_their_own_zone_and_cancel_it(browser, small_bridge):
    context = await browser.new_context(locale="en-GB", timezone_id="America/New_York")
    page = await context.new_page()
    await page.goto(f"{small_bridge.url}/#code=good")
    form = page.locator("#create-form")
    await form.get_by_label("Title of the meeting").fill("Budget")
    await form.get_by_label("At a time").check()
    await form.get_by_role("button").click()
    await expect(form.get_by_text("Please choose a day and a time.")).to_be_visible()
    await form.locator("#create-date").fill("2030-03-01")
    await form.locator("#create-time").fill("04:00")
    await form.locator("#create-repeat").select_option("Every week")
    await form.get_by_label("Agenda").fill("1. Money")
    await expect(form.get_by_text("Time zone: America/New_York")).to_be_visible()
    await form.get_by_role("button").click()
    await expect(page.get_by_role("link", name="Open “Budget”")).to_be_focused()
    made = small_bridge.meetings[-1]
    assert made["agenda"] == "1. Money"
    assert made["schedule"] == {
        "start": "2030-03-01T04:00",
        "time_zone": "America/New_York",
        "duration_minutes": 60,
        "rrule": "FREQ=WEEKLY",
        "sequence": 0,
    }
    row = page.locator("#meetings li", has_text="Budget")
    await expect(row).to_contain_text("Planned")
    await expect(row).to_contain_text("4:00")  # nine in London
    await row.get_by_role("button", name="Change “Budget”").click()
    await page.get_by_role("button", name="Cancel the meeting").click()
    await expect(page.locator("#past-meetings li", has_text="Budget")).to_contain_text("Cancelled")
    await context.close()


async def test_only_the_organiser_of_a_meeting_is_offered_to_invite_to_it(page, small_bridge):
    small_bridge.meetings = [small_bridge.meeting("Mine"), small_bridge.meeting("Ours") | {"organizer": "@jean:here"}]
    await page.goto(f"{small_bridge.url}/#code=good")
    await expect(page.get_by_role("link", name="Open “Ours”")).to_be_visible()
    await expect(page.get_by_role("button", name="Invite people to “Mine”")).to_be_visible()
    await expect(page.get_by_role("button", name="Invite people to “Ours”")).to_be_hidden()


async def test_devices_are_asked_for_only_on_a_click_and_the_level_moves(browsers, small_bridge):
    page = await (await browsers(asks=True)).new_page(locale="en-GB")
    await page.add_init_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); window.asked = 0;"
        "navigator.mediaDevices.getUserMedia = (wanted) => { window.asked++; return ask(wanted); };"
    )
    await page.goto(f"{small_bridge.url}/j/fresh")
    assert await page.evaluate("() => window.asked") == 0
    await page.context.grant_permissions(["camera", "microphone"])
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await page.wait_for_function("() => document.querySelector('#preview').currentTime > 0")
    await page.wait_for_function("() => document.querySelector('#level').value > 0.05")
    camera = page.get_by_role("button", name="Camera")
    await camera.click()
    await expect(camera).to_have_attribute("aria-pressed", "false")
    assert not await page.evaluate("() => document.querySelector('#preview').srcObject.getVideoTracks()[0].enabled")
    await expect(page.locator("#preview-off")).to_be_visible()


async def test_devices_allowed_before_start_by_themselves(page, small_bridge):
    await page.context.grant_permissions(["camera", "microphone"])
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.wait_for_function("() => document.querySelector('#preview').currentTime > 0")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("NotAllowedError", "blocks the camera"),
        ("NotFoundError", "No camera or microphone"),
        ("NotReadableError", "Another program"),
    ],
)
async def test_devices_that_fail_say_what_to_do_and_one_can_still_join(page, small_bridge, error, text):
    await page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{error}'));"
    )
    await page.goto(f"{small_bridge.url}/j/fresh")
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await expect(page.locator("#devices-note")).to_contain_text(text)
    await page.get_by_label("Your name").fill("Ana Silva")
    await page.get_by_role("button", name="Join the meeting").click()
    await expect(page.locator("#view-call")).to_be_visible()


async def test_the_doors_work_by_keyboard_alone(browsers, small_bridge):
    page = await (await browsers(asks=True)).new_page(locale="en-GB")
    await page.goto(f"{small_bridge.url}/j/fresh")
    walked = []
    for _ in range(15):
        await page.keyboard.press("Tab")
        identity, visible = await page.evaluate(FOCUS)
        walked.append(identity)
        assert visible, f"no visible focus on {identity}"
    wanted = ["devices-start", "guest-name", "consent", "guest-join", "staff-sign-in", "partner-id"]
    wanted += ["partner-app", "partner-remember", "partner-send"]
    assert [identity for identity in walked if identity in wanted] == wanted
    await page.get_by_label("Your name").focus()
    await page.keyboard.type("Ana Silva")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Port of Lyon")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("checkbox", name="My words may be captioned")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#view-call")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/j/fresh", "/m/m1"])
async def test_nothing_is_cut_off_on_a_small_phone_with_large_text(page, small_bridge, path):
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(f"{small_bridge.url}{path}?lang=fr")
    await page.evaluate("() => document.documentElement.style.setProperty('font-size', '150%')")
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= 320
