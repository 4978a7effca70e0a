# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets what: by hand, by permission, by size."""

import pytest

from sfu.core import requests, subscriptions
from sfu.core.grants import Source
from sfu.core.media import Kind, Layer, Wish
from sfu.core.messages import SubscriptionAllowed, SubscriptionFailed, TrackSubscribed
from sfu.core.outputs import ApplyWish, StopForwarding
from sfu.core.publishing import described


def test_without_automatic_subscription_nothing_comes_until_it_is_asked_for(meeting):
    alice = meeting.enter("alice")
    mic, cam = alice.publish(), alice.publish(Kind.VIDEO)
    bob = meeting.enter("bob", auto_subscribe=False)
    assert bob.forwarded() == {}
    bob.says(requests.Subscribe((mic,), wanted=True))
    bob.offer()
    assert list(bob.forwarded().values()) == [mic]
    assert alice.last(TrackSubscribed).track == mic
    bob.says(requests.Subscribe((mic,), wanted=False))
    assert meeting.outputs(StopForwarding)[-1] == StopForwarding(bob.peer, mic)
    bob.offer()
    assert bob.forwarded() == {}
    bob.says(requests.Subscribe(("TR_gone",), wanted=True))
    assert bob.last(SubscriptionFailed).track == "TR_gone"
    assert cam not in {message.track for message in alice.all(TrackSubscribed)}


def test_nobody_gets_anything_without_the_right_to_subscribe(meeting):
    sid = meeting.enter("alice").publish()
    bob = meeting.enter("bob", can_subscribe=False)
    bob.says(requests.Subscribe((sid,), wanted=True))
    bob.offer()
    assert bob.forwarded() == {}


def test_a_publisher_is_told_once_that_somebody_subscribed(meeting):
    alice = meeting.enter("alice")
    sid = alice.publish()
    for name in ("bob", "carol"):
        meeting.enter(name)
    assert alice.all(TrackSubscribed) == [TrackSubscribed(sid)]


def test_a_publisher_chooses_who_may_subscribe(meeting):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    sid = alice.publish()
    bob.offer()
    carol.offer()
    only_carol = requests.TrackPermission("", "carol", all_tracks=False, tracks=frozenset({sid}))
    alice.says(requests.SubscriptionPermission(all_participants=False, permissions=(only_carol,)))
    assert bob.last(SubscriptionAllowed) == SubscriptionAllowed(alice.peer, sid, allowed=False)
    assert carol.all(SubscriptionAllowed) == []
    bob.offer()
    assert bob.forwarded() == {}
    assert list(carol.forwarded().values()) == [sid]
    late = meeting.enter("late")
    assert late.forwarded() == {}
    alice.says(requests.SubscriptionPermission(all_participants=True, permissions=()))
    bob.offer()
    assert list(bob.forwarded().values()) == [sid]


def test_what_a_receiver_declined_is_not_given_back_by_a_permission(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    bob.offer()
    bob.says(requests.Subscribe((sid,), wanted=False))
    alice.says(requests.SubscriptionPermission(all_participants=False, permissions=()))
    alice.says(requests.SubscriptionPermission(all_participants=True, permissions=()))
    bob.offer()
    assert bob.forwarded() == {}


LAYERS = (Layer("q", 0, 320, 180), Layer("h", 1, 640, 360), Layer("f", 2, 1280, 720))


@pytest.mark.parametrize(
    ("width", "height", "quality"),
    [(160, 90, 0), (320, 180, 0), (355, 200, 0), (356, 201, 1), (640, 360, 1), (800, 450, 2), (4000, 3000, 2)],
)
def test_a_size_gets_the_smallest_layer_that_is_nearly_as_tall(width, height, quality):
    camera = described(requests.AddTrack("c", Kind.VIDEO, Source.CAMERA, layers=LAYERS), "TR_x")
    settings = requests.TrackSettings(("TR_x",), False, 2, width, height)
    assert subscriptions.wish_for(settings, camera) == Wish(max_quality=quality)


def test_hidden_tracks_pause_and_wishes_reach_the_media_plane_once(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish(Kind.VIDEO)
    hide = requests.TrackSettings((sid,), True, 0, 0, 0)
    low = requests.TrackSettings((sid,), False, 0, 0, 0)
    for settings in (hide, hide, low):
        bob.says(settings)
    wishes = [output.wish for output in meeting.outputs(ApplyWish)]
    assert wishes == [Wish(paused=True), Wish(max_quality=0)]


def test_a_wish_made_before_the_track_flows_is_kept(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish(Kind.VIDEO)
    bob.says(requests.TrackSettings((sid,), False, 0, 0, 0))
    meeting.done.clear()
    bob.offer()
    assert meeting.outputs(ApplyWish) == [ApplyWish(bob.peer, sid, Wish(max_quality=0))]
