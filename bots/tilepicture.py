# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The caption tile as a picture that stays readable where Element Call shows it small and cuts its edges off."""

from functools import lru_cache
from itertools import groupby

from PIL import Image, ImageDraw, ImageFont

from bots.captions.tile import Piece, Row, Tone

WIDTH, HEIGHT = 640, 440
"""Pixels. Element Call fills tiles between 4:3 and 17:9 and cuts off what does not fit: this lies between."""
FONT_PX = 40
ROW_PX = 51
_LEFT, _TOP = 36, 52
"""Cut off in a tile of 4:3 (27 px at each side) and of 17:9 (51 px above and below)."""
_BOTTOM = 130
"""Cut off too, or covered by Element Call's label with the bot's name: 38 px of the screen, however small the tile."""
ROWS = (HEIGHT - _TOP - _BOTTOM) // ROW_PX
ROW_WIDTH = WIDTH - 2 * _LEFT
GROUND = (15, 21, 24)
INK = {Tone.STABLE: (244, 247, 248), Tone.TAIL: (176, 190, 196)}
NAMES = ((143, 211, 255), (255, 212, 121), (165, 230, 161), (255, 179, 186), (213, 184, 255), (127, 224, 212))
WAITING = ("Captions", "Sous-titres")

_REGULAR = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf")
_BOLD = ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "LiberationSans-Bold.ttf")
_MORE = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
)
_NO_CHARACTER = "\U0010ffff"
_CACHED = 4096

Font = ImageFont.FreeTypeFont


class TilePicture:
    """Draws rows. Fonts are those of the system, found by file name as Pillow searches for them; each character is
    drawn by the first that has it. Where there is none, Pillow's own Aileron (CC0, Latin letters) stands in.
    """

    def __init__(self) -> None:
        more = [font for name in _MORE if (font := _found(name)) is not None]
        self._fonts = {
            Tone.NAME: [_first(_BOLD), *more],
            Tone.STABLE: (regular := [_first(_REGULAR), *more]),
            Tone.TAIL: regular,
        }
        self.measure = lru_cache(_CACHED)(self._measure)
        self._has = lru_cache(_CACHED)(_has)

    def draw(self, rows: list[Row]) -> bytes:
        """Return ``WIDTH`` x ``HEIGHT`` pixels, RGBA, of at most ``ROWS`` rows; the last stands lowest."""
        image = Image.new("RGBA", (WIDTH, HEIGHT), (*GROUND, 255))
        pen = ImageDraw.Draw(image)
        if not rows:
            rows = [(Piece(text, Tone.TAIL),) for text in WAITING]
        space = self.measure(Piece(" ", Tone.STABLE))
        baseline = HEIGHT - _BOTTOM - ROW_PX * (len(rows) - 1) - (ROW_PX - FONT_PX)
        for row in rows:
            at = float(_LEFT)
            for piece in row:
                for font, text in self._runs(piece):
                    pen.text((at, baseline), text, colour(piece), font, anchor="ls")
                    at += font.getlength(text)
                at += space
            baseline += ROW_PX
        return image.tobytes()

    def _measure(self, piece: Piece) -> float:
        return sum(font.getlength(text) for font, text in self._runs(piece))

    def _runs(self, piece: Piece) -> list[tuple[Font, str]]:
        fonts = self._fonts[piece.tone]
        chosen = [
            (next((font for font in fonts if self._has(font, letter)), fonts[0]), letter) for letter in piece.text
        ]
        return [(font, "".join(letter for _, letter in run)) for font, run in groupby(chosen, lambda pair: pair[0])]


def colour(piece: Piece) -> tuple[int, int, int]:
    """Return a piece's colour; a speaker keeps theirs."""
    return NAMES[piece.speaker % len(NAMES)] if piece.tone is Tone.NAME else INK[piece.tone]


def _has(font: Font, letter: str) -> bool:
    """Tell whether a font has a character: what it lacks it draws as it draws what nobody has."""
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_CHARACTER))


def _found(name: str) -> Font | None:
    try:
        return ImageFont.truetype(name, FONT_PX)
    except OSError:
        return None


def _first(names: tuple[str, ...]) -> Font:
    found = next((font for name in names if (font := _found(name)) is not None), None)
    if found is not None:
        return found
    own = ImageFont.load_default(FONT_PX)
    assert isinstance(own, ImageFont.FreeTypeFont), "Pillow comes with FreeType"
    return own
