# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What waits for a slow client."""

import asyncio

from sfu.core import limits
from sfu.shell.outbox import FELL_BEHIND, Outbox


async def test_frames_come_in_order_and_the_end_comes_after_them():
    outbox = Outbox()
    outbox.put(b"1")
    outbox.put(b"2")
    outbox.close()
    outbox.put(b"late")
    assert [await outbox.get() for _ in range(3)] == [b"1", b"2", None]


async def test_a_reader_waits_for_what_comes_later():
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put(b"x")
    assert await waiting == b"x"


async def test_too_many_messages_end_the_session(monkeypatch):
    monkeypatch.setattr(limits, "OUTBOX_MESSAGES", 3)
    outbox = Outbox()
    for _ in range(4):
        outbox.put(b"x")
    assert (outbox.closed, outbox.code) == (True, FELL_BEHIND)
    assert await outbox.get() is None


async def test_too_many_bytes_end_the_session(monkeypatch):
    monkeypatch.setattr(limits, "OUTBOX_BYTES", 10)
    outbox = Outbox()
    outbox.put(b"x" * 8)
    assert await outbox.get() == b"x" * 8
    outbox.put(b"x" * 8)
    assert not outbox.closed
    outbox.put(b"x" * 8)
    assert outbox.closed
