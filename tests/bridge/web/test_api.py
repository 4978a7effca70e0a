# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The API's document and its tokens."""

import json
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bridge.domain.scopes import MAX_DAYS, MAX_TOKENS, PREFIX, Scope
from bridge.store import audit
from bridge.web import sweeper
from bridge.web.api import DOCUMENT, OPERATIONS, document
from bridge.web.limits import API_CALLS, NEW_TOKENS

HOME = "home.example"
NEW = {"name": "Display", "scopes": ["meetings:read"]}


def holder(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def ask(bridge, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, dict[str, Any]]:
    async with bridge.public.request(method, f"/api/v1/{path}", json=body, headers=headers) as response:
        return response.status, await response.json()


async def new_token(bridge, *scopes: Scope, **fields: Any) -> dict[str, Any]:
    body = {"name": "Display", "scopes": [scope.value for scope in scopes or tuple(Scope)]} | fields
    status, made = await ask(bridge, "POST", "tokens", await bridge.staff("marie"), body)
    assert status == 201, made
    return made


def against(name: str, value: Any) -> None:
    components = document("https://meet.example")["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)


async def test_the_document_is_openapi_and_knows_every_route_and_no_other(bridge):
    async with bridge.public.get(DOCUMENT) as response:
        assert response.status == 200
        served = await response.json()
    assert list(OpenAPIV31SpecValidator(served).iter_errors()) == []
    assert served["servers"] == [{"url": "http://bridge.example"}]
    described = {(method.upper(), path) for path, methods in served["paths"].items() for method in methods}
    routes = {
        (route.method, route.resource.canonical)
        for route in bridge.public.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/v1/") and route.method != "HEAD"
    }
    assert routes - {("GET", DOCUMENT)} == described
    names = [operation["operationId"] for methods in served["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS)


def test_every_example_is_what_its_schema_says():
    schemas = document("https://meet.example")["components"]["schemas"]
    for name, schema in schemas.items():
        for example in schema.get("examples", []):
            against(name, example)
    assert {known.answer for known in OPERATIONS} <= set(schemas)
    assert all(schemas[known.answer]["examples"] for known in OPERATIONS)


async def test_real_answers_are_what_the_document_says(bridge):
    headers = await bridge.staff("marie")
    schedule = {"start": "2099-01-01T10:00", "time_zone": "Europe/Paris", "duration_minutes": 30, "rrule": "FREQ=DAILY"}
    status, refused = await ask(bridge, "POST", "meetings", headers, {"title": "T", "schedule": schedule})
    assert status == 400
    against("Error", refused)
    schedule["start"] = f"{bridge.clock.now.year + 1}-01-01T10:00"
    _, made = await ask(bridge, "POST", "meetings", headers, {"title": "T", "schedule": schedule})
    against("Meeting", made)
    one = f"meetings/{made['id']}"
    body = {"start": schedule["start"].replace("T10", "T11"), "duration_minutes": 20}
    _, moved = await ask(bridge, "PATCH", f"{one}/dates/{schedule['start']}", headers, body)
    against("Meeting", moved)
    for path, name in (("meetings", "Meetings"), (f"{one}/dates", "Dates"), (f"{one}/hosts", "Hosts")):
        against(name, (await ask(bridge, "GET", path, headers))[1])
    against("NewInviteLink", (await ask(bridge, "POST", f"{one}/invites", headers, {"uses": 1}))[1])
    against("Invites", (await ask(bridge, "GET", f"{one}/invites", headers))[1])
    against("NewTokenSecret", await new_token(bridge))
    against("Tokens", (await ask(bridge, "GET", "tokens", headers))[1])
    against("Sessions", (await ask(bridge, "GET", "sessions", headers))[1])
    await bridge.guest(await bridge.meeting())
    against("Guests", (await ask(bridge, "GET", f"{one}/guests", headers))[1])
    against("Terms", (await ask(bridge, "GET", f"{one}/glossary", headers))[1])
    against("Calls", (await ask(bridge, "GET", f"{one}/transcripts", headers))[1])
    against("Hits", (await ask(bridge, "GET", "search?q=word", headers))[1])


async def test_a_token_reaches_as_far_as_its_scopes(bridge):
    made = await bridge.meeting()
    one = f"meetings/{made['id']}"
    body = {"kind": "link", "subject": (await bridge.invite(made))["id"]}
    _, act = await ask(bridge, "POST", "revocations", await bridge.staff("marie"), body)
    against("Revocation", act)
    tries = {
        Scope.MEETINGS_READ: ("GET", one, None),
        Scope.MEETINGS_WRITE: ("PUT", f"{one}/lock", None),
        Scope.INVITES_WRITE: ("GET", f"{one}/invites", None),
        Scope.TRANSCRIPTS_READ: ("GET", f"{one}/transcripts", None),
        Scope.TRANSCRIPTS_WRITE: ("PUT", f"{one}/glossary", {"terms": ["Lyon"]}),
        Scope.ACCESS_REVOKE: ("GET", f"revocations/{act['id']}", None),
    }
    assert set(tries) == set(Scope)
    for scope in Scope:
        headers = holder((await new_token(bridge, scope))["token"])
        for needed, (method, path, body) in tries.items():
            status, answer = await ask(bridge, method, path, headers, body)
            assert (status == 200) == (needed is scope), (scope, path, answer)
            assert scope is needed or (status, answer["errcode"]) == (403, "PASSERELLE_TOKEN_SCOPE")


async def test_no_token_reaches_what_only_a_person_does(bridge):
    made = await bridge.meeting()
    headers = holder((await new_token(bridge))["token"])
    for method, path in (
        ("GET", "tokens"),
        ("POST", "tokens"),
        ("DELETE", "tokens/x"),
        ("GET", f"meetings/{made['id']}/captions"),
    ):
        status, answer = await ask(bridge, method, path, headers, NEW)
        assert (status, answer["errcode"]) == (403, "PASSERELLE_TOKEN_SCOPE"), path
    invite = await bridge.invite(made)
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=headers) as response:
        assert response.status == 403


async def test_a_tokens_person_still_has_only_their_own_rights_and_reading_brings_nobody_in(bridge):
    made = await bridge.meeting(organizer=f"@jean:{HOME}")
    headers = holder((await new_token(bridge))["token"])
    assert (await ask(bridge, "GET", f"meetings/{made['id']}", headers))[0] == 404
    assert (await ask(bridge, "PUT", f"meetings/{made['id']}/lock", headers))[0] == 403
    own = await bridge.meeting()
    bridge.homeserver.join(own["room_id"], f"@marie:{HOME}", "leave")
    assert (await ask(bridge, "GET", f"meetings/{own['id']}", headers))[0] == 200
    assert bridge.homeserver.rooms[own["room_id"]][f"@marie:{HOME}"] == "leave"


async def test_a_token_ends_by_its_date_and_by_revocation_and_only_its_hash_is_kept(bridge):
    made = await new_token(bridge, expires_in_days=2)
    assert made["token"].startswith(PREFIX)
    assert (await ask(bridge, "GET", "meetings", holder(made["token"])))[0] == 200
    session = await bridge.staff("marie")
    ((_, listed),) = [await ask(bridge, "GET", "tokens", session)]
    assert [(token["id"], token["used_at"] is None) for token in listed["tokens"]] == [(made["id"], False)]
    assert "token" not in listed["tokens"][0]
    async with bridge.database.transaction() as tx:
        assert made["token"] not in str(await tx.rows("SELECT * FROM api_tokens"))
        assert [row["action"] for row in await audit.about(tx, made["id"])] == ["token_created"]
    assert (await ask(bridge, "DELETE", f"tokens/{made['id']}", await bridge.staff("jean")))[0] == 404
    assert (await ask(bridge, "DELETE", f"tokens/{made['id']}", session))[0] == 200
    assert (await ask(bridge, "GET", "meetings", holder(made["token"])))[0] == 401
    short = await new_token(bridge, expires_in_days=2)
    bridge.clock.forward(days=2, seconds=1)
    assert (await ask(bridge, "GET", "meetings", holder(short["token"])))[0] == 401
    await sweeper.sweep(bridge.services)
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM api_tokens") == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "T"},
        NEW | {"scopes": []},
        NEW | {"scopes": ["everything"]},
        NEW | {"scopes": ["meetings:read"] * 9},
        NEW | {"name": ""},
        NEW | {"name": "x" * 81},
        NEW | {"expires_in_days": 0},
        NEW | {"expires_in_days": MAX_DAYS + 1},
        NEW | {"expires_in_days": 10**12},
    ],
)
async def test_a_token_must_have_a_name_scopes_and_an_end(bridge, body: dict[str, Any]):
    status, answer = await ask(bridge, "POST", "tokens", await bridge.staff("marie"), body)
    assert (status, bool(answer["error"])) == (400, True)


async def test_nobody_has_tokens_without_number_nor_calls_without_end(bridge, fresh_limits):
    one = (await new_token(bridge))["token"]
    for _ in range(NEW_TOKENS.burst - 1):
        await new_token(bridge)
    status, _ = await ask(bridge, "POST", "tokens", await bridge.staff("marie"), NEW)
    assert status == 429
    async with bridge.database.transaction() as tx:
        await tx.execute(
            """INSERT INTO api_tokens SELECT 'id' || n, $1, 'T', '{}', sha256(n::text::bytea), now(),
               now() + interval '1 day', NULL, now() FROM generate_series(1, $2) AS n""",
            f"@ada:{HOME}",
            MAX_TOKENS,
        )
    assert (await ask(bridge, "POST", "tokens", await bridge.staff("ada"), NEW))[0] == 409
    for _ in range(10 * API_CALLS.burst):
        if (await ask(bridge, "GET", "tokens", holder(one)))[0] == 429:
            break
    else:
        pytest.fail("this token may ask for ever")


@pytest.mark.parametrize("token", [PREFIX, PREFIX + "x" * 43, PREFIX + "x" * 42, PREFIX.upper() + "x" * 43])
async def test_a_token_that_is_none_opens_nothing(bridge, token: str):
    assert (await ask(bridge, "GET", "meetings", holder(token)))[0] == 401


def test_the_document_is_the_same_each_time():
    assert json.dumps(document("https://x")) == json.dumps(document("https://x"))
