# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may be published, and how it is described."""

import pytest

from sfu.core import limits, publishing, requests
from sfu.core.grants import Rights, Source
from sfu.core.media import Codec, Kind, Layer
from sfu.core.messages import (
    Answer,
    Outcome,
    ParticipantsChanged,
    RequestAnswered,
    SubscriptionError,
    SubscriptionFailed,
    TrackPublished,
)
from sfu.core.outputs import Receive, StopForwarding

MIC = requests.AddTrack("cid", Kind.AUDIO, Source.MICROPHONE)


def test_a_track_is_refused_without_the_right_to_publish(meeting):
    alice = meeting.enter("alice", can_publish=False)
    alice.says(requests.AddTrack("cid", Kind.AUDIO, Source.MICROPHONE, echo=b"as it came"))
    answer = alice.last(RequestAnswered)
    assert (answer.outcome, answer.echo) == (Outcome.NOT_ALLOWED, b"as it came")
    assert alice.all(TrackPublished) == []


def test_a_list_of_sources_narrows_the_right_to_publish_and_never_widens_it():
    rights = Rights(can_publish_sources=(Source.MICROPHONE,))
    assert publishing.refusal(MIC, rights, 0, 0) is None
    camera = requests.AddTrack("cid", Kind.VIDEO, Source.CAMERA)
    assert publishing.refusal(camera, rights, 0, 0).outcome is Outcome.NOT_ALLOWED
    none = Rights(can_publish=False, can_publish_sources=(Source.MICROPHONE,))
    assert publishing.refusal(MIC, none, 0, 0).outcome is Outcome.NOT_ALLOWED


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        (requests.AddTrack("", Kind.AUDIO, Source.MICROPHONE), Outcome.INVALID_REQUEST),
        (requests.AddTrack("c" * 257, Kind.AUDIO, Source.MICROPHONE), Outcome.INVALID_REQUEST),
        (requests.AddTrack("c", Kind.AUDIO, Source.MICROPHONE, name="n" * 257), Outcome.INVALID_REQUEST),
        (requests.AddTrack("c", Kind.AUDIO, Source.MICROPHONE, stream="s" * 257), Outcome.INVALID_REQUEST),
        (
            requests.AddTrack(
                "c", Kind.AUDIO, Source.MICROPHONE, codecs=(requests.AnnouncedCodec("audio/opus", "c" * 257),)
            ),
            Outcome.INVALID_REQUEST,
        ),
        (
            requests.AddTrack("c", Kind.VIDEO, Source.CAMERA, layers=(Layer("q" * (limits.RID_MAX_CHARS + 1), 0),)),
            Outcome.INVALID_REQUEST,
        ),
        (requests.AddTrack("c", Kind.AUDIO, Source.CAMERA), Outcome.INVALID_REQUEST),
        (requests.AddTrack("c", Kind.VIDEO, Source.MICROPHONE), Outcome.INVALID_REQUEST),
        (
            requests.AddTrack("c", Kind.VIDEO, Source.CAMERA, layers=(Layer("q", 0),) * 9),
            Outcome.INVALID_REQUEST,
        ),
    ],
)
def test_announcements_that_cannot_be_served_are_refused(request_, outcome):
    assert publishing.refusal(request_, Rights(), 0, 0).outcome is outcome


def test_announced_and_published_tracks_are_limited(meeting):
    alice = meeting.enter("alice")
    for number in range(limits.PENDING_TRACKS_MAX + 1):
        alice.says(requests.AddTrack(f"c{number}", Kind.AUDIO, Source.MICROPHONE))
    assert len(alice.all(TrackPublished)) == limits.PENDING_TRACKS_MAX
    assert alice.last(RequestAnswered).outcome is Outcome.LIMIT_EXCEEDED
    refused = publishing.refusal(MIC, Rights(), 0, limits.TRACKS_PER_PARTICIPANT_MAX)
    assert refused.outcome is Outcome.LIMIT_EXCEEDED


def test_sections_are_matched_by_cid_and_not_by_order(meeting, make_section):
    alice = meeting.enter("alice")
    for cid in ("one", "two"):
        alice.says(requests.AddTrack(cid, Kind.AUDIO, Source.MICROPHONE, name=cid))
    alice.sections += [make_section(6, Kind.AUDIO, cid="two"), make_section(7, Kind.AUDIO, cid="one")]
    alice.offer()
    by_mid = {track.mid: track.name for track in meeting.room.participant("alice").tracks}
    assert by_mid == {"6": "two", "7": "one"}


def test_a_section_that_still_sends_what_the_server_ended_takes_no_track_of_another_section(meeting, make_section):
    alice = meeting.enter("alice")
    alice.says(requests.AddTrack("new", Kind.AUDIO, Source.MICROPHONE, name="new"))
    alice.sections += [make_section(6, Kind.AUDIO, cid="ended"), make_section(7, Kind.AUDIO, cid="new")]
    alice.offer()
    assert [track.mid for track in meeting.room.participant("alice").tracks] == ["7"]


def test_two_sections_never_claim_the_same_announced_track(meeting, make_section):
    alice = meeting.enter("alice")
    alice.says(requests.AddTrack("announced", Kind.AUDIO, Source.MICROPHONE))
    alice.sections += [make_section(6, Kind.AUDIO, cid="x"), make_section(7, Kind.AUDIO, cid="y")]
    alice.offer()
    assert [track.mid for track in meeting.room.participant("alice").tracks] == ["6"]


@pytest.mark.parametrize(
    ("rids", "announced", "expected"),
    [
        (("q", "h", "f"), [(0, 180), (1, 360), (2, 720)], [("q", 0, 180), ("h", 1, 360), ("f", 2, 720)]),
        (("h", "q"), [(1, 360), (0, 360)], [("q", 0, 360), ("h", 1, 360)]),
        (("2", "1", "0"), [(0, 180), (1, 360), (2, 720)], [("2", 0, 180), ("1", 1, 360), ("0", 2, 720)]),
        (("f", "q"), [], [("q", 0, 0), ("f", 1, 0)]),
        ((), [(2, 720)], []),
    ],
)
def test_rids_get_their_quality_whatever_their_order(rids, announced, expected):
    layers = tuple(Layer("", quality, height * 16 // 9, height) for quality, height in announced)
    request = requests.AddTrack("c", Kind.VIDEO, Source.CAMERA, layers=layers)
    track = publishing.described(request, "TR_x")
    result = publishing.simulcast_layers(track, rids)
    assert [(layer.rid, layer.quality, layer.height) for layer in result] == expected


def test_opus_stops_in_silence_unless_a_track_forbids_it():
    plain = publishing.described(MIC, "TR_1")
    music = publishing.described(
        requests.AddTrack("m", Kind.AUDIO, Source.SCREEN_SHARE_AUDIO, disable_dtx=True, stereo=True), "TR_2"
    )
    assert publishing.opus_parameters((plain,)) == "minptime=10;useinbandfec=1;usedtx=1"
    assert publishing.opus_parameters((plain, music)) == "minptime=10;useinbandfec=1;stereo=1"


def test_encryption_is_echoed_because_receivers_decrypt_by_it():
    request = requests.AddTrack("c", Kind.AUDIO, Source.MICROPHONE, encryption=1)
    assert publishing.described(request, "TR_x").encryption == 1


VP9 = Codec(98, "video/VP9", 90000, fmtp="profile-id=0", rtx_payload_type=99)
VP8_CODEC = Codec(96, "video/VP8", 90000, rtx_payload_type=97)
OPUS = Codec(111, "audio/opus", 48000, 2)
RED = Codec(63, "audio/red", 48000, 2, fmtp="111/111")


def camera(person, make_section, *codecs, **more):
    """Announce a camera and offer it in these codecs; gives its sid."""
    person.says(requests.AddTrack("cam", Kind.VIDEO, Source.CAMERA, **more))
    person.sections.append(make_section(len(person.sections), Kind.VIDEO, cid="cam", codecs=codecs))
    person.offer()
    return person.last(TrackPublished).track.sid


def test_the_announced_codec_is_the_first_of_the_answer(meeting, make_section):
    alice = meeting.enter("alice")
    camera(alice, make_section, VP8_CODEC, VP9, codecs=(requests.AnnouncedCodec("video/VP9", "cam"),))
    for answer in (alice.last(Answer), alice.offer()):
        own = answer.sections[-1].offered
        assert [codec.mime for codec in own.codecs] == ["video/VP9", "video/VP8"]
    assert meeting.outputs(Receive)[-1].uplink.codecs == (VP9, VP8_CODEC)
    assert meeting.room.participant("alice").tracks[0].mime == "video/VP9"


def test_what_arrives_decides_the_codec_and_who_cannot_read_it_is_told(meeting, make_section):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    carol.sections = [section for section in carol.sections if section.kind is not Kind.VIDEO]
    carol.sections += [make_section(3, Kind.VIDEO, codecs=(VP8_CODEC, VP9))]
    carol.offer()
    sid = camera(alice, make_section, VP8_CODEC, VP9)
    meeting.wait(1)
    bob.offer(), carol.offer()
    assert bob.forwarded() == carol.forwarded() == {"3": sid}
    meeting.forget()
    meeting.room.started(alice.peer, sid, VP9, meeting.now)
    meeting.settle()
    assert bob.last(ParticipantsChanged).participants[0].tracks[0].mime == "video/VP9"
    assert bob.last(SubscriptionFailed).error is SubscriptionError.CODEC_UNSUPPORTED
    assert carol.all(SubscriptionFailed) == []
    assert [stop.peer for stop in meeting.outputs(StopForwarding)] == [bob.peer]


def test_a_codec_that_is_switched_off_is_not_taken(new_meeting, make_section):
    meeting = new_meeting(codecs=("video/VP8", "audio/opus"))
    alice = meeting.enter("alice")
    camera(alice, make_section, VP9, VP8_CODEC)
    assert alice.last(Answer).sections[-1].offered.codecs == (VP8_CODEC,)
    assert meeting.room.info().codecs == ("video/VP8", "audio/opus")
    alice.sections[-1] = make_section(6, Kind.VIDEO, cid="cam", codecs=(VP9,))
    assert alice.offer().sections[-1].rejected


def test_a_receiver_without_red_has_red_tracks_as_plain_opus(meeting, make_section):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    alice.says(requests.AddTrack("mic", Kind.AUDIO, Source.MICROPHONE))
    alice.sections.append(make_section(6, Kind.AUDIO, cid="mic", codecs=(RED, OPUS)))
    alice.offer()
    meeting.wait(1)
    assert meeting.room.participant("alice").tracks[0].mime == "audio/red"
    assert list(bob.offer().tracks) == [("0", alice.last(TrackPublished).track.sid)]


def test_red_is_not_taken_where_the_publisher_disables_it(meeting, make_section):
    alice = meeting.enter("alice")
    alice.says(requests.AddTrack("mic", Kind.AUDIO, Source.MICROPHONE, disable_red=True))
    alice.sections.append(make_section(6, Kind.AUDIO, cid="mic", codecs=(RED, OPUS)))
    assert alice.offer().sections[-1].offered.codecs == (OPUS,)
    assert meeting.room.participant("alice").tracks[0].disable_red


@pytest.mark.parametrize("two", [False, True])
def test_two_thousand_of_anything_leave_every_list_of_a_participant_at_its_limit(meeting, two):
    alice, bob = meeting.enter("alice", two=two), meeting.enter("bob")
    member = meeting.room._roster.get(alice.peer)
    sids = tuple(f"TR_{number}" for number in range(2000))
    for number in range(2000):
        alice.says(requests.AddTrack(f"c{number}", Kind.VIDEO, Source.CAMERA))
        alice.says(requests.Mute(sids[number], muted=True))
        meeting.room.data.channel_opened(member.primary_peer, f"label {number}")
        meeting.room.transports.silent(f"PA_{number}", meeting.now)
        meeting.room.conditions.scored([(f"PA_{number}", 1.0)])
        meeting.room.conditions.stream_state(member.downlink_peer, sids[number], paused=True)
    alice.says(requests.Subscribe(sids, wanted=True))
    alice.says(requests.Subscribe(sids, wanted=False))
    alice.says(requests.TrackSettings(sids, disabled=True, quality=0, width=0, height=0))
    assert len(member.pending) == limits.PENDING_TRACKS_MAX
    assert member.published == member.subscriptions == member.chosen == member.mutes_by_server == member.scores == {}
    assert member.silent == set()
    assert bob.publish() in member.subscriptions
