# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The meeting that every stack has ready, and a guest link to it, through the bridge's internal API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bridge.stack.errors import StackError

_INVITE_USES = 20
_INVITE_TTL_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Meeting:
    """As `docs/ARCHITECTURE.md` has it."""

    id: str
    title: str
    room_id: str
    organizer: str
    url: str


class Operator:
    """The bridge, as its operator sees it."""

    def __init__(self, http: aiohttp.ClientSession, internal_url: str, token: str) -> None:
        self._http = http
        self._url = internal_url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ensure_meeting(self, title: str, organizer: str, staff: Sequence[str]) -> Meeting:
        """The organizer's meeting with this title, created unless it is there; `staff` may open it too.

        Raises:
            StackError: the bridge refuses.
        """
        found = await self._call("GET", "/internal/v1/meetings", parameters={"title": title})
        for meeting in found["meetings"]:
            if meeting["organizer"] == organizer:
                return _meeting(meeting)
        wanted: dict[str, object] = {"title": title, "organizer": organizer, "staff": list(staff)}
        return _meeting(await self._call("POST", "/internal/v1/meetings", wanted))

    async def make_guest_link(self, meeting_id: str) -> str:
        """A new link: only hashes of the earlier ones are kept, so those can't be shown again."""
        invite = await self._call(
            "POST",
            f"/internal/v1/meetings/{meeting_id}/invites",
            {"uses": _INVITE_USES, "ttl_s": _INVITE_TTL_S},
        )
        return str(invite["url"])

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        *,
        parameters: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            async with self._http.request(
                method, self._url + path, json=body, params=parameters, headers=self._headers
            ) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError) as e:
            raise StackError(f"The bridge does not answer {method} {path}: {e}") from e
        if not response.ok:
            raise StackError(f"The bridge refuses {method} {path}: {response.status} {answer}")
        return dict(answer)


def _meeting(answer: dict[str, Any]) -> Meeting:
    return Meeting(**{name: answer[name] for name in Meeting.__slots__})
