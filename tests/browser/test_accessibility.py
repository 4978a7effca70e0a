# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every state of every page, in each language, light and dark, on desktops and telephones, for everybody's use.

axe finds nothing wrong by WCAG 2.2 A and AA, nothing runs sideways at 320 px (1.4.10: the same as 400 % zoom), and the
keyboard alone reaches every control and shows where it is. Element Call's own frame is left out: it is not ours to
change. The pictures in build/browser/screens are for people to look at.

`make test` looks at each state in one language and two faces, all four turn by turn; `make test-browser` at all, where
the keyboard, which knows no language, walks each state once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from bridge.domain.languages import LANGUAGES
from bridge.settings import OidcSettings
from bridge.web.app import build_public
from bridge.web.context import Services
from tests.browser.conftest import settings_for
from tests.browser.door_table import DoorTable
from tests.browser.small_archive import hit, past
from tests.browser.views import ELSEWHERE, NOT_PAGES, VIEWS, View

ROOT = Path(__file__).parents[2]
AXE = ROOT / "bridge" / "web" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ROOT / "build" / "browser" / "screens"
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run({ exclude: ["#widget"] }, { runOnly: tags });
  const say = (id, { html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`;
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => say(id, node)));
}"""
PAINTED = """async () => {
  const moves = () => document.getAnimations().some((one) => one instanceof CSSTransition);
  for (let calm = 0, frames = 0; calm < 3 && frames < 200; frames++) {
    await new Promise(requestAnimationFrame);
    calm = moves() ? 0 : calm + 1;
  }
}"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
REACHABLE = """() => {
  const top = document.querySelector("dialog[open]") ?? document;
  const controls = top.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  const used = [...controls].filter((control) => control.checkVisibility({ visibilityProperty: true })
    && !control.disabled && control.tabIndex >= 0);
  const groups = new Set();
  return used.filter((control) => {  // of radio buttons the keyboard reaches one
    if (control.type !== "radio") return true;
    if (groups.has(control.name)) return false;
    return Boolean(groups.add(control.name));
  }).length;
}"""
FOCUS = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body || focused.tagName === "IFRAME") return null;
  window.walked ??= new Map();
  if (!window.walked.has(focused)) window.walked.set(focused, window.walked.size);
  const style = getComputedStyle(focused);
  const box = focused.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const name = focused.id || focused.textContent.trim().slice(0, 40);
  const group = focused.type === "radio" ? focused.name : "";
  return { number: window.walked.get(focused), group, name, seen, outlined };
}"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci, in bridge/web/vendor")


@dataclass(frozen=True, slots=True)
class Face:
    """In which colours and on which screen somebody looks at a page."""

    scheme: Literal["light", "dark"]
    width: int
    height: int


FACES = tuple(Face(scheme, *size) for scheme in ("light", "dark") for size in ((1280, 800), (390, 844)))
TURNS = ((FACES[0], FACES[3]), (FACES[1], FACES[2]))
TURN = [(view, LANGUAGES[number % 3], TURNS[number % 2]) for number, view in enumerate(VIEWS)]
ALL = [(view, language, FACES) for view, language in itertools.product(VIEWS, LANGUAGES)]


def test_every_route_that_answers_a_page_is_in_the_table() -> None:
    oidc = OidcSettings(issuer="https://idp.example", client_id="passerelle", client_secret="not used here")  # type: ignore[arg-type]
    settings = settings_for("https://meet.example").model_copy(update={"oidc": oidc})
    app = build_public(cast("Services", SimpleNamespace(settings=settings)))
    routes = {
        route.resource.canonical
        for route in app.router.routes()
        if route.method == "GET" and route.resource is not None
    }
    known = {view.route for view in VIEWS} - {ELSEWHERE} | NOT_PAGES.keys()
    assert {route for route in routes if not route.startswith(("/api/", "/livekit/"))} == known


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def contexts(browser: Browser) -> AsyncIterator[dict[str, BrowserContext]]:
    opened = {language: await browser.new_context(locale=language) for language in LANGUAGES}
    yield opened
    for context in opened.values():
        await context.close()


@pytest.fixture(scope="module")
def found(door_table: DoorTable) -> Iterator[dict[str, Any]]:
    """What axe found, over all: build/browser/accessibility.json."""
    total = {"states": len(VIEWS), "looks": 0, "axe_violations": 0}
    yield total
    door_table.axe(total["axe_violations"])
    SCREENS.parent.mkdir(parents=True, exist_ok=True)
    (SCREENS.parent / "accessibility.json").write_text(json.dumps(total, indent=2))
    print(f"\naxe: {total['axe_violations']} violations in {total['looks']} looks at {total['states']} states")


def ids(one: object) -> str:
    return one.name if isinstance(one, View) else one if isinstance(one, str) else ""


@pytest.mark.parametrize(("view", "language", "faces"), TURN, ids=ids)
async def test_a_state_of_a_page_is_for_everybody(contexts, small_bridge, found, view, language, faces) -> None:
    await look(contexts[language], small_bridge, found, view, language, faces)


@pytest.mark.long
@pytest.mark.parametrize(("view", "language", "faces"), ALL, ids=ids)
async def test_a_state_of_a_page_is_for_everybody_everywhere(
    contexts, small_bridge, found, view, language, faces
) -> None:
    await look(contexts[language], small_bridge, found, view, language, faces, by_keyboard=language == LANGUAGES[0])


async def look(
    context: BrowserContext,
    small_bridge: Any,
    found: dict[str, Any],
    view: View,
    language: str,
    faces: tuple[Face, ...],
    *,
    by_keyboard: bool = True,
) -> None:
    small_bridge.say(id="a", text="Le pont sera ouvert.", start_ms=1)
    small_bridge.say(id="b", text="Le pont sera ouv", stable_chars=8, final=False, start_ms=2)
    small_bridge.plans.plan()
    small_bridge.meetings[0]["agenda"] = "1. Budget\n2. Any other business"
    small_bridge.archive.hits = [hit("pont")]
    small_bridge.archive.history = [past("Et la déviation !", "Et la déviation ?")]
    page = await context.new_page()
    faults: list[str] = []
    try:
        await wear(page, FACES[0])
        await view.show(page, small_bridge.url)
        await page.evaluate(AXE.read_text())
        for face in faces:
            await wear(page, face)
            wrong = await page.evaluate(RUN)
            found["looks"] += 1
            found["axe_violations"] += len(wrong)
            faults += [f"{face}: {fault}" for fault in wrong]
            await picture(page, view, language, face)
        await wear(page, Face("light", 320, 640))
        if (sideways := await page.evaluate(SIDEWAYS)) > 0:
            faults.append(f"320 px: the page runs {sideways} px sideways")
        faults += await walk(page) if by_keyboard else []
    finally:
        await page.close()
    assert faults == []


async def wear(page: Page, face: Face) -> None:
    await page.emulate_media(color_scheme=face.scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": face.width, "height": face.height})
    await page.evaluate(PAINTED)


async def picture(page: Page, view: View, language: str, face: Face) -> None:
    folder = SCREENS / f"{language}-{face.width}{'-dark' if face.scheme == 'dark' else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=folder / f"{view.name}.png", full_page=True)


async def walk(page: Page) -> list[str]:
    """Press Tab until nothing new comes; return what the keyboard does not reach, or where its focus is not seen."""
    wanted, faults, reached = await page.evaluate(REACHABLE), [], set()
    await page.evaluate("() => document.activeElement?.blur()")
    for _ in range(3 * wanted + 10):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUS)
        if focused is None:
            continue
        number = focused["group"] or focused["number"]
        if number in reached and len(reached) >= wanted:
            break
        reached.add(number)
        if not (focused["seen"] and focused["outlined"]):
            faults.append(f"the focus is not seen on {focused['name']} {focused}")
    if len(reached) < wanted:
        faults.append(f"the keyboard reaches {len(reached)} of {wanted} controls")
    return list(dict.fromkeys(faults))
