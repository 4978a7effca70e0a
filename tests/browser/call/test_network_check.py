# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A guest reads, and hears, what kind of connection there is: measured against our own SFU, by UDP and without it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

# What a firewall does that drops UDP, or everything but the pages: candidates that never answer.
NO_UDP = """(() => {
  const take = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replaceAll(/^a=candidate:.* udp .*\\r\\n/gm, "");
    return take.call(this, { type: description.type, sdp });
  };
})()"""
NO_MEDIA = NO_UDP.replace(" udp ", " ")
NO_SIGNALLING = """(() => {
  window.WebSocket = class { static OPEN = 1; constructor() { setTimeout(() => this.onerror()); } close() {} };
})()"""


@pytest.mark.parametrize(
    ("hindrance", "verdict", "way"),
    [
        ("", "good for video", "by UDP"),
        (NO_UDP, "good for video", "By TCP"),
        (NO_MEDIA, "does not let the call through", ""),
        (NO_SIGNALLING, "does not let the call through", ""),
    ],
    ids=["open", "no-udp", "no-media", "no-signalling"],
)
async def test_a_guest_learns_what_connection_there_is(stack, browser, new_meeting, hindrance, verdict, way):
    page = await browser.new_page(locale="en-GB")
    if hindrance:
        await page.add_init_script(hindrance)
    await page.goto(new_meeting("Checked")["guest_link"])
    said = page.locator("#network").get_by_role("status")
    await expect(said).to_contain_text(verdict, timeout=40_000)
    if way:
        await expect(page.locator("#network-way")).to_contain_text(re.compile(rf"{way}.* \d+ ms"))
    await page.close()
