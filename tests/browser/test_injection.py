# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What strangers write is words and nothing else: 200 strings through every place where their words come out again.

Transcripts as files have theirs in tests/bridge/domain/test_transcript_files.py.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import structlog
from playwright.async_api import expect

from bridge.domain.invitation import Entry, Mailbox, publication
from bridge.domain.recurrence import new_schedule, parse_local
from bridge.web.exports import attachment
from tests.browser.small_archive import hit

RUN = "window.ran=1"
SCRIPTS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg/onload={RUN}>",
    f"</script><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"' onmouseover='{RUN}",
    f"javascript:{RUN}",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"<iframe srcdoc='<script>parent.{RUN[7:]}</script>'>",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"<math><mtext></mtext><script>{RUN}</script>",
    f"<a href='javascript:{RUN}'>x</a>",
    f"<details open ontoggle={RUN}>",
]
LINES = [
    "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:forged",
    "x\nATTENDEE:mailto:forged@evil.example",
    "x\r\rDTSTART:20300101T000000Z",
    "x\x0bEND:VCALENDAR\x0c",
    "x\u2028END:VCALENDAR\u2029BEGIN:VCALENDAR",
    "x\x85END:VEVENT",
    "x\n\n00:00:01.000 --> 00:00:09.000\nforged",
    "x --> 00:00:09.000",
    "NOTE x\n\nSTYLE\n::cue{}",
    '{"event": "forged", "level": "error"}',
    'x"}\n{"event": "forged"}',
    "\x1b[2J\x1b[31mforged",
    "../../etc/passwd",
    "x\r\nSet-Cookie: forged=1",
    'x"; filename="forged.exe',
]
AROUND = ["{}", "Anne {}", "{} é", "\u202e{}", "{}\\", ",;:{}", "\ufeff{}"]
STRINGS = [around.format(one) for around, one in itertools.product(AROUND, [*SCRIPTS, *LINES])][:200]
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_there_are_two_hundred() -> None:
    assert len(set(STRINGS)) == len(STRINGS) == 200


def test_a_calendar_has_the_lines_that_we_wrote() -> None:
    schedule = new_schedule(
        "uid", start=parse_local("2030-01-02T09:00"), zone="UTC", duration=timedelta(hours=1), rrule=None, now=NOW
    )
    plain = _properties(publication([Entry("x", "x", "https://x", Mailbox("a@x", "x"), schedule, "x")], NOW, name="x"))
    for text in STRINGS:
        entry = Entry(text, text, "https://x", Mailbox("a@x", text), schedule, text)
        assert _properties(publication([entry], NOW, name=text)) == plain, text


def _properties(calendar: bytes) -> list[str]:
    unfolded = calendar.decode().replace("\r\n ", "")
    return [line.partition(":")[0].partition(";")[0] for line in unfolded.split("\r\n")]


def test_a_files_name_is_one_header() -> None:
    for text in STRINGS:
        header = attachment(text, "txt")
        assert header.isprintable()
        assert header.isascii()
        assert header.count('"') == 2
        assert "/" not in header


def test_a_log_line_is_one_line() -> None:
    render = structlog.processors.JSONRenderer()
    for text in STRINGS:
        line = render(None, "info", {"event": "said", "pii.text": text})
        assert len(str(line).splitlines()) == 1
        assert json.loads(line) == {"event": "said", "pii.text": text}


async def test_nothing_runs_in_a_browser(browser, small_bridge) -> None:
    page = await browser.new_page(locale="en-GB")
    page.on("dialog", lambda dialog: dialog.dismiss())
    numbered = list(enumerate(STRINGS))
    small_bridge.meetings = [small_bridge.meeting(text) | {"id": f"m{n}", "agenda": text} for n, text in numbered]
    small_bridge.archive.hits = [hit(text) for text in STRINGS]
    small_bridge.plans.invitees = [
        {"id": str(n), "address": text, "name": text, "language": "en", "state": "sent"} for n, text in numbered
    ]
    small_bridge.plans.tokens = [small_bridge.plans.tokens[0] | {"id": str(n), "name": text} for n, text in numbered]
    await page.goto(f"{small_bridge.url}/#code=good")
    await expect(page.locator("#meetings li")).to_have_count(200)
    assert await page.evaluate("window.ran") is None
    await page.goto(f"{small_bridge.url}/m/m0/plan#code=good")
    await expect(page.locator("#invitees li")).to_have_count(200)
    assert await page.evaluate("window.ran") is None
    await page.goto(f"{small_bridge.url}/account#code=good")
    await expect(page.locator("#tokens li")).to_have_count(200)
    assert await page.evaluate("window.ran") is None
    await page.goto(f"{small_bridge.url}/search#code=good")
    await page.locator("#search-words").fill("x")
    await page.locator("#search-start").click()
    await expect(page.locator(".result")).to_have_count(200)
    assert await page.evaluate("window.ran") is None
    for number, text in numbered:
        small_bridge.say(id=f"s{number}", text=text, display_name=text, start_ms=number)
    await page.goto(f"{small_bridge.url}/m/m0#code=good")
    await page.locator("#staff-join").click()
    await expect(page.locator("#captions-lines")).to_contain_text(STRINGS[-1].strip()[:5])
    assert await page.evaluate("window.ran") is None
    assert [frame.url for frame in page.frames if "srcdoc" in frame.url] == []
    await page.close()
    print(f"\nS4: {len(STRINGS)} strings through five pages: no script ran")
