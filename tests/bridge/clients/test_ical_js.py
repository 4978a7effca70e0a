# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Calendars that the bridge writes, read by ical.js: another make of recurrence rules, and no time zones of its own."""

# ruff: noqa: DTZ001  # wall times of a zone that stands beside them

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.domain.invitation import Entry, Mailbox, cancellation, publication, request
from bridge.domain.recurrence import cancel_one, move_one, new_schedule, occurrences

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MOST = 60
READER = Mailbox("claire@partner.example", 'Claire Ériksson; "CL", ✨')

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules/ical.js").is_dir(),
    reason="needs node and `npm ci --prefix tests/bridge/clients`",
)


def read(calendar: bytes) -> dict:
    done = subprocess.run(["node", HERE / "read.mjs"], input=calendar, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def entry(number: int, rrule: str | None, start: datetime, zone: str = "Europe/Paris") -> Entry:
    schedule = new_schedule(
        f"m{number}@meet.example", start=start, zone=zone, duration=timedelta(minutes=50), rrule=rrule, now=NOW
    )
    title = "Comité; suivi, bilan\\n 🌉 " + "très " * 20
    text = "Rejoindre : https://meet.example/j/x\nMatrix : https://matrix.to/#/!x?via=y"
    return Entry(
        title, text, f"https://meet.example/m/{number}", Mailbox("meet@meet.example", "Anne"), schedule, "Passerelle"
    )


def expected(of: Entry) -> list[list[str]]:
    after = of.schedule.start.replace(tzinfo=UTC) - timedelta(5)
    found = occurrences(of.schedule, after, MOST)
    return [[f"{at:%Y-%m-%dT%H:%M:%S.000Z}" for at in (one.begin, one.end)] for one in found]


SERIES = [
    (None, datetime(2026, 12, 24, 18), "Europe/Paris"),
    ("FREQ=DAILY;COUNT=5", datetime(2027, 3, 26, 10), "Europe/Paris"),
    ("FREQ=WEEKLY;BYDAY=MO,TH", datetime(2027, 3, 1, 9), "America/New_York"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", datetime(2027, 2, 28, 10), "Australia/Lord_Howe"),
    ("FREQ=WEEKLY", datetime(2027, 1, 4, 10), "Africa/Casablanca"),
    ("FREQ=MONTHLY;BYDAY=-1FR", datetime(2027, 1, 29, 16), "Asia/Kathmandu"),
    ("FREQ=MONTHLY;BYMONTHDAY=31", datetime(2027, 1, 31, 16), "UTC"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", datetime(2027, 1, 29, 16), "Europe/London"),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", datetime(2027, 3, 28, 9, 30), "Europe/Dublin"),
    ("FREQ=WEEKLY;UNTIL=20270426T070000Z", datetime(2027, 3, 1, 9), "Europe/Paris"),
    ("FREQ=WEEKLY", datetime(2027, 1, 4, 10), "America/Sao_Paulo"),
]


def test_it_finds_the_same_times_whatever_the_rule_and_the_zone():
    entries = [entry(number, *terms) for number, terms in enumerate(SERIES)]
    found = read(publication(entries, NOW, name="Réunions"))
    assert found["method"] == "PUBLISH"
    assert [event["attendee"] for event in found["events"]] == [None] * len(entries)
    for event, one in zip(found["events"], entries, strict=True):
        assert event["begins"] == expected(one), one.schedule
        assert event["summary"] == one.title.strip()


def test_it_moves_and_drops_single_occurrences():
    series = entry(1, "FREQ=WEEKLY;COUNT=5", datetime(2027, 3, 15, 10))
    first, second, third = (series.schedule.start + timedelta(7 * n) for n in range(3))
    moved = move_one(cancel_one(series.schedule, second), third, datetime(2027, 3, 31, 15), timedelta(hours=2))
    changed = Entry(series.title, series.description, series.url, series.organizer, moved, series.service)
    (event,) = read(request(changed, READER, NOW))["events"]
    assert sorted(event["begins"]) == expected(changed)
    assert len(event["begins"]) == 4
    assert first in {one.recurrence_id for one in occurrences(moved, NOW)}
    assert event["sequence"] == 2


def test_it_reads_who_is_invited_where_to_and_that_it_was_cancelled():
    one = entry(7, None, datetime(2026, 12, 24, 18))
    found = read(request(one, READER, NOW))
    (event,) = found["events"]
    assert found["method"] == "REQUEST"
    assert event["attendee"] == ["mailto:claire@partner.example", "Claire Ériksson; 'CL', ✨", "NEEDS-ACTION"]
    assert event["organizer"] == "mailto:meet@meet.example"
    assert (event["description"], event["uid"]) == (one.description, "m7@meet.example")
    assert [event[name] for name in ("url", "location", "conference")] == [one.url] * 3
    found = read(cancellation(one, READER, NOW))
    assert (found["method"], found["events"][0]["status"]) == ("CANCEL", "CANCELLED")
