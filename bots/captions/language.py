# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which language a track speaks: heard once, then kept."""

from collections.abc import Mapping

_SURE_S = 3.0
_SURE = 0.8
_ENOUGH_S = 8.0
_LIKELY = 0.5


class LanguageChoice:
    """Decides per track, because asking the model each time costs as much as reading, and flickers.

    If the candidates together hold at least half of the belief, only they count: on short speech Whisper's belief is
    thin and lands on Welsh or Maori. Somebody who changes language within a call keeps the first one.
    """

    def __init__(self, candidates: tuple[str, ...]) -> None:
        self._candidates = candidates
        self._evidence: dict[str, float] = {}
        self._heard_s = 0.0
        self.pinned: str | None = candidates[0] if len(candidates) == 1 else None

    def observe(self, belief: Mapping[str, float], seconds: float, *, final: bool) -> str:
        """Take what the model believes of some seconds of speech; return the language to read them in."""
        if self.pinned is not None:
            return self.pinned
        known = {lang: belief.get(lang, 0.0) for lang in self._candidates}
        total = sum(known.values())
        weights = {lang: p / total for lang, p in known.items()} if total >= _LIKELY else dict(belief)
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
