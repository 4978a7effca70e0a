# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any
from urllib.parse import quote

import pytest

from bridge.domain.errors import Refused
from bridge.domain.glossary import MAX_NAMES, MAX_TERM, MAX_TERMS, clean_terms, with_names

HOME = "home.example"


async def write(bridge, meeting: dict[str, Any], terms: object) -> tuple[int, dict[str, Any]]:
    url, headers = f"/api/v1/meetings/{meeting['id']}/glossary", await bridge.staff("marie")
    async with bridge.public.put(url, json={"terms": terms}, headers=headers) as response:
        return response.status, await response.json()


async def test_engines_get_the_terms_of_the_meeting_and_the_names_of_its_people(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    for name, called in (("marie", "Marie Curie"), ("captions", "Captions"), ("nameless", None)):
        bridge.homeserver.join(room, f"@{name}:{HOME}")
        if called is not None:
            bridge.homeserver.names[f"@{name}:{HOME}"] = called
    await bridge.guest(meeting, "Gina")
    assert await write(bridge, meeting, ["ProConnect", " proconnect ", "", "Saint-\nÉtienne"]) == (
        200,
        {"terms": ["ProConnect", "Saint- Étienne"]},
    )
    answer = await bridge.operator("GET", f"/internal/v1/rooms/{quote(room, safe='')}/glossary")
    assert answer == {"terms": ["ProConnect", "Saint- Étienne", "Marie Curie", "Gina"]}


async def test_a_new_glossary_replaces_the_old_one_and_members_read_it(bridge):
    meeting = await bridge.meeting()
    await write(bridge, meeting, ["one"])
    await write(bridge, meeting, ["two"])
    _, headers = await bridge.guest(meeting)
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}/glossary", headers=headers) as response:
        assert await response.json() == {"terms": ["two"]}


@pytest.mark.parametrize(
    "terms", [["x" * (MAX_TERM + 1)], [f"t{number}" for number in range(MAX_TERMS + 1)], "x", [1], ["\u0000"]]
)
async def test_a_glossary_that_is_none_is_refused(bridge, terms: object):
    assert (await write(bridge, await bridge.meeting(), terms))[0] == 400


async def test_a_room_that_is_no_meeting_has_none(bridge):
    headers = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    async with bridge.internal.get("/internal/v1/rooms/!none/glossary", headers=headers) as response:
        assert response.status == 404


def test_a_crowd_does_not_drown_the_terms():
    names = [f"Person {number}" for number in range(MAX_NAMES + 5)]
    assert with_names(["term"], names) == ["term", *names[:MAX_NAMES]]
    with pytest.raises(Refused):
        clean_terms(names)
