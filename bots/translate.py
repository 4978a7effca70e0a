# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Brings final captions in other languages to the bridge. They are an extra: what waits too long is given up."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp
import structlog

from bots.captions.segment import Segment
from bots.engines.translate import TranslationRefusedError, Translator, TranslatorAwayError

BATCH = 8
"""Texts of one language that are translated at once."""
MAX_WAITING = 500
"""stops: memory growing while the translator is away. The oldest is given up."""
_TIMEOUT_S = 10.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 15.0)

log = structlog.get_logger(__name__)


class SegmentTranslator:
    """Translates into each of ``languages`` but a segment's own. Only segments that the bridge has may come here."""

    def __init__(self, translator: Translator, languages: Sequence[str], url: str, token: str) -> None:
        self._translator = translator
        self._languages = tuple(languages)
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._waiting: OrderedDict[tuple[str, str], Segment] = OrderedDict()
        self._wake = asyncio.Event()
        self.given_up = 0

    def put(self, segment: Segment) -> None:
        """Queue a final segment in place of its older revision; one without words takes them back."""
        for target in self._languages:
            self._waiting.pop((segment.id, target), None)
            if segment.final and segment.text and segment.lang and target != segment.lang:
                self._waiting[segment.id, target] = segment
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
            self.given_up += 1
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        failures = 0
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as http:
                while True:
                    if not self._waiting:
                        self._wake.clear()
                        await self._wake.wait()
                        continue
                    try:
                        await self._translate(http)
                    except (TranslatorAwayError, aiohttp.ClientError, TimeoutError) as error:
                        log.warning("translation_waits", reason=type(error).__name__, waiting=len(self._waiting))
                        await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                        failures += 1
                    else:
                        failures = 0
        finally:
            await self._translator.close()

    async def _translate(self, http: aiohttp.ClientSession) -> None:
        """Translate the oldest, and what else waits for the same two languages."""
        (_, target), oldest = next(iter(self._waiting.items()))
        batch = [
            segment
            for (_, language), segment in self._waiting.items()
            if language == target and segment.lang == oldest.lang
        ][:BATCH]
        try:
            texts = await self._translator.translate([segment.text for segment in batch], oldest.lang, target)
        except TranslationRefusedError as error:
            log.warning("translation_refused", source=oldest.lang, target=target, reason=str(error)[:100])
            texts = [""] * len(batch)
        for segment, text in zip(batch, texts, strict=True):
            if text:
                await self._store(http, segment, target, text)
            if self._waiting.get((segment.id, target)) is segment:  # else a newer revision came meanwhile
                del self._waiting[segment.id, target]

    async def _store(self, http: aiohttp.ClientSession, segment: Segment, target: str, text: str) -> None:
        url = f"{self._url}/internal/v1/segments/{segment.id}/translations/{target}"
        body = {"room_id": segment.room_id, "rev": segment.rev, "text": text}
        async with http.put(url, json=body, headers=self._headers) as response:
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise TranslatorAwayError(f"the bridge answered {response.status}")
            if response.status >= HTTPStatus.BAD_REQUEST:
                log.warning("translation_not_stored", status=response.status)
