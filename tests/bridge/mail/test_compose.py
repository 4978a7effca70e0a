# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import default

import pytest
from icalendar import Calendar

from bridge.domain.branding import Brand
from bridge.domain.invitation import Entry, Mailbox, request
from bridge.domain.letters import Letter
from bridge.domain.recurrence import new_schedule, occurrences
from bridge.mail.compose import MAX_DATES, Draft, compose

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
SCHEDULE = new_schedule(
    "m@x.example",
    start=datetime(2027, 3, 26, 10),  # noqa: DTZ001  # wall time
    zone="Europe/Paris",
    duration=timedelta(hours=1),
    rrule="FREQ=WEEKLY;COUNT=9",
    now=NOW,
)
READER = Mailbox("claire@partner.example", "Claire, « La Ré »")
ANNE = Mailbox("anne@ministere.example", "Anne <b>Martin</b>")
ENTRY = Entry("Comité", "", "https://x.example/j/t", ANNE, SCHEDULE, "Passerelle")
DRAFT = Draft(
    Brand(),
    Letter.INVITATION,
    "fr",
    READER,
    ANNE,
    "Comité <script>alert(1)</script>",
    "1. Bilan\n2. <i>Suite</i>",
    occurrences(SCHEDULE, NOW, MAX_DATES + 1),
    "Europe/Paris",
    "https://x.example/j/t",
    "https://matrix.to/#/!r?via=x",
    request(ENTRY, READER, NOW),
    "REQUEST",
    "<1.1@x.example>",
    "<1.1@x.example>",
)
SENDER = Mailbox("meet@x.example")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\x01\0\0\0\x01"


def sent(draft: Draft = DRAFT):
    """The mail as the other side reads it."""
    return BytesParser(policy=default).parsebytes(compose(draft, SENDER, NOW).as_bytes())


def test_a_letter_is_text_html_and_calendar_and_a_file_beside_them():
    mail = sent()
    assert mail.get_content_type() == "multipart/mixed"
    alternative, attached = mail.iter_parts()
    plain, html, calendar = alternative.iter_parts()
    assert [part.get_content_type() for part in (plain, html, calendar)] == ["text/plain", "text/html", "text/calendar"]
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert calendar["Content-Type"].params["charset"].lower() == "utf-8"
    assert (attached.get_content_type(), attached.get_filename()) == ("application/ics", "invite.ics")
    assert (
        attached.get_content()
        == DRAFT.calendar
        == calendar.get_content().replace("\r\n", "\n").replace("\n", "\r\n").encode()
    )
    assert Calendar.from_ical(attached.get_content())["METHOD"] == "REQUEST"


def test_it_says_who_when_and_where_in_the_readers_language():
    plain = sent().get_body(("plain",)).get_content()
    assert "Anne <b>Martin</b> vous invite" in plain
    assert "vendredi 26 mars 2027, de 10:00 à 11:00 (Europe/Paris)" in plain
    assert "vendredi 2 avril 2027, de 10:00 à 11:00" in plain  # summer time began in between
    assert plain.count("2027, de") == MAX_DATES
    assert "et d’autres dates" in plain
    assert "https://x.example/j/t" in plain
    assert "https://matrix.to/#/!r?via=x" in plain
    plain = sent(replace(DRAFT, language="en", occurrences=DRAFT.occurrences[:1])).get_body(("plain",)).get_content()
    assert "Friday, 26 March 2027, 10:00 to 11:00 (Europe/Paris)" in plain
    assert "further dates" not in plain


def test_nothing_in_it_becomes_html_or_is_fetched():
    html = sent().get_body(("html",)).get_content()
    assert "&lt;script&gt;" in html
    assert not re.search(r"<(script|i|b|img|link|iframe)\b|src=|url\(", html)
    assert set(re.findall(r'href="([^"]+)"', html)) == {DRAFT.join_url, DRAFT.matrix_url}


def test_a_meeting_without_a_date_is_open_now_and_has_no_calendar():
    mail = sent(replace(DRAFT, occurrences=[], calendar=None))
    assert mail.get_content_type() == "multipart/alternative"
    assert "ouverte dès maintenant" in mail.get_body(("plain",)).get_content()


def test_a_cancellation_invites_nobody_to_join():
    mail = sent(replace(DRAFT, letter=Letter.CANCELLATION, occurrences=[], method="CANCEL"))
    assert mail["Subject"].startswith("Annulée")
    for kind in ("plain", "html"):
        assert "https://" not in mail.get_body((kind,)).get_content()


def test_its_headers_say_that_a_machine_wrote_it_for_whom_and_what_it_belongs_to():
    mail = sent()
    assert mail["To"].addresses[0].addr_spec == READER.address
    assert mail["To"].addresses[0].display_name == READER.name
    assert mail["From"].addresses[0].addr_spec == "meet@x.example"
    assert mail["Reply-To"].addresses[0].addr_spec == ANNE.address
    assert (mail["Auto-Submitted"], mail["Message-ID"]) == ("auto-generated", "<1.1@x.example>")
    assert mail["List-Id"] == "Passerelle <meetings.x.example>"
    assert mail["References"] is None
    later = sent(replace(DRAFT, letter=Letter.UPDATE, message_id="<1.2@x.example>"))
    assert later["References"] == later["In-Reply-To"] == "<1.1@x.example>"
    assert sent(replace(DRAFT, organizer=Mailbox("", "Anne")))["Reply-To"] is None


@pytest.mark.parametrize("trick", ["x\r\nBcc: all@x.example", "x\nBcc: all@x.example", "x\u2028Bcc: y\x00"])
def test_no_name_or_title_writes_a_header(trick: str):
    reader, organizer = Mailbox(READER.address, trick), Mailbox(ANNE.address, trick)
    mail = sent(replace(DRAFT, title=trick, reader=reader, organizer=organizer))
    assert set(mail.keys()) == set(sent().keys())
    assert len(mail["To"].addresses) == 1
    with pytest.raises(ValueError, match="linefeed or carriage"):
        compose(replace(DRAFT, message_id=f"<{trick}>\r\nBcc: x"), SENDER, NOW)


LYON = Brand(
    "Visio <b>Lyon</b>", "#000091", PNG, "Ville de Lyon", "https://lyon.example/legal", "https://lyon.example/vie"
)


def test_a_letter_looks_like_the_operators_and_still_fetches_nothing():
    mail = sent(replace(DRAFT, brand=LYON))
    assert mail["From"].addresses[0].display_name == "Anne <b>Martin</b> via Visio <b>Lyon</b>"
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert plain.splitlines()[-3:] == [
        "Visio <b>Lyon</b> · Ville de Lyon",
        "Mentions légales – https://lyon.example/legal",
        "Données personnelles – https://lyon.example/vie",
    ]
    assert "Passerelle" not in html
    assert html.count("#000091") == 4
    assert "Visio &lt;b&gt;Lyon&lt;/b&gt;" in html
    assert {DRAFT.join_url, LYON.legal, LYON.privacy} < set(re.findall(r'href="([^"]+)"', html))
    (source,) = re.findall(r'src="([^"]+)"', html)
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    assert (source, picture["Content-ID"], picture.get_content()) == ("cid:logo@passerelle", "<logo@passerelle>", PNG)


def test_without_branding_a_letter_is_called_as_it_comes_and_has_no_picture():
    mail = sent()
    assert "Passerelle" in mail["From"].addresses[0].display_name
    assert not [part for part in mail.walk() if part.get_content_maintype() == "image"]


@pytest.mark.parametrize("name", ["Visio, Lyon", "Réunions", "a\r\nBcc: all@x.example"])
def test_no_name_of_a_service_breaks_a_header(name: str):
    mail = sent(replace(DRAFT, brand=replace(LYON, service=name)))
    assert set(mail.keys()) == set(sent().keys())
    assert mail["List-Id"].endswith("<meetings.x.example>")
