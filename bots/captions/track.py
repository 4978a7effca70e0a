# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One person's audio track: from samples to utterances to segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bots.captions import guards
from bots.captions.endpoint import MAX_MS, START, WINDOW_MS, Closed, Endpointer, Opened
from bots.captions.language import LanguageChoice
from bots.captions.segment import Segment, segment_id
from bots.captions.stable import SettledText
from bots.engines.contract import SAMPLE_RATE, VAD_WINDOW, Decoded, Samples, VoiceDetector

_PRE_ROLL = 6
"""Windows taken from before the detector's answer: it comes after the first consonant."""
_POST_ROLL = 5
"""Windows kept after the last voiced one, 160 ms: the shortest pause that ends an utterance."""
_KEPT_WINDOWS = MAX_MS // WINDOW_MS + _PRE_ROLL + 32
"""stops: a track's memory growing; about 13 s of audio, 0.8 MB."""
_HOLD = 2
"""Windows of silence from which on a reading waits for what becomes of the pause: it may be the utterance's last."""
_CLOCK_JUMP_MS = 400
_FIRST_PARTIAL_S = 0.6


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose track it is, and in which call."""

    room_id: str
    call_id: str
    user_id: str
    track_sid: str


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What there is to read of an utterance: ``voiced_ms`` of it are voiced, ``end`` is the window after its last."""

    samples: Samples
    voiced_ms: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine made of an utterance up to the window ``end``."""

    decoded: Decoded
    lang: str
    voiced_ms: int
    end: int


@dataclass(slots=True, eq=False)
class Utterance:
    """Speech between two silences. Windows count from the track's first; ``end`` is the window after its last."""

    id: str
    start_ms: int
    first: int
    end: int | None = None
    settled: bool = False
    rev: int = 0
    text: str = ""
    stable_chars: int = 0
    readings: SettledText = field(default_factory=SettledText)
    asked_at: int | None = None
    being_read: bool = False
    last: Answer | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """An utterance to read: for good, or (``final`` false) as far as it has come when its turn comes."""

    track: "TrackCaptions"
    utterance: Utterance
    final: bool
    frozen: Heard | None = None
    attempt: int = 1
    in_pause: bool = False
    """Nobody spoke when it was asked for: this may become the final text."""

    def audio(self) -> Heard:
        """Return what to read now."""
        return self.frozen or self.track.audio(self.utterance)

    @property
    def known(self) -> Answer | None:
        """What was read already in the pause that turned out to be the utterance's end."""
        last = self.utterance.last
        return last if self.final and last is not None and self.track.stands(self.utterance, last) else None


@dataclass(slots=True)
class _Clock:
    """Wall time of samples: anchored once, moved only when audio went missing, so that starts do not wander."""

    origin_ms: float | None = None

    def update(self, samples: int, now_ms: float) -> None:
        expected = now_ms - samples * 1000 / SAMPLE_RATE
        if self.origin_ms is None or abs(expected - self.origin_ms) > _CLOCK_JUMP_MS:
            self.origin_ms = expected

    def at(self, window: int) -> int:
        return round((self.origin_ms or 0.0) + window * WINDOW_MS)


@dataclass(slots=True, eq=False)
class TrackCaptions:
    """The captions of one track. Feed it audio and answers; it returns what to read and what to publish.

    Segments leave without a display name: a name belongs to the moment of publishing.
    """

    speaker: Speaker
    detector: VoiceDetector
    language: LanguageChoice
    terms: Sequence[str] = ()
    _endpointer: Endpointer = field(default_factory=Endpointer)
    _clock: _Clock = field(default_factory=_Clock)
    _rest: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    _windows: list[Samples] = field(default_factory=list)
    _voiced: list[bool] = field(default_factory=list)
    _next: int = 0
    _ended: int = 0
    _open: Utterance | None = None
    _withdrawn: bool = False

    def feed(self, samples: Samples, now_ms: float) -> list[Job]:
        """Take the next samples, the last of which was heard at ``now_ms`` (Unix); return utterances that ended."""
        if self._withdrawn:
            return []
        self._clock.update(self._next * VAD_WINDOW + len(self._rest) + len(samples), now_ms)
        pending = np.concatenate([self._rest, samples])
        whole = len(pending) // VAD_WINDOW * VAD_WINDOW
        self._rest = pending[whole:]
        return [job for start in range(0, whole, VAD_WINDOW) for job in self._take(pending[start : start + VAD_WINDOW])]

    def due(self, interval_s: float) -> Job | None:
        """Return the open utterance if it grew ``interval_s`` since it was last read and nobody is reading it.

        In a pause it is read as soon as the pause could be its end: if it is, the final text is there already.
        """
        utterance = self._open
        if utterance is None or utterance.being_read or interval_s == float("inf"):
            return None
        silent = self._next - 1 - self._endpointer.last_voiced
        if silent >= _POST_ROLL:
            if utterance.last is not None and utterance.last.end == self._heard_until(utterance):
                return None
            if self.audio(utterance).voiced_ms < guards.MIN_VOICED_MS:
                return None
        elif silent >= _HOLD or not self._grew(utterance, interval_s):
            return None
        utterance.asked_at = self._next
        utterance.being_read = True
        return Job(self, utterance, final=False, in_pause=silent >= _POST_ROLL)

    def _grew(self, utterance: Utterance, interval_s: float) -> bool:
        if utterance.asked_at is None:
            since, wait_s = utterance.first + _PRE_ROLL, min(interval_s, _FIRST_PARTIAL_S)
        else:
            since, wait_s = utterance.asked_at, interval_s
        return (self._next - since) * WINDOW_MS >= wait_s * 1000

    def flush(self) -> list[Job]:
        """End the open utterance, as when the track is muted or gone."""
        return [] if self._withdrawn else list(self._apply(self._endpointer.flush()))

    def withdraw(self) -> list[Segment]:
        """Forget everything unfinished: the speaker's consent ended. Words already shown of the open utterance are
        taken back.
        """
        self._withdrawn = True
        utterance, self._open = self._open, None
        self._windows.clear()
        self._voiced.clear()
        if utterance is None or not utterance.rev:
            return []
        utterance.settled = True
        return [self._segment(utterance, "", 0, lang="", final=True)]

    def audio(self, utterance: Utterance) -> Heard:
        """Return what is heard of an utterance so far; of a pause only what would be kept if the utterance ended."""
        oldest, end = self._next - len(self._windows), self._heard_until(utterance)
        part = slice(max(0, utterance.first - oldest), max(0, end - oldest))
        windows = self._windows[part]
        samples = np.concatenate(windows) if windows else np.zeros(0, dtype=np.float32)
        return Heard(samples, sum(self._voiced[part]) * WINDOW_MS, end)

    def skipped(self, job: Job) -> None:
        """Learn that a partial text was not read; it may be asked for again."""
        job.utterance.being_read = False

    def stands(self, utterance: Utterance, answer: Answer) -> bool:
        """Tell whether an answer is the final one, whatever it was asked for as."""
        return utterance.end == answer.end and answer.decoded.whole and self.language.pinned is not None

    def answered(self, job: Job, answer: Answer) -> Segment | None:
        """Take what the engine read; return the segment to publish, or nothing if it changes nothing."""
        utterance = job.utterance
        if not job.final:
            utterance.being_read = False
            utterance.last = answer
        final = job.final or self.stands(utterance, answer)
        if self._withdrawn or utterance.settled or (utterance.end is not None and not final):
            return None
        decoded, lang = answer.decoded, answer.lang
        text = guards.clean(decoded.text, voiced_ms=answer.voiced_ms, score=decoded.score, no_speech=decoded.no_speech)
        if final:
            utterance.settled = True
            return self._segment(utterance, text, len(text), lang=lang, final=True) if text or utterance.rev else None
        if not text:
            return None
        text, stable_chars = utterance.readings.read(text, (utterance.asked_at or 0) * WINDOW_MS)
        if (text, stable_chars) == (utterance.text, utterance.stable_chars):
            return None
        return self._segment(utterance, text, stable_chars, lang=lang, final=False)

    def _heard_until(self, utterance: Utterance) -> int:
        if utterance.end is not None:
            return utterance.end
        return min(self._next, self._endpointer.last_voiced + 1 + _POST_ROLL)

    def _segment(self, utterance: Utterance, text: str, stable_chars: int, *, lang: str, final: bool) -> Segment:
        utterance.rev += 1
        utterance.text, utterance.stable_chars = text, stable_chars
        end = self._next if utterance.end is None else utterance.end
        return Segment(
            id=utterance.id,
            room_id=self.speaker.room_id,
            call_id=self.speaker.call_id,
            user_id=self.speaker.user_id,
            display_name="",
            track_sid=self.speaker.track_sid,
            start_ms=utterance.start_ms,
            end_ms=utterance.start_ms + (end - utterance.first) * WINDOW_MS,
            text=text,
            stable_chars=stable_chars,
            lang=lang,
            final=final,
            rev=utterance.rev,
        )

    def _take(self, window: Samples) -> Iterator[Job]:
        probability = self.detector.probability(window)
        self._windows.append(window)
        self._voiced.append(probability > START)
        self._next += 1
        yield from self._apply(self._endpointer.push(probability))
        del self._windows[: -_PRE_ROLL if self._open is None else -_KEPT_WINDOWS]
        del self._voiced[: -_PRE_ROLL if self._open is None else -_KEPT_WINDOWS]

    def _apply(self, changes: list[Opened | Closed]) -> Iterator[Job]:
        """The endpointer counts windows as the track does, so its figures are ours."""
        after_cut = False
        for change in changes:
            if isinstance(change, Opened):
                self._begin(change.window if after_cut else max(self._ended, change.window - _PRE_ROLL))
            elif self._open is not None:
                after_cut = change.cut
                yield from self._end(self._open, change)

    def _begin(self, first: int) -> None:
        first = max(first, self._next - len(self._windows))
        start_ms = self._clock.at(first)
        name = segment_id(self.speaker.call_id, self.speaker.track_sid, start_ms)
        self._open = Utterance(name, start_ms, first)

    def _end(self, utterance: Utterance, change: Closed) -> Iterator[Job]:
        self._open = None
        utterance.end = change.last + 1 + (0 if change.cut else _POST_ROLL)
        self._ended = utterance.end
        heard = self.audio(utterance)
        if heard.voiced_ms >= guards.MIN_VOICED_MS or utterance.rev:
            yield Job(self, utterance, final=True, frozen=heard)
