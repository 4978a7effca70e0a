# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the mail look like that holds a guest's code? Plain text: six digits need no picture."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from bridge.domain.plain import one_line
from bridge.locales import catalogue


def compose_code(
    *,
    service: str,
    sender: str,
    reader: str,
    language: str,
    title: str,
    code: str,
    lifetime: timedelta,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """Return the mail. Nothing in it is of whoever asked for the code, so nobody writes to strangers through us."""
    t = catalogue(language).mail
    title = one_line(title)
    mail = EmailMessage(SMTP)
    mail["From"] = _address(one_line(service), sender)
    mail["To"] = _address("", reader)
    mail["Subject"] = t["code_subject"].format(code=code)
    mail["Date"] = now
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    mail["X-Auto-Response-Suppress"] = "All"
    minutes = str(int(lifetime.total_seconds() // 60))
    body = "\n\n".join((t["code_lead"].format(title=title), f"    {code}", t["code_hint"].format(minutes=minutes)))
    mail.set_content(f"{body}\n\n-- \n{t['code_why']}\n", cte="quoted-printable")
    mail["Content-Language"] = language
    return mail


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)
