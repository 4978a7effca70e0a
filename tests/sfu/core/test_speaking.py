# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who speaks: levels of participants, changes only."""

from sfu.core import requests
from sfu.core.messages import Speaker, SpeakersChanged


def test_levels_are_told_in_eighths_and_only_when_they_change(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    for level in (0.30, 0.33, 0.70):
        meeting.hears((sid, level, True))
    told = [message.speakers for message in bob.all(SpeakersChanged)]
    assert told == [(Speaker(alice.peer, 0.375, True),), (Speaker(alice.peer, 0.75, True),)]
    assert alice.all(SpeakersChanged) == bob.all(SpeakersChanged)


def test_a_participant_is_as_loud_as_its_loudest_track(meeting):
    alice = meeting.enter("alice")
    one, two = alice.publish(), alice.publish()
    meeting.hears((one, 0.5, True), (two, 1.0, True))
    meeting.hears((two, 0.0, False))
    levels = [message.speakers[0].level for message in alice.all(SpeakersChanged)]
    assert levels == [1.0, 0.5]


def test_muting_and_leaving_end_speaking(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    meeting.hears((sid, 0.5, True))
    alice.says(requests.Mute(sid, muted=True))
    assert bob.last(SpeakersChanged).speakers == (Speaker(alice.peer, 0.0, False),)
    meeting.hears((sid, 0.5, True))  # the last window before the mute
    assert len(bob.all(SpeakersChanged)) == 2


def test_who_joins_hears_who_speaks(meeting):
    alice = meeting.enter("alice")
    meeting.hears((alice.publish(), 0.5, True))
    assert meeting.enter("bob").last(SpeakersChanged).speakers == (Speaker(alice.peer, 0.5, True),)


def test_levels_of_unknown_tracks_say_nothing(meeting):
    alice = meeting.enter("alice")
    meeting.hears(("TR_unknown", 1.0, True))
    assert alice.all(SpeakersChanged) == []
