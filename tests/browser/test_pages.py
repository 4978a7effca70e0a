# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The pages as HTTP: what they may load, what they say of themselves, and which files leave this machine."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from bridge.domain.languages import LANGUAGES
from bridge.settings import Settings
from bridge.web.pages import BUILT
from tests.browser.conftest import serve_pages

PAGES = ("/", "/j/some-token", "/m/m", "/m/m/transcript", "/m/m/plan", "/account", "/search", "/c/t", "/contractors")
Client = TestClient[web.Request, web.Application]


class Outline(HTMLParser):
    """What an accessibility checker looks at first."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.labelled: list[bool] = []
        self._labels = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if identity := attributes.get("id"):
            self.ids.append(identity)
        self._labels += tag == "label"
        if tag in {"input", "select", "meter"}:
            self.labelled.append(self._labels > 0 or "aria-label" in attributes)

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a folder as `npm run build` leaves it, with tiny files."""
    names = [
        "account.js",
        "contractors.js",
        "home.js",
        "join.js",
        "pass.js",
        "meeting.js",
        "plan.js",
        "search.js",
        "transcript.js",
        "pages.css",
        "host.css",
        "transcript.css",
        "favicon.svg",
    ]
    manifest = {
        "page": {name: name.replace(".", "-HASH.") for name in names},
        "element_call": {"version": "9.9.9", "warm": ["/ec/assets/index.js"], "inline": ["sha256-abc="]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "home-HASH.js").write_text("export {};")
    (tmp_path / "ec" / "assets").mkdir(parents=True)
    (tmp_path / "ec" / "index.html").write_text("<!doctype html><title>Element Call</title>")
    (tmp_path / "ec" / "config.json").write_text('{"theirs": true}')
    (tmp_path / "ec" / "assets" / "index.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("not for the world")
    return tmp_path


@pytest_asyncio.fixture(loop_scope="session")
async def client(built: Path, page_settings: Settings) -> AsyncIterator[Client]:
    app = web.Application()
    serve_pages(app, page_settings, built)
    async with TestClient(TestServer(app)) as running:
        yield running


async def get(client: Client, path: str, **headers: str) -> tuple[int, str, Any]:
    response = await client.get(URL(path, encoded=True), headers=headers)
    return response.status, await response.text(), response.headers


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_only_the_script_that_it_names_and_talks_to_us_and_our_homeserver(
    client: Client, path: str
) -> None:
    status, html, headers = await get(client, path)
    assert status == 200
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    nonce = re.fullmatch(r"'nonce-([\w-]{20,})'", policy["script-src"])
    assert nonce
    assert policy["default-src"] == "'none'"
    media = " wss://sfu.example.org" if path.startswith("/j/") else ""  # where a link's holder tries the network
    assert policy["connect-src"] == f"'self' https://matrix.example.org{media}"
    assert policy["frame-ancestors"] == "'none'"
    scripts = [attributes for tag, attributes in Outline(html).tags if tag == "script"]
    runnable = [attributes for attributes in scripts if attributes["type"] != "application/json"]
    assert [attributes["nonce"] for attributes in runnable] == [nonce[1]]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_inline_handlers_styles_or_anything_from_elsewhere(client: Client, path: str) -> None:
    for tag, attributes in Outline((await get(client, path))[1]).tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert "style" not in attributes
        assert tag != "style"
        for name in ("src", "href", "action"):
            address = attributes.get(name) or "/"
            if address.startswith("http"):  # the offer of Element Call's source is a link that somebody may follow
                assert (tag, name) == ("a", "href")
                assert address == "https://github.com/element-hq/element-call/tree/v9.9.9"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_page_says_its_language_and_everything_in_it_has_a_name(
    client: Client, path: str, language: str
) -> None:
    _, html, headers = await get(client, path, **{"Accept-Language": f"{language};q=0.8, nl"})
    outline = Outline(html)
    tags = outline.tags
    assert dict(tags)["html"] == {"lang": language}
    assert headers["Content-Language"] == language
    assert "Accept-Language" in headers["Vary"]
    assert all(outline.labelled)
    assert len(outline.ids) == len(set(outline.ids))
    assert any(tag == "main" for tag, _ in tags)
    assert any(tag == "h1" for tag, _ in tags)
    for tag, attributes in tags:
        if tag == "img":
            assert "alt" in attributes
        if tag == "svg":
            assert attributes["aria-hidden"] == "true"
        for reference in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            for identity in (attributes.get(reference) or "").split():
                assert identity in outline.ids


async def test_the_language_can_be_chosen_in_the_address(client: Client) -> None:
    status, html, headers = await get(client, "/?lang=fr", **{"Accept-Language": "en"})
    assert status == 200
    assert "Se connecter" in html
    assert 'href="/?lang=en"' in html
    assert 'href="/?lang=de"' in html
    cookie = headers["Set-Cookie"].split(";")[0]
    _, html, headers = await get(client, "/search", **{"Accept-Language": "en", "Cookie": cookie})
    assert "Connectez-vous" in html, "the choice holds for the other pages"
    assert "Set-Cookie" not in headers


async def test_nonces_are_never_used_twice(client: Client) -> None:
    policies = {(await get(client, "/"))[2]["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


async def test_a_token_from_the_address_cannot_leave_its_place_in_the_page(client: Client) -> None:
    _, html, _ = await get(client, "/j/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%26next=%2F%2Fevil")
    assert "<script>alert" not in html
    tags = Outline(html).tags
    assert dict(tags)["body"]["data-token"] == '"><script>alert(1)</script>&next=//evil'
    sign_in = next(attributes["href"] for _, attributes in tags if attributes.get("id") == "staff-sign-in")
    assert sign_in
    assert URL(sign_in).query == {"next": '/j/"><script>alert(1)</script>&next=//evil'}


async def test_files_keep_their_hash_for_a_year_and_element_call_may_only_be_framed_by_us(client: Client) -> None:
    status, _, headers = await get(client, "/static/home-HASH.js")
    assert status == 200
    assert "immutable" in headers["Cache-Control"]
    status, _, headers = await get(client, "/ec/index.html")
    assert status == 200
    assert headers["Cache-Control"] == "no-cache"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert "'sha256-abc='" in headers["Content-Security-Policy"]
    assert "wss://sfu.example.org https://sfu.example.org" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"].replace("wasm-unsafe-eval", "")
    assert "immutable" in (await get(client, "/ec/assets/index.js"))[2]["Cache-Control"]


async def test_element_call_gets_our_configuration_and_not_the_published_one(client: Client) -> None:
    status, text, _ = await get(client, "/ec/config.json")
    assert status == 200
    assert json.loads(text) == {"matrix_rtc_session": {"wait_for_key_rotation_ms": 5000}}


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/",
        "/static/../manifest.json",
        "/static/%2e%2e/secret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static//etc/passwd",
        "/ec/..%2f..%2fsecret.txt",
        "/ec/assets",
        "/ec/%00",
        "/ec/" + "a" * 5000,
    ],
)
async def test_no_other_file_leaves_this_machine(client: Client, path: str) -> None:
    status, text, _ = await get(client, path)
    assert status == 404
    assert "not for the world" not in text


async def test_pages_that_are_not_built_say_how_to_build_them(tmp_path: Path, page_settings: Settings) -> None:
    app = web.Application()
    serve_pages(app, page_settings, tmp_path / "nowhere")
    async with TestClient(TestServer(app)) as client:
        status, text, _ = await get(client, "/")
        assert status == 503
        assert "npm run build" in text
        assert (await get(client, "/ec/index.html"))[0] == 404


@pytest.mark.skipif(not (BUILT / "manifest.json").exists(), reason="the pages are not built")
def test_each_page_has_less_than_250_kb_of_our_own() -> None:
    """Script, style and icon before compression, with the letters of the font that our languages use."""
    page = json.loads((BUILT / "manifest.json").read_text())["page"]
    sizes = {name: (BUILT / "page" / file).stat().st_size for name, file in page.items()}
    (font,) = (BUILT / "page").glob("inter-latin-wght-normal-*.woff2")
    shared = sizes["pages.css"] + sizes["favicon.svg"] + font.stat().st_size
    heaviest = max((shared + size, name) for name, size in sizes.items() if name.endswith(".js"))
    print(f"\nheaviest page of our own: {heaviest[1]} with {heaviest[0]} bytes")
    assert heaviest[0] < 250_000
