# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from bots.demo.report import Caption, Observed, Packets, Spoken, delays, judge, percentile, word_error_rate

TEXTS = {"staff": "it was the best of times", "partner": "veuillez patienter s'il vous plaît"}
GOOD = Observed(
    seconds_to_media={"staff": 1.0, "partner": 2.0, "guest": 3.0},
    texts=TEXTS,
    spoken=[Spoken("staff", 10.0, 12.0), Spoken("partner", 12.0, 14.0)],
    captions=[
        Caption("staff", "It was the best of times.", "en", 10.1, 12.1, 13.0, 13.5),
        Caption("partner", "Veuillez patienter s’il vous plaît.", "fr", 12.1, 14.1, 15.0, 15.5),
    ],
    similarity={("staff", "partner"): 0.95, ("partner", "staff"): 0.9},
    video_frames={"partner": 100},
    packets=Packets(1000, 2000, 0),
    files=("transcript.txt", "transcript.vtt"),
)


def test_a_good_run_is_ok_and_its_figures_are_those_seen():
    report = judge(GOOD)
    assert report.ok, report.failures
    assert report.json["wer"] == 0.0
    assert report.json["attribution"] == 1.0
    assert report.json["speakers"]["partner"] == {"words": 6, "wer": 0.0, "captions": 1, "attribution": 1.0}
    assert report.json["caption_delay_p95_s"] == pytest.approx(1.0)
    assert report.json["room_delay_p95_s"] == pytest.approx(1.5)
    assert report.json["doors"]["guest"]["seconds_to_media"] == 3.0
    assert report.json["packets"] == {"in": 1000, "out": 2000, "lost": 0}


def swapped(captions):
    return [replace(caption, speaker="partner" if caption.speaker == "staff" else "staff") for caption in captions]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seconds_to_media": {"guest": 11.0}}, "guest: media after 11.0 s"),
        ({"seconds_to_media": {"guest": None}}, "guest: media after never"),
        ({"similarity": {("staff", "partner"): 0.5}}, "partner did not hear staff"),
        ({"video_frames": {"partner": 0}}, "partner saw no video"),
        ({"captions": [replace(GOOD.captions[0], text="it was worse"), GOOD.captions[1]]}, "word error rate"),
        ({"captions": swapped(GOOD.captions)}, "0% of the captions carry the right name"),
        ({"captions": []}, "captions p95 never"),
        ({"captions": [replace(caption, live_s=20.0) for caption in GOOD.captions]}, "live captions p95"),
        (
            {"captions": [replace(caption, room_s=30.0) for caption in GOOD.captions]},
            "captions in the room p95",
        ),
        (
            {"captions": [replace(caption, room_s=None) for caption in GOOD.captions]},
            "never came to the room",
        ),
        ({"files": ("transcript.txt",)}, r"no .vtt transcript"),
    ],
)
def test_each_thing_that_can_be_wrong_makes_the_run_fail(change, said):
    report = judge(replace(GOOD, **change))
    assert not report.ok
    assert any(said in failure for failure in report.failures), report.failures


def test_the_delay_counts_from_what_was_played_to_the_last_caption_of_the_phrase():
    phrase = Spoken("staff", 0.0, 10.0)
    first = Caption("staff", "a", "en", 0.1, 5.0, 5.5, None)
    last = Caption("staff", "b", "en", 5.0, 10.1, 11.0, None)
    assert delays([last, first], [phrase]) == [(last, 10.0)]


def test_words_are_compared_without_case_punctuation_and_typographic_apostrophes():
    assert word_error_rate("S'il vous plaît, Marie-Anne!", "s’il vous plaît marie anne") == 0.0
    assert word_error_rate("one two three four", "one two three") == 0.25


def test_percentiles_are_nearest_rank():
    assert percentile([], 0.95) is None
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.95) == 4.0
