# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a partner get from our page into the room with their own account, and how far are they?

They are invited, whatever their server: an invitation takes one press in every client, and Element Call accepts it by
itself (docs/decisions/0009).
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import quote, urlencode

from bridge.domain.errors import Refused
from bridge.domain.meetings import matrix_to, matrix_uri

FEDERATION_DENIED = "Federation denied"
"""How Synapse begins the text of a refusal by its own `federation_domain_whitelist`; it has no code of its own."""


class Progress(StrEnum):
    """What a partner who waits on our page is told."""

    INVITED = "invited"
    JOINED = "joined"
    IN_CALL = "in_call"
    DECLINED = "declined"
    BARRED = "barred"


_BY_MEMBERSHIP = {
    "invite": Progress.INVITED,
    "join": Progress.JOINED,
    "leave": Progress.DECLINED,
    "ban": Progress.BARRED,
}


def progress(membership: str | None, *, in_call: bool) -> Progress:
    """Tell how far somebody is whom we invited."""
    known = _BY_MEMBERSHIP.get(membership or "leave", Progress.DECLINED)
    return Progress.IN_CALL if in_call and known is Progress.JOINED else known


def links(room_id: str, via: str) -> dict[str, str]:
    """Return where applications open the room: whole addresses, and for those on somebody's own site the end of one."""
    here = f"/{quote(room_id, safe='')}?{urlencode({'via': via})}"
    return {
        "matrix_to": matrix_to(room_id, via),
        "matrix_uri": matrix_uri(room_id, via),
        "element_desktop": f"element://vector/webapp/#/room{here}",
        "element_web": f"/#/room{here}",
        "element_call": "/room#?" + urlencode({"roomId": room_id, "viaServers": via, "perParticipantE2EE": "false"}),
    }


def refusal(user_id: str, text: str) -> Refused:
    """Return what to say when our homeserver would not invite somebody; `text` is its own sentence."""
    server = user_id.partition(":")[2]
    if FEDERATION_DENIED in text:
        refused = "PASSERELLE_NOT_FEDERATED"
        return Refused(403, refused, f"Our server exchanges nothing with {server}. Please ask who invited you.")
    refused = "PASSERELLE_CANNOT_INVITE"
    return Refused(403, refused, f"{server} did not take the invitation for {user_id}. Is the name right?")
