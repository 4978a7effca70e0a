# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What stands on the caption tile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.captions.segment import Segment
from bots.captions.tile import MAX_SEGMENTS, MAX_SPEAKERS, NAME_SHARE, Tile, Tone

WIDTH, ROWS = 20, 4


def measure(piece):
    """A typewriter."""
    return len(piece.text)


@pytest.fixture
def tile():
    return Tile()


def shown(tile, width=WIDTH, rows=ROWS):
    return [" ".join(piece.text for piece in row) for row in tile.rows(measure, width, rows)]


def test_nothing_said_is_nothing_shown(tile):
    assert tile.rows(measure, WIDTH, ROWS) == []


def test_words_are_wrapped_and_never_cut(tile, segment):
    tile.take(segment(1, text="il faut que nous parlions"))
    assert shown(tile) == ["Marie: il faut que", "nous parlions"]


def test_what_one_person_says_in_a_row_has_one_name(tile, segment):
    tile.take(segment(1, text="un"))
    tile.take(segment(2, text="deux"))
    tile.take(segment(3, text="trois", user_id="@jean:hs", display_name="Jean"))
    assert shown(tile) == ["Marie: un deux", "Jean: trois"]


def test_the_newest_words_stay_and_whoever_began_higher_up_is_named_again(tile, segment):
    tile.take(segment(1, text=" ".join(f"mot{number}" for number in range(30))))
    rows = shown(tile)
    assert len(rows) == ROWS
    assert rows[0].startswith("Marie: … mot")
    assert rows[-1].endswith("mot29")


def test_a_new_turn_pushes_the_old_one_up(tile, segment):
    tile.take(segment(1, text="un deux trois quatre cinq six sept huit"))
    tile.take(segment(2, text="neuf dix onze douze treize", user_id="@jean:hs", display_name="Jean"))
    rows = shown(tile)
    assert rows[-2:] == ["Jean: neuf dix onze", "douze treize"]
    assert rows[0].startswith("Marie: …")
    assert rows[1].endswith("huit")


def test_a_growing_text_replaces_its_older_self_and_an_older_one_nothing(tile, segment):
    assert tile.take(segment(1, text="bonj", rev=1, final=False))
    assert tile.take(segment(1, text="bonjour", rev=2, final=False))
    assert not tile.take(segment(1, text="bonj", rev=1, final=False))
    assert shown(tile) == ["Marie: bonjour"]


def test_what_is_taken_back_goes(tile, segment):
    tile.take(segment(1, text="euh", final=False))
    tile.take(segment(1, text="", rev=2))
    assert shown(tile) == []


def test_words_that_may_still_change_look_different(tile, segment):
    tile.take(segment(1, text="je crois que", stable_chars=8, final=False))
    [row] = tile.rows(measure, WIDTH, ROWS)
    assert [piece.tone for piece in row] == [Tone.NAME, Tone.STABLE, Tone.STABLE, Tone.TAIL]


def test_two_people_have_two_colours_and_two_voices_at_one_microphone_too(tile, segment):
    tile.take(segment(1, text="a"))
    tile.take(segment(2, text="b", voice="voice-1", display_name="Voix 1"))
    tile.take(segment(3, text="c", user_id="@jean:hs", display_name="Jean"))
    tile.take(segment(4, text="d"))
    speakers = [row[0].speaker for row in tile.rows(measure, WIDTH, ROWS)]
    assert speakers[0] == speakers[3]
    assert len(set(speakers)) == 3


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Gwenaëlle Le Goff", "Gwenaëlle Le…:"),
        ("Ana Silva (Guest)", "Ana Silva…:"),
        ("Voix 1 (Gwenaëlle)", "Voix 1…:"),
        ("(((((((((((((((((((((", "(((((((((((((…:"),
        ("(Gwenaëlle Le Goff)", "(Gwenaëlle Le…:"),
    ],
)
def test_a_long_name_leaves_room_for_words(tile, segment, name, label):
    tile.take(segment(1, display_name=name, text="un"))
    assert shown(tile) == [f"{label} un"]
    assert measure(tile.rows(measure, WIDTH, ROWS)[0][0]) <= NAME_SHARE * WIDTH


def test_a_language_without_spaces_is_broken_where_the_row_ends(tile, segment):
    tile.take(segment(1, text="你好世界" * 10))
    rows = shown(tile)
    assert len(rows) == 3
    assert all(len(row) <= WIDTH for row in rows)
    assert "".join(rows).count("你") == 10


def test_it_remembers_only_what_it_may_show(tile, segment):
    for number in range(MAX_SEGMENTS + 20):
        assert tile.take(segment(number))
    assert not tile.take(segment(0, rev=5)), "older than all that is kept"
    assert len(tile._segments) == MAX_SEGMENTS


def test_colours_of_a_thousand_people_are_not_kept_for_ever(tile, segment):
    for number in range(MAX_SPEAKERS + 50):
        tile.take(segment(number, user_id=f"@{number}:hs"))
        tile.rows(measure, WIDTH, 1)
    assert len(tile._speakers) <= MAX_SPEAKERS


@given(
    texts=st.lists(st.text(max_size=200), max_size=6),
    name=st.text(max_size=40),
    width=st.integers(26, 80),
    rows=st.integers(1, 9),
)
def test_whatever_is_said_nothing_is_wider_or_higher_than_the_tile(texts, name, width, rows):
    tile = Tile()
    for number, text in enumerate(texts):
        tile.take(
            Segment(f"S{number}", "!r", "$c", f"@{number % 2}", name, "T", number, number, text, 0, "fr", True, 1)
        )
    lines = tile.rows(measure, width, rows)
    assert len(lines) <= rows
    assert all(sum(map(measure, row)) + len(row) - 1 <= width for row in lines)
