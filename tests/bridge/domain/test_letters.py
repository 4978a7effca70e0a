# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.letters import NEVER, RETRIES, Letter, owed, retry_after, version_of
from bridge.domain.recurrence import cancel_one, new_schedule

START = datetime(2027, 3, 15, 10)  # noqa: DTZ001  # wall time


@pytest.mark.parametrize(
    ("told", "version", "off", "letter"),
    [
        (NEVER, 0, False, Letter.INVITATION),
        (NEVER, 3, False, Letter.INVITATION),
        (NEVER, 3, True, None),
        (0, 0, False, None),
        (0, 1, False, Letter.UPDATE),
        (3, 3, False, None),
        (3, 9, False, Letter.UPDATE),
        (3, 4, True, Letter.CANCELLATION),
        (3, 3, True, Letter.CANCELLATION),
    ],
)
def test_one_letter_tells_the_difference_whatever_happened_in_between(told, version, off, letter):
    assert owed(told, version, off=off) is letter


def test_a_date_a_change_and_a_cancelled_occurrence_are_all_news():
    schedule = new_schedule(
        "u", start=START, zone="UTC", duration=timedelta(hours=1), rrule="FREQ=DAILY;COUNT=3",
        now=datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    versions = [version_of(None), version_of(schedule), version_of(cancel_one(schedule, START))]
    assert versions == sorted(set(versions))


def test_a_letter_is_tried_for_days_and_then_given_up():
    waits = [retry_after(failures) for failures in range(1, len(RETRIES) + 2)]
    assert waits.pop() is None
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=4)
    assert waits == sorted(waits)
