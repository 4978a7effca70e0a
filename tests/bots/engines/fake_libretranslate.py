# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A server that keeps to LibreTranslate's API (libretranslate/app.py) and knows a few words.

The real one cannot run here: no package holds its models. Made up is what a translation says.
"""

from dataclasses import dataclass, field

from aiohttp import web

WORDS = {("fr", "en"): {"bonjour": "hello", "merci": "thank you", "chat": "cat"}, ("en", "fr"): {"hello": "bonjour"}}


@dataclass
class FakeLibreTranslate:
    """Change its fields to make it behave otherwise."""

    api_key: str = ""
    batch_limit: int = -1
    failures: list[int] = field(default_factory=list)
    answer: object = None
    asked: list[list[str]] = field(default_factory=list)
    url: str = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/translate", self._translate)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _translate(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts, languages = body["q"], (body["source"], body["target"])
        assert body["format"] == "text"
        self.asked.append(texts)
        if self.failures:
            return web.json_response({"error": "Slow down"}, status=self.failures.pop(0))
        if self.answer is not None:
            return web.json_response(self.answer)
        if self.api_key and body.get("api_key") != self.api_key:
            return web.json_response({"error": "Invalid API key"}, status=403)
        if self.batch_limit != -1 and len(texts) > self.batch_limit:
            return web.json_response({"error": "Invalid request: request exceeds text limit"}, status=400)
        if languages not in WORDS:
            return web.json_response({"error": f"{body['target']} is not supported"}, status=400)
        return web.json_response({"translatedText": [WORDS[languages].get(text, text) for text in texts]})
