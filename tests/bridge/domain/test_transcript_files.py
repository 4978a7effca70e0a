# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever people say or are called, a transcript as a file has the cues, lines and paragraphs that were spoken."""

import io
import zipfile
from datetime import UTC
from xml.etree import ElementTree

import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.plain import one_line
from bridge.domain.transcript_cues import MAX_CUE, cues, sub_rip, web_vtt
from bridge.domain.transcript_odt import open_document
from bridge.domain.transcript_reading import Call, Reading
from bridge.domain.transcript_text import markdown, page_of, plain_text
from bridge.domain.transcripts import Paragraph
from bridge.web.exports import labels_in

NASTY = [
    "a --> b",
    "00:00:01.000 --> 00:00:02.000\nforged",
    "x\r\n\r\n2\r\n00:00:01,000 --> 00:00:09,000\r\nforged",
    "x\n\nWEBVTT\n\nNOTE forged",
    "x\n\nSTYLE\n::cue { display: none }",
    "<script>alert(1)</script>",
    "</v><v Forged>no",
    "&lt;b&gt; &amp; {\\an8}",
    "\ufeffWEBVTT",
    "\u202ereversed\u202c \u2066isolated\u2069 \u200fmarks\u200e",
    "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg",
    "\x00\x01\x1b[31mred\x7f",
    "# Heading\n\n- list [link](javascript:alert(1)) ![x](http://evil) <http://evil>",
    "1. **bold** _x_ `code`\n```\nblock\n```",
    "]]></text:p><text:p>forged",
    "[00:00:00] Somebody:",
    "\ud800 lone",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﷽ 👩‍👩‍👧",
]
CORPUS = [*NASTY, *(f"{one} {other}" for one in NASTY for other in NASTY[:10])]
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def reading(*said: str, name: str = "Ada", title: str = "Team", final: bool = True) -> Reading:
    paragraphs = tuple(
        Paragraph(f"p{number}", 1000 * number, 1000 * number + 900, f"@{number}:s", name, "", "en", text)
        for number, text in enumerate(said)
    )
    return Reading(title, Call("c", 0, 60_000, None, 1.0, final, None), None, paragraphs)


def test_there_are_two_hundred_strings_to_try():
    assert len(CORPUS) >= 198


@pytest.mark.parametrize("where", ["said", "name", "title"])
def test_no_string_makes_a_cue_a_line_or_a_paragraph(where: str):
    for nasty in CORPUS:
        value = {"said": "Hello", "name": "Ada", "title": "Team"} | {where: nasty}
        made = reading(value["said"], "Bye.", name=value["name"], title=value["title"])
        page, spoken = page_of(made, UTC, labels_in("en")), len(cues(made))
        assert sub_rip(made).count("-->") == spoken
        assert web_vtt(made).count("-->") == spoken
        assert len(webvtt.from_string(web_vtt(made)).captions) == spoken
        assert len(web_vtt(made).split("\n\n")) == spoken + 1
        assert len(plain_text(page).splitlines()) == 9
        assert "\n" not in one_line(nasty)
        content = zipfile.ZipFile(io.BytesIO(open_document(page))).read("content.xml")
        document = ElementTree.fromstring(content)
        assert len(list(document.iter(f"{TEXT}p"))) == 6
        everything = plain_text(page) + web_vtt(made) + sub_rip(made)
        assert not {"\ufeff", "\u202e", "\u2066", "\u200f", "\x1b", "\x00", "\r", "\u2028"} & set(everything)
        assert "<script" not in web_vtt(made) + sub_rip(made)
        assert len([line for line in markdown(page).splitlines() if line.startswith("#")]) == 1
        assert "](" not in markdown(page).replace("\\](", "").replace("\\]\\(", "")


@given(st.text(max_size=200), st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_keeps_to_its_place(text: str, name: str):
    made = reading(text, "Bye.", name=name)
    assert web_vtt(made).count("-->") == sub_rip(made).count("-->") == len(cues(made))
    open_document(page_of(made, UTC, labels_in("fr")))


def test_a_long_paragraph_becomes_cues_that_can_be_read_in_their_time():
    words = [f"word{number}" for number in range(60)]
    timed = tuple((5000 + 300 * number, 5000 + 300 * number + 250, word) for number, word in enumerate(words))
    long = Paragraph("p", 5000, 23_000, "@a:s", "Ada", "", "en", " ".join(words), timed)
    made = Reading("Team", Call("c", 0, 60_000, None, 1.0, True, None), None, (long,))
    found = cues(made)
    assert " ".join(cue.text for cue in found) == long.text
    assert max(len(cue.text) for cue in found) <= MAX_CUE
    assert found[0].start_ms == 0
    assert found[1].start_ms == 300 * len(found[0].text.split())
    without_times = Reading("Team", made.call, None, (Paragraph(*[getattr(long, n) for n in long.__slots__[:8]]),))
    spread = cues(without_times)
    assert [cue.text for cue in spread] == [cue.text for cue in found]
    assert [cue.start_ms for cue in spread] == sorted(cue.start_ms for cue in spread)
    assert spread[-1].end_ms == 18_000


def test_what_was_struck_out_is_in_no_file_and_a_correction_names_its_author():
    base = reading("Kept.", "Gone.", "Mended.")
    first, second, third = base.paragraphs
    changed = tuple(
        Paragraph(*[getattr(one, n) for n in one.__slots__[:7]], text, (), by, name, 1)
        for one, text, by, name in (
            (first, "Kept.", "", ""),
            (second, "", "@m:s", "M"),
            (third, "Mended.", "@m:s", "M"),
        )
    )
    made = Reading("Team", base.call, None, changed)
    text = plain_text(page_of(made, UTC, labels_in("en")))
    assert "Gone" not in text
    assert "    Mended. (corrected by M)" in text
    assert len(cues(made)) == 2


def test_those_of_one_speaker_in_a_row_stand_under_one_name():
    base = reading("One.", "Two.", "Three.")
    first, second, third = base.paragraphs
    same = Paragraph(*[getattr(second, n) if n != "user_id" else first.user_id for n in second.__slots__])
    page = page_of(Reading("T", base.call, None, (first, same, third)), UTC, labels_in("en"))
    assert [len(turn.texts) for turn in page.turns] == [2, 1]


def test_the_same_transcript_is_the_same_file_and_its_type_stands_first_and_plain():
    page = page_of(reading("Hello."), UTC, labels_in("en"))
    made = open_document(page)
    assert made == open_document(page)
    assert made[30:].startswith(b"mimetypeapplication/vnd.oasis.opendocument.text")


def test_a_call_without_a_word_is_a_file_all_the_same():
    empty = reading()
    page = page_of(empty, UTC, labels_in("en"))
    assert web_vtt(empty) == "WEBVTT\n"
    assert plain_text(page).startswith("Team\nDate: 1970-01-01 00:00–00:01 (UTC, UTC+00:00)\n")
    open_document(page)
