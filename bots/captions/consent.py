# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who agreed to be written down: the last word of each person counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CONSENT = "org.passerelle.captions.consent"
REACTION = "m.reaction"
REDACTION = "m.room.redaction"
AGREE_KEYS = frozenset({"✅", "✅\ufe0f"})
MAX_PEOPLE = 1000
"""stops: a room whose members react without end. Later ones can't agree by reaction; denials always count."""


@dataclass(frozen=True, slots=True)
class Word:
    """One person's answer, and when the homeserver got it (Unix milliseconds)."""

    user_id: str
    allow: bool
    at_ms: int


def still_agree(notice: str, agreed: Mapping[str, int], events: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return who agrees by what stands in the room now, of those who did when the call ended.

    ``agreed`` says when they had said so (Unix milliseconds). An older yes counts for nothing: it was outdated by the
    one that is gone.
    """
    book = ConsentBook(notice)
    book.recall(event for event in events if _at_ms(event) >= agreed.get(str(event.get("sender")), 0))
    return frozenset(user_id for user_id in agreed if book.agreed(user_id))


def _at_ms(event: Mapping[str, Any]) -> int:
    at_ms = event.get("origin_server_ts")
    return at_ms if isinstance(at_ms, int) else 0


class ConsentBook:
    """Reads consent from a room's events.

    Two ways to say it: the state event ``CONSENT`` under one's own user id, and ✅ on the bot's notice. Withdrawn by
    ``allow: false``, by taking either away, or by anything there that is not a clear yes. Live events count in the
    order they come; what is read back after a restart in the order of their times, and a tie is a no.
    """

    def __init__(self, notice: str) -> None:
        self._notice = notice
        self._last: dict[str, Word] = {}
        self._source: dict[str, str] = {}
        self._reactions: set[str] = set()
        self._live: set[str] = set()

    def agreed(self, user_id: str) -> bool:
        """Tell whether this person's audio may be received now."""
        word = self._last.get(user_id)
        return word is not None and word.allow

    def withdrawals(self) -> list[Word]:
        """Return everybody who said no, to be kept over a restart: a removed reaction leaves no trace in the room."""
        return [word for word in self._last.values() if not word.allow]

    def agreements(self) -> dict[str, int]:
        """Return when each of those who agree now said so (Unix milliseconds)."""
        return {word.user_id: word.at_ms for word in self._last.values() if word.allow}

    def hear(self, event: Mapping[str, Any]) -> Word | None:
        """Take a live event; return the word it says, if any."""
        word = self._read(event)
        if word is not None:
            self._live.add(word.user_id)
            self._note(word)
        return word

    def recall(self, events: Iterable[Mapping[str, Any]], withdrawals: Iterable[Word] = ()) -> None:
        """Take state and reactions from before we listened, and the withdrawals kept then; live words outrank them."""
        words = [word for event in events if (word := self._read(event)) is not None]
        for word in sorted([*words, *withdrawals], key=lambda word: (word.at_ms, not word.allow)):
            if word.user_id not in self._live:
                self._note(word)

    def catch_up(self, consents: Iterable[Mapping[str, Any]], reactions: Iterable[Mapping[str, Any]]) -> None:
        """Take state and reactions as they stand after events were missed: what is new speaks, what is gone is a no."""
        now = [*consents, *reactions]
        present = {str(event.get("event_id")) for event in now}
        for event_id in self._reactions - present:
            self._reactions.discard(event_id)
            self._note(Word(self._source[event_id], allow=False, at_ms=0))
        new = [event for event in now if str(event.get("event_id")) not in self._source]
        for event in sorted(new, key=lambda event: event.get("origin_server_ts", 0)):
            self.hear(event)

    def _note(self, word: Word) -> None:
        if not word.allow or word.user_id in self._last or len(self._last) < MAX_PEOPLE:
            self._last[word.user_id] = word

    def _read(self, event: Mapping[str, Any]) -> Word | None:
        sender, content, at_ms = event.get("sender"), event.get("content"), event.get("origin_server_ts")
        if not isinstance(sender, str) or not isinstance(content, Mapping) or not isinstance(at_ms, int):
            return None
        kind = event.get("type")
        if kind == CONSENT and event.get("state_key") == sender:
            self._remember(event, sender)
            return Word(sender, content.get("allow") is True, at_ms)
        if kind == REACTION and self._agrees(content):
            self._remember(event, sender)
            if str(event.get("event_id")) in self._source:
                self._reactions.add(str(event.get("event_id")))
            return Word(sender, allow=True, at_ms=at_ms)
        if kind == REDACTION:
            redacted = str(content.get("redacts", event.get("redacts")))
            self._reactions.discard(redacted)
            taken_back = self._source.get(redacted)
            return None if taken_back is None else Word(taken_back, allow=False, at_ms=at_ms)
        return None

    def _agrees(self, content: Mapping[str, Any]) -> bool:
        relation = content.get("m.relates_to")
        return (
            isinstance(relation, Mapping)
            and relation.get("rel_type") == "m.annotation"
            and relation.get("event_id") == self._notice
            and relation.get("key") in AGREE_KEYS
        )

    def _remember(self, event: Mapping[str, Any], sender: str) -> None:
        if len(self._source) < 2 * MAX_PEOPLE:
            self._source[str(event.get("event_id"))] = sender
