# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A contractor's pass, from the day it is given to the day it is forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.contractors import MAX_PASSES, VISIT
from bridge.store import audit
from bridge.web import sweeper

HOME = "home.example"


async def give(bridge, *meetings: dict[str, Any], days: int = 90) -> dict[str, Any]:
    """A pass by Marie, with the path of its link."""
    status, answer = await ask(bridge, "POST", "/api/v1/contractors", await terms(bridge, *meetings, days=days))
    assert status == 201, answer
    return answer | {"path": "/c/" + answer["url"].rpartition("/")[2]}


async def terms(bridge, *meetings: dict[str, Any], days: int) -> dict[str, Any]:
    return {
        "display_name": "Ada L.",
        "organisation": "ACME",
        "ends_at": (bridge.clock.now + timedelta(days=days)).isoformat(),
        "meetings": [meeting["id"] for meeting in meetings],
    }


async def ask(bridge, method: str, path: str, body: Any = None, who: str = "marie") -> tuple[int, dict[str, Any]]:
    async with bridge.public.request(method, path, json=body, headers=await bridge.staff(who)) as response:
        return response.status, await response.json()


async def enter(bridge, contractor: dict[str, Any], meeting: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with bridge.public.post(f"{contractor['path']}/{meeting['id']}") as response:
        return response.status, await response.json()


async def state(bridge, contractor: dict[str, Any]) -> str:
    async with bridge.database.transaction() as tx:
        found: str = await tx.value("SELECT state FROM contractors WHERE id = $1", contractor["id"])
        return found


async def test_one_link_opens_the_meetings_that_its_sponsor_named_and_no_other(bridge):
    monday, friday, secret = [await bridge.meeting(title) for title in ("Monday", "Friday", "Board")]
    contractor = await give(bridge, monday, friday)
    async with bridge.public.post(contractor["path"]) as response:
        seen = await response.json()
    assert (seen["sponsor"], seen["display_name"]) == (f"@marie:{HOME}", "Ada L.")
    assert {meeting["title"] for meeting in seen["meetings"]} == {"Monday", "Friday"}
    for meeting in (monday, friday):
        status, session = await enter(bridge, contractor, meeting)
        assert status == 200
        user_id = session["user"]["id"]
        assert bridge.homeserver.names[user_id] == "Ada L. (Guest, ACME)"
        assert bridge.homeserver.rooms[meeting["room_id"]][user_id] == "join"
        assert session["meeting"]["id"] == meeting["id"]
    assert (await enter(bridge, contractor, secret))[0] == 404
    _, listed = await ask(bridge, "GET", f"/api/v1/meetings/{friday['id']}/guests")
    assert [(one["display_name"], one["sponsor"]) for one in listed["guests"]] == [("Ada L.", f"@marie:{HOME}")]


async def test_each_visit_is_an_account_of_its_own_that_ends_with_the_day_and_with_the_next_visit(bridge):
    meeting = await bridge.meeting()
    contractor = await give(bridge, meeting)
    first, second = [(await enter(bridge, contractor, meeting))[1] for _ in range(2)]
    headers = {"Authorization": f"Bearer {first['token']}"}
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert response.status == 401, "one person, one window"
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [first["user"]["id"]]
    bridge.clock.forward(seconds=VISIT.total_seconds())
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [first["user"]["id"], second["user"]["id"]]
    assert (await enter(bridge, contractor, meeting))[0] == 200, "tomorrow the same link"


async def test_a_sponsor_is_told_once_some_days_before_and_the_pass_goes_its_way_over_restarts(bridge):
    meeting = await bridge.meeting()
    contractor = await give(bridge, meeting, days=90)
    told = bridge.homeserver.sent
    bridge.clock.forward(days=82)
    await sweeper.sweep(bridge.services)
    assert told == {}
    bridge.clock.forward(days=1)
    bridge.homeserver.broken = lambda path: "/send/" in path
    await sweeper.sweep(bridge.services)
    assert await state(bridge, contractor) == "valid", "nobody was told: it is tried again"
    bridge.homeserver.broken = lambda _path: False
    for _ in range(2):
        await sweeper.sweep(bridge.services)
    ((room, _, notice),) = told.values()
    assert bridge.homeserver.rooms[room][f"@marie:{HOME}"] == "invite"
    assert "Ada L. (Guest, ACME)" in notice["body"]
    assert "http://bridge.example/contractors" in notice["body"]
    assert await state(bridge, contractor) == "reminded"
    bridge.clock.forward(days=7)
    assert (await enter(bridge, contractor, meeting))[1]["errcode"] == "PASSERELLE_INVITE_EXPIRED", "before any sweep"
    await sweeper.sweep(bridge.services)
    assert await state(bridge, contractor) == "expired"
    bridge.clock.forward(days=14)
    await sweeper.sweep(bridge.services)
    assert await state(bridge, contractor) == "ended"
    assert (await enter(bridge, contractor, meeting))[1]["errcode"] == "PASSERELLE_INVITE_REVOKED"
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT display_name || organisation FROM contractors") == ""
        assert [row["action"] for row in await audit.about(tx, contractor["id"])] == [
            "contractor_created",
            "contractor_meetings",
            "contractor_moved",
            "contractor_moved",
            "contractor_moved",
        ]


async def test_a_reminder_that_was_sent_before_a_crash_is_not_a_second_one(bridge):
    contractor = await give(bridge, days=90)
    bridge.clock.forward(days=84)
    await sweeper.sweep(bridge.services)
    async with bridge.database.transaction() as tx:  # as if we had died between the notice and the row
        await tx.execute("UPDATE contractors SET state = 'valid'")
    await sweeper.sweep(bridge.services)
    assert len(bridge.homeserver.sent) == 1
    assert await state(bridge, contractor) == "reminded"


async def test_an_expired_pass_can_be_renewed_and_keeps_its_link(bridge):
    meeting = await bridge.meeting()
    contractor = await give(bridge, meeting, days=30)
    bridge.clock.forward(days=31)
    await sweeper.sweep(bridge.services)
    end = {"ends_at": (bridge.clock.now + timedelta(days=60)).isoformat()}
    path = f"/api/v1/contractors/{contractor['id']}"
    assert (await ask(bridge, "PUT", f"{path}/end", end, who="jean"))[0] == 404, "only the sponsor"
    assert (await ask(bridge, "PUT", f"{path}/end", end))[0] == 200
    assert await state(bridge, contractor) == "valid"
    assert (await enter(bridge, contractor, meeting))[0] == 200


async def test_withdrawing_a_pass_ends_its_visits_at_once(bridge):
    meeting = await bridge.meeting()
    contractor = await give(bridge, meeting)
    _, session = await enter(bridge, contractor, meeting)
    path = f"/api/v1/contractors/{contractor['id']}"
    assert (await ask(bridge, "DELETE", path))[0] == 200
    headers = {"Authorization": f"Bearer {session['token']}"}
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert response.status == 401
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [session["user"]["id"]]
    status, answer = await ask(bridge, "DELETE", path)
    assert (status, answer["errcode"]) == (409, "PASSERELLE_CONTRACTOR_ENDED")
    assert (await ask(bridge, "GET", "/api/v1/contractors"))[1] == {"contractors": []}


async def test_taking_a_meeting_away_ends_the_visit_to_it_alone(bridge):
    kept, lost = await bridge.meeting("Kept"), await bridge.meeting("Lost")
    contractor = await give(bridge, kept, lost)
    visits = {meeting["title"]: (await enter(bridge, contractor, meeting))[1] for meeting in (kept, lost)}
    path = f"/api/v1/contractors/{contractor['id']}/meetings"
    assert (await ask(bridge, "PUT", path, {"meetings": [kept["id"]]}))[0] == 200
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [visits["Lost"]["user"]["id"]]


async def test_nobody_opens_somebody_elses_meeting(bridge):
    theirs = await bridge.meeting("Theirs", organizer=f"@jean:{HOME}")
    body = await terms(bridge, theirs, days=30)
    assert (await ask(bridge, "POST", "/api/v1/contractors", body))[0] == 404


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, "PASSERELLE_BAD_END"),
        ({"ends_at": "9999-01-01T00:00:00Z"}, "PASSERELLE_BAD_END"),
        ({"ends_at": "2026-12-24T00:00:00"}, "M_BAD_JSON"),
        ({"display_name": ""}, "PASSERELLE_BAD_NAME"),
        ({"organisation": "x" * 61}, "PASSERELLE_BAD_ORGANISATION"),
        ({"meetings": ["x"] * 201}, "M_BAD_JSON"),
    ],
)
async def test_terms_past_the_limits_are_refused(bridge, change: dict[str, Any], errcode: str):
    status, answer = await ask(bridge, "POST", "/api/v1/contractors", await terms(bridge, days=30) | change)
    assert (status, answer["errcode"]) == (400, errcode)


async def test_a_sponsor_answers_for_so_many_people_and_no_more(bridge):
    async with bridge.database.transaction() as tx:
        await tx.execute(
            """INSERT INTO contractors SELECT 'c' || n, $1, 'x', '', sha256(n::text::bytea), 'valid', now(), now()
               FROM generate_series(1, $2) n""",
            f"@marie:{HOME}",
            MAX_PASSES,
        )
    status, answer = await ask(bridge, "POST", "/api/v1/contractors", await terms(bridge, days=30))
    assert (status, answer["errcode"]) == (409, "PASSERELLE_TOO_MANY_CONTRACTORS")
