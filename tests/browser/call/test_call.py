# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Two real browsers in one real call: unmodified Element Call, our SFU, a homeserver, the captions bot."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"
DESKTOP = {"width": 1280, "height": 800}
HEARD_S = 15
SAME, APART = 0.7, 0.15
"""A loudness curve fits its own recording (0.8 to 0.95 here) far better than another one (0.4 to 0.5)."""


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("'", ""))


async def test_staff_and_guest_in_element_call(stack, browsers, cameras, microphones, new_meeting, call, screenshots):
    meeting = new_meeting("Second phase of the bridge")
    marie = await browsers(camera=cameras["marie"], microphone=microphones["staff"])
    ana = await browsers(camera=cameras["ana"], microphone=microphones["guest"])
    staff = await marie.new_page(locale="en-GB", viewport=DESKTOP)
    guest = await ana.new_page(locale="en-GB", viewport=DESKTOP)

    await call.sign_in_and_join(staff, meeting["url"], consent=True)
    staff_call = await call.in_call(staff)
    await call.join_as_guest(guest, meeting["guest_link"])
    guest_call = await call.in_call(guest)

    # Each sees the other's picture, in a tile with the other's name.
    await call.eventually(lambda: call.who_is_seen(staff_call), {"Ana Silva (Guest)": "ana"})
    await call.eventually(lambda: call.who_is_seen(guest_call), {"Marie Curie": "marie"})

    # The organiser starts captions, which begin while the two listen.
    await staff.get_by_role("button", name="Start captions").click()

    # Each hears the other's recording, and not their own.
    recordings = {"staff": SPEECH / "staff.flac", "guest": SPEECH / "guest.flac"}
    by_guest, by_staff = await asyncio.gather(*(f.evaluate(call.listen, HEARD_S) for f in (guest_call, staff_call)))
    for heard, other, own in ((by_guest, "staff", "guest"), (by_staff, "guest", "staff")):
        fits = {name: call.likeness(heard, recording) for name, recording in recordings.items()}
        assert fits[other] > SAME, fits
        assert fits[other] > fits[own] + APART, fits

    # The guest reads what the staff member says, under that name.
    final = guest.locator('#captions-lines li[data-final="true"]')
    await expect(guest.locator("#captions-status")).to_contain_text("Captions are on.", timeout=60_000)
    await expect(final.nth(2)).to_be_visible(timeout=90_000)
    await staff.get_by_role("button", name="Language and colours").click()
    await staff.get_by_role("button", name="Show the picture").click()
    await staff.keyboard.press("Escape")
    with_tile = {"Marie Curie": "marie", "Captions": "captions"}
    await call.eventually(lambda: call.who_is_seen(guest_call), with_tile)
    await staff.screenshot(path=screenshots / "call-staff.png")
    await guest.screenshot(path=screenshots / "call-guest.png")
    said = set(words((SPEECH / "staff.txt").read_text()))
    read = [word for line in await final.all_inner_texts() for word in words(line.replace("Marie Curie", ""))]
    assert len(read) >= 8
    assert sum(word in said for word in read) / len(read) >= 0.75, read
    # The guest agreed to nothing, so nothing of theirs is written down.
    assert set(await guest.locator(".caption-speaker").all_inner_texts()) == {"Marie Curie"}

    await staff.get_by_role("button", name="Stop captions").click()
    await expect(guest.locator("#captions-status")).to_have_text("Captions are off.", timeout=60_000)

    # Leaving is seen at once by the other.
    await guest.get_by_role("button", name="Leave").click()
    await expect(guest.get_by_role("heading", name="You left the meeting")).to_be_visible()
    await call.eventually(lambda: call.who_is_seen(staff_call), {}, within_s=10)
    await guest.get_by_role("button", name="Join again").click()
    await call.in_call(guest)
    await call.eventually(lambda: call.who_is_seen(staff_call), {"Ana Silva (Guest)": "ana"})


async def test_staff_and_guest_side_by_side_in_one_browser_profile(browsers, cameras, new_meeting, call):
    meeting = new_meeting("Two windows")
    profile = await (await browsers(camera=cameras["jean"])).new_context(locale="en-GB", viewport=DESKTOP)
    staff, guest = await profile.new_page(), await profile.new_page()
    await call.sign_in_and_join(staff, meeting["url"])
    await call.join_as_guest(guest, meeting["guest_link"] + "#door=choose")
    staff_call, guest_call = await call.in_call(staff), await call.in_call(guest)
    await call.eventually(lambda: call.who_is_seen(staff_call), {"Ana Silva (Guest)": "jean"})
    await call.eventually(lambda: call.who_is_seen(guest_call), {"Marie Curie": "jean"})
    assert [cookie["name"] for cookie in await profile.cookies(meeting["url"])] == []


async def test_a_colleague_with_a_guest_link_joins_under_their_own_name_and_choices(
    browsers, cameras, new_meeting, call
):
    meeting = new_meeting("By link")
    browser = await browsers(camera=cameras["jean"])
    marie, jean = [await (await browser.new_context(locale="en-GB", viewport=DESKTOP)).new_page() for _ in range(2)]
    await call.sign_in_and_join(marie, meeting["url"])
    marie_call = await call.in_call(marie)
    await jean.goto(meeting["guest_link"])
    await jean.get_by_role("link", name="Sign in").click()
    await jean.get_by_role("button", name="Jean Moulin").click()
    await jean.wait_for_function("() => document.querySelector('#preview')?.currentTime > 0")
    await jean.get_by_role("button", name="Microphone").click()
    await jean.get_by_role("button", name="Join the meeting").click()
    jean_call = await call.in_call(jean)
    await call.eventually(lambda: call.who_is_seen(marie_call), {"Jean Moulin": "jean"})
    # The microphone that was turned off at the door stays off in the call.
    await expect(jean_call.get_by_role("switch", name=re.compile("[Uu]nmute microphone"))).to_be_visible()
    await expect(jean.get_by_role("button", name="Start captions")).to_be_hidden()


async def test_closing_the_window_ends_the_stay_at_once(browsers, cameras, new_meeting, call):
    meeting = new_meeting("Closed window")
    browser = await browsers(camera=cameras["jean"])
    staff = await (await browser.new_context(locale="en-GB", viewport=DESKTOP)).new_page()
    guest = await (await browser.new_context(locale="en-GB", viewport=DESKTOP)).new_page()
    await call.sign_in_and_join(staff, meeting["url"])
    staff_call = await call.in_call(staff)
    await call.join_as_guest(guest, meeting["guest_link"])
    await call.in_call(guest)
    await call.eventually(lambda: call.who_is_seen(staff_call), {"Ana Silva (Guest)": "jean"})
    await guest.close(run_before_unload=False)
    # Without our word at unload, the homeserver would wait for 18 s.
    await call.eventually(lambda: call.who_is_seen(staff_call), {}, within_s=10)
