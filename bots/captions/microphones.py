# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which microphones of a meeting are shared, who speaks at them, and what people call these voices."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from bots.captions.segment import Segment
from bots.captions.split import in_one_breath, split
from bots.captions.turns import Turn
from bots.captions.voices import FOUND_MS, Likeness, VoiceBook, Voiceprint

LOOK_MS = 120_000
"""How much of a person's speech is looked at for a second voice, unless somebody marks the microphone."""
CLEAR_MS = 5_000
"""How long each of two voices must have spoken before the bot calls a microphone shared by itself."""
MAX_UTTERANCES = 1_000
"""stops: a rename that rewrites a whole day; over an hour of speech. What is older keeps the name that it has."""
MAX_NAME_CHARS = 64
"""stops: a name that fills the page, or hides what follows it."""
MAX_OWNERS = 200
"""stops: a meeting with ever new people; whoever comes later is not looked at."""

_PUBLIC = "voice-"


@dataclass(frozen=True, slots=True)
class VoiceWords:
    """How a voice is called of whom nobody said who it is, "Voice {number}".

    In the meeting's language, and in ``every`` one, which people may write and earlier lines may show.
    """

    own: str
    every: tuple[str, ...]

    def name(self, number: int) -> str:
        """Return what to call a voice."""
        return self.own.format(number=number)

    def number(self, words: str) -> str:
        """Return the number that somebody means by "voice 1", "1" or "VOIX-1"; empty if none."""
        found = re.fullmatch(rf"(?:{self._any()})?[ -]?(\d{{1,4}})", words, re.IGNORECASE)
        return found[1] if found else ""

    def made(self, name: str) -> bool:
        """Tell whether a name is one of these, with whose microphone it is."""
        return re.fullmatch(rf"(?:{self._any()}) \d+ \(.*\)", name) is not None

    def _any(self) -> str:
        return "|".join(re.escape(template.partition("{number}")[0].strip()) for template in self.every)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one utterance sounds like: its turns (milliseconds from its first sample) and each voice's print."""

    turns: tuple[Turn, ...]
    prints: Mapping[str, Voiceprint | None]


@dataclass(slots=True)
class _Microphone:
    """One person's. ``shared`` is what somebody said of it, or what was heard; nothing: not known yet."""

    book: VoiceBook
    shared: bool | None = None
    heard_ms: int = 0


@dataclass(slots=True)
class _Utterance:
    """What was said, by which voices (Unix milliseconds), and what of that was published."""

    whole: Segment | None = None
    turns: tuple[Turn, ...] = ()
    published: dict[str, Segment] = field(default_factory=dict)


@dataclass(slots=True)
class Microphones:
    """One meeting's. Feed it utterances (``said`` and ``heard``, in either order) and wishes; publish what it returns.

    What it returns is the difference between what should stand there by now and what was published, in higher
    revisions. People are "Voice 1" or "Voix 1" (``words``) until somebody says who they are. ``look``: watch for shared
    microphones that nobody marked.
    """

    likeness: Likeness
    words: VoiceWords
    look: bool
    _microphones: dict[str, _Microphone] = field(default_factory=dict)
    _utterances: dict[str, _Utterance] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _claims: dict[str, str] = field(default_factory=dict)
    _tokens: "count[int]" = field(default_factory=count)
    _taken: int = 0

    @property
    def owners(self) -> frozenset[str]:
        """Whose microphones are known here."""
        return frozenset(self._microphones)

    def wants(self, owner: str) -> bool:
        """Tell whether this person's next utterance is worth listening to for voices."""
        known = self._microphones.get(owner)
        if known is None or known.shared is None:
            return self.look and (known.heard_ms < LOOK_MS if known else len(self._microphones) < MAX_OWNERS)
        return known.shared

    def mark(self, owner: str, *, shared: bool) -> list[Segment]:
        """Learn whether a microphone is shared; what was said there before is named accordingly."""
        self._of(owner).shared = shared
        return self._republish(owner)

    def recall(self, said: Iterable[Segment]) -> None:
        """Learn what stood there before a restart: which microphones are shared, and what voices are called.

        Their numbers stay theirs, whether ``know`` makes them recognisable or not.
        """
        for segment in said:
            number = segment.voice.removeprefix(_PUBLIC)
            if segment.voice == number or not number.isdecimal():
                continue
            self._taken = max(self._taken, int(number))
            self._of(segment.user_id).shared = True
            if not self.words.made(segment.display_name):
                self._names[segment.voice] = segment.display_name

    def know(self, owner: str, voice: str, heard: Heard) -> None:
        """Take how something sounds that a voice said before a restart: from now on it is recognised again."""
        spoken: Counter[str] = Counter()
        for turn in heard.turns:
            spoken[turn.voice] += turn.end_ms - turn.start_ms
        main, spoken_ms = max(spoken.items(), key=lambda each: each[1], default=("", 0))
        voiceprint = heard.prints.get(main)
        if voiceprint is None or spoken_ms < FOUND_MS or voice in self._labels.values():
            return
        token = str(next(self._tokens))
        self._labels[token] = voice
        self._of(owner).book.know(token, voiceprint, spoken_ms)

    def said(self, segment: Segment) -> list[Segment]:
        """Take a final segment as read, with its owner's display name; return what to publish of it."""
        if not segment.text:
            self._utterances.pop(segment.id, None)
            return [segment]
        utterance = self._utterance(segment.id)
        utterance.whole = segment
        return self._publish(utterance)

    def heard(self, segment_id: str, owner: str, start_ms: int, heard: Heard) -> tuple[list[Segment], bool]:
        """Take how an utterance sounds; return what to publish, and whether the microphone just turned out shared."""
        microphone = self._of(owner)
        spoken = {voice: sum(t.end_ms - t.start_ms for t in heard.turns if t.voice == voice) for voice in heard.prints}
        known = {voice: microphone.book.recognise(heard.prints[voice], spoken[voice]) for voice in heard.prints}
        utterance = self._utterance(segment_id)
        utterance.turns = tuple(
            Turn(start_ms + turn.start_ms, start_ms + turn.end_ms, known.get(turn.voice, "")) for turn in heard.turns
        )
        microphone.heard_ms += sum(spoken.values())
        if microphone.shared is None and self.look:
            if microphone.book.clearly_several(CLEAR_MS):
                return self.mark(owner, shared=True), True
            if microphone.heard_ms >= LOOK_MS:
                microphone.book.forget()
        return self._publish(utterance), False

    def leave(self, segment_id: str) -> None:
        """Publish nothing more of a segment: a person corrected it."""
        for name, utterance in self._utterances.items():
            if segment_id in utterance.published:
                del self._utterances[name]
                return

    def one_voice(self, said: Iterable[Segment]) -> str:
        """Return the one voice of a shared microphone among these segments; empty if there is none, or several."""
        voices = {segment.voice for segment in said if segment.voice}
        return voices.pop() if len(voices) == 1 else ""

    def voice_called(self, words: str) -> str:
        """Return the voice that somebody means by "Voice 1", or by its present name; empty if there is no such one."""
        wanted = " ".join(words.split())
        number = self.words.number(wanted)
        if number and _PUBLIC + number in self._labels.values():
            return _PUBLIC + number
        return next((voice for voice, name in self._names.items() if name.casefold() == wanted.casefold()), "")

    def claim(self, voice: str, user_id: str, name: str) -> list[Segment] | None:
        """Let somebody say "that is me". Nothing where somebody else said so before: then a host must decide."""
        if self._claims.setdefault(voice, user_id) != user_id:
            return None
        return self._call(voice, name)

    def name(self, voice: str, name: str) -> list[Segment]:
        """Let a host say who a voice is, whoever claimed it."""
        self._claims.pop(voice, None)
        return self._call(voice, name)

    def forget(self, owner: str) -> None:
        """Drop how the people at a microphone sound: its owner's consent ended. What was published stays as it is."""
        known = self._microphones.pop(owner, None)
        if known is not None:
            known.book.forget()
        theirs = [name for name, said in self._utterances.items() if said.whole and said.whole.user_id == owner]
        for name in theirs:
            del self._utterances[name]

    def forget_all(self) -> None:
        """Drop everything, at the end of the meeting."""
        for owner in self.owners:
            self.forget(owner)
        for kept in (self._utterances, self._labels, self._names, self._claims):
            kept.clear()

    def _of(self, owner: str) -> _Microphone:
        if owner not in self._microphones:
            book = VoiceBook(self.likeness, (str(number) for number in self._tokens))
            self._microphones[owner] = _Microphone(book)
        return self._microphones[owner]

    def _utterance(self, name: str) -> _Utterance:
        utterance = self._utterances.setdefault(name, _Utterance())
        if len(self._utterances) > MAX_UTTERANCES:
            del self._utterances[next(iter(self._utterances))]
        return utterance

    def _call(self, voice: str, name: str) -> list[Segment]:
        self._names[voice] = " ".join(name.split())[:MAX_NAME_CHARS]
        return self._republish()

    def _republish(self, owner: str = "") -> list[Segment]:
        changed: list[Segment] = []
        for utterance in self._utterances.values():
            if utterance.whole is not None and owner in {"", utterance.whole.user_id}:
                changed += self._publish(utterance)
        return changed

    def _publish(self, utterance: _Utterance) -> list[Segment]:
        """Return what differs from what was published; parts that are no more are taken back by an empty text."""
        if utterance.whole is None:
            return []
        wanted = {part.id: part for part in self._parts(utterance.whole, utterance.turns)}
        gone = [
            replace(part, text="", stable_chars=0) for part in utterance.published.values() if part.id not in wanted
        ]
        changed: list[Segment] = []
        for part in [*wanted.values(), *gone]:
            before = utterance.published.get(part.id)
            now = part if before is None else replace(part, rev=before.rev)
            if now != before:
                changed.append(now if before is None else replace(now, rev=before.rev + 1))
        utterance.published |= {part.id: part for part in changed}
        return changed

    def _parts(self, whole: Segment, turns: tuple[Turn, ...]) -> list[Segment]:
        microphone = self._microphones.get(whole.user_id)
        if not turns or microphone is None or not microphone.shared:
            return [whole]
        public = [replace(turn, voice=self._label(turn.voice)) for turn in in_one_breath(turns)]
        return [replace(part, display_name=self._called(part)) for part in split(whole, public)]

    def _label(self, token: str) -> str:
        """Number voices as they appear: those of people whose microphone turned out to be their own get none."""
        if token and token not in self._labels:
            self._taken += 1
            self._labels[token] = f"{_PUBLIC}{self._taken}"
        return self._labels.get(token, "")

    def _called(self, part: Segment) -> str:
        if not part.voice:
            return part.display_name
        number = part.voice.removeprefix(_PUBLIC)
        return self._names.get(part.voice) or f"{self.words.name(int(number))} ({part.display_name})"
