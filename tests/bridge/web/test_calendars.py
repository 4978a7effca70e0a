# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Meetings as calendars and cameras get them."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

from icalendar import Calendar

from bridge.web.limits import CALENDAR_READS, INVITE_GUESSES


async def plan(bridge, title: str, *, dated: bool = True) -> dict[str, Any]:
    start = f"{bridge.clock.now + timedelta(7):%Y-%m-%dT10:00}"
    schedule = {"schedule": {"start": start, "time_zone": "Europe/Paris", "rrule": "FREQ=WEEKLY"}} if dated else {}
    async with bridge.public.post(
        "/api/v1/meetings", json={"title": title} | schedule, headers=await bridge.staff("marie")
    ) as response:
        assert response.status == 201
        return await response.json()


async def subscribe(bridge, who: str = "marie") -> str:
    async with bridge.public.post("/api/v1/calendar", headers=await bridge.staff(who)) as response:
        assert response.status == 201
        return (await response.json())["url"].removeprefix("http://bridge.example")


async def get(bridge, path: str, **headers: str) -> tuple[int, bytes, Any]:
    async with bridge.public.get(path, headers=headers) as response:
        return response.status, await response.read(), response.headers


async def test_a_person_subscribes_to_their_own_meetings(bridge):
    await plan(bridge, "Comité")
    await plan(bridge, "Now", dated=False)
    status, body, headers = await get(bridge, await subscribe(bridge))
    assert (status, headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    calendar = Calendar.from_ical(body)
    assert calendar["METHOD"] == "PUBLISH"
    assert [event["SUMMARY"] for event in calendar.events] == ["Comité"]
    assert "/j/" not in body.decode()
    _, body, _ = await get(bridge, await subscribe(bridge, "jean"))
    assert Calendar.from_ical(body).events == []


async def test_nothing_is_sent_again_until_something_changes(bridge):
    meeting, path = await plan(bridge, "Comité"), await subscribe(bridge)
    _, _, headers = await get(bridge, path)
    bridge.clock.forward(minutes=10)
    tag = {"If-None-Match": headers["ETag"]}
    assert (await get(bridge, path, **tag))[:2] == (304, b"")
    async with bridge.public.patch(
        f"/api/v1/meetings/{meeting['id']}", json={"title": "Suivi"}, headers=await bridge.staff("marie")
    ):
        pass
    status, body, _ = await get(bridge, path, **tag)
    assert (status, Calendar.from_ical(body).events[0]["SEQUENCE"]) == (200, 1)


async def test_a_new_address_ends_the_one_before_and_none_is_stored(bridge):
    first = await subscribe(bridge)
    second = await subscribe(bridge)
    assert [(await get(bridge, path))[0] for path in (first, second)] == [404, 200]
    async with bridge.database.transaction() as tx:
        (row,) = await tx.rows("SELECT * FROM calendars")
        written = str(await tx.rows("SELECT * FROM audit"))
    assert second.removeprefix("/calendar/").removesuffix(".ics") not in str(row) + written
    async with bridge.public.delete("/api/v1/calendar", headers=await bridge.staff("marie")) as response:
        assert response.status == 200
    assert (await get(bridge, second))[0] == 404
    async with bridge.public.get("/api/v1/calendar", headers=await bridge.staff("marie")) as response:
        assert await response.json() == {"created_at": None}


async def test_addresses_are_not_guessed_and_not_read_without_pause(bridge):
    path = await subscribe(bridge)
    assert [(await get(bridge, path))[0] for _ in range(CALENDAR_READS.burst + 1)][-2:] == [200, 429]
    wrong = [(await get(bridge, "/calendar/" + "a" * 43 + ".ics"))[0] for _ in range(INVITE_GUESSES.burst + 1)]
    assert wrong == [404] * INVITE_GUESSES.burst + [429]


async def test_the_route_of_an_address_is_written_down_without_its_secret(bridge):
    for route in bridge.public.app.router.routes():
        canonical = route.resource.canonical if route.resource else ""
        if canonical.startswith(("/calendar", "/j/")):
            assert "{token}" in canonical


async def test_a_meeting_is_a_file_for_those_who_are_in_and_for_those_with_its_link(bridge):
    meeting = await plan(bridge, "Comité")
    path = f"/api/v1/meetings/{meeting['id']}/calendar.ics"
    _, body, headers = await get(bridge, path, **await bridge.staff("marie"))
    assert headers["Content-Disposition"] == 'attachment; filename="meeting.ics"'
    assert Calendar.from_ical(body).events[0]["URL"] == meeting["url"]
    assert (await get(bridge, path, **await bridge.staff("jean")))[0] == 404
    link = (await bridge.invite(meeting))["path"]
    _, body, _ = await get(bridge, f"{link}/calendar.ics")
    assert Calendar.from_ical(body).events[0]["URL"] == f"http://bridge.example{link}"
    open_now = await plan(bridge, "Now", dated=False)
    assert (await get(bridge, (await bridge.invite(open_now))["path"] + "/calendar.ics"))[0] == 409
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT sum(used) FROM invites") == 0


async def test_a_link_that_opens_is_a_picture_and_no_other_text_is(bridge):
    link = (await bridge.invite(await plan(bridge, "Comité"), ttl_s=60))["path"]
    status, body, headers = await get(bridge, f"{link}/qr.svg")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "image/svg+xml")
    picture = ET.fromstring(body)
    assert picture.tag.endswith("svg")
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} <= {"svg", "title", "path", "g"}
    assert (await get(bridge, "/j/" + "a" * 43 + "/qr.svg"))[0] == 404
    bridge.clock.forward(seconds=61)
    assert (await get(bridge, f"{link}/qr.svg"))[0] == 410
