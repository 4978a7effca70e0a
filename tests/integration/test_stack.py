# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The whole stack: what it says when it is ready holds, it heals, and it keeps its meeting."""

import os
import signal

import httpx2
import pytest

pytestmark = pytest.mark.stack


def test_everything_that_ready_json_names_is_there(stack):
    ready = stack.ready
    assert set(ready) == {
        "url", "meeting", "guest_link", "staff", "homeservers", "partner_user", "captions", "internal", "sfu", "oidc",
        "ca_file", "pids",
    }  # fmt: skip
    assert set(ready["pids"]) == {"postgres", "home", "partner", "oidc", "sfu", "bridge", "bots", "worker"}
    assert ready["meeting"]["organizer"] == ready["staff"][0]["user_id"]
    assert ready["guest_link"].startswith(ready["url"] + "j/")
    for url in (
        ready["url"],
        ready["guest_link"],
        ready["sfu"]["api_url"],
        ready["oidc"]["issuer"] + "/.well-known/openid-configuration",
        ready["homeservers"]["home"]["client_url"] + "/_matrix/client/versions",
        ready["homeservers"]["partner"]["client_url"] + "/_matrix/client/versions",
    ):
        assert httpx2.get(url).status_code == 200, url
    internal = httpx2.get(
        ready["internal"]["url"] + "/internal/v1/meetings",
        params={"title": ready["meeting"]["title"]},
        headers={"Authorization": f"Bearer {ready['internal']['token']}"},
    )
    assert [found for found in internal.json()["meetings"] if ready["meeting"].items() <= found.items()]


@pytest.mark.parametrize("who", [0, 1, 2])
def test_each_of_the_staff_signs_in_and_is_the_user_that_was_promised(stack, who):
    person = stack.ready["staff"][who]
    base = stack.ready["url"].rstrip("/")
    with httpx2.Client() as browser:
        page = browser.get(f"{base}/auth/login", params={"next": "/"}, follow_redirects=True)
        assert f'value="{person["sub"]}"' in page.text
        callback = browser.post(page.url, data={"sub": person["sub"]}).headers["location"]
        target = browser.get(callback).headers["location"]
        code = target.partition("#code=")[2]
        session = browser.post(f"{base}/auth/session", json={"code": code}).json()
    assert session["matrix"]["user_id"] == person["user_id"]
    whoami = httpx2.get(
        f"{session['matrix']['base_url']}/_matrix/client/v3/account/whoami",
        headers={"Authorization": f"Bearer {session['matrix']['access_token']}"},
    ).json()
    assert whoami["user_id"] == person["user_id"]


def test_each_program_that_is_killed_comes_back_and_the_meeting_is_found_again(
    tmp_path, port_base, start_stack, wait_until
):
    with start_stack(tmp_path / "data", port_base) as first:
        for name in ("sfu", "bridge", "bots", "home"):
            before = first.status()[name]
            os.kill(before["pid"], signal.SIGKILL)

            def is_back(name=name, before=before) -> bool:
                now = first.status()[name]
                return now["restarts"] == before["restarts"] + 1 and now["state"] == "ready"

            wait_until(is_back, f"{name} is back:\n{first.output.read_text()}\n{first.logs()}", 60)
        assert httpx2.get(first.ready["guest_link"]).status_code == 200
        first.stop()
    with start_stack(tmp_path / "data", None) as second:
        assert second.ready["meeting"] == first.ready["meeting"]
        assert second.ready["guest_link"] != first.ready["guest_link"]
        for link in (first.ready["guest_link"], second.ready["guest_link"]):
            assert httpx2.get(link).status_code == 200
        second.stop()
