# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A publisher hears what is wanted of its video, and sends a second codec to those who need it."""

import pytest

from sfu.core import requests
from sfu.core.dynacast import LOWER_AFTER_S, NOTHING, Wanted
from sfu.core.grants import Source
from sfu.core.media import Codec, Kind, Layer
from sfu.core.messages import (
    Answer,
    Outcome,
    RequestAnswered,
    SubscribedQualities,
    SubscriptionFailed,
    TrackPublished,
)
from sfu.core.outputs import ApplyWish, ExpectLayers, Forward, Receive, StopForwarding, StopReceiving

LAYERS = tuple(Layer(rid, quality, 320 << quality, 180 << quality) for quality, rid in enumerate("qhf"))
VP8 = Codec(96, "video/VP8", 90000, rtx_payload_type=97)
AV1 = Codec(45, "video/AV1", 90000, rtx_payload_type=46)
BOTH = (requests.AnnouncedCodec("video/AV1", "cam"), requests.AnnouncedCodec("video/VP8"))


def camera(person):
    return person.publish(Kind.VIDEO, layers=LAYERS, rids=("q", "h", "f"))


def shows(person, sid, quality, *, hidden=False):
    person.says(requests.TrackSettings((sid,), disabled=hidden, quality=quality, width=0, height=0))


def told(person):
    return [message.codecs for message in person.all(SubscribedQualities)]


def test_what_nobody_wants_is_told_after_a_while_and_what_somebody_wants_at_once(meeting):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    sid = camera(alice)
    meeting.wait(1)
    assert told(alice) == []
    shows(bob, sid, 0)
    shows(carol, sid, 1)
    meeting.wait(LOWER_AFTER_S - 0.1)
    assert told(alice) == []
    meeting.wait(0.2)
    assert told(alice) == [(("video/VP8", 1),)]
    meeting.forget()
    shows(bob, sid, 2)
    meeting.wait(0)
    assert told(alice) == [(("video/VP8", 2),)]
    assert meeting.outputs(ExpectLayers) == [ExpectLayers(sid, 2)]


def test_flipping_through_layouts_tells_the_publisher_nothing(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = camera(alice)
    meeting.wait(0.1)
    bob.offer()
    for _ in range(10):
        shows(bob, sid, 0)
        meeting.wait(LOWER_AFTER_S - 1)
        shows(bob, sid, 2)
        meeting.wait(1)
    assert told(alice) == []


@pytest.mark.parametrize("way", ["hide", "unsubscribe", "leave", "alone"])
def test_a_track_that_nobody_sees_is_off(meeting, way):
    alice = meeting.enter("alice")
    bob = meeting.enter("bob") if way != "alone" else None
    sid = camera(alice)
    meeting.wait(1)
    if way == "hide":
        shows(bob, sid, 2, hidden=True)
    elif way == "unsubscribe":
        bob.says(requests.Subscribe((sid,), wanted=False))
    elif way == "leave":
        bob.says(requests.Leave())
    meeting.wait(LOWER_AFTER_S + 0.1)
    assert told(alice) == [(("video/VP8", NOTHING),)]
    meeting.enter("dave")
    meeting.wait(0)
    assert told(alice)[-1] == (("video/VP8", 2),)


def test_audio_has_no_qualities(meeting):
    alice = meeting.enter("alice")
    alice.publish()
    meeting.wait(2 * LOWER_AFTER_S)
    assert told(alice) == []


def test_lowering_waits_from_the_first_moment_and_raising_undoes_it():
    wanted = Wanted({"video/VP8": 2})
    assert not wanted.change({"video/VP8": 1}, 10.0)
    assert not wanted.change({"video/VP8": 0}, 14.0)
    assert not wanted.tick(14.9)
    assert wanted.tick(15.0)
    assert wanted.told == {"video/VP8": 0}
    assert wanted.change({"video/VP8": 1, "video/AV1": 0}, 15.0)
    assert wanted.told == {"video/VP8": 1, "video/AV1": 0}
    assert not wanted.tick(30.0)


def enter_with(meeting, make_section, name, *codecs):
    """Somebody whose browser takes these video codecs only."""
    person = meeting.enter(name, offers=False)
    person.sections = [make_section(mid, Kind.VIDEO, codecs=codecs) for mid in range(2)]
    person.offer()
    meeting.wait(0.1)
    return person


def publish_av1(person, make_section, codecs=BOTH):
    person.says(requests.AddTrack("cam", Kind.VIDEO, Source.CAMERA, codecs=codecs, layers=LAYERS))
    person.sections.append(make_section(len(person.sections), Kind.VIDEO, cid="cam", codecs=(AV1, VP8)))
    person.offer()
    return person.last(TrackPublished).track.sid


def start_backup(person, make_section, sid):
    """As livekit-client does when a second codec is wanted of it."""
    announced = (requests.AnnouncedCodec("video/VP8", "cam2"),)
    person.says(requests.AddTrack("cam2", Kind.VIDEO, Source.CAMERA, codecs=announced, layers=LAYERS, backup_of=sid))
    section = make_section(len(person.sections), Kind.VIDEO, cid="cam2", codecs=(AV1, VP8), rids=("q", "h", "f"))
    person.sections.append(section)
    person.offer()


def test_a_second_codec_is_asked_for_when_somebody_needs_it_and_goes_to_those_alone(meeting, make_section):
    alice = meeting.enter("alice")
    new = enter_with(meeting, make_section, "new", VP8, AV1)
    sid = publish_av1(alice, make_section)
    meeting.wait(0.1)
    new.offer()
    assert told(alice) == []
    old = enter_with(meeting, make_section, "old", VP8)
    assert told(alice) == [(("video/AV1", 2), ("video/VP8", 2))]
    assert old.all(SubscriptionFailed) == []
    meeting.forget()
    start_backup(alice, make_section, sid)
    published = alice.last(TrackPublished)
    assert (published.cid, published.track.sid) == ("cam2", sid)
    backup = meeting.outputs(Receive)[-1].uplink
    assert backup.track != sid
    assert backup.codecs[0] == VP8
    assert [layer.rid for layer in backup.layers] == ["q", "h", "f"]
    assert alice.last(Answer).sections[-1].offered.codecs[0] == VP8
    meeting.wait(0.1)
    assert dict(old.offer().tracks) == {"0": sid}
    assert [(each.downlink.peer, each.downlink.track) for each in meeting.outputs(Forward)] == [
        (old.peer, backup.track)
    ]
    assert meeting.room.participant("alice").tracks[0].backup.mime == "video/VP8"
    shows(old, sid, 0)
    assert meeting.outputs(ApplyWish)[-1].track == backup.track
    assert dict(new.last(Answer).tracks) == {"0": sid}
    old.says(requests.Subscribe((sid,), wanted=False))
    assert meeting.outputs(StopForwarding) == [StopForwarding(old.peer, backup.track)]
    meeting.wait(LOWER_AFTER_S + 0.1)
    assert told(alice)[-1] == (("video/AV1", 2), ("video/VP8", NOTHING))


def test_the_second_codec_ends_alone_or_with_its_track(meeting, make_section):
    alice = meeting.enter("alice")
    sid = publish_av1(alice, make_section)
    old = enter_with(meeting, make_section, "old", VP8)
    for _ in range(2):
        start_backup(alice, make_section, sid)
        meeting.wait(0.1)
        old.offer()
        assert old.forwarded() == {"0": sid}
        meeting.forget()
        alice.sections.pop()
        alice.offer()
        meeting.wait(0.1)
        old.offer()  # the section is empty once before it is used again
        assert old.forwarded() == {}
        assert [stopped.track != sid for stopped in meeting.outputs(StopReceiving)] == [True]
    start_backup(alice, make_section, sid)
    meeting.forget()
    alice.says(requests.Leave())
    assert len(meeting.outputs(StopReceiving)) == 2


def test_without_a_second_codec_a_receiver_is_told_that_it_cannot_read_the_track(meeting, make_section):
    alice = meeting.enter("alice")
    publish_av1(alice, make_section, BOTH[:1])
    old = enter_with(meeting, make_section, "old", VP8)
    assert len(old.all(SubscriptionFailed)) == 1
    meeting.wait(2 * LOWER_AFTER_S)
    assert all(mime == "video/AV1" for codecs in told(alice) for mime, _ in codecs)


def test_a_second_codec_needs_a_first(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = camera(bob)
    for track in ("TR_nothing", sid):
        alice.says(requests.AddTrack("cam2", Kind.VIDEO, Source.CAMERA, backup_of=track, echo=b"echo"))
        assert alice.last(RequestAnswered).outcome is Outcome.NOT_FOUND
    assert alice.all(TrackPublished) == []
