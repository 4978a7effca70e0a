# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge dies while people stand at its doors: their pages stay as they are, and go on once it is back."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request

import psutil
import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


async def test_a_guest_and_a_partner_at_the_door_do_not_notice_that_the_bridge_was_killed(
    stack, browser, new_meeting, call, partner, wait_until
):
    meeting = new_meeting("Survivors")
    guest = await (await browser.new_context(locale="en-GB")).new_page()
    await guest.goto(meeting["guest_link"])
    await guest.get_by_label("Your name").fill("Ana Silva")
    waiting = await (await browser.new_context(locale="en-GB")).new_page()
    await waiting.goto(meeting["guest_link"])
    await waiting.get_by_label("Your Matrix ID").fill(partner["user_id"])
    await waiting.get_by_label("Open the meeting in").select_option("matrix_uri")
    await waiting.get_by_role("button", name="Invite me and open it").click()
    progress = waiting.locator("#partner-progress")
    await expect(progress).to_contain_text("is invited")

    pid = stack.status()["bridge"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid) or stack.status()["bridge"]["pid"] != pid, "the bridge is gone")
    wait_until(lambda: answers(stack.ready["url"].rstrip("/")), "the bridge is back", 60)

    await guest.get_by_role("button", name="Join the meeting").click()
    await call.in_call(guest)
    token = partner["session"]()["access_token"]
    partner["ask"](
        "POST",
        f"/join/{meeting['room_id'].replace('!', '%21')}?via={stack.ready['homeservers']['home']['name']}",
        {},
        token,
    )
    await expect(progress).to_contain_text("You are in the room")
    for page in (guest, waiting):
        await page.context.close()
