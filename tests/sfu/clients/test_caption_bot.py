# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the caption bot puts into a call, as other people's clients get it."""

import asyncio
from contextlib import asynccontextmanager

from livekit import rtc

from bots.calltext import TOPIC, CallText
from bots.captions.audience import Audience
from bots.captions.segment import Segment
from bots.tile import CaptionTile
from bots.tilepicture import GROUND, HEIGHT, WIDTH

SAID = Segment("S1", "!r", "$c", "@jean:hs", "Jean Été", "TR_1", 0, 900, "Bonjour à t", 8, "fr", final=False, rev=1)


def changed(**values):
    return Segment(**{name: getattr(SAID, name) for name in Segment.__slots__} | values)


@asynccontextmanager
async def writing(person):
    text = CallText(person.room, Audience())
    task = asyncio.create_task(text.run())
    try:
        yield text
    finally:
        task.cancel()


def read_transcriptions(person):
    """Keep every text stream of the transcription topic as it ends."""
    read, tasks = [], []

    async def take(reader, sender):
        read.append((sender, await reader.read_all(), dict(reader.info.attributes)))

    person.room.register_text_stream_handler(
        TOPIC, lambda reader, sender: tasks.append(asyncio.ensure_future(take(reader, sender)))
    )
    return read


async def test_people_in_the_call_get_partial_and_final_texts_as_livekits_agents_send_them(enter, wait_for):
    bot, alice = await enter("bot"), await enter("alice")
    read = read_transcriptions(alice)
    async with writing(bot) as text:
        text.put(SAID)
        await wait_for(lambda: len(read) == 1, what="the partial text")
        text.put(changed(text="Bonjour à tous. 你好", final=True, rev=2))
        await wait_for(lambda: len(read) == 2, what="the final text")
        text.put(changed(text="", final=True, rev=3))
        await wait_for(lambda: len(read) == 3, what="the text that is taken back")
    assert [(sender, said) for sender, said, _ in read] == [
        ("bot", "Bonjour à t"),
        ("bot", "Bonjour à tous. 你好"),
        ("bot", ""),
    ]
    assert [attributes["lk.transcription_final"] for _, _, attributes in read] == ["false", "true", "true"]
    for _, _, attributes in read:
        assert attributes["lk.segment_id"] == "S1"
        assert attributes["lk.transcribed_track_id"] == "TR_1"
        assert attributes["org.passerelle.display_name"] == "Jean Été"


async def test_a_line_that_is_corrected_changes_for_those_who_had_it_and_for_nobody_who_came_since(enter, wait_for):
    bot, alice = await enter("bot"), await enter("alice")
    read = read_transcriptions(alice)
    await wait_for(lambda: "alice" in bot.room.remote_participants, what="somebody who listens")
    async with writing(bot) as text:
        text.put(changed(text="Bonjour à tousse.", final=True))
        await wait_for(lambda: len(read) == 1, what="the line")
        late = read_transcriptions(await enter("late"))
        await wait_for(lambda: "late" in bot.room.remote_participants, what="somebody who comes late")
        text.put(changed(text="Bonjour à tous.", final=True, rev=2))
        await wait_for(lambda: len(read) == 2, what="the correction")  # the SDK reads two at once in any order
        text.put(changed(id="S2", text="Alors,", rev=1))
        await wait_for(lambda: late and len(read) == 3, what="what is said next")
    assert [(said, attributes["lk.segment_id"]) for _, said, attributes in read[1:]] == [
        ("Bonjour à tous.", "S1"),
        ("Alors,", "S2"),
    ]
    assert [said for _, said, _ in late] == ["Alors,"]


async def test_a_browser_gets_them_too(sfu, enter, open_page, room_name, wait_for):
    page = await open_page("2223")
    await page.call("join", sfu.url, sfu.token("web", room_name))
    await page.call("readText", TOPIC)
    async with writing(await enter("bot")) as text:
        text.put(changed(text="Bonjour à tous", final=True))

        async def arrived():
            return len(await page.value("texts")) == 1

        await wait_for(arrived, what="the text in the page")
    [(sender, said, attributes)] = await page.value("texts")
    assert (sender, said, attributes["lk.transcription_final"]) == ("bot", "Bonjour à tous", "true")


async def test_of_texts_that_the_call_is_too_slow_for_the_newest_are_sent(enter, wait_for):
    bot, alice = await enter("bot"), await enter("alice")
    read = read_transcriptions(alice)
    text = CallText(bot.room, Audience())
    for rev in range(1, 200):
        text.put(changed(text=f"version {rev}", rev=rev))
    task = asyncio.create_task(text.run())
    try:
        await wait_for(lambda: read, what="a text")
        assert [said for _, said, _ in read] == ["version 199"]
    finally:
        task.cancel()


@asynccontextmanager
async def showing(person, *, shown):
    tile = CaptionTile(shown=shown)
    task = asyncio.create_task(tile.run(person.room))
    try:
        yield tile
    finally:
        task.cancel()


async def test_the_tile_is_a_camera_picture_with_the_words_for_as_long_as_it_is_wanted(enter, wait_for, looks_like):
    bot, alice = await enter("bot"), await enter("alice")
    async with showing(bot, shown=False) as tile:
        tile.put(changed(text="Bonjour à tous", final=True))
        assert alice.publications("bot") == {}
        tile.show(True)
        await wait_for(lambda: looks_like(alice.sees("bot"), GROUND), what="the tile")
        assert alice.sizes["bot"] == (WIDTH, HEIGHT)
        [publication] = alice.publications("bot").values()
        assert publication.source == rtc.TrackSource.SOURCE_CAMERA
        dark = sum(alice.sees("bot"))
        for number in range(9):
            tile.put(changed(id=f"L{number}", text="Il faut que nous parlions de tout cela", final=True))
        await wait_for(lambda: sum(alice.sees("bot")) > dark + 15, what="more words")
        tile.show(False)
        await wait_for(lambda: not alice.publications("bot"), what="the end of the tile")
        tile.show(True)
        await wait_for(lambda: alice.publications("bot"), what="the tile again")


async def test_whoever_comes_late_sees_the_tile_although_nobody_speaks(enter, wait_for, looks_like):
    bot = await enter("bot")
    async with showing(bot, shown=True) as tile:
        tile.put(changed(text="Bonjour à tous", final=True))
        await wait_for(lambda: bot.room.local_participant.track_publications, what="the track")
        late = await enter("late")
        await wait_for(lambda: looks_like(late.sees("bot"), GROUND), within=10, what="the tile")
        await wait_for(lambda: late.frames >= 3, what="the same picture, again and again")
