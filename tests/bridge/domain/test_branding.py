# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Operators' colours stay readable, and their logos are still pictures."""

from __future__ import annotations

import re
import struct

import pytest

from bridge.domain.branding import AA_TEXT, MAX_LOGO, _parse, accent_of, contrast, logo_type

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">%s</svg>'


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


@pytest.mark.parametrize("colour", ["#0b5f66", "#000000", "#000091", "#7a1f5c", "#004b8d", "#8a2b06", "#3d5c00"])
def test_what_follows_from_a_colour_is_read_in_every_pair_that_the_pages_use(colour: str) -> None:
    accent = accent_of(colour)
    assert accent.light["accent"] == colour
    for part, grounds in ((accent.light, ("#ffffff", "#f3f6f7", "#eaf0f1")), (accent.dark, ("#10171a", "#182227"))):
        colours = {name: _parse(text) for name, text in part.items()}
        for ground in (*map(_parse, grounds), colours["accent-soft"]):
            assert contrast(colours["link"], ground) >= AA_TEXT
        assert contrast(colours["accent-ink"], colours["accent"]) >= AA_TEXT
        assert contrast(colours["accent-ink"], colours["accent-hover"]) >= AA_TEXT
    assert accent.css().count("--accent:") == 2


@pytest.mark.parametrize("colour", ["#ffcc00", "#ffffff", "#00a0ff", "#6fd0c6", "#ff0000"])
def test_a_colour_that_cannot_be_read_is_refused_with_one_that_can(colour: str) -> None:
    with pytest.raises(ValueError, match="would do") as refused:
        accent_of(colour)
    (instead,) = re.findall(r"; (#[0-9a-f]{6}) would do", str(refused.value))
    assert accent_of(instead).light["accent"] == instead


@pytest.mark.parametrize("text", ["red", "#fff", "#0b5f6", "", "#0b5f66;}", "#0b5f66 "])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no colour"):
        accent_of(text)


def test_still_pictures_are_logos() -> None:
    assert logo_type(SVG % b'<defs><path id="a" d="M0 0"/></defs><g fill="url(#a)"/>') == "image/svg+xml"
    assert logo_type(png(64, 64)) == "image/png"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<html/>",
        b"<svg/>",
        b"<svg",
        png(4096, 1),
        png(0, 1),
        b"\x89PNG\r\n\x1a\n",
        SVG % (b"x" * MAX_LOGO),
        SVG % b"<script>alert(1)</script>",
        SVG % b'<g onload="alert(1)"/>',
        SVG % b'<image href="https://tracker.example/"/>',
        SVG % b'<image xmlns:x="http://www.w3.org/1999/xlink" x:href="data:image/png;base64,AA"/>',
        SVG % b"<foreignObject/>",
        SVG % b'<rect fill="url(https://tracker.example/)"/>',
        SVG % b'<style>@import "https://tracker.example/";</style>',
        SVG % b'<set attributeName="href" to="javascript:alert(1)"/>',
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG % b"<text>&a;</text>",
    ],
)
def test_nothing_else_is(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"SVG|pixels|larger|still|document type"):
        logo_type(content)
