# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""livekit-client in pages of one real Chromium."""

import asyncio
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import async_playwright

from tests.conformance.clients.vocabulary import Remote

HERE = Path(__file__).parent
CALL_WITHIN_S = 20
CHROMIUM = shutil.which("chromium")


class Page(Remote):
    """A participant in a page; `options` are added to those of each room."""

    def __init__(self, page, options):
        self._page = page
        self._options = options

    async def join(self, url, token, options=None):
        await super().join(url, token, {**self._options, **(options or {})})

    async def call(self, verb, *arguments):
        async with asyncio.timeout(CALL_WITHIN_S):
            return await self._page.evaluate("([verb, args]) => window.verbs[verb](...args)", [verb, arguments])


class Browser:
    """One Chromium, started with the first page; pages are used again by the next test, unless that one failed."""

    def __init__(self, arguments):
        self._arguments = arguments
        self._idle = {}
        self._running = AsyncExitStack()
        self._starting = asyncio.Lock()
        self._chromium = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._running.aclose()

    @asynccontextmanager
    async def page(self, package, options):
        """A page with a livekit-client of package.json."""
        pages = self._idle.setdefault(package, [])
        page = pages.pop() if pages else await self._open(package)
        try:
            yield Page(page, options)
        except BaseException:
            await page.context.close()
            raise
        pages.append(page)

    async def _open(self, package):
        async with self._starting:
            if self._chromium is None:
                await self._start()
        context = await self._chromium.new_context(permissions=["camera", "microphone"])
        page = await context.new_page()
        await page.goto(f"{self._origin}/page.html?client={package}")
        return page

    async def _start(self):
        app = web.Application()  # a page of another origin than the SFU's, as in real life
        app.router.add_static("/", HERE, follow_symlinks=True)
        runner = web.AppRunner(app)
        await runner.setup()
        self._running.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        playwright = await self._running.enter_async_context(async_playwright())
        self._chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=self._arguments)
        self._running.push_async_callback(self._chromium.close)
