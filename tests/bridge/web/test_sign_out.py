# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sign-in, silent sign-in and sign-out against the stack's own provider, which keeps ProConnect's rules."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.web.sweeper import sweep
from tests.bridge.web.sign_ins import JEAN, Staff

HOME = "home.example"


@pytest.fixture
async def bridge(build_bridge, issuer):
    return await build_bridge(issuer, profile="proconnect", localpart_claim="uid")


async def test_staff_sign_in_at_a_provider_that_refuses_what_proconnect_refuses(bridge, staff):
    session = await staff.sign_in()
    assert session["user"]["id"] == f"@marie.curie:{HOME}"
    assert session["user"]["display_name"] == "Marie Curie"
    assert session["user"]["organization"] == "SIRET 13002526500013"
    assert bridge.homeserver.tokens[session["matrix"]["access_token"]] == f"@marie.curie:{HOME}"


async def test_signing_out_ends_the_session_the_matrix_device_and_the_provider_s_session(bridge, staff):
    session = await staff.sign_in()
    _, silent = await staff.go("/auth/login?silent&next=/m/x")
    assert "code=" in (await staff.go(silent))[1]

    status, answer = await staff.api("POST", "/auth/logout", session)
    assert status == 200
    assert (await staff.api("GET", "/api/v1/meetings", session))[0] == 401
    await sweep(bridge.services)
    assert bridge.homeserver.logged_out == [f"@marie.curie:{HOME}"]
    assert session["matrix"]["access_token"] not in bridge.homeserver.tokens

    query = parse_qs(urlsplit(answer["redirect"]).query)
    assert set(query) == {"id_token_hint", "post_logout_redirect_uri", "state"}
    assert len(query["state"][0]) >= 32
    status, back = await staff.go(answer["redirect"])
    assert status == 302
    assert await staff.go(back) == (302, "/#signed-out")
    assert await staff.go(back) == (302, "/")  # once

    _, silent = await staff.go("/auth/login?silent&next=/m/x")
    _, back = await staff.go(silent)
    assert "error=login_required" in back
    assert await staff.go(back) == (302, "/m/x#sign-in=needed")


async def test_a_silent_sign_in_gives_a_session_without_a_click(staff):
    await staff.sign_in()
    _, silent = await staff.go("/auth/login?silent&next=/m/x")
    _, back = await staff.go(silent)
    assert (await staff.finish(back))["user"]["id"] == f"@marie.curie:{HOME}"


async def test_a_stranger_s_sign_out_is_not_taken_for_ones_own(staff):
    assert await staff.go("/auth/signed-out?state=" + "x" * 43) == (302, "/")
    assert await staff.go("/auth/signed-out") == (302, "/")


async def test_a_device_that_cannot_be_ended_now_is_ended_by_a_later_sweep(bridge, staff):
    session = await staff.sign_in()
    bridge.homeserver.broken = lambda path: path.endswith("/logout")
    assert (await staff.api("POST", "/auth/logout", session))[0] == 200
    await sweep(bridge.services)
    assert bridge.homeserver.logged_out == []
    bridge.homeserver.broken = lambda _path: False
    await sweep(bridge.services)
    await sweep(bridge.services)
    assert bridge.homeserver.logged_out == [f"@marie.curie:{HOME}"]


@pytest.mark.parametrize(("hours", "uses", "lives"), [(13, 30, False), (3.9, 0, True), (4.1, 0, False), (11, 30, True)])
async def test_a_session_ends_after_a_day_s_work_or_hours_without_use(bridge, staff, hours, uses, lives):
    """`uses`: in how many even steps the time passes, each with a request."""
    session = await staff.sign_in()
    for _ in range(uses):
        bridge.clock.forward(hours=hours / uses)
        status, _ = await staff.api("GET", "/api/v1/meetings", session)
    if not uses:
        bridge.clock.forward(hours=hours)
        status, _ = await staff.api("GET", "/api/v1/meetings", session)
    assert status == (200 if lives else 401)
    await sweep(bridge.services)
    assert bridge.homeserver.logged_out == ([] if lives else [f"@marie.curie:{HOME}"])


async def test_people_see_their_own_sessions_and_end_one_from_another(bridge, staff):
    here, there, other = await staff.sign_in(), await staff.sign_in(), await staff.sign_in(JEAN)
    _, listed = await staff.api("GET", "/api/v1/sessions", here)
    assert [one["current"] for one in listed["sessions"]].count(True) == 1
    assert len(listed["sessions"]) == 2
    (elsewhere,) = (one["id"] for one in listed["sessions"] if not one["current"])
    assert (await staff.api("DELETE", f"/api/v1/sessions/{elsewhere}", other))[0] == 404
    assert (await staff.api("DELETE", f"/api/v1/sessions/{elsewhere}", here))[0] == 200
    assert (await staff.api("DELETE", f"/api/v1/sessions/{elsewhere}", here))[0] == 404
    assert (await staff.api("GET", "/api/v1/sessions", there))[0] == 401
    assert (await staff.api("GET", "/api/v1/sessions", here))[0] == 200
    await sweep(bridge.services)
    assert there["matrix"]["access_token"] not in bridge.homeserver.tokens
    assert here["matrix"]["access_token"] in bridge.homeserver.tokens


async def test_people_sign_out_of_all_other_sessions_and_go_on_here(bridge, staff):
    there, here, other = await staff.sign_in(), await staff.sign_in(), await staff.sign_in(JEAN)
    assert await staff.api("DELETE", "/api/v1/sessions?others", here) == (200, {"ended": 1})
    statuses = [(await staff.api("GET", "/api/v1/sessions", session))[0] for session in (there, here, other)]
    assert statuses == [401, 200, 200]
    await sweep(bridge.services)
    tokens = [session["matrix"]["access_token"] in bridge.homeserver.tokens for session in (there, here, other)]
    assert tokens == [False, True, True]


async def test_signing_out_everywhere_also_leaves_the_provider_and_every_matrix_app(bridge, staff):
    there, here, other = await staff.sign_in(), await staff.sign_in(), await staff.sign_in(JEAN)
    element = bridge.homeserver.add_user(f"@marie.curie:{HOME}")
    status, answer = await staff.api("POST", "/auth/logout?everywhere", here)
    assert (status, "id_token_hint=" in answer["redirect"]) == (200, True)
    statuses = [(await staff.api("GET", "/api/v1/sessions", session))[0] for session in (there, here, other)]
    assert statuses == [401, 401, 200]
    await sweep(bridge.services)
    assert element not in bridge.homeserver.tokens
    assert f"@marie.curie:{HOME}" not in bridge.homeserver.tokens.values()


async def test_guests_do_not_sign_out(bridge):
    _, headers = await bridge.guest(await bridge.meeting())
    async with bridge.public.post("/auth/logout", headers=headers) as response:
        assert response.status == 403


async def test_what_a_session_keeps_is_sealed(bridge, staff):
    session = await staff.sign_in()
    async with bridge.database.transaction() as tx:
        stored = str(await tx.rows("SELECT * FROM sessions")) + str(await tx.rows("SELECT * FROM identities"))
        kept = await tx.value("SELECT kept FROM sessions")
    assert session["matrix"]["access_token"] not in stored
    assert "eyJhbGciOiJSUzI1NiIs" not in stored  # no token of the provider
    assert bridge.services.seal.open(kept)["matrix"] == session["matrix"]["access_token"]


async def test_a_provider_that_is_away_keeps_nobody_from_signing_out(build_bridge, bridge, staff, browser):
    session = await staff.sign_in()
    away = await build_bridge("http://127.0.0.1:9", profile="proconnect")
    elsewhere = Staff(away, browser)
    _, answer = await elsewhere.api("POST", "/auth/logout", session)
    assert await elsewhere.go(answer["redirect"]) == (302, "/#signed-out")
