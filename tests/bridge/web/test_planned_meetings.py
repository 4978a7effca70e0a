# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Meetings with a time over the API: made, moved, cancelled, ended, hosted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.domain import moderation
from bridge.store import audit
from bridge.web import sweeper
from tests.bridge.web.test_life import call, minutes_pass

HOME = "home.example"
MARIE, JEAN = f"@marie:{HOME}", f"@jean:{HOME}"
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
TEN = {"start": "2026-11-23T10:00", "time_zone": "Europe/Paris", "duration_minutes": 30}
WEEKLY = TEN | {"rrule": "FREQ=WEEKLY;COUNT=3"}


@pytest.fixture(autouse=True)
def monday(bridge) -> None:
    bridge.clock.now = MONDAY


class Api:
    """The API as one member of staff, who signs in again for each request: in these tests days pass."""

    def __init__(self, bridge, localpart: str = "marie") -> None:
        self._bridge, self._localpart = bridge, localpart

    async def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        headers = await self._bridge.staff(self._localpart)
        async with self._bridge.public.request(method, f"/api/v1/{path}", json=body, headers=headers) as response:
            assert response.status == status, await response.text()
            return await response.json()


async def test_a_planned_meeting_opens_runs_and_ends_at_its_time(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Plan", "agenda": "# One\r\n", "schedule": TEN}, status=201)
    assert (made["state"], made["agenda"]) == ("scheduled", "# One")
    assert (made["starts_at"], made["ends_at"]) == ("2026-11-23T09:00:00Z", "2026-11-23T09:30:00Z")
    assert made["schedule"] == TEN | {"rrule": None, "cancelled_dates": [], "moved_dates": [], "sequence": 0}
    invite = await bridge.invite(made)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert (response.status, (await response.json())["place"]["state"]) == (202, "early")
    bridge.homeserver.join(made["room_id"], JEAN)
    assert await call(bridge, made, JEAN) == 403
    await minutes_pass(bridge, 50)
    assert (await api("GET", f"meetings/{made['id']}"))["state"] == "lobby"
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200
    await minutes_pass(bridge, 10)
    assert await call(bridge, made, JEAN) == 200
    bridge.sfu.people.clear()
    await minutes_pass(bridge, 35)  # empty, but its time is not over for ten minutes yet
    assert (await api("GET", f"meetings/{made['id']}"))["state"] == "live"
    await minutes_pass(bridge, 7)
    assert (await api("GET", f"meetings/{made['id']}"))["state"] == "ended"


async def test_a_series_keeps_one_link_and_goes_on_with_its_next_date(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Weekly", "schedule": WEEKLY}, status=201)
    path = f"meetings/{made['id']}"
    dates = (await api("GET", f"{path}/dates"))["dates"]
    assert [date["date"] for date in dates] == ["2026-11-23T10:00", "2026-11-30T10:00", "2026-12-07T10:00"]
    await minutes_pass(bridge, 60)
    await call(bridge, made)
    ended = await api("POST", f"{path}/end")
    assert (ended["state"], ended["starts_at"]) == ("scheduled", "2026-11-30T09:00:00Z")
    assert ended["url"] == made["url"]
    cancelled = await api("DELETE", f"{path}/dates/2026-11-30T10:00")
    assert (cancelled["state"], cancelled["starts_at"]) == ("scheduled", "2026-12-07T09:00:00Z")
    moved = await api("PATCH", f"{path}/dates/2026-12-07T10:00", {"start": "2026-12-08T11:15", "duration_minutes": 45})
    assert (moved["starts_at"], moved["ends_at"]) == ("2026-12-08T10:15:00Z", "2026-12-08T11:00:00Z")
    assert moved["schedule"]["sequence"] == 2
    assert moved["schedule"]["cancelled_dates"] == ["2026-11-30T10:00"]
    await api("PATCH", f"{path}/dates/2026-12-14T10:00", {"start": "2026-12-14T11:00"}, status=404)
    bridge.clock.now = datetime(2026, 12, 8, 10, 10, tzinfo=UTC)
    await sweeper.sweep(bridge.services)
    assert (await api("GET", path))["state"] == "lobby"
    assert (await api("POST", f"{path}/end"))["state"] == "ended"  # it was the last


async def test_a_change_that_invitees_see_raises_the_sequence_once(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Plan", "schedule": TEN}, status=201)
    path = f"meetings/{made['id']}"
    changed = await api("PATCH", path, {"title": "Other", "agenda": "A"})
    assert (changed["title"], changed["schedule"]["sequence"]) == ("Other", 1)
    assert bridge.homeserver.state[made["room_id"], "m.room.name"] == {"name": "Other"}
    assert (await api("PATCH", path, {"title": "Other"}))["schedule"]["sequence"] == 1
    later = await api("PATCH", path, {"agenda": "B", "schedule": TEN | {"start": "2026-11-24T10:00"}})
    assert (later["schedule"]["sequence"], later["starts_at"]) == (2, "2026-11-24T09:00:00Z")
    async with bridge.database.transaction() as tx:
        rows = [row["data"] for row in await audit.about(tx, made["id"]) if row["action"] == "meeting_changed"]
    assert rows == ['{"what": "title, agenda"}', '{"what": "agenda, times"}']


async def test_a_cancelled_meeting_lets_nobody_in_and_stays_cancelled(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Plan", "schedule": WEEKLY}, status=201)
    invite = await bridge.invite(made)
    path = f"meetings/{made['id']}"
    cancelled = await api("POST", f"{path}/cancel")
    assert (cancelled["state"], cancelled["cancelled"], cancelled["schedule"]["sequence"]) == ("ended", True, 1)
    assert (await api("GET", f"{path}/dates"))["dates"] == []
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 410
    assert (await api("POST", f"{path}/cancel", status=409))["errcode"] == "PASSERELLE_MEETING_STATE"
    await api("PATCH", path, {"schedule": TEN}, status=409)


async def test_with_its_last_date_a_series_is_cancelled(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Plan", "schedule": TEN}, status=201)
    gone = await api("DELETE", f"meetings/{made['id']}/dates/2026-11-23T10:00")
    assert (gone["state"], gone["cancelled"]) == ("ended", True)


async def test_an_open_meeting_gets_a_time_later(bridge):
    api = Api(bridge)
    made = await api("POST", "meetings", {"title": "Plan"}, status=201)
    assert made["state"] == "lobby"
    assert (await api("PATCH", f"meetings/{made['id']}", {"schedule": TEN}))["state"] == "scheduled"
    await call(bridge, made)  # its host is early
    assert (await api("GET", f"meetings/{made['id']}"))["state"] == "live"
    ended = await api("POST", f"meetings/{made['id']}/end")
    assert (ended["state"], ended["starts_at"]) == ("scheduled", "2026-11-23T09:00:00Z")


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "tomorrow"},
        {"start": "2026-11-23T10:00+01:00"},
        {"start": "2026-11-23T07:00"},
        {"time_zone": "Mars/Phobos"},
        {"time_zone": "../../etc/passwd"},
        {"duration_minutes": 0},
        {"duration_minutes": 1441},
        {"duration_minutes": "30"},
        {"rrule": "FREQ=SECONDLY"},
        {"rrule": "FREQ=DAILY;" * 40},
    ],
)
async def test_a_time_that_is_none_makes_no_room(bridge, wrong: dict[str, Any]):
    api = Api(bridge)
    answer = await api("POST", "meetings", {"title": "Plan", "schedule": TEN | wrong}, status=400)
    assert answer["error"]
    assert bridge.homeserver.created == []


async def test_meetings_are_listed_by_state_and_time(bridge):
    api = Api(bridge)
    await api("POST", "meetings", {"title": "Open"}, status=201)
    await api("POST", "meetings", {"title": "Planned", "schedule": TEN}, status=201)
    gone = await api("POST", "meetings", {"title": "Gone"}, status=201)
    for verb in ("end", "archive"):
        await api("POST", f"meetings/{gone['id']}/{verb}")

    async def titles(query: str) -> list[str]:
        return [found["title"] for found in (await api("GET", f"meetings{query}"))["meetings"]]

    assert await titles("") == ["Planned", "Open"]
    assert await titles("?state=archived") == ["Gone"]
    assert await titles("?state=scheduled,archived") == ["Gone", "Planned"]
    assert await titles("?from=2026-11-23T09:30:00Z") == ["Open"]
    assert await titles("?state=scheduled&to=2026-11-23T09:00:00Z") == []
    assert await titles("?state=deleted") == []
    for query in ("?state=lost", "?from=now", "?to=9999999"):
        await api("GET", f"meetings{query}", status=400)


async def test_power_levels_alone_say_who_hosts(bridge):
    marie, jean = Api(bridge), Api(bridge, "jean")
    made = await marie("POST", "meetings", {"title": "Team"}, status=201)
    path = f"meetings/{made['id']}"
    assert (await marie("GET", f"{path}/hosts"))["hosts"] == [MARIE]
    assert (await marie("POST", f"{path}/hosts", {"user_id": JEAN}))["hosts"] == [MARIE, JEAN]
    assert bridge.homeserver.levels[made["room_id"]] == {MARIE: 100, JEAN: 50}
    await jean("PUT", f"{path}/lock")
    assert (await marie("GET", path))["locked"] is True
    assert (await jean("DELETE", f"{path}/lock"))["locked"] is False
    for method, route in (("DELETE", path), ("POST", f"{path}/archive"), ("DELETE", f"{path}/hosts/{JEAN}")):
        await jean(method, route, status=403)  # the organiser's
    bridge.homeserver.levels[made["room_id"]][MARIE] = 0  # as she may say in Element
    await marie("PUT", f"{path}/lock", status=403)
    bridge.homeserver.levels[made["room_id"]] = {MARIE: 100}
    await jean("PUT", f"{path}/lock", status=403)


async def test_hosts_are_people_and_not_too_many(bridge, monkeypatch: pytest.MonkeyPatch):
    marie = Api(bridge)
    made = await marie("POST", "meetings", {"title": "Team"}, status=201)
    path = f"meetings/{made['id']}/hosts"
    guest, _ = await bridge.guest(made)
    await marie("POST", path, {"user_id": guest}, status=403)
    await marie("POST", path, {"user_id": "jean"}, status=400)
    await marie("DELETE", f"{path}/{MARIE}", status=403)
    assert (await marie("DELETE", f"{path}/{JEAN}"))["hosts"] == [MARIE]  # was none
    monkeypatch.setattr(moderation, "MAX_HOSTS", 2)
    await marie("POST", path, {"user_id": JEAN})
    await marie("POST", path, {"user_id": f"@ada:{HOME}"}, status=409)
    assert (await marie("DELETE", f"{path}/{JEAN}"))["hosts"] == [MARIE]


async def test_links_are_listed_without_their_secret(bridge):
    marie = Api(bridge)
    made = await marie("POST", "meetings", {"title": "Team"}, status=201)
    path = f"meetings/{made['id']}/invites"
    first = await marie("POST", path, {"uses": 3, "ttl_s": 60}, status=201)
    second = await marie("POST", path, {"uses": 1, "ttl_s": 3600}, status=201)
    listed = (await marie("GET", path))["invites"]
    assert [invite["id"] for invite in listed] == [second["id"], first["id"]]
    assert set(listed[0]) == {"id", "uses", "used", "expires_at"}
    await marie("DELETE", f"invites/{second['id']}")
    bridge.clock.forward(seconds=61)
    assert (await marie("GET", path))["invites"] == []
