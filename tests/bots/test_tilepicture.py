# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whether people can read the caption tile."""

import numpy as np
import pytest
from PIL import Image

from bots.captions.tile import Piece, Tile, Tone
from bots.tilepicture import FONT_PX, GROUND, HEIGHT, INK, NAMES, ROW_WIDTH, ROWS, WIDTH, TilePicture

AA = 4.5
LABEL_PX = 38
TILES = [((1040, 606), 65), ((553, 293), 34), ((311, 164), 19), ((180, 135), 12)]
"""As Element Call 0.26 lays tiles out in windows of 1280 x 800, 800 x 600 and 400 x 720; how big letters are there."""
ROW = (Piece("Marie:", Tone.NAME), Piece("Hxg", Tone.STABLE), Piece("suite", Tone.TAIL))


@pytest.fixture(scope="module")
def picture():
    return TilePicture()


def pixels(picture, rows):
    return np.frombuffer(picture.draw(rows), np.uint8).reshape(HEIGHT, WIDTH, 4)[:, :, :3].astype(int)


def inked(picture, rows):
    return np.abs(pixels(picture, rows) - GROUND).max(axis=2) > 60


def luminance(rgb):
    """Relative luminance, WCAG 2.1."""
    parts = [value / 255 for value in rgb]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ink", [*INK.values(), *NAMES])
def test_every_colour_is_readable_on_the_ground(ink):
    assert (luminance(ink) + 0.05) / (luminance(GROUND) + 0.05) >= AA


def test_the_colours_of_neighbours_differ():
    assert len(set(NAMES)) == len(NAMES) >= 6


@pytest.mark.parametrize(("tile", "least_px"), TILES)
def test_letters_are_big_enough_at_the_sizes_at_which_element_call_shows_tiles(picture, tile, least_px):
    """A tile is filled: the picture is scaled until no ground is left."""
    scale = max(tile[0] / WIDTH, tile[1] / HEIGHT)
    assert FONT_PX * scale >= least_px
    rows = inked(picture, [(Piece("H", Tone.STABLE),)]).any(axis=1)
    assert rows.sum() >= 0.7 * FONT_PX, "a capital letter as high as the font promises"


@pytest.mark.parametrize("ratio", [4 / 3, 16 / 11, 16 / 9, 17 / 9])
def test_no_letter_lies_where_element_call_cuts_the_picture_off(picture, ratio):
    full = [(Piece("Ég" * 9, Tone.STABLE),)] * ROWS
    wide, high = min(WIDTH, HEIGHT * ratio), min(HEIGHT, WIDTH / ratio)
    ys, xs = np.nonzero(inked(picture, full))
    assert xs.min() >= (WIDTH - wide) / 2
    assert xs.max() <= (WIDTH + wide) / 2
    assert ys.min() >= (HEIGHT - high) / 2
    assert ys.max() <= (HEIGHT + high) / 2


@pytest.mark.parametrize("tile", [size for size, _ in TILES])
def test_element_calls_label_with_the_bots_name_covers_no_words(picture, tile):
    scale = max(tile[0] / WIDTH, tile[1] / HEIGHT)
    cut = (HEIGHT - tile[1] / scale) / 2
    ys, _ = np.nonzero(inked(picture, [(Piece("Hxz" * 5, Tone.STABLE),)] * ROWS))
    assert ys.max() < HEIGHT - cut - LABEL_PX / scale
    assert ys.min() >= cut


def test_names_words_and_unsettled_words_have_their_colours(picture):
    seen = {tuple(colour) for line in pixels(picture, [ROW]) for colour in line}
    assert {GROUND, NAMES[0], INK[Tone.STABLE], INK[Tone.TAIL]} <= seen


def test_a_tile_without_words_says_what_it_is(picture):
    assert inked(picture, []).any()


@pytest.mark.parametrize("letter", "éèêëàâçîïôùûüœæÉÀÇŒ«»’…łňřšßñ")
def test_the_letters_of_french_and_of_its_neighbours_are_there(picture, letter):
    [(font, _)] = picture._runs(Piece(letter, Tone.STABLE))
    assert bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))
    assert bytes(font.getmask(letter)) != bytes(font.getmask("e"))


def test_accents_do_not_run_into_the_row_above(picture):
    one = inked(picture, [(Piece("É", Tone.STABLE),), (Piece("É", Tone.STABLE),)]).any(axis=1)
    changes = np.flatnonzero(np.diff(one.astype(int)))
    assert len(changes) >= 4, "two letters with ground between them"


def test_without_any_font_of_the_system_latin_letters_are_drawn_all_the_same(monkeypatch):
    monkeypatch.setattr("bots.tilepicture._found", lambda name: None)
    drawn = TilePicture()
    assert drawn.measure(Piece("é", Tone.STABLE)) > 0
    assert inked(drawn, [ROW]).any()


def test_rows_are_measured_as_they_are_drawn(picture, segment):
    tile = Tile()
    tile.take(segment(1, text="Et il faut que je vous dise encore ceci, très clairement : " * 9))
    rows = tile.rows(picture.measure, ROW_WIDTH, ROWS)
    assert len(rows) == ROWS
    _, xs = np.nonzero(inked(picture, rows))
    assert xs.max() < WIDTH - 30


def test_a_picture_of_rows_is_what_the_call_takes(picture):
    assert Image.frombytes("RGBA", (WIDTH, HEIGHT), picture.draw([ROW])).getextrema()[3] == (255, 255)
