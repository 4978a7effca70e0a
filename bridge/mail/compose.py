# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a letter about a meeting look like as a mail?

Plain text first, HTML beside it, and the calendar as a third reading of the same (`text/calendar; method=…`: what Gmail
and Outlook answer with their buttons), and once more as a file for everything else. Reading it fetches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_date

from bridge.domain.branding import PNG, Brand
from bridge.domain.invitation import Mailbox
from bridge.domain.letters import Letter
from bridge.domain.plain import one_line
from bridge.domain.recurrence import Occurrence
from bridge.locales import catalogue

MAX_DATES = 5
"""Dates that a letter spells out; the calendar has them all."""
FILE_NAME = "invite.ics"
PICTURE = "logo@passerelle"
"""The content id of the operator's logo, which travels in the mail (RFC 2392)."""
LOCALES = {"en": "en_GB"}
"""Of a language, the country whose dates are meant, where there are several."""

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a letter says. `occurrences` are the next ones, one more than `MAX_DATES` if there are; none: open now.

    `calendar` is an iCalendar file with its `method`, None without a date. `message_id` is the same whenever this same
    letter is sent again; `thread_id` is that of the invitation.
    """

    brand: Brand
    letter: Letter
    language: str
    reader: Mailbox
    organizer: Mailbox
    """Where answers go; without an address they go to the sender."""
    title: str
    agenda: str
    occurrences: list[Occurrence]
    zone: str
    join_url: str
    matrix_url: str
    calendar: bytes | None
    method: str
    message_id: str
    thread_id: str


def compose(draft: Draft, sender: Mailbox, now: datetime) -> EmailMessage:
    """Return the mail. A line break in any header is refused (`ValueError`): that would be a fault of ours."""
    t = catalogue(draft.language).mail
    organizer, title = one_line(draft.organizer.name), one_line(draft.title)
    brand, service = draft.brand, one_line(draft.brand.service)
    host = sender.address.partition("@")[2]
    mail = EmailMessage(SMTP)
    mail["From"] = _address(Mailbox(sender.address, t["via"].format(name=organizer, service=service)))
    mail["To"] = _address(draft.reader)
    if draft.organizer.address:
        mail["Reply-To"] = _address(draft.organizer)
    mail["Subject"] = t[f"{draft.letter}_subject"].format(title=title)
    mail["Date"] = now
    mail["Message-ID"] = draft.message_id
    if draft.thread_id != draft.message_id:
        mail["In-Reply-To"] = mail["References"] = draft.thread_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    mail["List-Id"] = formataddr((service, f"meetings.{host}"))
    mail["Content-Language"] = draft.language

    lead = t[f"{draft.letter}_lead"].format(organizer=organizer)
    dates = [_date(one, draft, t) for one in draft.occurrences[:MAX_DATES]]
    when = [*dates, *([t["more_dates"]] if len(draft.occurrences) > MAX_DATES else [])] or [t["open"]]
    if draft.letter is Letter.CANCELLATION:
        when = dates
    when_label = t["dates"] if len(dates) > 1 else t["when"]
    join_url = "" if draft.letter is Letter.CANCELLATION else draft.join_url
    why = t["why"].format(organizer=organizer)
    named = ((t["legal"], brand.legal), (t["privacy"], brand.privacy))
    links = [(label, url) for label, url in named if url]
    imprint = [
        " · ".join(filter(None, (service, one_line(brand.operator)))),
        *(f"{label} – {url}" for label, url in links),
    ]
    parts = [lead, title]
    if when:
        parts.append(f"{when_label}\n" + "\n".join(f"  {line}" for line in when))
    if join_url:
        parts.append(f"{t['join']}\n  {join_url}\n{t['join_hint']}")
        parts.append(f"{t['matrix']}\n  {draft.matrix_url}")
    if draft.agenda:
        parts.append(f"{t['agenda']}\n\n{draft.agenda}")
    parts.append("\n".join(("-- ", why, *imprint)))
    mail.set_content("\n\n".join(parts) + "\n", cte="quoted-printable")
    html = _TEMPLATES.get_template("letter.html").render(
        lang=draft.language,
        t=t,
        title=title,
        lead=lead,
        when_label=when_label,
        when=when,
        join_url=join_url,
        matrix_url=draft.matrix_url,
        agenda=draft.agenda,
        why=why,
        service=service,
        picture=f"cid:{PICTURE}" if brand.picture else "",
        accent=brand.accent,
        operator=brand.operator,
        links=links,
    )
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if brand.picture:
        *_, page = mail.iter_parts()
        page.add_related(brand.picture, *PNG.split("/"), cid=f"<{PICTURE}>")
    if draft.calendar is not None:
        calendar = draft.calendar.decode()
        mail.add_alternative(calendar, subtype="calendar", cte="base64", params={"method": draft.method})
        mail.add_attachment(draft.calendar, maintype="application", subtype="ics", filename=FILE_NAME)
    return mail


def _address(mailbox: Mailbox) -> Address:
    user, _, domain = mailbox.address.rpartition("@")
    return Address(one_line(mailbox.name), user, domain)


def _date(occurrence: Occurrence, draft: Draft, t: dict[str, str]) -> str:
    begin, end = (at.astimezone(ZoneInfo(draft.zone)) for at in (occurrence.begin, occurrence.end))
    return t["date"].format(
        day=format_date(begin, "full", LOCALES.get(draft.language, draft.language)),
        begin=f"{begin:%H:%M}",
        end=f"{end:%H:%M}",
        zone=draft.zone,
    )
