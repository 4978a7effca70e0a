# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People invited by mail, told of every change, by a real SMTP server and a real PostgreSQL."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bridge.domain.letters import MIN_BETWEEN, RETRIES
from bridge.store import audit, invitees
from bridge.web import mailing, sweeper
from tests.bridge.mail.small_server import SmallServer, serving

HOME = "home.example"
CLAIRE = {"address": "claire@partner.example", "name": "Claire", "language": "fr"}
PAUL = {"address": "paul@partner.example"}


class Office:
    """A bridge, its mail server, and Marie, who plans."""

    def __init__(self, bridge, server: SmallServer) -> None:
        self.bridge, self.server = bridge, server
        self.path = ""
        self.meeting: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str = "", status: int = 200, **body: Any) -> dict[str, Any]:
        async with self.bridge.public.request(
            method, self.path + path, json=body or None, headers=self.headers
        ) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def plan(self, rrule: str | None = "FREQ=WEEKLY;COUNT=3", *, dated: bool = True) -> None:
        self.headers = await self.bridge.staff("marie")
        start = f"{self.bridge.clock.now + timedelta(7):%Y-%m-%dT10:00}"
        schedule = {"start": start, "time_zone": "Europe/Paris", "rrule": rrule}
        self.path = "/api/v1/meetings"
        self.meeting = await self.call(
            "POST", status=201, title="Comité", **({"schedule": schedule} if dated else {"agenda": "1. Bilan"})
        )
        self.path += f"/{self.meeting['id']}"

    async def post(self, after: timedelta = MIN_BETWEEN) -> list[Any]:
        """What the mail server got when some time had passed."""
        self.bridge.clock.now += after
        had = len(self.server.got)
        await mailing.deliver(self.bridge.services, self.bridge.services.settings.mail)
        return self.server.got[had:]

    async def states(self) -> dict[str, str]:
        return {
            one["address"].partition("@")[0]: one["state"] for one in (await self.call("GET", "/invitees"))["invitees"]
        }


@pytest.fixture
async def office(build_bridge, free_port):
    async with serving(SmallServer()) as server:
        mail = {"host": "localhost", "port": server.port, "security": "none", "sender": "meet@x.example"}
        yield Office(await build_bridge(None, mail=mail), server)


def calendar_of(mail) -> tuple[str, Any]:
    (attached,) = mail.iter_attachments()
    calendar = Calendar.from_ical(attached.get_content())
    return str(calendar["METHOD"]), calendar.events[0]


async def test_people_are_invited_told_of_changes_and_of_the_end_and_each_once(office):
    await office.plan()
    await office.call("POST", "/invitees", 201, people=[CLAIRE, PAUL])
    assert await office.states() == {"claire": "waiting", "paul": "waiting"}
    invited = await office.post()
    assert {to for to, _ in invited} == {CLAIRE["address"], PAUL["address"]}
    assert await office.states() == {"claire": "sent", "paul": "sent"}
    mail = next(mail for to, mail in invited if to == CLAIRE["address"])
    method, event = calendar_of(mail)
    assert (mail["Subject"], method, event["SEQUENCE"]) == ("Invitation\u00a0: Comité", "REQUEST", 0)
    assert await office.post() == []

    date = office.meeting["schedule"]["start"]
    moved = (datetime.fromisoformat(date) + timedelta(days=1)).isoformat(timespec="minutes")
    await office.call("PATCH", f"/dates/{date}", start=moved)
    await office.call("PATCH", title="Comité de suivi")
    (told, _) = [mail for _, mail in await office.post()]  # two changes, one letter each
    method, changed = calendar_of(told)
    assert (method, changed["SEQUENCE"], changed["UID"]) == ("REQUEST", 2, event["UID"])
    assert told["References"] in {one["Message-ID"] for _, one in invited}
    assert changed["URL"] in {calendar_of(one)[1]["URL"] for _, one in invited}
    assert await office.post() == []

    await office.call("POST", "/cancel")
    over = await office.post()
    assert [calendar_of(mail)[0] for _, mail in over] == ["CANCEL"] * 2
    assert calendar_of(over[0][1])[1]["SEQUENCE"] == 3
    await office.call("DELETE")
    assert await office.post() == []


async def test_the_link_in_a_letter_is_of_one_person_lets_them_in_and_ends_with_their_invitation(office):
    await office.plan()
    added = await office.call("POST", "/invitees", 201, people=[CLAIRE])
    ((_, mail),) = await office.post()
    path = str(calendar_of(mail)[1]["URL"]).removeprefix("http://bridge.example")
    await office.call("POST", "/open")
    async with office.bridge.public.post(path, json={"display_name": "Claire"}) as response:
        assert response.status == 200, await response.text()
    await office.call("DELETE", f"/invitees/{added['invitees'][0]['id']}")
    async with office.bridge.public.post(path, json={"display_name": "Claire"}) as response:
        assert response.status == 410
    ((to, mail),) = await office.post()
    assert (to, calendar_of(mail)[0]) == (CLAIRE["address"], "CANCEL")
    assert await office.states() == {}


async def test_a_server_that_is_away_gets_the_letter_once_when_it_is_back(office):
    await office.plan()
    port = office.server.port
    office.server.refuse[CLAIRE["address"]] = "451 later"
    await office.call("POST", "/invitees", 201, people=[CLAIRE])
    assert await office.post() == []
    assert await office.post(RETRIES[0] - timedelta(seconds=1)) == []
    await office.call("PATCH", title="Comité de suivi")  # a change meanwhile makes no second letter
    office.server.refuse.clear()
    ((_, mail),) = await office.post(RETRIES[0])
    assert "Comité de suivi" in mail["Subject"]
    assert await office.post(timedelta(days=1)) == []
    assert office.server.port == port


async def test_what_no_server_takes_is_given_up_and_written_down(office):
    await office.plan()
    office.server.refuse[PAUL["address"]] = "550 no such user"
    await office.call("POST", "/invitees", 201, people=[CLAIRE, PAUL])
    assert [to for to, _ in await office.post()] == [CLAIRE["address"]]
    assert await office.states() == {"claire": "sent", "paul": "failed"}
    assert await office.post(timedelta(days=1)) == []
    async with office.bridge.database.transaction() as tx:
        rows = [row for row in await audit.about(tx, office.meeting["id"]) if row["action"] == "mail_given_up"]
    assert len(rows) == 1
    assert PAUL["address"] not in str(rows)


async def test_a_server_that_stays_away_is_tried_for_days(build_bridge, free_port):
    mail = {"host": "localhost", "port": free_port(), "security": "none", "sender": "meet@x.example"}
    office = Office(await build_bridge(None, mail=mail), SmallServer())
    await office.plan()
    await office.call("POST", "/invitees", 201, people=[CLAIRE])
    for wait in (MIN_BETWEEN, *RETRIES):
        assert await office.states() == {"claire": "waiting"}
        await office.post(wait)
        office.headers = await office.bridge.staff("marie")  # the day's session is over
    assert await office.states() == {"claire": "failed"}


async def test_a_letter_whose_bridge_died_is_sent_by_the_next_one(office):
    await office.plan()
    await office.call("POST", "/invitees", 201, people=[CLAIRE])
    async with office.bridge.database.transaction() as tx:
        assert len(await invitees.claim(tx, office.bridge.clock.now + MIN_BETWEEN)) == 1  # and then it dies
    assert await office.post() == []
    assert len(await office.post(invitees.LEASE + MIN_BETWEEN)) == 1


async def test_a_deleted_meeting_waits_for_its_letters(office):
    await office.plan()
    await office.call("POST", "/invitees", 201, people=[CLAIRE])
    await office.post()
    await office.call("DELETE")
    await sweeper.sweep(office.bridge.services)
    ((_, mail),) = await office.post()
    assert calendar_of(mail)[0] == "CANCEL"
    await sweeper.sweep(office.bridge.services)
    async with office.bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM meetings") == 0


async def test_a_meeting_without_a_date_is_open_now_and_has_no_calendar(office):
    await office.plan(dated=False)
    await office.call("POST", "/invitees", 201, people=[CLAIRE, CLAIRE | {"address": "CLAIRE@partner.example"}])
    ((_, mail),) = await office.post()
    assert list(mail.iter_attachments()) == []
    assert "1. Bilan" in mail.get_body(("plain",)).get_content()


async def test_only_hosts_invite_and_only_addresses(office):
    await office.plan()
    async with office.bridge.public.post(
        f"{office.path}/invitees", json={"people": [CLAIRE]}, headers=await office.bridge.staff("jean")
    ) as response:
        assert response.status in {403, 404}
    for address in ("claire", "a@b\r\nBcc: c@d", ""):
        answer = await office.call("POST", "/invitees", 400, people=[CLAIRE, {"address": address}])
        assert answer["errcode"] == "PASSERELLE_BAD_ADDRESS"
    await office.call("POST", "/cancel")
    answer = await office.call("POST", "/invitees", 409, people=[CLAIRE])
    assert answer["errcode"] == "PASSERELLE_MEETING_OVER"
    assert await office.post() == []


async def test_without_a_mail_server_people_are_told_so(bridge):
    office = Office(bridge, SmallServer())
    await office.plan()
    answer = await office.call("POST", "/invitees", 409, people=[CLAIRE])
    assert answer["errcode"] == "PASSERELLE_NO_MAIL"
    assert await office.call("GET", "/invitees") == {"mail": False, "invitees": []}
    await mailing.run(bridge.services)  # has nothing to do, and ends
