# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A camera costs what its viewers show of it: Element Call's three layers follow the size of a tile."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Frame

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

LARGE = {"width": 1280, "height": 800}

# Every peer connection of the page and of its frames, so that a test can ask for their statistics.
REMEMBER_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...args) { super(...args); window.connections.push(this); }
};
"""

STATS = """async ([type, kind]) => {
  const found = [];
  for (const connection of window.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === type && report.kind === kind) found.push({ ...report });
    }
  }
  return found;
}"""

# By a rule and not on the element: Element Call may put another one in its place at any time.
RULE = """(declarations) => {
  let style = document.getElementById("test-tile");
  if (!style) {
    style = Object.assign(document.createElement("style"), { id: "test-tile" });
    document.head.append(style);
  }
  style.textContent = `video[data-lk-local-participant="false"] { ${declarations} }`;
}"""


def wide(pixels: int) -> str:
    return f"width: {pixels}px !important; height: {pixels * 9 // 16}px !important"


async def received(frame: Frame) -> dict[str, Any]:
    """What the viewer gets of the other's camera."""
    reports = await frame.evaluate(STATS, ["inbound-rtp", "video"])
    flowing = [report for report in reports if report.get("frameHeight")]
    return max(flowing, key=lambda report: report["bytesReceived"], default={})


async def sent_layers(frame: Frame) -> dict[str, int]:
    """RID → frames that the publisher has sent of it."""
    reports = await frame.evaluate(STATS, ["outbound-rtp", "video"])
    return {report["rid"]: report.get("framesSent", 0) for report in reports if report.get("rid")}


async def flowing_layers(frame: Frame) -> set[str]:
    """The layers of which frames were sent within the last second."""
    before = await sent_layers(frame)
    await frame.page.wait_for_timeout(1000)  # a rate needs two looks
    after = await sent_layers(frame)
    return {rid for rid, frames in after.items() if frames > before.get(rid, 0)}


async def test_what_nobody_shows_is_neither_sent_nor_received(stack, browsers, new_meeting, call):
    meeting = new_meeting("Only what is seen")
    marie, ana = await browsers(), await browsers()
    staff = await marie.new_page(locale="en-GB", viewport=LARGE)
    guest = await ana.new_page(locale="en-GB", viewport=LARGE)
    for page in (staff, guest):
        await page.add_init_script(REMEMBER_CONNECTIONS)
    await call.sign_in_and_join(staff, meeting["url"])
    publisher = await call.in_call(staff)
    await call.join_as_guest(guest, meeting["guest_link"])
    viewer = await call.in_call(guest)

    await viewer.locator('video[data-lk-local-participant="false"]').wait_for()

    async def height() -> int:
        return (await received(viewer)).get("frameHeight", 0)

    async def grows() -> bool:
        before = (await received(viewer)).get("framesReceived", 0)
        await guest.wait_for_timeout(500)
        return (await received(viewer)).get("framesReceived", 0) > before

    async def layers() -> set[str]:
        return await flowing_layers(publisher)

    await viewer.evaluate(RULE, wide(1280))
    await call.eventually(height, 720)
    await call.eventually(layers, {"q", "h", "f"})

    await viewer.evaluate(RULE, wide(200))
    await call.eventually(height, 180, within_s=2)
    await call.eventually(layers, {"q"}, within_s=20)

    await viewer.evaluate(RULE, "display: none !important")
    await call.eventually(grows, False, within_s=2 + 2 * 0.5)
    await call.eventually(layers, set(), within_s=20)

    await viewer.evaluate(RULE, wide(1280))
    await call.eventually(grows, True, within_s=5)
    await call.eventually(height, 720, within_s=25)  # as the browser's estimate climbs, on a busy machine more slowly
