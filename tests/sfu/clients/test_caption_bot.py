# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the caption bot puts into a call, as other people's clients get it."""

import asyncio
from contextlib import asynccontextmanager

from bots.calltext import TOPIC, CallText
from bots.captions.segment import Segment

SAID = Segment("S1", "!r", "$c", "@jean:hs", "Jean Été", "TR_1", 0, 900, "Bonjour à t", 8, "fr", final=False, rev=1)


def changed(**values):
    return Segment(**{name: getattr(SAID, name) for name in Segment.__slots__} | values)


@asynccontextmanager
async def writing(person):
    text = CallText(person.room)
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
    text = CallText(bot.room)
    for rev in range(1, 200):
        text.put(changed(text=f"version {rev}", rev=rev))
    task = asyncio.create_task(text.run())
    try:
        await wait_for(lambda: read, what="a text")
        assert [said for _, said, _ in read] == ["version 199"]
    finally:
        task.cancel()
