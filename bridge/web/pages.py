# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: the start page, the page of a link, the page of a meeting, and the files that these load.

The pages hold no secret and look nothing up: whoever asks for `/j/{token}` (a mail scanner, a preview) learns and uses
up nothing. Their scripts call the API with what the person has in this one window. Everything comes from here; a page
talks to nobody but us and our homeserver, and its content security policy holds it to that.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
import structlog
from aiohttp import web

from bridge.domain.languages import LANGUAGES, OWN_NAMES
from bridge.domain.scopes import Scope
from bridge.locales import catalogue
from bridge.settings import Settings
from bridge.web.branding import Look, add_branding
from bridge.web.headers import DATA_CSP
from bridge.web.language import language_of, remember

_LOG = structlog.get_logger(__name__)

_HERE = Path(__file__).parent
BUILT = _HERE / "vendor" / "dist"
"""What `npm run build` in `vendor/` made; the wheel ships it."""
ELEMENT_CALL_SOURCE = "https://github.com/element-hq/element-call/tree/v{version}"
"""AGPL-3.0, 13: everybody who uses it over our network is offered its source. We serve it as published."""
NOT_BUILT = "The pages are not built yet. Run `npm ci` and `npm run build` in bridge/web/vendor, then restart.\n"

HASHED = "public, max-age=31536000, immutable"
FRESH = "no-cache"
ELEMENT_CALL_CONFIG = {"matrix_rtc_session": {"wait_for_key_rotation_ms": 5000}}


@dataclass(frozen=True, slots=True)
class _Built:
    page: dict[str, str]
    version: str
    warm: tuple[str, ...]
    inline: tuple[str, ...]


def _read_manifest(built: Path) -> _Built | None:
    try:
        manifest = json.loads((built / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    call = manifest["element_call"]
    return _Built(manifest["page"], call["version"], tuple(call["warm"]), tuple(call["inline"]))


class _Pages:
    def __init__(self, settings: Settings, built: Path, look: Look) -> None:
        self._settings = settings
        self._look = look
        self._built = _read_manifest(built)
        for language in LANGUAGES:
            catalogue(language)  # now, so that nobody waits for files
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        if self._built is None:
            _LOG.warning("pages_not_built", folder=str(built))

    async def home(self, request: web.Request) -> web.Response:
        return self._render(request, "home")

    async def join(self, request: web.Request) -> web.Response:
        return self._render(request, "join", token=request.match_info["token"])

    async def meeting(self, request: web.Request) -> web.Response:
        return self._render(request, "meeting", meeting_id=request.match_info["meeting_id"])

    async def transcript(self, request: web.Request) -> web.Response:
        return self._render(request, "transcript", meeting_id=request.match_info["meeting_id"])

    async def contractor(self, request: web.Request) -> web.Response:
        return self._render(request, "pass", token=request.match_info["token"])

    async def host(self, request: web.Request) -> web.Response:
        return self._render(request, "host", meeting_id=request.match_info["meeting_id"])

    async def contractors(self, request: web.Request) -> web.Response:
        return self._render(request, "contractors")

    async def plan(self, request: web.Request) -> web.Response:
        return self._render(request, "plan", meeting_id=request.match_info["meeting_id"])

    async def account(self, request: web.Request) -> web.Response:
        return self._render(request, "account", scopes=[scope.value for scope in Scope])

    async def access(self, request: web.Request) -> web.Response:
        return self._render(request, "access")

    async def accessibility(self, request: web.Request) -> web.Response:
        return self._render(request, "accessibility")

    async def onward(self, request: web.Request) -> web.Response:
        return self._render(request, "onward")

    async def search(self, request: web.Request) -> web.Response:
        return self._render(request, "search")

    def sign_in_problem(self, request: web.Request, kind: str, again: str, back: str, status: int) -> web.Response:
        """Render the page of a sign-in that did not work, with where to begin `again` ("": not here) and to go back."""
        response = self._render(request, "sign_in", kind=kind, again=again, back=back)
        if self._built is not None:
            response.set_status(status)
        return response

    def problem(self, request: web.Request, status: int, said: str) -> web.Response:
        """Render what a browser shows where there is no page for it: what happened, and what to do."""
        refused = "missing" if status == HTTPStatus.NOT_FOUND else "refused"
        kind = "away" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else refused
        t = catalogue(language_of(request)).text
        values = {"heading": t(f"oops_{kind}_heading"), "advice": t(f"oops_{kind}_text")}
        response = self._render(request, "problem", said=said if kind == "refused" else "", **values)
        response.set_status(status)
        return response

    async def element_call_config(self, _request: web.Request) -> web.Response:
        return web.json_response(ELEMENT_CALL_CONFIG, headers={"Cache-Control": FRESH})

    def element_call_policy(self) -> str:
        """What Element Call may do: run its own code, and reach homeservers and SFUs, which partners have anywhere."""
        inline = " ".join(f"'{digest}'" for digest in self._built.inline) if self._built else ""
        servers = f"{self._settings.homeserver.client_url} {self._settings.sfu.public_url}"
        sfu_over_http = self._settings.sfu.public_url.replace("ws", "http", 1)
        return "; ".join(
            (
                "default-src 'self'",
                f"script-src 'self' 'wasm-unsafe-eval' {inline}",
                "worker-src 'self' blob:",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "media-src 'self' data: blob:",
                "font-src 'self' data:",
                f"connect-src 'self' data: blob: https: wss: {servers} {sfu_over_http}",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'self'",
            )
        )

    def _render(self, request: web.Request, name: str, **values: Any) -> web.Response:  # noqa: ANN401  # template values
        if self._built is None:
            return web.Response(status=503, text=NOT_BUILT)
        built = self._built
        language = language_of(request)
        texts = catalogue(language)
        nonce = secrets.token_urlsafe(16)
        html = self._templates.get_template(f"{name}.html").render(
            t=texts.text,
            lang=language,
            languages=OWN_NAMES,
            look=self._look,
            nonce=nonce,
            script=f"{name}.js",
            script_strings=texts.script,
            asset=lambda file: f"/static/{built.page[file]}",
            captions_bot=self._settings.captions.bot_user,
            lobby=self._settings.meetings.lobby.value,
            mail=self._settings.mail is not None,
            element_call={
                "version": built.version,
                "source": ELEMENT_CALL_SOURCE.format(version=built.version),
                "warm": built.warm,
            },
            **values,
        )
        headers = {
            # A partner's Element Call, which the page opens in a window, is loaded anew by it.
            "Cross-Origin-Opener-Policy": "same-origin-allow-popups" if name == "join" else "same-origin",
            "Content-Security-Policy": self._policy(nonce, tests_network=name == "join"),
            "Content-Language": language,
            "Vary": "Accept-Language, Cookie",
            "Cache-Control": "no-store",
        }
        response = web.Response(text=html, content_type="text/html", headers=headers)
        remember(request, response)
        return response

    def _policy(self, nonce: str, *, tests_network: bool) -> str:
        servers = self._settings.homeserver.client_url
        if tests_network:
            servers += f" {self._settings.sfu.public_url}"
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'nonce-{nonce}'",
                "style-src 'self'",
                "img-src 'self' data:",
                "font-src 'self'",
                "media-src 'self' blob:",
                f"connect-src 'self' {servers}",
                "frame-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        )


class _Files:
    """The files below one folder, for anybody, with one policy."""

    def __init__(self, folder: Path, policy: str, hashed: str) -> None:
        self._folder = folder.resolve()
        self._policy = policy
        self._hashed = hashed

    async def get(self, request: web.Request) -> web.StreamResponse:
        tail = request.match_info["tail"] or "index.html"
        try:
            path = (self._folder / tail).resolve()
            found = path.is_relative_to(self._folder) and path.is_file()
        except (OSError, ValueError):  # a name that no file system takes
            found = False
        if not found:
            raise web.HTTPNotFound
        cache = HASHED if tail.startswith(self._hashed) else FRESH
        return web.FileResponse(path, headers={"Cache-Control": cache, "Content-Security-Policy": self._policy})


PAGES: web.AppKey[_Pages] = web.AppKey("pages", _Pages)


def add_pages(app: web.Application, settings: Settings, *, built: Path = BUILT) -> None:
    """Serve the pages, their files and Element Call; without built files the pages say how to build them."""
    pages = app[PAGES] = _Pages(settings, built, add_branding(app, settings.branding))
    call = _Files(built / "ec", pages.element_call_policy(), hashed="assets/")
    static = _Files(built / "page", DATA_CSP, hashed="")
    app.router.add_get("/", pages.home)
    app.router.add_get("/j/{token}", pages.join)
    app.router.add_get("/m/{meeting_id}", pages.meeting)
    app.router.add_get("/m/{meeting_id}/transcript", pages.transcript)
    app.router.add_get("/m/{meeting_id}/host", pages.host)
    app.router.add_get("/m/{meeting_id}/plan", pages.plan)
    app.router.add_get("/account", pages.account)
    app.router.add_get("/access", pages.access)
    app.router.add_get("/accessibility", pages.accessibility)
    app.router.add_get("/onward", pages.onward)
    app.router.add_get("/search", pages.search)
    app.router.add_get("/c/{token}", pages.contractor)
    app.router.add_get("/contractors", pages.contractors)
    app.router.add_get("/ec/config.json", pages.element_call_config)
    app.router.add_get("/ec/{tail:.*}", call.get)
    app.router.add_get("/static/{tail:.*}", static.get)
