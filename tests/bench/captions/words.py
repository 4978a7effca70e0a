# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which words count, and when two of them are the same: the normalisation of every text that the bench compares.

Both sides, what was said and what was written, go through the same steps: Unicode NFKC, lower case, digits spelled
out (`12` → twelve, douze), English contractions and titles in full (`I'm` → i am, `Mr.` → mister), apostrophes and
hyphens as word boundaries (`l'appel` → l appel), no other punctuation, a few words in one spelling (`voice mail` →
voicemail, `boite` → boîte), French `à` as `a`, since a capital may lose its accent. All other accents count, and
nothing else is forgiven: a synonym, another number or gender is an error.
"""

import re
import unicodedata

_EN_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_EN_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_FR_SMALL = [
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
_FR_TENS = ["vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"]

_SPOKEN = {
    "en": {
        r"\bmr\b\.?": "mister", r"\bmrs\b\.?": "missus", r"\bdr\b\.?": "doctor", r"\bok\b": "okay",
        r"\bcan't\b": "cannot", r"\bwon't\b": "will not", r"n't\b": " not", r"'m\b": " am", r"'re\b": " are",
        r"'ll\b": " will", r"'ve\b": " have", r"\bit's\b": "it is", r"\bthat's\b": "that is", r"\blet's\b": "let us",
        r"\bvoice[ -]mail\b": "voicemail", r"\bmail[ -]box(es)?\b": r"mailbox\1", r"\btouch[ -]tone\b": "touchtone",
        r"\bforever more\b": "forevermore", r"\bkey[ -]pad\b": "keypad", r"#": " pound ",
    },
    "fr": {
        r"\bm\. ": "monsieur ", r"\bmme\b\.?": "madame", r"\bok\b": "okay", r"œ": "oe", r"#": " dièse ",
        r"\bboite": "boîte", r"\bà\b": "a",
    },
}  # fmt: skip


def spelled(number: int, lang: str) -> str:
    """Return a number below a million as people say it."""
    if number >= 1000:
        head, rest = divmod(number, 1000)
        thousand = {"en": "thousand", "fr": "mille"}[lang]
        first = "" if lang == "fr" and head == 1 else spelled(head, lang) + " "
        return first + thousand + (" " + spelled(rest, lang) if rest else "")
    if number >= 100:
        head, rest = divmod(number, 100)
        first = "" if lang == "fr" and head == 1 else spelled(head, lang) + " "
        word = "hundred" if lang == "en" else "cents" if head > 1 and not rest else "cent"
        return first + word + (" " + spelled(rest, lang) if rest else "")
    if lang == "en":
        if number < 20:
            return _EN_SMALL[number]
        return _EN_TENS[number // 10 - 2] + (" " + _EN_SMALL[number % 10] if number % 10 else "")
    if number < 20:
        return _FR_SMALL[number]
    unit = number % 10 + (10 if number // 10 in {7, 9} else 0)
    tens = _FR_TENS[number // 10 - 2]
    if unit == 0:
        return tens + ("s" if number == 80 else "")
    return tens + (" et " if unit in {1, 11} and number < 80 else " ") + _FR_SMALL[unit]


def words(text: str, lang: str) -> list[str]:
    """Return the words of a text in the form in which they are compared."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    for pattern, spoken in _SPOKEN[lang].items():
        text = re.sub(pattern, spoken, text)
    text = re.sub(r"(?<=\d)[ ,\u202f](?=\d{3}\b)", "", text)
    text = re.sub(r"\d{1,6}", lambda digits: f" {spelled(int(digits[0]), lang)} ", text)
    return re.sub(r"[\W_]+", " ", text).split()
