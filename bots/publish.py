# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Hands segments to the bridge, in order, for as long as it takes."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus

import aiohttp
import structlog

from bots.captions.outbox import Outbox
from bots.captions.segment import Segment

_TIMEOUT_S = 10.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED})
"""Refusals that pass: 401 too, while the bridge restarts with another token than ours it is no verdict on a segment."""

log = structlog.get_logger(__name__)


class Publisher:
    """One queue to the bridge for all calls.

    ``settled`` learns of every final segment that needs no more waiting: stored, refused for good, or given up.
    """

    def __init__(self, url: str, token: str, settled: Callable[[Segment], None]) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._settled = settled
        self._outbox = Outbox()
        self._wake = asyncio.Event()

    def put(self, segment: Segment) -> None:
        """Queue a version of a segment; never blocks."""
        given_up = self._outbox.put(segment)
        if given_up is not None:
            log.error("final_segment_given_up", total=self._outbox.given_up)
            self._settled(given_up)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        failures = 0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as http:
            while True:
                segment = self._outbox.peek()
                if segment is None:
                    self._wake.clear()
                    await self._wake.wait()
                elif await self._store(http, segment):
                    failures = 0
                    self._outbox.done(segment)
                    if segment.final:
                        self._settled(segment)
                else:
                    await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                    failures += 1

    async def _store(self, http: aiohttp.ClientSession, segment: Segment) -> bool:
        """Send one version; False means: again later."""
        url = f"{self._url}/internal/v1/segments/{segment.id}"
        try:
            async with http.put(url, json=asdict(segment), headers=self._headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("bridge_away", reason=type(error).__name__, waiting=len(self._outbox))
            return False
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AGAIN:
            log.warning("bridge_failing", status=status, waiting=len(self._outbox))
            return False
        if status >= HTTPStatus.BAD_REQUEST:
            log.warning("segment_refused", status=status, final=segment.final)
        return True
