# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from bots.captions.paragraphs import MAX_PARAGRAPH_CHARS, FinalTranscript, Utterance, Voice, Word, paragraphs

MARIE = Voice("@marie:hs", "Marie")
PAVEL = Voice("@pavel:hs", "Pavel")


def said(voice: Voice, start_ms: int, text: str, lang: str = "fr", each_ms: int = 300) -> Utterance:
    words = tuple(
        Word(start_ms + n * each_ms, start_ms + (n + 1) * each_ms, f" {word}") for n, word in enumerate(text.split())
    )
    return Utterance(voice, lang, words)


def read(*utterances: Utterance) -> list[tuple[str, str]]:
    return [(p.voice.display_name, p.text) for p in paragraphs("$call", utterances)]


def test_one_voice_goes_on_until_somebody_else_speaks():
    assert read(
        said(MARIE, 0, "Bonjour à tous."), said(MARIE, 2_000, "On commence ?"), said(PAVEL, 4_000, "Oui."),
        said(MARIE, 5_000, "Bien."),
    ) == [("Marie", "Bonjour à tous. On commence ?"), ("Pavel", "Oui."), ("Marie", "Bien.")]  # fmt: skip


def test_a_long_pause_begins_a_paragraph():
    assert len(read(said(MARIE, 0, "Un."), said(MARIE, 3_000, "Deux."), said(MARIE, 9_000, "Trois."))) == 2


def test_another_language_and_another_voice_of_the_same_track_begin_one():
    other = Voice("@marie:hs", "Voice 2", "voice-2")
    assert len(read(said(MARIE, 0, "Un."), said(MARIE, 500, "One.", "en"), said(other, 1_000, "Two.", "en"))) == 3


def test_words_of_somebody_else_wait_for_the_end_of_a_phrase():
    assert read(said(MARIE, 0, "je voulais dire encore ceci."), said(PAVEL, 600, "oui")) == [
        ("Marie", "je voulais dire encore ceci."),
        ("Pavel", "oui"),
    ]


def test_a_paragraph_ends_with_a_sentence_and_never_grows_without_end():
    talk = " ".join(["mot"] * 30 + ["fin."])
    ends = [text for _, text in read(*(said(MARIE, n * 10_000, talk) for n in range(12)))]
    assert len(ends) > 1
    assert all(text.endswith("fin.") for text in ends)
    endless = read(said(MARIE, 0, " ".join(["mot"] * 3000)))
    assert max(len(text) for _, text in endless) <= MAX_PARAGRAPH_CHARS
    assert sum(len(text.split()) for _, text in endless) == 3000


def test_times_and_ids_are_those_of_the_words_and_stay():
    utterances = [said(MARIE, 1_000, "Bonjour à tous."), said(PAVEL, 4_000, "Oui.")]
    first, second = paragraphs("$call", utterances)
    assert (first.start_ms, first.end_ms, second.start_ms) == (1_000, 1_900, 4_000)
    assert [p.id for p in paragraphs("$call", reversed(utterances))] == [first.id, second.id]
    assert first.id != second.id
    content = FinalTranscript("!r", "$call", 0, 5_000, {"name": "base"}, "base", (first, second)).content()
    assert content["paragraphs"][0]["words"] == [[1000, 1300, "Bonjour"], [1300, 1600, "à"], [1600, 1900, "tous."]]
    assert content["paragraphs"][0]["voice"] == ""
