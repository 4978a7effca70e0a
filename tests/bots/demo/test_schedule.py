# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import itertools

from hypothesis import given
from hypothesis import strategies as st

from bots.demo.schedule import OWN_GAP_S, arrange

lengths = st.lists(st.floats(0.5, 12), min_size=0, max_size=6)


@given(st.fixed_dictionaries({"a": lengths, "b": lengths, "c": lengths}))
def test_everybody_says_everything_in_order_and_never_over_themselves(durations):
    turns = arrange(durations)
    for speaker, phrases in durations.items():
        own = [turn for turn in turns if turn.speaker == speaker]
        assert [turn.phrase for turn in own] == list(range(len(phrases)))
        assert all(later.start_s >= earlier.end_s + OWN_GAP_S - 1e-9 for earlier, later in itertools.pairwise(own))


def test_some_turns_overlap_and_some_do_not():
    turns = arrange({"a": [3.0, 3.0], "b": [3.0, 3.0]})
    overlaps = [later.start_s < earlier.end_s for earlier, later in itertools.pairwise(turns)]
    assert True in overlaps
    assert False in overlaps
