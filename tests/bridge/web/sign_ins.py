# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Staff with a browser, at the local stack's own provider, which keeps ProConnect's rules."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import aiohttp
from aiohttp import web
from joserfc.jwk import RSAKey

from bridge.stack.oidc_provider import Provider, Settings
from bridge.stack.people import STAFF

MARIE, JEAN, _ = STAFF


@contextlib.asynccontextmanager
async def running_provider(port: int) -> AsyncIterator[str]:
    """The provider, with the bridge of these tests as its client; gives its issuer."""
    url = f"http://localhost:{port}"
    settings = Settings.model_validate(
        {
            "issuer": url,
            "host": "127.0.0.1",
            "port": port,
            "signing_key_file": "/not/used",
            "clients": [
                {
                    "client_id": "bridge",
                    "client_secret": "client-secret",
                    "redirect_uris": ["http://bridge.example/auth/callback"],
                    "post_logout_redirect_uris": ["http://bridge.example/auth/signed-out"],
                }
            ],
            "people": [asdict(person) for person in STAFF],
        }
    )
    key = RSAKey.generate_key(2048, {"kid": "k", "use": "sig", "alg": "RS256"})
    runner = web.AppRunner(Provider(settings, key).application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield url
    finally:
        await runner.cleanup()


class Staff:
    """Somebody with a browser: the bridge's public name leads to its test server."""

    def __init__(self, bridge, browser: aiohttp.ClientSession) -> None:
        self._base = str(bridge.public.make_url("")).rstrip("/")
        self._browser = browser

    async def go(self, url: str, **more: Any) -> tuple[int, str]:
        """Follow one step; return its status and where it leads."""
        url = url.replace("http://bridge.example", self._base)
        url = url if url.startswith("http") else self._base + url
        method = "POST" if "data" in more else "GET"
        async with self._browser.request(method, url, allow_redirects=False, **more) as response:
            return response.status, response.headers.get("Location", "")

    async def sign_in(self, who=MARIE) -> dict[str, Any]:
        _, at_provider = await self.go("/auth/login")
        _, back = await self.go(at_provider, data={"sub": who.sub})
        return await self.finish(back)

    async def finish(self, back: str) -> dict[str, Any]:
        _, ours = await self.go(back)
        code = ours.partition("#code=")[2]
        assert code, ours
        async with self._browser.post(f"{self._base}/auth/session", json={"code": code}) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def api(self, method: str, path: str, session: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {session['token']}"}
        async with self._browser.request(method, self._base + path, headers=headers) as response:
            return response.status, await response.json()
