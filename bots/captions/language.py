# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which language a track speaks: heard once, then kept until its speaker clearly speaks another."""

from collections.abc import Mapping

_SURE_S = 3.0
_SURE = 0.8
_ENOUGH_S = 8.0
_LIKELY = 0.5
_CLEAR_S = 1.5
_CLEAR = 0.9
"""On the tuning recordings, with 10 dB of noise too, the right one of two languages held 0.93 at 1.5 s and more."""


class LanguageChoice:
    """Decides per track: what a model believes of single words flickers.

    If the candidates together hold at least half of the belief, only they count: on short speech Whisper's belief is
    thin and lands on Welsh or Maori. A pinned language gives way to another candidate that is clearly spoken: for the
    utterance at hand, and for good once that is three seconds long. How well the pinned one can be read says nothing:
    Whisper translates, and is sure of it.
    """

    def __init__(self, candidates: tuple[str, ...]) -> None:
        self._candidates = candidates
        self._evidence: dict[str, float] = {}
        self._heard_s = 0.0
        self._confirmed = ""
        self.pinned: str | None = candidates[0] if len(candidates) == 1 else None

    def asks(self, seconds: float, *, utterance: str, final: bool) -> bool:
        """Tell whether the model's belief of so much of an utterance would matter: as it grows it is not asked about
        for ever, since that is a twentieth of a reading's cost.
        """
        if self.pinned is None:
            return True
        return len(self._candidates) > 1 and seconds >= _CLEAR_S and (final or utterance != self._confirmed)

    def observe(self, belief: Mapping[str, float], seconds: float, *, utterance: str, final: bool) -> str:
        """Take what the model believes of some seconds of an utterance; return the language to read them in."""
        known = {lang: belief.get(lang, 0.0) for lang in self._candidates}
        total = sum(known.values())
        weights = {lang: p / total for lang, p in known.items()} if total >= _LIKELY else dict(belief)
        if self.pinned is not None:
            return self._reconsider(self.pinned, weights, seconds, utterance)
        combined = {
            lang: self._evidence.get(lang, 0.0) + weights.get(lang, 0.0) * seconds
            for lang in self._evidence.keys() | weights.keys()
        }
        best = max(combined, key=combined.__getitem__)
        sure = seconds >= _SURE_S and weights.get(best, 0.0) >= _SURE
        if final:
            self._evidence = combined
            self._heard_s += seconds
        if sure or self._heard_s >= _ENOUGH_S:
            self.pinned = best
        return best

    def _reconsider(self, pinned: str, weights: Mapping[str, float], seconds: float, utterance: str) -> str:
        spoken = max(self._candidates, key=lambda lang: weights.get(lang, 0.0))
        if spoken == pinned and seconds >= _SURE_S:
            self._confirmed = utterance
        if spoken == pinned or seconds < _CLEAR_S or weights.get(spoken, 0.0) < _CLEAR:
            return pinned
        if seconds >= _SURE_S:
            self.pinned = spoken
        return spoken
