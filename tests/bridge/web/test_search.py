# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from bridge.domain.search import PAGE
from bridge.web.limits import SEARCHES
from tests.bridge.web.test_captions import put, segment

HOME = "home.example"


async def look(bridge, headers: dict[str, str], **query: str) -> tuple[int, dict[str, Any]]:
    async with bridge.public.get("/api/v1/search", params=query, headers=headers) as response:
        return response.status, await response.json()


async def said(bridge, room: str, count: int = 1, **changes: Any) -> None:
    for number in range(count):
        await put(bridge, segment(room, number, id=f"{room}{number}", call_id="$c", final=True, **changes))


async def test_a_hit_says_where_when_and_who_with_what_was_found_marked(bridge):
    meeting, headers = await bridge.meeting("Équipe"), await bridge.staff("marie")
    await said(bridge, meeting["room_id"], text="<b>Bonjour</b> à tous")
    status, answer = await look(bridge, headers, q="bonjour", meeting=meeting["id"], person="marie")
    assert status == 200
    assert answer == {
        "hits": [
            {
                "meeting_id": meeting["id"],
                "title": "Équipe",
                "call_id": "$c",
                "id": f"{meeting['room_id']}0",
                "start_ms": 1000,
                "display_name": "Marie",
                "lang": "fr",
                "parts": [
                    {"text": "<b>", "hit": False},
                    {"text": "Bonjour", "hit": True},
                    {"text": "</b> à tous", "hit": False},
                ],
            }
        ],
        "next": None,
    }


async def test_the_next_page_goes_on_where_this_one_ends(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    await said(bridge, meeting["room_id"], PAGE + 1)
    _, first = await look(bridge, headers, q="bonjour")
    _, second = await look(bridge, headers, q="bonjour", after=first["next"])
    assert (len(first["hits"]), len(second["hits"]), second["next"]) == (PAGE, 1, None)


async def test_staff_find_what_is_on_their_list_and_guests_what_they_heard(bridge):
    one, other = await bridge.meeting("One"), await bridge.meeting("Other", organizer=f"@jean:{HOME}")
    _, guest = await bridge.guest(other)
    later = int(bridge.clock.now.timestamp() * 1000) + 1000
    await said(bridge, one["room_id"])
    await said(bridge, other["room_id"])
    await put(bridge, segment(other["room_id"], id="later", call_id="$c", final=True, start_ms=later, end_ms=later))
    for headers, expected in (
        (await bridge.staff("marie"), ["One"]),
        (await bridge.staff("jean"), ["Other", "Other"]),
        (await bridge.staff("ada"), []),
        (guest, ["Other"]),
    ):
        _, answer = await look(bridge, headers, q="bonjour")
        assert [hit["title"] for hit in answer["hits"]] == expected


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": " "},
        {"q": "x" * 201},
        *({"q": "x"} | wrong for wrong in ({"meeting": "'; --"}, {"from_ms": "-1"}, {"to_ms": "9" * 17})),
        *({"q": "x"} | wrong for wrong in ({"person": "x" * 256}, {"after": "x"})),
    ],
)
async def test_a_query_that_is_none_is_refused(bridge, query: dict[str, str]):
    assert (await look(bridge, await bridge.staff("marie"), **query))[0] == 400


async def test_nobody_searches_without_end(bridge):
    headers = await bridge.staff("marie")
    for _ in range(SEARCHES.burst):
        bridge.services.limits.count(SEARCHES, f"@marie:{HOME}")
    assert (await look(bridge, headers, q="x"))[0] == 429
