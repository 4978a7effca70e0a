# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Can people read an operator's colour, and is a logo a picture and nothing else?

One accent is given, for light pages; the others are worked out from it so that each pair that the pages use keeps WCAG
2.2 AA (1.4.3, 1.4.11). What cannot be read is refused with the nearest colour that can.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from xml.etree import ElementTree

AA_TEXT = 4.5
MAX_LOGO = 100_000
"""Bytes. Stops: a photograph that every page of every guest loads."""
MAX_PIXELS = 2048
"""Of a side. Stops: pictures that a telephone cannot unpack."""

Rgb = tuple[int, int, int]
_WHITE: Rgb = (255, 255, 255)
_BLACK: Rgb = (0, 0, 0)
_LIGHT_GROUND: Rgb = (0xEA, 0xF0, 0xF1)
"""The darkest ground that stands below links in light pages; `palette.css` calls it surface-sunken."""
_DARK_GROUND: Rgb = (0x20, 0x2D, 0x33)
_DARK_INK: Rgb = (0x06, 0x14, 0x17)
_STEPS = 50

PNG = "image/png"
_PNG = b"\x89PNG\r\n\x1a\n"
_ACTIVE = re.compile(r"\}?(script|foreignObject|iframe|handler|set|animate\w*)$", re.IGNORECASE)


SERVICE = "Passerelle"
ACCENT = "#0b5f66"
"""What the service is called and its colour, as it comes; `palette.css` has the colour, too."""


@dataclass(frozen=True, slots=True)
class Brand:
    """How letters and calendars show who sends them. `picture` is a PNG, the one kind that mail programs show."""

    service: str = SERVICE
    accent: str = ACCENT
    picture: bytes = b""
    operator: str = ""
    legal: str = ""
    privacy: str = ""


@dataclass(frozen=True, slots=True)
class Accent:
    """The colours of buttons and links, light and dark, as palette.css names them."""

    light: dict[str, str]
    dark: dict[str, str]

    def css(self) -> str:
        """Return the style sheet that puts them over the palette."""
        light, dark = (" ".join(f"--{name}: {colour};" for name, colour in part.items()) for part in self._parts())
        return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"

    def _parts(self) -> tuple[dict[str, str], dict[str, str]]:
        return self.light, self.dark


def accent_of(text: str) -> Accent:
    """Return the colours that follow from one accent; `ValueError` says which would do where it cannot be read."""
    accent = _parse(text)
    if not _fits_light(accent):
        nearest = next(mixed for step in range(_STEPS + 1) if _fits_light(mixed := _mix(accent, _BLACK, step / _STEPS)))
        worst = min(contrast(accent, _WHITE), contrast(accent, _LIGHT_GROUND))
        msg = f"{text} cannot be read: {worst:.1f} to 1, WCAG AA asks for {AA_TEXT} to 1; {_hex(nearest)} would do"
        raise ValueError(msg)
    bright = next(mixed for step in range(_STEPS + 1) if _fits_dark(mixed := _mix(accent, _WHITE, step / _STEPS)))
    light = {"accent": accent, "accent-hover": _mix(accent, _BLACK, 0.2), "accent-ink": _WHITE, "link": accent}
    light["accent-soft"] = _softest(accent, _WHITE)
    dark = {"accent": bright, "accent-hover": _mix(bright, _WHITE, 0.25), "accent-ink": _DARK_INK, "link": bright}
    dark["accent-soft"] = _softest(bright, _DARK_INK)
    return Accent(*({name: _hex(colour) for name, colour in part.items()} for part in (light, dark)))


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours as WCAG 2 has it, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def logo_type(content: bytes) -> str:
    """Return the media type of a logo; `ValueError` says what is wrong with any other file."""
    if len(content) > MAX_LOGO:
        msg = f"is larger than {MAX_LOGO} bytes"
        raise ValueError(msg)
    if content.startswith(_PNG):
        width, height = struct.unpack(">II", content[16:24]) if len(content) >= 24 else (0, 0)
        if not (0 < width <= MAX_PIXELS and 0 < height <= MAX_PIXELS):
            msg = f"must have between 1 and {MAX_PIXELS} pixels a side"
            raise ValueError(msg)
        return PNG
    _require_still_svg(content)
    return "image/svg+xml"


def _require_still_svg(content: bytes) -> None:
    """Refuse what is no SVG, and one that runs code or fetches anything."""
    try:
        if b"<!DOCTYPE" in content.upper() or b"<!ENTITY" in content.upper():
            msg = "must have no document type"
            raise ValueError(msg)
        root = ElementTree.fromstring(content)  # noqa: S314  # without a document type nothing expands
    except (ElementTree.ParseError, LookupError) as error:
        msg = "is neither an SVG nor a PNG file"
        raise ValueError(msg) from error
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        msg = "is neither an SVG nor a PNG file"
        raise ValueError(msg)
    for part in root.iter():
        links = [value for name, value in part.attrib.items() if name.endswith("href")]
        scripts = [name for name in part.attrib if name.lower().startswith("on")]
        texts = " ".join([*part.attrib.values(), part.text or ""]).lower()
        fetches = "url(" in texts.replace("url(#", "") or "@import" in texts
        if _ACTIVE.search(str(part.tag)) or scripts or fetches or any(not link.startswith("#") for link in links):
            msg = "must be a still picture: no scripts, no animation, nothing from elsewhere"
            raise ValueError(msg)


def _fits_light(colour: Rgb) -> bool:
    return all(contrast(colour, ground) >= AA_TEXT for ground in (_WHITE, _LIGHT_GROUND))


def _fits_dark(colour: Rgb) -> bool:
    return all(contrast(colour, other) >= AA_TEXT for other in (_DARK_GROUND, _DARK_INK))


def _softest(colour: Rgb, ground: Rgb) -> Rgb:
    """Return a ground tinted by the colour on which the colour itself is still read."""
    tints = (_mix(ground, colour, share / 100) for share in range(16, -1, -2))
    return next(tint for tint in tints if contrast(colour, tint) >= AA_TEXT)


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _parse(text: str) -> Rgb:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        msg = f"{text!r} is no colour; one looks like #0b5f66"
        raise ValueError(msg)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _luminance(colour: Rgb) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
