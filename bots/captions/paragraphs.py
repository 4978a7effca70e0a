# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was said, word by word, as paragraphs that people read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bots.captions.segment import segment_id

_PHRASE_PAUSE_MS = 700
"""Somebody else's words may come between two phrases, not into one."""
_PARAGRAPH_PAUSE_MS = 4_000
_PARAGRAPH_CHARS = 600
"""A paragraph of this length ends with its sentence."""
MAX_PARAGRAPH_CHARS = 1_500
"""stops: speech without full stops making a paragraph that nobody can read, edit or correct."""
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its punctuation, and with the space before it where the language has spaces.

    Times are milliseconds, Unix in a meeting, of the recording in a file.
    """

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose words: a person's by their track, or one of several voices on it (``voice`` is then not empty)."""

    user_id: str
    display_name: str
    voice: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of one voice in one language, in order."""

    voice: Voice
    lang: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What one voice said without a long pause."""

    id: str
    voice: Voice
    lang: str
    words: tuple[Word, ...]

    @property
    def start_ms(self) -> int:
        """When its first word begins."""
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        """When its last word ends."""
        return max(word.end_ms for word in self.words)

    @property
    def text(self) -> str:
        """Its words, as they are read."""
        return joined(self.words)

    def content(self) -> dict[str, Any]:
        """Return it as the bridge takes it."""
        return {
            "id": self.id,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "user_id": self.voice.user_id,
            "display_name": self.voice.display_name,
            "voice": self.voice.voice,
            "lang": self.lang,
            "text": self.text,
            "words": [[word.start_ms, word.end_ms, word.text.strip()] for word in self.words],
        }


@dataclass(frozen=True, slots=True)
class FinalTranscript:
    """A meeting or a recording, read to its end. ``model`` is the passport of what read it, ``about`` its sentence."""

    room_id: str
    call_id: str
    started_ms: int
    ended_ms: int
    model: Mapping[str, Any]
    about: str
    paragraphs: tuple[Paragraph, ...]

    def content(self) -> dict[str, Any]:
        """Return it as the bridge takes it."""
        return {
            "room_id": self.room_id,
            "call_id": self.call_id,
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "model": dict(self.model),
            "paragraphs": [paragraph.content() for paragraph in self.paragraphs],
        }


def joined(words: Iterable[Word]) -> str:
    """Return words as text; the models put a space before each where there is one."""
    return " ".join("".join(word.text for word in words).split())


def paragraphs(call_id: str, utterances: Iterable[Utterance]) -> tuple[Paragraph, ...]:
    """Put what all voices said in the order in which it was begun, one paragraph as long as one voice goes on."""
    phrases = sorted(
        (phrase for utterance in utterances for phrase in _phrases(utterance)),
        key=lambda phrase: (phrase.words[0].start_ms, phrase.voice.user_id, phrase.voice.voice),
    )
    merged: list[Utterance] = []
    for phrase in phrases:
        if merged and _goes_on(merged[-1], phrase):
            merged[-1] = Utterance(phrase.voice, phrase.lang, (*merged[-1].words, *phrase.words))
        else:
            merged.append(phrase)
    return tuple(Paragraph(_id(call_id, one), one.voice, one.lang, one.words) for one in merged)


def _phrases(utterance: Utterance) -> Iterator[Utterance]:
    """Part an utterance at its pauses, at the ends of its sentences, and where it gets too long for a paragraph."""
    begin, chars = 0, 0
    words = utterance.words
    for at, word in enumerate(words):
        chars += len(word.text)
        last = at + 1 == len(words)
        if (
            last
            or words[at + 1].start_ms - word.end_ms >= _PHRASE_PAUSE_MS
            or word.text.endswith(_SENTENCE_ENDS)
            or chars >= _PARAGRAPH_CHARS
        ):
            yield Utterance(utterance.voice, utterance.lang, words[begin : at + 1])
            begin, chars = at + 1, 0


def _goes_on(before: Utterance, phrase: Utterance) -> bool:
    if (before.voice, before.lang) != (phrase.voice, phrase.lang):
        return False
    chars = _chars(before.words)
    if phrase.words[0].start_ms - before.words[-1].end_ms >= _PARAGRAPH_PAUSE_MS:
        return False
    if chars + _chars(phrase.words) > MAX_PARAGRAPH_CHARS:
        return False
    return chars < _PARAGRAPH_CHARS or not before.words[-1].text.endswith(_SENTENCE_ENDS)


def _chars(words: Sequence[Word]) -> int:
    return sum(len(word.text) for word in words)


def _id(call_id: str, phrase: Utterance) -> str:
    """Derive the id as segments' ids are: reading a track again gives the same."""
    return segment_id(call_id, f"{phrase.voice.user_id}\n{phrase.voice.voice}", phrase.words[0].start_ms)
