# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Real encoders and decoders: every codec that clients publish is seen, and its layers are changed without a freeze."""

import pytest

RED = (200, 30, 40)


@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9", "av1"])
async def test_a_codec_is_decoded_in_the_size_that_is_asked_for(codec, open_page, sfu, room_name, wait_for, looks_like):
    ann, ben = await open_page("newest"), await open_page("2223")
    await ben.call("join", sfu.url, sfu.token("ben", room_name))
    await ann.call("join", sfu.url, sfu.token("ann", room_name))
    await ann.call("publishColour", "rgb(200, 30, 40)", 500, {"videoCodec": codec, "backupCodec": False})

    async def decoded():
        stats = await ben.call("decoding", "ann")
        return stats if stats and stats["frames"] and stats["mime"] else None

    async def of_width(width):
        stats = await decoded()
        return stats if stats and stats["width"] == width else None

    assert (await wait_for(decoded, what="a picture"))["mime"].lower() == f"video/{codec}"
    start = await wait_for(lambda: of_width(1280), within=25, what="the large picture")
    for quality, width in ((0, 320), (2, 1280), (1, 640), (2, 1280)):
        await ben.call("quality", "ann", quality)
        await wait_for(lambda width=width: of_width(width), within=10, what=f"{width} pixels")
    end = await decoded()
    assert looks_like(await ben.sees("ann"), RED)
    assert end["frozen"] - start["frozen"] < 1


async def test_a_publisher_stops_the_layers_that_nobody_watches_and_brings_them_back(
    open_page, sfu, room_name, wait_for
):
    ann, ben = await open_page("newest"), await open_page("2223")
    await ben.call("join", sfu.url, sfu.token("ben", room_name))
    await ann.call("join", sfu.url, sfu.token("ann", room_name))
    await ann.call("publishColour", "rgb(200, 30, 40)", 500)

    async def active(*rids):
        return {entry["rid"] for entry in await ann.call("encoding") if entry["active"]} == set(rids)

    async def ben_sees(width):
        stats = await ben.call("decoding", "ann")
        return stats and stats["width"] == width

    await wait_for(lambda: ben_sees(1280), within=25, what="the large picture")
    await ben.call("quality", "ann", 0)
    await wait_for(lambda: active("q"), within=10, what="one layer alone")
    await wait_for(lambda: ben_sees(320), within=5, what="the small picture")
    await ben.call("quality", "ann", 2)
    await wait_for(lambda: active("q", "h", "f"), within=2, what="all layers")
    # How soon the browser fills them is its own matter: its estimate may start low and climb by 8 % a second.
    await wait_for(lambda: ben_sees(1280), within=25, what="the large picture again")
    await ben.call("subscribe", "ann", False)
    await wait_for(active, within=10, what="no layer")


async def test_a_receiver_that_cannot_read_av1_gets_the_backup_codec(open_page, sfu, room_name, wait_for, looks_like):
    ann, ben, old = await open_page("newest"), await open_page("2223"), await open_page("2223")
    await ben.call("join", sfu.url, sfu.token("ben", room_name))
    await ann.call("join", sfu.url, sfu.token("ann", room_name))
    await ann.call("publishColour", "rgb(200, 30, 40)", 500, {"videoCodec": "av1", "backupCodec": {"codec": "vp8"}})

    async def reads(page, mime):
        stats = await page.call("decoding", "ann")
        return stats and stats["frames"] and stats["mime"] == mime and looks_like(await page.sees("ann"), RED)

    await wait_for(lambda: reads(ben, "video/AV1"), within=25, what="AV1")
    await old.call("forget", "video/AV1")
    await old.call("join", sfu.url, sfu.token("old", room_name))
    await wait_for(lambda: reads(old, "video/VP8"), within=25, what="VP8 for the old browser")
    assert await reads(ben, "video/AV1")
