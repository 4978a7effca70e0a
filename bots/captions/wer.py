# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How many words were read wrong."""

import re

import jiwer

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words(text: str) -> list[str]:
    """Return a text's words, without case and punctuation."""
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


def word_error_rate(said: str, written: str) -> float:
    """Return the words to change, add and remove, by the number of words said; above 1 if more was made up."""
    truth, guess = words(said), words(written)
    if not truth:
        raise ValueError("nothing was said: the rate has no meaning")
    return float(jiwer.wer(" ".join(truth), " ".join(guess)))
