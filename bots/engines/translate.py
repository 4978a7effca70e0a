# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the caption bot asks of a translator, and the one that we know: a LibreTranslate server of the operator's.

Its API, from its source (LibreTranslate/LibreTranslate, libretranslate/app.py): ``POST /translate`` with JSON
``{"q": [texts], "source", "target", "format": "text", "api_key"}`` answers ``{"translatedText": [texts]}``. Errors are
``{"error"}``: 400 for a language that it does not have and for more texts or characters at once than it takes, 403 for
a key, 429 and 5xx for later.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

import aiohttp

_TIMEOUT_S = 20.0
MAX_ANSWER = 1 << 20
"""stops: an answer without end; bytes."""


class TranslatorAwayError(Exception):
    """No translation now; later perhaps."""


class TranslationRefusedError(Exception):
    """No translation of these texts, ever; the text says why."""


class Translator(Protocol):
    """Languages are ISO 639-1."""

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """Return as many texts, in their order.

        Raises:
            TranslatorAwayError: try again later.
            TranslationRefusedError: don't.
        """

    async def close(self) -> None:
        """Let go of everything."""


class LibreTranslate:
    """A client of one server."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self._url = f"{url.rstrip('/')}/translate"
        self._key = {"api_key": api_key} if api_key else {}
        self._http: aiohttp.ClientSession | None = None

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """Return as many texts, in their order; asks for fewer at once where the server takes fewer."""
        try:
            return await self._ask(list(texts), source, target)
        except TranslationRefusedError:
            if len(texts) < 2:
                raise
            middle = len(texts) // 2
            first = await self.translate(texts[:middle], source, target)
            return first + await self.translate(texts[middle:], source, target)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def _ask(self, texts: list[str], source: str, target: str) -> list[str]:
        if not texts:
            return []
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        body = {"q": texts, "source": source, "target": target, "format": "text"} | self._key
        try:
            async with self._http.post(self._url, json=body) as response:
                if response.status == HTTPStatus.BAD_REQUEST:
                    raise TranslationRefusedError(f"{source} to {target}: the translator refuses")
                if response.status != HTTPStatus.OK:
                    raise TranslatorAwayError(f"the translator answered {response.status}")
                if (response.content_length or 0) > MAX_ANSWER:
                    raise TranslatorAwayError("the translator's answer is too long")
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise TranslatorAwayError(f"the translator can't be reached: {type(error).__name__}") from error
        translated = answer.get("translatedText") if isinstance(answer, dict) else None
        if (
            not isinstance(translated, list)
            or len(translated) != len(texts)
            or not all(isinstance(text, str) for text in translated)
        ):
            raise TranslatorAwayError("the translator's answer is not what its API says")
        return translated
