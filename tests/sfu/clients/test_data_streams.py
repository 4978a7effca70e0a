# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Larger data by the Python SDK: streams, calls between people, and somebody who reads nothing."""

import asyncio
import hashlib
import os
import signal
import sys

SIZE = 6 * 1024 * 1024

READER = """
import asyncio, sys
from livekit import rtc

async def main():
    room = rtc.Room()
    await room.connect(sys.argv[1], sys.argv[2])
    print("in", flush=True)
    await asyncio.sleep(300)

asyncio.run(main())
"""


def collect(person, topic):
    """Keep the digests of byte streams of a topic as they end."""
    digests, tasks = [], []

    def start(reader, _identity):
        tasks.append(asyncio.ensure_future(read(reader)))

    async def read(reader):
        digest = hashlib.sha256()
        async for chunk in reader:
            digest.update(chunk)
        digests.append(digest.hexdigest())

    person.room.register_byte_stream_handler(topic, start)
    return digests


async def send(person, content, topic):
    writer = await person.room.local_participant.stream_bytes("file", topic=topic, total_size=len(content))
    await writer.write(content)
    await writer.aclose()


async def test_a_large_file_arrives_whole_at_everybody(enter, wait_for):
    alice, bob, carol = await enter("alice"), await enter("bob"), await enter("carol")
    received = [collect(person, "file") for person in (bob, carol)]
    content = os.urandom(SIZE)
    await send(alice, content, "file")
    whole = [hashlib.sha256(content).hexdigest()]
    await wait_for(lambda: received == [whole, whole], within=120, what="the file")


async def test_somebody_who_reads_nothing_does_not_keep_a_file_from_the_others(sfu, enter, room_name, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    received = collect(bob, "file")
    stopped = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, sfu.url, sfu.token("stopped", room_name), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert await asyncio.wait_for(stopped.stdout.readline(), 20) == b"in\n"
        stopped.send_signal(signal.SIGSTOP)
        content = os.urandom(SIZE)
        await send(alice, content, "file")
        await wait_for(lambda: received == [hashlib.sha256(content).hexdigest()], within=120, what="the file")
    finally:
        stopped.kill()
        await stopped.wait()
