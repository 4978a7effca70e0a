# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import pytest
from livekit.api import TokenVerifier

from bridge.domain.rtc_identity import hashed_identity, livekit_room
from bridge.web.limits import CALL_TOKENS, OPENID_FAILURES

HOME = "home.example"
MARIE = f"@marie:{HOME}"
SFU_GET = "/livekit/jwt/sfu/get"
GET_TOKEN = "/livekit/jwt/get_token"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token",
}


def openid(bridge, user: str = MARIE, server: str = HOME) -> dict[str, Any]:
    return {
        "access_token": bridge.homeserver.openid_token(user),
        "token_type": "Bearer",
        "matrix_server_name": server,
        "expires_in": 3600,
    }


def sfu_get(bridge, room: str, /, **changes: Any) -> dict[str, Any]:
    return {"room": room, "device_id": "DEV", "openid_token": openid(bridge)} | changes


def get_token(bridge, room: str, /, **changes: Any) -> dict[str, Any]:
    member = {"id": "m1", "claimed_user_id": MARIE, "claimed_device_id": "DEV"}
    return {"room_id": room, "slot_id": "m.call#ROOM", "openid_token": openid(bridge), "member": member} | changes


async def post(bridge, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with bridge.public.post(path, data=data, headers={"Origin": "https://call.element.io"}) as response:
        for name, value in CORS.items():
            assert response.headers.getall(name) == [value]
        return response.status, await response.json()


async def test_a_member_of_the_room_gets_a_token_for_its_call(bridge):
    room = (await bridge.meeting())["room_id"]
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room))
    assert status == 200
    assert answer["url"] == "ws://sfu.example"
    claims = TokenVerifier("key", bridge.services.settings.sfu.api_secret.get_secret_value()).verify(answer["jwt"])
    assert claims.video.room == livekit_room(room)
    assert claims.video.room_join
    assert claims.video.can_publish
    assert not claims.video.can_update_own_metadata
    (created,) = bridge.sfu.created
    assert (created.name, created.empty_timeout, created.departure_timeout) == (livekit_room(room), 300, 20)


async def test_both_kinds_of_member_meet_in_one_room_under_their_names(bridge):
    room = (await bridge.meeting())["room_id"]
    verifier = TokenVerifier("key", bridge.services.settings.sfu.api_secret.get_secret_value())
    _, plain = await post(bridge, SFU_GET, sfu_get(bridge, room))
    _, hashed = await post(bridge, GET_TOKEN, get_token(bridge, room))
    import jwt

    subjects = [jwt.decode(answer["jwt"], options={"verify_signature": False})["sub"] for answer in (plain, hashed)]
    assert subjects == [f"{MARIE}:DEV", hashed_identity(MARIE, "DEV", "m1")]
    assert {verifier.verify(answer["jwt"]).video.room for answer in (plain, hashed)} == {livekit_room(room)}


async def test_unknown_fields_are_passed_over(bridge):
    room = (await bridge.meeting())["room_id"]
    status, _ = await post(bridge, SFU_GET, sfu_get(bridge, room, future={"x": [1]}))
    assert status == 200


@pytest.mark.parametrize("path", [SFU_GET, GET_TOKEN])
@pytest.mark.parametrize(
    ("raw", "errcode"),
    [
        (b"", "M_NOT_JSON"),
        (b"{", "M_NOT_JSON"),
        (b"\xff\xfe", "M_NOT_JSON"),
        (b"[" * 60_000, "M_NOT_JSON"),
        (b'{"room": "\\ud800"}', "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b"null", "M_BAD_JSON"),
        (b"{}", "M_BAD_JSON"),
        (b'"text"', "M_BAD_JSON"),
    ],
)
async def test_what_is_not_a_request_is_told_so(bridge, path: str, raw: bytes, errcode: str):
    status, answer = await post(bridge, path, raw)
    assert (status, answer["errcode"]) == (400, errcode)


@pytest.mark.parametrize(
    "changes",
    [
        {"room": ""},
        {"room": "no room"},
        {"room": 5},
        {"room": "!" + "x" * 300},
        {"room": "!\u0000"},
        {"device_id": ""},
        {"device_id": "x" * 256},
        {"device_id": "é" * 200},
        {"device_id": "a\u0000b"},
        {"device_id": "8431:DEV"},
        {"device_id": None},
        {"openid_token": None},
        {"openid_token": {}},
        {"openid_token": {"access_token": "x"}},
        {"openid_token": {"access_token": "", "matrix_server_name": "home.example"}},
        {"delay_id": "syd_1"},
        {"delay_timeout": 10},
        {"delay_id": "syd_1", "delay_timeout": 3_600_000, "delay_cs_api_url": "http://home.example"},
    ],
)
async def test_bad_fields_of_sfu_get_are_bad_json(bridge, changes: dict[str, Any]):
    room = (await bridge.meeting())["room_id"]
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room, **changes))
    assert (status, answer["errcode"]) == (400, "M_BAD_JSON")
    assert bridge.homeserver.openid_asked == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"slot_id": "m.call#OTHER"},
        {"slot_id": ""},
        {"member": None},
        {"member": {"id": "m1", "claimed_user_id": MARIE}},
        {"member": {"id": "", "claimed_user_id": MARIE, "claimed_device_id": "D"}},
        {"member": {"id": "m\u0000", "claimed_user_id": MARIE, "claimed_device_id": "D"}},
        {"delay_id": "syd_1"},
    ],
)
async def test_bad_fields_of_get_token_are_bad_json(bridge, changes: dict[str, Any]):
    room = (await bridge.meeting())["room_id"]
    status, answer = await post(bridge, GET_TOKEN, get_token(bridge, room, **changes))
    assert (status, answer["errcode"]) == (400, "M_BAD_JSON")


async def test_a_forged_token_is_unauthorized(bridge):
    room = (await bridge.meeting())["room_id"]
    forged = {**openid(bridge), "access_token": "forged"}
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room, openid_token=forged))
    assert (status, answer["errcode"]) == (401, "M_UNAUTHORIZED")


async def test_no_server_vouches_for_another_servers_user(bridge):
    room = (await bridge.meeting(organizer="@eve:evil.example"))["room_id"]
    bridge.homeserver.join(room, "@eve:evil.example")
    status, answer = await post(
        bridge, SFU_GET, sfu_get(bridge, room, openid_token=openid(bridge, "@eve:evil.example"))
    )
    assert (status, answer["errcode"]) == (401, "M_UNAUTHORIZED")


async def test_claiming_to_be_somebody_else_is_unauthorized(bridge):
    room = (await bridge.meeting())["room_id"]
    bridge.homeserver.join(room, f"@jean:{HOME}")
    body = get_token(bridge, room, openid_token=openid(bridge, f"@jean:{HOME}"))
    status, answer = await post(bridge, GET_TOKEN, body)
    assert (status, answer["errcode"]) == (401, "M_UNAUTHORIZED")


@pytest.mark.parametrize("membership", [None, "invite", "leave", "ban", "knock"])
async def test_whoever_is_not_in_the_room_is_kept_out_of_its_call(bridge, membership: str | None):
    room = (await bridge.meeting())["room_id"]
    user = f"@jean:{HOME}"
    if membership is not None:
        bridge.homeserver.join(room, user, membership)
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room, openid_token=openid(bridge, user)))
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")
    assert bridge.sfu.created == []


async def test_a_room_that_is_no_meeting_is_refused_before_any_server_is_asked(bridge):
    bridge.homeserver.join("!foreign:room", MARIE)
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, "!foreign:room"))
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")
    assert bridge.homeserver.openid_asked == 0


async def test_a_servers_name_that_points_inwards_is_unauthorized(bridge):
    room = (await bridge.meeting())["room_id"]
    for server in ("127.0.0.1", "localhost:8448", "169.254.169.254", "[::1]:8448", "x y"):
        status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room, openid_token=openid(bridge, server=server)))
        assert (status, answer["errcode"]) == (401, "M_UNAUTHORIZED")


async def test_an_sfu_that_makes_no_room_is_told_apart(bridge):
    room = (await bridge.meeting())["room_id"]
    bridge.sfu.broken = True
    status, answer = await post(bridge, SFU_GET, sfu_get(bridge, room))
    assert (status, answer) == (500, {"errcode": "M_UNKNOWN", "error": "Unable to create room on SFU"})


async def test_our_homeserver_being_away_is_a_503_with_a_time_to_retry(bridge):
    room = (await bridge.meeting())["room_id"]
    body = sfu_get(bridge, room)
    bridge.homeserver.broken = lambda path: "/state/" in path
    async with bridge.public.post(SFU_GET, json=body) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_body_that_is_too_large_is_refused_readably(bridge):
    async with bridge.public.post(SFU_GET, data=b"x" * 70_000) as response:
        assert response.status == 413
        assert (await response.json())["errcode"] == "M_TOO_LARGE"
        assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", [SFU_GET, GET_TOKEN, "/livekit/jwt/delegate_delayed_leave"])
async def test_a_preflight_is_answered(bridge, path: str):
    async with bridge.public.options(
        path, headers={"Origin": "https://x", "Access-Control-Request-Method": "POST"}
    ) as response:
        assert response.status == 200
        assert {name: response.headers[name] for name in CORS} == CORS


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(bridge, method: str):
    async with bridge.public.request(method, SFU_GET) as response:
        assert response.status == 405


async def test_delegation_is_declined_so_that_clients_end_their_membership_themselves(bridge):
    for body in (b"", b"{}"):
        status, _ = await post(bridge, "/livekit/jwt/delegate_delayed_leave", body)
        assert status == 404


async def test_health_is_told_by_get_and_head_alone(bridge):
    for method, expected in (
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 405),
        ("PUT", 405),
        ("DELETE", 405),
        ("OPTIONS", 405),
    ):
        async with bridge.public.request(method, "/livekit/jwt/healthz") as response:
            assert response.status == expected
            if expected == 200:
                assert await response.read() == b""


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/meetings", "/j/x", "/", "/nothing"])
async def test_no_other_path_may_be_read_by_other_sites(bridge, path: str):
    async with bridge.public.get(path, headers={"Origin": "https://x"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_an_address_that_asks_without_end_has_to_wait(bridge):
    for _ in range(CALL_TOKENS.burst):
        bridge.services.limits.count(CALL_TOKENS, "127.0.0.1")
    async with bridge.public.post(SFU_GET, json={}) as response:
        assert response.status == 429
        assert (await response.json())["errcode"] == "M_LIMIT_EXCEEDED"
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_an_address_that_guesses_identities_has_to_wait(bridge):
    room = (await bridge.meeting())["room_id"]
    forged = {**openid(bridge), "access_token": "forged"}
    statuses = set()
    for _ in range(OPENID_FAILURES.burst + 5):
        status, _ = await post(bridge, SFU_GET, sfu_get(bridge, room, openid_token=forged))
        statuses.add(status)
    assert statuses == {401, 429}
    assert bridge.homeserver.openid_asked <= OPENID_FAILURES.burst + 2


async def test_who_was_let_in_is_written_down_once(bridge):
    room = (await bridge.meeting())["room_id"]
    for _ in range(3):
        await post(bridge, SFU_GET, sfu_get(bridge, room))
    from bridge.store import audit

    async with bridge.database.transaction() as tx:
        rows = await audit.about(tx, room)
    assert [(row["actor"], row["action"]) for row in rows] == [(MARIE, "call_admitted")]
