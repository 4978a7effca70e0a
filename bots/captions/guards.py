# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a speech model writes although nobody said it."""

import re
from collections.abc import Sequence

MIN_VOICED_MS = 192
"""Shorter bursts are coughs, clicks and breath; a spoken "oui" is voiced for 200 ms and more."""
MAX_REPEATS = 3
"""stops: a decoder in a loop filling the page; people rarely say the same words four times running."""
_CHARS_PER_S = 22
"""Faster than people speak: fast French is about 18 characters a second."""
_LOOP_WORDS = 40
"""A decoder may go round through several sentences: two of a telephone menu, 17 words, were seen."""
_NO_SPEECH = 0.6
_ALL_LOOP, _HALF_LOOP = 0.05, 0.5
_LOOP_NO_SPEECH = 0.5
"""A decoder in a loop is sure of every word. Over a sung vowel and pink noise it was that with 0.56 and 0.8 here."""
_SCORES = ((1_500, -1.2), (0, -0.8))
"""With such a belief that nobody spoke, words below this score are not believed, by how long (ms) the detector heard a
voice, longest first. Where it heard one for two seconds, base doubted a tenth of the real words of a telephone prompt
at -0.8 to -1.1; over noises taken for a voice it wrote at -1.3 and less.
"""
_MIN_SCORE = -1.3

_ASIDE = re.compile(r"[\[(*♪♫][^\])*♪♫]*[\])*♪♫]")
_SAME_LETTER = re.compile(r"(\w)\1{4,}")
_WORD = re.compile(r"\w")
_PLAIN = re.compile(r"[\W_]+")

# Credits of subtitles that Whisper was trained on; it writes them over noise. Nobody says them in a meeting.
_CREDITS = re.compile(
    r"amara org|sous titr(?:es|age) (?:réalisés?|faits?|par|st|société)|subtitles by|captioning by|"
    r"transcription by|www \w+ (?:com|org)$",
    re.IGNORECASE,
)


def clean(text: str, *, voiced_ms: int, score: float, no_speech: float) -> str:
    """Return the words worth showing, or nothing.

    ``voiced_ms`` is how long the voice detector heard a voice; ``score`` and ``no_speech`` are the engine's own doubts.
    """
    least = (
        next(least for longer_ms, least in _SCORES if voiced_ms >= longer_ms) if no_speech > _NO_SPEECH else _MIN_SCORE
    )
    if voiced_ms < MIN_VOICED_MS or score < least:
        return ""
    written = " ".join(_ASIDE.sub(" ", text).split())
    text = _SAME_LETTER.sub(r"\1", written)
    too_fast = len(text) > _CHARS_PER_S * voiced_ms / 1000 + 10
    words = text.split()
    text = " ".join(words[at] for at in without_loops(words, keep=1 if too_fast else MAX_REPEATS))
    left = len(text) / max(1, len(written))
    if left < _ALL_LOOP or (left < _HALF_LOOP and no_speech > _LOOP_NO_SPEECH):
        return ""
    if not _WORD.search(text) or _CREDITS.search(_PLAIN.sub(" ", text).strip()):
        return ""
    return text


def without_loops(words: Sequence[str], *, keep: int = MAX_REPEATS) -> list[int]:
    """Tell which words stay if at most ``keep`` of the same follow each other; a loop that was broken off loses its
    loose end too.
    """
    plain = [_PLAIN.sub("", word).casefold() for word in words]
    kept = list(range(len(words)))
    for size in range(1, min(_LOOP_WORDS, len(words) // 2) + 1):
        start = 0
        while start + 2 * size <= len(plain):
            unit = plain[start : start + size]
            end = start + size
            while plain[end : end + size] == unit:
                end += size
            if (end - start) // size > keep:
                tail = plain[end : end + size]
                stop = end + len(tail) if end + len(tail) == len(plain) and tail == unit[: len(tail)] else end
                del kept[start + keep * size : stop], plain[start + keep * size : stop]
            start += 1
    return kept
