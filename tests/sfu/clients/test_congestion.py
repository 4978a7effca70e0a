# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Real Chromium's congestion control, both ways."""

import time

import pytest

ENOUGH_BPS = 2_000_000
"""For all three layers of a 720p camera, and far above what Chromium starts with."""


@pytest.mark.parametrize("client", ["2223", "newest"])
async def test_a_good_path_is_found_by_publisher_and_receiver(client, open_page, sfu, room_name, wait_for):
    ann, ben = await open_page(client), await open_page(client)
    await ann.call("join", sfu.url, sfu.token("ann", room_name))
    await ann.call("publishDevices")
    await ben.call("join", sfu.url, sfu.token("ben", room_name))

    async def publisher_may_send_everything():
        return (await ann.call("rates"))["may_send"] > ENOUGH_BPS

    # Now and then Chromium's first probes find 0.8 Mbit/s; from there it climbs by 8 % a second while somebody watches.
    await wait_for(publisher_may_send_everything, within=60, what="an estimate that no constant cap held down")
    heights = []

    async def receiver_shows():
        heights.append((time.monotonic(), (await ben.call("rates"))["height"]))
        return heights[-1][1]

    async def receiver_shows_the_top_layer():
        return await receiver_shows() == 720

    await wait_for(receiver_shows, what="a picture")
    await wait_for(receiver_shows_the_top_layer, within=20, what="the top layer")
    started = next(at for at, height in heights if height)
    print(f"the top layer came {heights[-1][0] - started:.1f} s after the first picture")
