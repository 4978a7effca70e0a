# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The pages as an operator's own: name, logo, colour, contact; and who is to blame where a setting cannot be."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ValidationError

from bridge.settings import BrandingSettings
from tests.browser.conftest import serve_pages
from tests.browser.test_pages import built as built

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


async def test_pages_carry_the_operators_name_logo_colour_and_contact(built, page_settings, tmp_path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_bytes(LOGO)
    branding = BrandingSettings(
        name="Visio <b>Lyon</b>", logo=logo, accent="#000091", operator="Lyon", contact="mailto:a11y@lyon.example"
    )
    app = web.Application()
    serve_pages(app, page_settings.model_copy(update={"branding": branding}), built)
    async with TestClient(TestServer(app)) as client:
        html = await (await client.get("/")).text()
        assert "Visio &lt;b&gt;Lyon&lt;/b&gt;" in html
        assert "Passerelle</span>" not in html
        colours = await client.get("/branding/colours.css")
        assert "--accent: #000091;" in await colours.text()
        picture = await client.get("/branding/logo")
        assert (picture.content_type, await picture.read()) == ("image/svg+xml", LOGO)
        assert "sandbox" in picture.headers["Content-Security-Policy"]
        statement = await (await client.get("/accessibility", headers={"Accept-Language": "fr"})).text()
        assert 'href="mailto:a11y@lyon.example"' in statement
        assert "non conformes" in statement


async def test_without_branding_nothing_more_is_loaded(built, page_settings) -> None:
    app = web.Application()
    serve_pages(app, page_settings, built)
    async with TestClient(TestServer(app)) as client:
        assert "/branding/" not in await (await client.get("/")).text()
        assert (await client.get("/branding/logo")).status == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"accent": "#ffcc00"}, "would do"),
        ({"logo": "/nowhere/logo.svg"}, "No such file"),
        ({"contact": "javascript:alert(1)"}, "pattern"),
        ({"legal_url": "http://plain.example"}, "pattern"),
        ({"name": ""}, "at least 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_to_change(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        BrandingSettings.model_validate(wrong)
