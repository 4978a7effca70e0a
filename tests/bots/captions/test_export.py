# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import io
import json
import re
import zipfile
from xml.etree import ElementTree as ET

import pytest
import webvtt
from odf import teletype
from odf import text as odf_text
from odf.opendocument import load

from bots.captions.export import FORMATS, markdown, odt, srt, text, vtt
from bots.captions.paragraphs import FinalTranscript, Utterance, Voice, Word, paragraphs

EVIL = "1 00:00:09.000 --> 00:00:10.000 <b>&lt; *x* ]]> {\\an8} # a\x00\u2028b"


def transcript(*said: tuple[str, str], start_ms: int = 60_000) -> FinalTranscript:
    utterances = []
    for number, (name, words) in enumerate(said):
        at = start_ms + number * 8_000
        spoken = tuple(Word(at + n * 200, at + n * 200 + 200, f" {word}") for n, word in enumerate(words.split(" ")))
        utterances.append(Utterance(Voice(f"@{number}", name), "fr", spoken))
    model = {"name": "base", "sha256": "0123"}
    return FinalTranscript("!r", "$c", start_ms, start_ms + 90_000, model, "base 0123", paragraphs("$c", utterances))


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_names_the_model_but_srt_which_cannot(name):
    made = FORMATS[name](transcript(("Marie", "Bonjour à tous.")))
    if isinstance(made, bytes):
        made = zipfile.ZipFile(io.BytesIO(made)).read("content.xml").decode()
    assert ("0123" in made) is (name != "srt")
    assert "Bonjour" in made


def test_text_has_a_line_for_each_paragraph_timed_from_the_beginning():
    assert text(transcript(("Marie", "Bonjour."), ("", "Oui."))).splitlines() == [
        "base 0123",
        "",
        "[00:00:00] Marie: Bonjour.",
        "[00:00:08] Oui.",
    ]


def test_no_words_forge_a_cue_a_tag_or_a_line():
    made = transcript((EVIL, EVIL), ("Pavel", "Oui."))
    cues = list(webvtt.from_buffer(io.StringIO(vtt(made))))
    assert cues[0].start == "00:00:00.000"
    assert {cue.voice for cue in cues} == {cues[0].voice, "Pavel"}
    assert len(cues) == len(re.findall(r"^\d+$", srt(made), re.MULTILINE)) == len(re.findall(r" --> ", vtt(made)))
    timings = re.findall(r"^[\d:,]+ --> [\d:,]+$", srt(made), re.MULTILINE)
    assert len(timings) == len(cues)
    assert [cue.start for cue in webvtt.from_buffer(io.StringIO(srt(made)), format="srt")] == [c.start for c in cues]
    assert "<b>" not in srt(made)
    assert "{" not in srt(made)
    assert len(text(made).splitlines()) == 4
    assert "<b>" not in markdown(made).replace("\\<b\\>", "")


def test_markdown_makes_no_list_heading_or_emphasis_of_words():
    assert markdown(transcript(("*A*", "1. # un _mot_"))).startswith(
        "_base 0123_\n\n**\\*A\\*** _00:00:00_\n\n1\\. \\# un \\_mot\\_\n"
    )
    assert "\n\\- point" in markdown(transcript(("A", "- point")))


def test_cues_fit_on_a_screen_and_follow_the_words():
    made = transcript(("Marie", " ".join(["parole"] * 60)))
    cues = list(webvtt.from_buffer(io.StringIO(vtt(made))))
    assert all(len(cue.text) <= 84 for cue in cues)
    assert sum(len(cue.text.split()) for cue in cues) == 60
    assert [cue.end_in_seconds for cue in cues[:-1]] == [cue.start_in_seconds for cue in cues[1:]]


def test_the_open_document_is_well_formed_whatever_was_said_and_always_the_same():
    made = odt(transcript(("Marie", EVIL)))
    assert made == odt(transcript(("Marie", EVIL)))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.infolist()[0].filename == "mimetype"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert archive.read("mimetype") == b"application/vnd.oasis.opendocument.text"
        root = ET.fromstring(archive.read("content.xml"))
        assert {entry.filename for entry in archive.infolist()} == {"mimetype", "content.xml", "META-INF/manifest.xml"}
    assert "<b>" in "".join(root.itertext())
    opened = [teletype.extractText(one) for one in load(io.BytesIO(made)).getElementsByType(odf_text.P)]
    assert "<b>" in "".join(opened), "a reader of open documents reads it, too"


def test_json_holds_every_word():
    assert json.loads(FORMATS["json"](transcript(("M", "a b"))))["paragraphs"][0]["words"] == [
        [60000, 60200, "a"],
        [60200, 60400, "b"],
    ]
