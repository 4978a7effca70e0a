# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From samples to segments, without a model."""

import itertools

import numpy as np
import pytest

from bots.captions.segment import segment_id
from bots.captions.track import Answer
from bots.engines.contract import Decoded


def answer(job, text: str, *, whole: bool = True, heard=None):
    heard = heard or job.audio()
    return job.track.answered(job, Answer(Decoded(text, -0.1, 0.0, whole=whole), "fr", heard.voiced_ms, heard.end))


def test_silence_gives_nothing(tape, track):
    assert tape.play((10, False)) == []
    assert track.due(1.0) is None


def test_a_click_gives_nothing(tape):
    assert tape.play((1, False), (0.1, True), (2, False)) == []


def test_an_utterance_is_read_whole_with_what_came_just_before_it(tape):
    (job,) = tape.play((1, False), (2, True), (1, False))
    heard = job.audio()
    assert job.final
    assert 2.1 <= len(heard.samples) / 16000 <= 2.5
    assert np.abs(heard.samples[: 512 * 4]).max() == 0
    assert abs(heard.voiced_ms - 2000) <= 64


def test_its_times_are_wall_clock_and_its_id_comes_from_them(tape):
    (job,) = tape.play((1, False), (2, True), (1, False))
    segment = answer(job, "bonjour")
    assert abs(segment.start_ms - (tape.START_MS + 1000 - 192)) <= 64
    assert abs(segment.end_ms - (tape.START_MS + 3000 + 160)) <= 64
    assert segment.id == segment_id("$call", "TR_1", segment.start_ms)
    assert (segment.text, segment.final, segment.stable_chars) == ("bonjour", True, 7)
    assert (segment.user_id, segment.room_id, segment.call_id) == ("@marie:hs", "!room", "$call")


def test_an_open_utterance_is_read_every_interval_and_its_revisions_rise(tape, track):
    tape.play((1, False), (1.2, True))
    first = track.due(1.0)
    assert first is not None
    assert track.due(1.0) is None, "it is being read"
    one = answer(first, "je crois")
    assert track.due(1.0) is None, "it was read just now"
    tape.play((1.1, True))
    two = answer(track.due(1.0), "je crois que oui")
    (job,) = tape.play((1, False))
    last = answer(job, "Je crois que oui.")
    assert [one.rev, two.rev, last.rev] == [1, 2, 3]
    assert one.id == two.id == last.id
    assert [one.final, two.final, last.final] == [False, False, True]
    assert (one.stable_chars, two.stable_chars, last.stable_chars) == (0, 0, len(last.text))


def test_words_that_stay_the_same_become_stable_and_that_is_published(tape, track):
    tape.play((1, False))
    versions = []
    for _ in range(5):
        tape.play((1.1, True))
        versions.append(answer(track.due(1.0), "je crois que oui"))
    stable = [version and version.text[: version.stable_chars] for version in versions]
    assert stable == ["", None, None, "je crois que", None]


def test_two_utterances_never_share_a_sound(tape):
    """After small pauses the next one begins before the last one's tail is over."""
    jobs = tape.play((9.5, True), (0.2, False), (2, True), (1, False))
    first, second = (answer(job, "oui") for job in jobs)
    assert second.start_ms >= first.end_ms


def test_what_was_read_in_a_pause_stands_if_the_utterance_ends_with_it(tape, track):
    track.language.pinned = "fr"
    tape.play((1, False), (2, True), (0.1, False))
    assert track.due(1.0) is None, "the pause may be nothing"
    tape.play((0.1, False))
    paused = track.due(1.0)
    heard = paused.audio()
    shown = answer(paused, "bonjour à tous")
    assert not shown.final
    assert track.due(1.0) is None, "there is nothing more to read in this pause"
    (job,) = tape.play((1, False))
    assert job.known.decoded.text == "bonjour à tous"
    assert len(heard.samples) == len(job.audio().samples)
    last = track.answered(job, job.known)
    assert (last.id, last.text, last.final) == (shown.id, "bonjour à tous", True)


def test_a_reading_that_is_under_way_when_the_pause_turns_out_to_be_the_end_is_the_last(tape, track):
    track.language.pinned = "fr"
    tape.play((1, False), (2, True), (0.2, False))
    paused = track.due(1.0)
    heard = paused.audio()
    (job,) = tape.play((1, False))
    assert job.known is None
    assert answer(paused, "bonjour", heard=heard).final
    assert answer(job, "bonjour bonjour") is None


def test_a_reading_of_a_pause_after_which_somebody_goes_on_is_one_of_many(tape, track):
    track.language.pinned = "fr"
    tape.play((1, False), (2, True), (0.2, False))
    assert not answer(track.due(1.0), "bonjour").final
    (job,) = tape.play((1.5, True), (1, False))
    assert job.known is None
    assert answer(job, "bonjour à tous").text == "bonjour à tous"


@pytest.mark.parametrize(("whole", "language"), [(False, "fr"), (True, None)])
def test_it_does_not_stand_if_the_engine_came_late_or_the_language_is_a_guess(tape, track, whole, language):
    track.language.pinned = language
    tape.play((1, False), (2, True), (0.2, False))
    assert answer(track.due(1.0), "bonjour", whole=whole)
    (job,) = tape.play((1, False))
    assert job.known is None


def test_a_click_is_not_read_in_the_pause_after_it(tape, track):
    tape.play((1, False), (0.1, True), (0.2, False))
    assert track.due(1.0) is None


def test_nothing_is_read_in_between_when_only_finals_are_wanted(tape, track):
    tape.play((5, True))
    assert track.due(float("inf")) is None


def test_a_partial_answer_after_the_end_changes_nothing(tape, track):
    tape.play((1, True))
    late = track.due(1.0)
    (final,) = tape.play((1, False))
    assert answer(late, "bon") is None
    assert answer(final, "bonjour").text == "bonjour"
    assert answer(final, "bonjour encore") is None, "an utterance is settled once"


def test_the_same_words_again_are_not_published_again(tape, track):
    tape.play((1, True))
    assert answer(track.due(1.0), "bonjour") is not None
    tape.play((1.1, True))
    assert answer(track.due(1.0), "bonjour") is None


def test_an_utterance_that_turns_out_to_be_noise_is_taken_back_if_it_was_shown(tape, track):
    tape.play((1, True))
    shown = answer(track.due(1.0), "euh")
    (job,) = tape.play((1, False))
    taken_back = answer(job, "")
    assert (taken_back.id, taken_back.text, taken_back.final) == (shown.id, "", True)


def test_noise_that_was_never_shown_leaves_no_trace(tape):
    (job,) = tape.play((1, True), (1, False))
    assert answer(job, "♪♪♪") is None


def test_withdrawing_takes_back_the_open_utterance_and_hears_nothing_more(tape, track):
    tape.play((1, True))
    shown = answer(track.due(1.0), "ceci est")
    (taken_back,) = track.withdraw()
    assert (taken_back.id, taken_back.text, taken_back.final) == (shown.id, "", True)
    assert taken_back.rev > shown.rev
    assert tape.play((3, True), (1, False)) == []
    assert track.flush() == []
    assert track.due(1.0) is None


def test_what_was_being_read_when_consent_ended_is_dropped(tape, track):
    (job,) = tape.play((1, True), (1, False))
    track.withdraw()
    assert answer(job, "un secret") is None


def test_a_track_that_goes_away_has_its_last_words_read(tape, track):
    tape.play((1, True))
    (job,) = track.flush()
    assert answer(job, "au revoir").text == "au revoir"


def test_a_long_speech_becomes_several_utterances_that_leave_no_gap(tape):
    jobs = tape.play((30, True), (1, False))
    assert len(jobs) >= 3
    segments = [answer(job, f"partie {number}") for number, job in enumerate(jobs)]
    assert len({segment.id for segment in segments}) == len(segments)
    for before, after in itertools.pairwise(segments):
        assert after.start_ms == before.end_ms
    heard = sum(len(job.audio().samples) for job in jobs) / 16000
    assert heard == pytest.approx(30.2, abs=0.3)


def test_audio_that_went_missing_moves_later_times_along(tape, track):
    tape.play((1, False))
    tape.samples += 5 * 16000  # five seconds never arrived
    (job,) = tape.play((1, False), (1, True), (1, False))
    assert abs(answer(job, "oui oui").start_ms - (tape.START_MS + 7000 - 192)) <= 96


def test_memory_of_a_track_stays_bounded(tape, track):
    tape.play((60, True))
    assert sum(len(window) for window in track._windows) < 16 * 16000
