# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import ssl
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme

from bridge.domain.errors import Unavailable
from bridge.mail.smtp import Rejected, connected
from tests.bridge.mail.small_server import PASSWORD, USER, SmallServer, serving


def mail(text: str = "Bonjour") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "meet@x.example", "a@b.example", "Été"
    made.set_content(text)
    return made


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(made)
    return made


async def test_mails_leave_over_one_connection():
    async with serving(SmallServer()) as server, connected(server.settings()) as send:
        await send(mail(), "a@b.example")
        await send(mail("Été"), "c@d.example")
    assert [to for to, _ in server.got] == ["a@b.example", "c@d.example"]
    assert server.got[1][1].get_content().strip() == "Été"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_they_leave_encrypted_to_a_server_whose_certificate_is_known(context, ca_file: str, security: str):
    async with serving(SmallServer(), **{security: context}) as server:
        login = {"user": USER, "password": PASSWORD} if security == "starttls" else {}
        async with connected(server.settings(security=security, ca_file=ca_file, **login)) as send:
            await send(mail(), "a@b.example")
        assert (len(server.got), server.secured) == (1, [True])
        with pytest.raises(Unavailable):
            async with connected(server.settings(security=security)):
                pass


async def test_nothing_is_sent_in_the_clear_where_encryption_is_wanted():
    async with serving(SmallServer()) as server:
        with pytest.raises(Unavailable):
            async with connected(server.settings(security="starttls")):
                pass
    assert server.got == []


async def test_a_wrong_password_is_no_fault_of_the_reader(context, ca_file: str):
    async with serving(SmallServer(), starttls=context) as server:
        wrong = server.settings(security="starttls", ca_file=ca_file, user=USER, password="guess")
        with pytest.raises(Unavailable):
            async with connected(wrong):
                pass


@pytest.mark.parametrize(("answer", "error"), [("550 no such user", Rejected), ("451 greylisted", Unavailable)])
async def test_an_address_that_is_refused_for_good_is_told_from_one_that_is_refused_for_now(answer: str, error):
    server = SmallServer(refuse={"a@b.example": answer})
    async with serving(server), connected(server.settings()) as send:
        with pytest.raises(error) as raised:
            await send(mail(), "a@b.example")
        assert "user" not in str(raised.value)
        await send(mail(), "c@d.example")
    assert [to for to, _ in server.got] == ["c@d.example"]


async def test_a_server_that_is_away_is_unavailable(free_port):
    with pytest.raises(Unavailable):
        async with connected(SmallServer(free_port()).settings()):
            pass
