# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who may do what, as a table over every role and every route of the API."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from bridge.web.headers import RTC_PREFIX
from tests.bridge.web.test_captions import segment
from tests.bridge.web.test_final_pass import document, paragraph

HOME = "home.example"
SOON = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
OTHERS = {"final": "{call_id}", "date": "{date}", "name": "{name}"}
"""Names of the table that no id of the route is called after."""
ROLES = ["nobody", "forger", "guest", "other guest", "staff", "member", "organiser"]
MATRIX: list[tuple[str, str, dict[str, Any] | None, dict[str, int]]] = [
    (
        "GET",
        "/api/v1/meetings",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings",
        {"title": "New"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 201, "member": 201, "organiser": 201},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/captions",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/transcripts",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/transcripts/{call}",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/transcripts/{call}/export?format=txt",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "PATCH",
        "/api/v1/meetings/{meeting}/captions/{segment}",
        {"text": "Corrected"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 404, "staff": 404, "member": 403, "organiser": 200},
    ),
    (
        "PATCH",
        "/api/v1/meetings/{meeting}/transcripts/{final}/paragraphs/{paragraph}",
        {"text": "Corrected"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 404, "staff": 404, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/captions/{segment}/corrections",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 404, "staff": 404, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/transcripts/{final}/paragraphs/{paragraph}/corrections",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 404, "staff": 404, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/glossary",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "PUT",
        "/api/v1/meetings/{meeting}/glossary",
        {"terms": ["Passerelle"]},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/calendar",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/calendar",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 201, "member": 201, "organiser": 201},
    ),
    (
        "DELETE",
        "/api/v1/calendar",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/calendar.ics",
        None,
        {"nobody": 401, "forger": 401, "guest": 409, "other guest": 404, "staff": 404, "member": 409, "organiser": 409},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/invitees",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/invitees",
        {"people": [{"address": "claire@partner.example"}]},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 409},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/invitees/{invite}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/search?q=word",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 200, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/invites",
        {"uses": 1, "ttl_s": 600},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 201},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/partners",
        {"user_id": "@p:partner.example"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/access",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/access",
        {"kind": "link"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 403},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/guests",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/guests/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/contractors",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/contractors",
        {"display_name": "Ada", "ends_at": SOON, "meetings": ["{meeting}"]},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 201},
    ),
    (
        "PUT",
        "/api/v1/contractors/{contractor}/end",
        {"ends_at": SOON},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 200},
    ),
    (
        "PUT",
        "/api/v1/contractors/{contractor}/meetings",
        {"meetings": []},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/contractors/{contractor}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/invites/{invite}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 200},
    ),
    (
        "PATCH",
        "/api/v1/meetings/{meeting}",
        {"title": "Other"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/cancel",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/end",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/open",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 409},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/archive",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 409},
    ),
    (
        "PUT",
        "/api/v1/meetings/{meeting}/lock",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/lock",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/dates",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "PATCH",
        "/api/v1/meetings/{meeting}/dates/2026-12-24T18:00",
        {"start": "2026-12-24T19:00"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 409},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/dates/2026-12-24T18:00",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 409},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/waiting",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/waiting/admit",
        {"organisation": ""},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/waiting/{place}/admit",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/waiting/{place}/refuse",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/host",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/hosts",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/hosts",
        {"user_id": "@ada:home.example"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/hosts/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/invites",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/people",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/people/mute",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/people/{user}/mute",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "PUT",
        "/api/v1/meetings/{meeting}/people/{user}/role",
        {"role": "speaker"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/people/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/rules",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "PATCH",
        "/api/v1/meetings/{meeting}/rules",
        {"camera": "guests", "audience": True},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/barred",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "PUT",
        "/api/v1/meetings/{meeting}/barred/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/barred/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/meetings/{meeting}/hands",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "PUT",
        "/api/v1/meetings/{meeting}/hand",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/hand",
        None,
        {"nobody": 401, "forger": 401, "guest": 200, "other guest": 404, "staff": 404, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/meetings/{meeting}/hands/next",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/meetings/{meeting}/hands/{user}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/tokens",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "POST",
        "/api/v1/tokens",
        {"name": "T", "scopes": ["meetings:read"]},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 201, "member": 201, "organiser": 201},
    ),
    (
        "DELETE",
        "/api/v1/tokens/{token}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/sessions",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "DELETE",
        "/api/v1/sessions/{session}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 404},
    ),
    (
        "POST",
        "/api/v1/revocations",
        {"kind": "server", "subject": "partner.example"},
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 403},
    ),
    (
        "GET",
        "/api/v1/revocations/{revocation}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 404, "member": 404, "organiser": 404},
    ),
    (
        "GET",
        "/api/v1/barred",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 403},
    ),
    (
        "DELETE",
        "/api/v1/barred/{name}",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 403, "member": 403, "organiser": 403},
    ),
    (
        "DELETE",
        "/api/v1/sessions",
        None,
        {"nobody": 401, "forger": 401, "guest": 403, "other guest": 403, "staff": 200, "member": 200, "organiser": 200},
    ),
    (
        "GET",
        "/api/v1/openapi.json",
        None,
        {"nobody": 200, "forger": 200, "guest": 200, "other guest": 200, "staff": 200, "member": 200, "organiser": 200},
    ),
]


async def headers_of(bridge, role: str, meeting: dict[str, Any]) -> dict[str, str]:
    if role == "nobody":
        return {}
    if role == "forger":
        return {"Authorization": "Bearer " + "x" * 43}
    if role.endswith("guest"):
        own = meeting if role == "guest" else await bridge.meeting("Other")
        return (await bridge.guest(own))[1]
    localpart = {"staff": "jean", "member": "ada", "organiser": "marie"}[role]
    if role == "member":
        bridge.homeserver.join(meeting["room_id"], f"@ada:{HOME}")
    return await bridge.staff(localpart)


async def something_said(bridge, room: str) -> dict[str, str]:
    """A line of one call, and a paragraph of another that is final: somebody's who is nobody of the table."""
    internal = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    names = {"call": f"{room}.call", "final": f"{room}.final", "segment": f"{room}.s", "paragraph": "p"}
    now_ms = int(bridge.clock.now.timestamp() * 1000) + 60_000
    line = segment(room, id=names["segment"], call_id=names["call"], user_id="@other:x", final=True)
    said = paragraph(id=names["paragraph"], user_id="@other:x", start_ms=now_ms, end_ms=now_ms, words=[])
    whole = document(room, said, call_id=names["final"], started_ms=now_ms, ended_ms=now_ms)
    for path, body in (
        (f"segments/{quote(line['id'], safe='')}", line | {"start_ms": now_ms, "end_ms": now_ms}),
        (f"calls/{quote(names['final'], safe='')}/transcript", whole),
    ):
        async with bridge.internal.put(f"/internal/v1/{path}", json=body, headers=internal) as response:
            assert response.status == 200, await response.text()
    return {key: quote(name, safe="") for key, name in names.items()}


async def a_contractor(bridge) -> str:
    """A pass that the organiser of the table gave."""
    body = {"display_name": "Ada", "ends_at": SOON, "meetings": []}
    marie = await bridge.staff("marie")
    async with bridge.public.post("/api/v1/contractors", json=body, headers=marie) as response:
        return str((await response.json())["id"])


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_may_do_exactly_what_the_table_says(bridge, role: str):
    for method, path, body, expected in MATRIX:
        meeting = await bridge.meeting()
        invite = await bridge.invite(meeting)
        headers = await headers_of(bridge, role, meeting)
        names = await something_said(bridge, meeting["room_id"])
        names |= {
            "meeting": meeting["id"],
            "invite": invite["id"],
            "user": "@guest-nobody:home.example",
            "token": "x" * 12,
            "session": "0" * 16,
            "place": "x" * 12,
            "revocation": "x" * 12,
            "name": "partner.example",
        }
        if "{contractor}" in path:
            names["contractor"] = await a_contractor(bridge)
        url = path.format(**names)
        opens = {"meetings": [meeting["id"]]} if body and body.get("meetings") else {}
        async with bridge.public.request(method, url, json=body and body | opens, headers=headers) as response:
            assert (method, path, response.status) == (method, path, expected[role])
    print(f"S8: {role}: {len(MATRIX)} requests tried, {sum(row[3][role] < 400 for row in MATRIX)} of them allowed")


async def test_the_table_knows_every_route_of_the_api(bridge):
    routes = {
        (route.method, route.resource.canonical)
        for route in bridge.public.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    table = {
        (
            method,
            re.sub(
                r"{(\w+)}",
                lambda name: OTHERS.get(name[1], f"{{{name[1]}_id}}"),
                path.partition("?")[0].replace("2026-12-24T18:00", "{date}"),
            ),
        )
        for method, path, _, _ in MATRIX
    }
    assert {route for route in routes if route[0] != "HEAD"} == table
    assert all(set(expected) == set(ROLES) for _, _, _, expected in MATRIX)


@pytest.mark.parametrize(
    ("origin", "site", "passes"),
    [
        (None, None, True),
        ("http://bridge.example", "same-origin", True),
        ("http://bridge.example:8400", None, False),
        ("https://bridge.example", None, False),
        ("https://evil.example", "cross-site", False),
        ("null", None, False),
        (None, "cross-site", False),
    ],
)
async def test_another_sites_page_changes_nothing(bridge, origin: str | None, site: str | None, passes: bool):
    headers = await bridge.staff("marie")
    headers |= {} if origin is None else {"Origin": origin}
    headers |= {} if site is None else {"Sec-Fetch-Site": site}
    async with bridge.public.post("/api/v1/meetings", json={"title": "New"}, headers=headers) as response:
        assert response.status == (201 if passes else 403)
    assert len(bridge.homeserver.created) == passes


async def test_every_route_answers_with_safe_headers_even_when_it_refuses(bridge):
    for route in bridge.public.app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.replace("{tail}", "x").replace("{", "").replace("}", "")
        method = "GET" if route.method == "*" else route.method
        async with bridge.public.request(method, path) as response:
            headers = response.headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "camera=(self)" in headers["Permissions-Policy"]
            framed = path.startswith("/ec/")
            assert ("frame-ancestors 'self'" if framed else "frame-ancestors 'none'") in headers[
                "Content-Security-Policy"
            ] or path.startswith("/static/")
            assert headers["X-Frame-Options"] == ("SAMEORIGIN" if framed else "DENY")
            assert ("Access-Control-Allow-Origin" in headers) == path.startswith(RTC_PREFIX)
            assert response.status < 500 or path in {"/", "/j/token", "/m/meeting_id"}


@pytest.mark.parametrize("meeting_id", ["%00", "x%ff", "..%2f", "x" * 5000])
async def test_a_meeting_id_that_is_none_is_simply_not_found(bridge, meeting_id: str):
    async with bridge.public.get(f"/api/v1/meetings/{meeting_id}", headers=await bridge.staff("marie")) as response:
        assert response.status == 404


async def test_an_answer_never_shows_our_inside(bridge, monkeypatch: pytest.MonkeyPatch):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")

    async def bug(*_args: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(bridge.services.rooms), "is_joined", bug)
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert response.status == 500
        text = await response.text()
    assert "secret inside" not in text
    assert "trace" in text
