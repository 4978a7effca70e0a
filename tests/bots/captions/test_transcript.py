# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the room gets in the end."""

from datetime import UTC

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from bots.captions.segment import Segment
from bots.captions.transcript import MAX_SEGMENTS, Transcript


def test_text_says_when_who_and_what_in_order(segment):
    transcript = Transcript()
    transcript.add(segment(2, display_name="Anaïs"))
    transcript.add(segment(1))
    assert transcript.text(UTC) == "[22:13:21] Marie: phrase 1\n[22:13:22] Anaïs: phrase 2\n"


def test_both_files_name_the_model_that_wrote_them(segment):
    transcript = Transcript()
    transcript.add(segment(0))
    model = "whisper-base (MIT)\n\n00:00:00.000 --> 00:00:09.000\nforged"
    assert transcript.text(UTC, model=model).startswith("whisper-base (MIT) 00:00:00.000 --> 00:00:09.000 forged\n\n[")
    (cue,) = webvtt.from_string(transcript.vtt(model=model)).captions
    assert cue.text == "phrase 0"
    assert "NOTE whisper-base (MIT) 00:00" in transcript.vtt(model=model)


def test_a_segment_written_twice_appears_once_with_its_newest_text(segment):
    transcript = Transcript()
    transcript.add(segment(1, rev=3, text="neuf"))
    transcript.add(segment(1, rev=2, text="vieux"))
    assert [entry.text for entry in transcript.segments()] == ["neuf"]


def test_a_segment_that_was_taken_back_disappears(segment):
    transcript = Transcript()
    transcript.add(segment(1, rev=1))
    transcript.add(segment(1, rev=2, text=""))
    assert len(transcript) == 0


def test_unfinished_segments_are_not_part_of_it(segment):
    transcript = Transcript()
    transcript.add(segment(1, final=False))
    assert len(transcript) == 0


def test_webvtt_counts_from_the_first_words_and_names_the_voices(segment):
    transcript = Transcript()
    transcript.add(segment(0))
    transcript.add(segment(3, display_name="Jean"))
    vtt = transcript.vtt()
    assert vtt.startswith("WEBVTT\n\nS0\n00:00:00.000 --> 00:00:00.900\n<v Marie>phrase 0\n")
    assert "S3\n00:00:03.000 --> 00:00:03.900\n<v Jean>phrase 3" in vtt


def test_an_empty_call_has_an_empty_transcript():
    assert Transcript().text(UTC) == ""
    assert Transcript().vtt().strip() == "WEBVTT"


EVIL = [
    "a --> b",
    "one\n\n00:00:00.000 --> 00:10:00.000\nforged",
    "one\r\n\r\nNOTE hidden",
    "<v Somebody Else>forged",
    "</v><b>&amp;",
    "STYLE\n::cue{}",
    "\u2028\u2029\x85\x0b\x0c\x00\x1c",
    "&lt;script&gt;",
]


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("where", ["text", "display_name"])
def test_no_words_and_no_name_can_forge_a_cue(segment, text, where):
    transcript = Transcript()
    transcript.add(segment(0, **{where: text + "."}))
    transcript.add(segment(1))
    assert_two_cues(transcript)
    assert transcript.text(UTC).count("\n") == 2


@given(text=st.text(min_size=1), name=st.text())
def test_whatever_is_said_the_file_holds_one_cue_a_segment(text, name):
    transcript = Transcript()
    for number in range(2):
        transcript.add(
            Segment(f"S{number}", "!r", "c", "@u", name, "T", 1000 * number, 1000 * number + 5, text, 0, "fr", True, 1)
        )
    assert_two_cues(transcript)
    assert len(transcript.text(UTC).splitlines()) == 2


def assert_two_cues(transcript: Transcript) -> None:
    vtt = transcript.vtt()
    read = webvtt.WebVTT.from_string(vtt)
    assert [cue.identifier for cue in read.captions] == ["S0", "S1"]
    assert vtt.count("-->") == 2
    assert vtt.count("<") == 2, "the two voices and nothing else"


def test_a_call_without_end_stops_growing(segment):
    transcript = Transcript()
    for number in range(MAX_SEGMENTS + 5):
        transcript.add(segment(number))
    assert len(transcript) == MAX_SEGMENTS
