# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.domain.corrections import Correction, apply, may_correct
from bridge.domain.transcripts import Paragraph

TEXT = "The bridge opens on Monday. Nobody minds."


def words(text: str, start_ms: int = 1000) -> tuple[tuple[int, int, str], ...]:
    """A word each 100 ms."""
    return tuple(
        (start_ms + 100 * number, start_ms + 100 * (number + 1), word) for number, word in enumerate(text.split())
    )


def paragraph(name: str = "p1", text: str = TEXT, start_ms: int = 1000, user: str = "@a:s") -> Paragraph:
    end_ms = start_ms + 100 * len(text.split())
    return Paragraph(name, start_ms, end_ms, user, "A", "", "en", text, words(text, start_ms))


def correction(start_ms: int, end_ms: int, text: str, *, user: str = "@a:s", at: int = 1) -> Correction:
    return Correction(f"s{start_ms}", user, "A", "", "en", start_ms, end_ms, text, "@host:s", "Host", at)


def texts(paragraphs: list[Paragraph]) -> list[str]:
    return [one.text for one in paragraphs]


def test_without_corrections_nothing_changes():
    assert apply([paragraph()], []) == [paragraph()]


def test_the_words_that_were_heard_during_a_corrected_line_give_way_to_it():
    (merged,) = apply([paragraph()], [correction(1000, 1500, "The pier opened on Sunday.")])
    assert merged.text == "The pier opened on Sunday. Nobody minds."
    assert (merged.corrected_by, merged.corrected_name, merged.corrected_at, merged.words) == (
        "@host:s",
        "Host",
        1,
        (),
    )


def test_several_corrections_of_one_paragraph_each_find_their_place():
    (merged,) = apply(
        [paragraph()], [correction(1500, 1700, "Everybody cheers.", at=1), correction(1000, 1500, "It opens.", at=2)]
    )
    assert merged.text == "It opens. Everybody cheers."
    assert merged.corrected_at == 2


def test_a_line_that_the_model_cut_in_two_stands_once():
    first, second = paragraph("p1", "The bridge opens"), paragraph("p2", "on Monday, nobody minds.", 1300)
    merged = apply([first, second], [correction(1000, 1500, "The pier opens on Monday,")])
    assert texts(merged) == ["The pier opens on Monday,", "nobody minds."]


def test_a_struck_out_line_takes_its_words_along():
    (merged,) = apply([paragraph()], [correction(1000, 1500, "")])
    assert merged.text == "Nobody minds."
    (merged,) = apply([paragraph()], [correction(1000, 1700, "")])
    assert (merged.text, merged.corrected_name) == ("", "Host")


def test_what_the_model_did_not_hear_stands_beside_in_its_place_in_time():
    later = paragraph("p2", "Later.", 5000)
    merged = apply([paragraph(), later], [correction(3000, 3500, "Yes!"), correction(4000, 4500, "")])
    assert texts(merged) == [TEXT, "Yes!", "Later."]
    assert (merged[1].id, merged[1].start_ms, merged[1].corrected_name) == ("s3000", 3000, "Host")


def test_nobody_elses_words_are_touched():
    other = paragraph("p2", "Really now?", user="@b:s")
    merged = apply([paragraph(), other], [correction(1000, 1500, "Yes.")])
    assert sorted(texts(merged)) == ["Really now?", "Yes. Nobody minds."]


def test_of_two_corrections_of_the_same_words_the_newer_one_counts():
    (merged,) = apply([paragraph()], [correction(1000, 1500, "Old."), correction(1000, 1500, "New.", at=2)])
    assert merged.text == "New. Nobody minds."


@pytest.mark.parametrize(("end_ms", "expected"), [(1700, ["Yes."]), (1200, [TEXT, "Yes."])])
def test_a_paragraph_without_word_times_gives_way_as_a_whole_or_not_at_all(end_ms: int, expected: list[str]):
    without = Paragraph("p1", 1000, 1700, "@a:s", "A", "", "en", TEXT)
    assert texts(apply([without], [correction(1000, end_ms, "Yes.")])) == expected


def test_words_that_are_not_in_the_text_lose_nothing_of_it():
    odd = Paragraph("p1", 1000, 1700, "@a:s", "A", "", "en", TEXT, words("quite other words than those"))
    (merged,) = apply([odd], [correction(1000, 1500, "Yes.")])
    assert merged.text == f"Yes. {TEXT}"


def test_a_beside_paragraph_takes_nobodys_id():
    clash = Paragraph("s3000", 1000, 1100, "@a:s", "A", "", "en", "Hm.")
    merged = apply([clash], [correction(3000, 3500, "Yes!")])
    assert [one.id for one in merged] == ["s3000", "s3000'"]


@pytest.mark.parametrize(
    ("corrector", "voice", "host", "may"),
    [
        ("@a:s", "", False, True),
        ("@a:s", "voice-1", False, False),
        ("@b:s", "", False, False),
        ("@b:s", "", True, True),
        ("@b:s", "voice-1", True, True),
    ],
)
def test_people_correct_their_own_words_and_hosts_all(corrector: str, voice: str, host: bool, may: bool):
    assert may_correct(corrector, speaker="@a:s", voice=voice, host=host) is may
