# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When is a word committed? LocalAgreement-2 as whisper_streaming does it (Macháček, Dabre and Bojar, 2023).

Written anew after the paper and the behaviour of its program (ufal/whisper_streaming, MIT): a buffer of audio is read
again after each step; the longest common prefix of two readings in a row is committed and never changes; words that
begin before the end of what is committed, or repeat its last one to five words, are dropped from a reading; a buffer
over 15 s is cut after the last sentence that is committed whole; the 200 characters of committed text before the buffer
are the model's prompt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

TRIM_S = 15.0
PROMPT_CHARS = 200
_TOLERANCE_S = 0.1
_NEAR_S = 1.0
_NGRAM = 5
_SENTENCE_END = (".", "!", "?", "…")


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as the model wrote it, with the space and punctuation about it; seconds from the stream's beginning."""

    start_s: float
    end_s: float
    text: str


def as_text(words: Iterable[TimedWord]) -> str:
    """Join words as they were written."""
    return "".join(word.text for word in words).strip()


@dataclass(slots=True)
class Agreement:
    """One stretch of speech, which begins at ``begin_s``."""

    begin_s: float
    committed: list[TimedWord] = field(default_factory=list)
    waiting: list[TimedWord] = field(default_factory=list)
    """What the last reading says beyond the committed words."""

    @property
    def committed_s(self) -> float:
        """When the last committed word ends."""
        return self.committed[-1].end_s if self.committed else self.begin_s

    def insert(self, reading: list[TimedWord]) -> list[TimedWord]:
        """Take a reading of the whole buffer; return the words that it commits."""
        fresh = [word for word in reading if word.start_s > self.committed_s - _TOLERANCE_S]
        if fresh and abs(fresh[0].start_s - self.committed_s) < _NEAR_S:
            fresh = fresh[self._repeated(fresh) :]
        agreed = 0
        while agreed < min(len(fresh), len(self.waiting)) and fresh[agreed].text == self.waiting[agreed].text:
            agreed += 1
        self.committed += fresh[:agreed]
        self.waiting = fresh[agreed:]
        return fresh[:agreed]

    def finish(self) -> list[TimedWord]:
        """Commit the rest: nobody speaks any more."""
        rest, self.waiting = self.waiting, []
        self.committed += rest
        return rest

    def trim(self, buffered_s: float) -> float | None:
        """Return where a buffer that is too long may be cut: the end of the last whole sentence that is committed."""
        if buffered_s <= TRIM_S:
            return None
        ends = [word.end_s for word in self.committed if word.text.endswith(_SENTENCE_END)]
        return ends[-1] if ends and ends[-1] > self.begin_s else None

    def cut(self, at_s: float) -> None:
        """Learn that the buffer begins here now."""
        self.begin_s = at_s

    def prompt(self) -> str:
        """Return the committed text that has left the buffer, its last 200 characters in whole words."""
        gone = [word.text for word in self.committed if word.end_s <= self.begin_s]
        chosen: list[str] = []
        while gone and sum(len(text) + 1 for text in chosen) < PROMPT_CHARS:
            chosen.append(gone.pop())
        return "".join(reversed(chosen)).strip()

    def _repeated(self, fresh: list[TimedWord]) -> int:
        """How many leading words only repeat the committed ones."""
        for size in range(1, min(len(self.committed), len(fresh), _NGRAM) + 1):
            if [word.text for word in self.committed[-size:]] == [word.text for word in fresh[:size]]:
                return size
        return 0
