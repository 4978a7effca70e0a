# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where does our mail go? To the server that the configuration names, for letters and codes alike."""

from __future__ import annotations

from bridge.mail.smtp import Server
from bridge.settings import MailSettings


def mail_server(mail: MailSettings) -> Server:
    """Return the server of `[mail]`, with its password read anew: it may have been changed."""
    ca_file = None if mail.ca_file is None else str(mail.ca_file)
    return Server(mail.host, mail.port, mail.security, mail.sender, mail.user, mail.password(), ca_file)
