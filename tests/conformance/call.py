# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One call of one cell: a room on the server under test, the client under test in it, and witnesses."""

import asyncio
import inspect
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from livekit import api

from tests.conformance.clients.python_sdk import PythonClient
from tests.conformance.clients.server_sdks import NodeApi, PythonApi

RED, BLUE = (200, 30, 40), (40, 60, 200)


class Call:
    """What a test of the suite gets."""

    def __init__(self, server, client, browser, *, patience=1.0):
        self.server = server
        self.client = client
        self.name = f"conformance-{uuid.uuid4().hex[:10]}"
        self._browser = browser
        self._patience = patience
        self._stack = AsyncExitStack()

    @asynccontextmanager
    async def running(self):
        """Make the room; end what the test began."""
        async with self._stack:
            self.api = api.LiveKitAPI(self.server.http, self.server.key, self.server.secret)
            self._stack.push_async_callback(self.api.aclose)
            await self.api.room.create_room(api.CreateRoomRequest(name=self.name))
            yield self

    async def client_of(self):
        """A client under test that is not in the room yet."""
        if self.client.kind == "browser":
            page = self._browser.page(self.client.package, self.client.options)
            person = await self._stack.enter_async_context(page)
        else:
            person = PythonClient()
        self._stack.push_async_callback(_leave, person)
        return person

    async def admin(self, secret=None):
        """The server SDK under test."""
        admin = PythonApi() if self.client.kind == "python-api" else NodeApi()
        self._stack.push_async_callback(admin.close)
        await admin.open(self.server.http, self.server.key, secret or self.server.secret)
        return admin

    def hooks(self, event=None):
        """The webhooks of this room, or those of one event: [(body, authorization)]."""
        return self.server.hooks.of(self.name, event)

    async def enter(self, identity, options=None, *, url=None, token=None, **grants):
        """Let the client under test in."""
        person = await self.client_of()
        await person.join(url or self.server.url, token or self.token(identity, **grants), options)
        return person

    async def witness(self, identity, options=None, *, token=None, **grants):
        """Let somebody in whose client is not under test: the Python SDK."""
        person = PythonClient()
        self._stack.push_async_callback(_leave, person)
        await person.join(self.server.url, token or self.token(identity, **grants), options)
        return person

    def token(self, identity, **grants):
        return self.server.token(identity, self.name, **grants)

    async def until(self, condition, what, within=12.0):
        """Wait until a condition, async or not, gives something true; give that."""
        deadline = time.monotonic() + within * self._patience
        while True:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            assert time.monotonic() < deadline, f"{what}: not within {within * self._patience:.0f} s"
            await asyncio.sleep(0.03)

    async def hears(self, listener, identity, hertz):
        """Wait until somebody hears somebody's tone."""

        async def condition():
            return abs(await listener.hears(identity) - hertz) < 12

        await self.until(condition, f"{identity}'s tone of {hertz} Hz")

    async def sees(self, viewer, identity, rgb=None, *, width=None, within=12.0):
        """Wait until somebody sees somebody's colour, and the width in pixels if given; give the picture."""

        async def condition():
            picture = await viewer.sees(identity)
            if not picture or (width and picture["width"] != width):
                return None
            return picture if rgb is None or alike(picture["rgb"], rgb) else None

        size = f", {width} pixels wide" if width else ""
        return await self.until(condition, f"{identity}'s picture{size}", within)

    async def got(self, person, expected):
        """Wait until a data packet came: [sender, text, topic]."""

        async def condition():
            return expected in [list(entry) for entry in await person.received()]

        await self.until(condition, f"data {expected[1][:20]!r} of {expected[0]}")

    async def happened(self, person, name, *values, within=12.0):
        """Wait for an event with these values, in any order; give its place among the events."""

        async def condition():
            for number, event in enumerate(await person.events()):
                if event[0] == name and set(values) <= set(event[1:]):
                    return number + 1
            return None

        return await self.until(condition, f"event {name} {values}", within) - 1

    async def knows(self, person, identity, /, **facts):
        """Wait until somebody knows these facts of somebody."""

        async def condition():
            known = (await person.people()).get(identity, {})
            return all(known.get(name) == value for name, value in facts.items())

        await self.until(condition, f"{identity}'s {facts}")

    async def misses(self, person, identity, within=12.0):
        """Wait until somebody knows that somebody is gone."""

        async def condition():
            return identity not in await person.people()

        await self.until(condition, f"{identity}'s departure", within)

    async def silent(self, listener, identity):
        """Wait until somebody hears nothing of somebody."""

        async def condition():
            return not await listener.hears(identity)

        await self.until(condition, f"silence of {identity}")

    async def track(self, person, identity, source, **facts):
        """Wait until somebody knows of somebody's track; give its sid and what is known of it."""

        async def condition():
            tracks = (await person.people()).get(identity, {}).get("tracks", {})
            return next(
                (
                    (sid, track)
                    for sid, track in tracks.items()
                    if track["source"] == source and all(track[name] == value for name, value in facts.items())
                ),
                None,
            )

        return await self.until(condition, f"{identity}'s {source} {facts or ''}")


def alike(picture, rgb, tolerance=45):
    """Whether a seen colour is the shown one, give or take what coding does to it."""
    return max(abs(a - b) for a, b in zip(picture, rgb, strict=True)) <= tolerance


async def _leave(person):
    with suppress(Exception):  # it may have been thrown out
        await asyncio.wait_for(person.leave(), 5)
