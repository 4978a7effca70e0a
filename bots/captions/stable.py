# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a growing text is settled, and how the rest goes on from there.

LocalAgreement-2 settles what two readings in a row agree on. On the tuning recordings, at one reading a second of
Whisper base, it revised 0.42 (French) and 0.06 (English) settled words per word: homophones flip to and fro with each
new second of audio. What all readings of three seconds agree on, and is then kept as it stands until the final reading,
was not revised at all; a word is settled 3.0 to 3.5 s after it was spoken (median).
"""

import re
from collections import deque
from difflib import SequenceMatcher

AGREE_MS = 3_000
"""Readings that agree must span this much audio."""
HELD_BACK = 1
"""Words at the end of the oldest of them that settle nothing: the audio broke off there."""

_PLAIN = re.compile(r"[\W_]+")


class SettledText:
    """The readings of one utterance, in the order of the audio."""

    def __init__(self) -> None:
        self._settled: list[str] = []
        self._readings: deque[tuple[int, list[str]]] = deque()

    def read(self, text: str, heard_ms: int) -> tuple[str, int]:
        """Take a reading of the audio up to ``heard_ms``; return the text to show, and how many leading characters of
        it are settled. Those stay as they are, whatever the next reading makes of them.
        """
        words = self._settled + self._after_settled(text.split())
        plain = [_plain(word) for word in words]
        self._readings.append((heard_ms, plain))
        while len(self._readings) > 1 and self._readings[1][0] <= heard_ms - AGREE_MS:
            self._readings.popleft()
        oldest_ms, oldest = self._readings[0]
        if heard_ms - oldest_ms >= AGREE_MS:
            agreed = max(0, min(len(oldest) - HELD_BACK, *(len(reading) for _, reading in self._readings)))
            while any(reading[:agreed] != plain[:agreed] for _, reading in self._readings):
                agreed -= 1
            self._settled = words[: max(agreed, len(self._settled))]
        return " ".join(words), len(" ".join(self._settled))

    def _after_settled(self, words: list[str]) -> list[str]:
        """Return what a reading holds after the settled words, even if it reads some of those otherwise now."""
        settled, plain = [_plain(word) for word in self._settled], [_plain(word) for word in words]
        count = len(settled)
        if plain[:count] == settled:
            return words[count:]
        *matches, _end = SequenceMatcher(None, settled, plain, autojunk=False).get_matching_blocks()
        return words[matches[-1].b + count - matches[-1].a :] if matches else words[count:]


def _plain(word: str) -> str:
    return _PLAIN.sub("", word).casefold()
