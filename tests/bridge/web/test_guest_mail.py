# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A guest's mail address, shown to be theirs by a code that a real SMTP server brought; real PostgreSQL."""

import re
from typing import Any

import pytest

from bridge.domain.mail_check import FORGET_AFTER, LIFETIME, MAX_CODES, MAX_TRIES, RETRIES
from bridge.domain.revocation import Kind
from bridge.web import guest_mail, revoking, sweeper
from tests.bridge.mail.small_server import SmallServer, serving

GINA = "Gina@partner.example"


class Door:
    """A link that asks for a mail address, and what guests do at it."""

    def __init__(self, bridge, server: SmallServer) -> None:
        self.bridge, self.server = bridge, server
        self.path = ""
        self.meeting: dict[str, Any] = {}

    async def open(self, uses: int = 3) -> None:
        self.meeting = await self.bridge.meeting()
        invites = f"/internal/v1/meetings/{self.meeting['id']}/invites"
        made = await self.bridge.operator("POST", invites, uses=uses, ttl_s=7200, verify_email=True)
        self.path = "/j/" + made["url"].rpartition("/")[2]

    async def ask(self, address: str = GINA, language: str = "fr") -> tuple[int, dict[str, Any]]:
        body = {"address": address, "language": language}
        async with self.bridge.public.post(f"{self.path}/email", json=body) as response:
            return response.status, await response.json()

    async def post(self) -> list[tuple[str, str]]:
        """The mails that leave now: to whom, and the code in it."""
        had = len(self.server.got)
        await guest_mail.deliver(self.bridge.services, self.bridge.services.settings.mail)
        return [(to, self.code_in(mail)) for to, mail in self.server.got[had:]]

    @staticmethod
    def code_in(mail) -> str:
        (code,) = re.findall(r"^    (\d{6})\r?$", mail.get_content(), re.MULTILINE)
        assert code in mail["Subject"]
        return code

    async def enter(self, **email: str) -> tuple[int, dict[str, Any]]:
        body = {"display_name": "Gina"} | ({"email": email} if email else {})
        async with self.bridge.public.post(self.path, json=body) as response:
            return response.status, await response.json()

    async def guests(self) -> list[str]:
        headers = await self.bridge.staff("marie")
        async with self.bridge.public.get(f"/api/v1/meetings/{self.meeting['id']}/guests", headers=headers) as response:
            return [one["email"] for one in (await response.json())["guests"]]

    async def stored(self) -> list[str]:
        async with self.bridge.database.transaction() as tx:
            rows = await tx.rows("SELECT email AS a FROM guests UNION ALL SELECT address AS a FROM mail_checks")
            return [row["a"] for row in rows if row["a"]]


@pytest.fixture
async def door(build_bridge, free_port):
    async with serving(SmallServer()) as server:
        mail = {"host": "localhost", "port": server.port, "security": "none", "sender": "meet@x.example"}
        opened = Door(await build_bridge(None, mail=mail), server)
        await opened.open()
        yield opened


async def test_a_guest_types_the_code_that_was_mailed_and_hosts_alone_see_the_address(door):
    status, refused = await door.enter()
    assert (status, refused["errcode"]) == (403, "PASSERELLE_EMAIL_NEEDED")
    status, asked = await door.ask()
    assert status == 202
    ((to, code),) = await door.post()
    assert to == GINA
    assert await door.post() == [], "once"
    status, session = await door.enter(check=asked["check"], code=f" {code[:3]} {code[3:]} ")
    assert status == 200, session
    assert GINA not in str(session)
    assert await door.guests() == [GINA]
    assert GINA not in str(door.bridge.homeserver.names)


async def test_the_mail_says_what_it_is_for_in_the_guests_language_and_nothing_of_theirs(door):
    await door.ask(language="fr")
    await door.ask("paul@partner.example", language="en")
    await door.post()
    french, english = (
        next(mail for to, mail in door.server.got if to == who) for who in (GINA, "paul@partner.example")
    )
    assert (french["Content-Language"], english["Content-Language"]) == ("fr", "en")
    assert "sur invitation" in french.get_content()
    assert "Team" in english.get_content()
    assert french["Auto-Submitted"] == "auto-generated"


async def test_a_code_can_be_typed_after_a_reload_and_another_bridge_and_brings_one_guest_in(door):
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    proof = {"check": asked["check"], "code": code}
    door.bridge.homeserver.broken = lambda path: path.endswith("/register")
    assert (await door.enter(**proof))[0] == 503
    door.bridge.homeserver.broken = lambda _path: False
    status, session = await door.enter(**proof)
    assert status == 200, "who could not be brought in needs no second code"
    assert (await door.enter(**proof))[0] == 404, "and nobody else comes in with it"
    await revoking.revoke(door.bridge.services, Kind.GUEST, session["user"]["id"], "operator")
    await revoking.finish(door.bridge.services)
    assert await door.guests() == []


async def test_wrong_codes_are_few(door):
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for left in range(MAX_TRIES - 1, -1, -1):
        status, refused = await door.enter(check=asked["check"], code=wrong)
        assert (status, refused["errcode"]) == (403, "PASSERELLE_CODE_WRONG")
        assert f"Tries left: {left}." in refused["error"]
    status, refused = await door.enter(check=asked["check"], code=code)
    assert (status, refused["errcode"]) == (410, "PASSERELLE_CODE_TRIES")


async def test_codes_for_one_address_are_few_in_an_hour_and_others_go_on(door):
    for _ in range(MAX_CODES):
        assert (await door.ask())[0] == 202
    status, refused = await door.ask(GINA.upper())
    assert (status, refused["errcode"]) == (429, "PASSERELLE_CODE_TOO_MANY")
    assert (await door.ask("paul@partner.example"))[0] == 202
    door.bridge.clock.now += FORGET_AFTER
    assert (await door.ask())[0] == 202


async def test_an_old_code_and_somebody_elses_check_open_nothing(door):
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    for check in ("x" * 43, "short"):
        status, refused = await door.enter(check=check, code=code)
        assert (status, refused["errcode"]) == (404, "PASSERELLE_CODE_UNKNOWN")
    door.bridge.clock.now += LIFETIME
    status, refused = await door.enter(check=asked["check"], code=code)
    assert (status, refused["errcode"]) == (410, "PASSERELLE_CODE_EXPIRED")


async def test_a_code_of_one_link_is_none_of_another(door):
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    await door.open()
    assert (await door.enter(check=asked["check"], code=code))[0] == 404


async def test_a_mail_server_that_is_away_gets_the_code_when_it_is_back(door):
    door.server.refuse[GINA] = "451 later"
    await door.ask()
    assert await door.post() == []
    del door.server.refuse[GINA]
    assert await door.post() == [], "not at once"
    door.bridge.clock.now += RETRIES[0]
    ((to, _),) = await door.post()
    assert to == GINA


async def test_an_address_that_the_server_refuses_for_good_is_not_tried_again(door):
    door.server.refuse[GINA] = "550 nobody"
    await door.ask()
    await door.post()
    del door.server.refuse[GINA]
    door.bridge.clock.now += RETRIES[-1]
    assert await door.post() == []


@pytest.mark.parametrize("address", ["", "gina", "a@b\r\nBcc: x@y.example", "a@b.example, c@d.example", "x" * 300])
async def test_what_is_no_address_gets_no_mail(door, address: str):
    assert (await door.ask(address))[0] == 400
    assert await door.post() == []


async def test_an_address_is_forgotten_with_its_guest_and_an_unused_one_after_an_hour(door):
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    _, session = await door.enter(check=asked["check"], code=code)
    await door.ask("paul@partner.example")
    await revoking.revoke(door.bridge.services, Kind.GUEST, session["user"]["id"], "operator")
    await revoking.finish(door.bridge.services)
    door.bridge.clock.now += FORGET_AFTER
    await sweeper.sweep(door.bridge.services)
    assert await door.stored() == []


async def test_without_a_mail_server_no_link_asks_for_an_address(bridge):
    meeting = await bridge.meeting()
    body = {"uses": 1, "ttl_s": 600, "verify_email": True}
    path, marie = f"/api/v1/meetings/{meeting['id']}/invites", await bridge.staff("marie")
    async with bridge.public.post(path, json=body, headers=marie) as response:
        assert (response.status, (await response.json())["errcode"]) == (409, "PASSERELLE_NO_MAIL")
    invite = await bridge.invite(meeting)
    async with bridge.public.post(f"{invite['path']}/email", json={"address": GINA}) as response:
        assert response.status == 409
