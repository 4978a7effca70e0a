# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from bots.captions.pieces import MAX_S, PieceCutter, pieces
from tests.bots.conftest import LoudnessDetector

RATE = 16_000


def sound(*parts: tuple[float, bool]) -> np.ndarray:
    """Tones and silences; every sample has a value of its own, so that a piece shows where it comes from."""
    voiced = np.concatenate([np.full(round(seconds * RATE), loud) for seconds, loud in parts])
    count = np.arange(len(voiced), dtype=np.float32) / 1e7
    return np.where(voiced, 0.5, 0.0).astype(np.float32) + count


def cut(samples: np.ndarray, block: int = 5000, begin: int = 0) -> list:
    blocks = [samples[at : at + block] for at in range(0, len(samples), block)]
    return list(pieces(blocks, PieceCutter(LoudnessDetector(), begin)))


def test_a_pause_ends_a_piece_and_silence_is_left_out():
    first, second = cut(sound((1, False), (3, True), (3, False), (2, True), (1, False)))
    assert (first.start / RATE, first.end / RATE) == pytest.approx((0.75, 4.25), abs=0.05)
    assert (second.start / RATE, second.end / RATE) == pytest.approx((6.75, 9.97), abs=0.3)
    assert first.voiced_ms == pytest.approx(3000, abs=64)


def test_a_long_piece_ends_at_the_next_breath():
    first, second = cut(sound((10, True), (0.5, False), (5, True)))
    assert first.end / RATE == pytest.approx(10.3, abs=0.1)
    assert second.start >= first.end


@pytest.mark.parametrize("seconds", [30, 95])
def test_whoever_never_pauses_is_cut_and_no_sample_is_lost_or_doubled(seconds):
    samples = sound((seconds, True))
    made = cut(samples)
    assert len(made) > seconds / MAX_S
    assert all(piece.end - piece.start <= MAX_S * RATE + 512 for piece in made)
    whole = np.concatenate([piece.samples for piece in made])
    assert np.array_equal(whole[: len(samples)], samples)


@pytest.mark.parametrize("block", [1, 160, 511, 512, 100_000])
def test_the_blocks_do_not_matter(block):
    samples = sound((0.5, False), (1, True), (2.5, False), (0.7, True))
    assert [(p.start, p.end) for p in cut(samples, block)] == [(p.start, p.end) for p in cut(samples)]


def test_reading_goes_on_where_a_piece_ended():
    samples = sound((2, True), (3, False), (2, True), (3, False), (2, True))
    first, *rest = cut(samples)
    again = cut(samples[first.end :], begin=first.end)
    assert len(again) == len(rest)
    for one, other in zip(again, rest, strict=True):
        assert abs(one.start - other.start) <= 512
    assert again[0].start >= first.end


def test_silence_is_no_piece():
    assert cut(sound((60, False))) == []
