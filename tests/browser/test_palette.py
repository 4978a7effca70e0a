# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The colours of the pages keep WCAG 2.2 AA: 4.5 to 1 for text (1.4.3), 3 to 1 for controls and focus (1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "bridge" / "web" / "static" / "css"
LIGHT, DARK = (CSS / "palette.css").read_text().split("@media (prefers-color-scheme: dark)")
THEMES = {
    name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text)) for name, text in (("light", LIGHT), ("dark", DARK))
}

CHOSEN: dict[str, dict[str, str]] = {}
for selectors, rule in re.findall(r"([^{}]*)\{([^}]*)\}", (CSS / "captions-colours.css").read_text()):
    for choice in re.findall(r'data-colours="(\w+)"', selectors):
        CHOSEN.setdefault(choice, {}).update(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule))

TEXT = [
    *(
        (ink, ground)
        for ink in ("ink", "ink-muted", "ink-faint", "link", "error-ink")
        for ground in ("ground", "surface")
    ),
    ("ink", "surface-sunken"),
    ("ink-muted", "surface-sunken"),
    ("link", "accent-soft"),
    ("ink", "accent-soft"),
    ("ink-muted", "accent-soft"),
    ("ink-faint", "surface-sunken"),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
    ("good-ink", "good-soft"),
    ("warning-ink", "warning-soft"),
    ("bar-ink", "bar"),
    ("bar-ink", "bar-button"),
    ("bar-ink", "bar-button-hover"),
]
CONTROLS = [
    ("line-strong", "surface"),
    ("line-strong", "surface-sunken"),
    ("accent", "surface"),
    ("accent", "surface-sunken"),
    ("focus", "surface"),
    ("focus", "ground"),
    ("live", "bar-button"),
]
# Colours over the camera's picture and on the red button do not follow the theme.
FIXED = [
    ("#eef4f5", "#1b2a30", 4.5),
    ("#ffffff", "#b3261e", 4.5),
    ("#ffffff", "#8f1c16", 4.5),
    ("#8f1c16", "#ffffff", 4.5),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_is_readable(theme: str, ink: str, ground: str) -> None:
    assert contrast(THEMES[theme][ink], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("part", "ground"), CONTROLS)
def test_controls_and_focus_are_visible(theme: str, part: str, ground: str) -> None:
    assert contrast(THEMES[theme][part], THEMES[theme][ground]) >= 3


@pytest.mark.parametrize(("ink", "ground", "least"), FIXED)
def test_fixed_colours_are_readable(ink: str, ground: str, least: float) -> None:
    assert contrast(ink, ground) >= least


def test_both_themes_have_every_colour_and_the_styles_use_no_others() -> None:
    assert THEMES["light"].keys() == THEMES["dark"].keys()
    styles = "".join((CSS / name).read_text() for name in ("base.css", "doors.css", "stage.css", "correct.css"))
    own = {"captions-size", "shadow"}
    assert set(re.findall(r"var\(--([\w-]+)", styles)) - own == THEMES["light"].keys() - {
        "danger",
        "danger-hover",
        "danger-ink",
    }


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("ink", ["ink", "ink-muted", "ink-faint", "link", "error-ink"])
def test_captions_are_readable_in_the_colours_that_people_choose(name: str, ink: str) -> None:
    assert contrast(CHOSEN[name][ink], CHOSEN[name]["surface"]) >= 7, "whoever chooses needs more than the least"


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("part", ["line-strong", "accent", "focus"])
def test_controls_are_visible_in_the_colours_that_people_choose(name: str, part: str) -> None:
    assert contrast(CHOSEN[name][part], CHOSEN[name]["surface"]) >= 3
    assert contrast(CHOSEN[name]["accent-ink"], CHOSEN[name]["accent"]) >= 4.5
