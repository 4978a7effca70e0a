# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Participants serialised once for many: the same bytes as the plain way, in chunks, within a limit."""

import time
from dataclasses import replace

import pytest
from livekit.protocol import rtc

from sfu.core import limits
from sfu.core.grants import ParticipantKind, Rights
from sfu.core.messages import Joined, ParticipantInfo, ParticipantsChanged, ParticipantState, RoomInfo
from sfu.core.turn import IceServer
from sfu.wire import participants
from sfu.wire.participants import Participants
from sfu.wire.responses import encode


@pytest.fixture
def make_info():
    def make(number, version=1, metadata=""):
        return ParticipantInfo(
            sid=f"PA_{number}",
            identity=f"guest {number}",
            name=f"Guest {number}",
            metadata=metadata,
            attributes=(("language", "fr"),),
            state=ParticipantState.ACTIVE,
            kind=ParticipantKind.STANDARD,
            rights=Rights(),
            joined_at_ms=5000,
            version=version,
            tracks=(),
        )

    return make


@pytest.fixture
def room_info():
    return RoomInfo("RM_x", "r", "m", 300, 20, 0, 1_700_000_000_123, 2, 1)


@pytest.fixture
def joined(make_info, room_info):
    return Joined(room_info, make_info(0), tuple(make_info(number) for number in range(1, 50)))


def test_a_join_is_the_same_as_the_plain_way_gives(joined):
    servers = (IceServer(("turn:example.org",), "user", "password"),)
    plain = rtc.SignalResponse.FromString(encode(joined, b"trailer", servers))
    made = Participants()
    for _ in range(2):  # the second one from what was kept
        assert rtc.SignalResponse.FromString(made.joined(joined, b"trailer", servers)) == plain


def test_an_update_comes_in_chunks_that_together_are_the_plain_one(make_info):
    changed = ParticipantsChanged(tuple(make_info(number, metadata="m" * 10_000) for number in range(40)))
    frames = Participants().updates(changed)
    assert len(frames) > 2
    assert all(len(frame) <= participants.CHUNK_BYTES + 8 for frame in frames)
    plain = rtc.SignalResponse.FromString(encode(changed))
    parts = [rtc.SignalResponse.FromString(frame).update.participants for frame in frames]
    assert [info for part in parts for info in part] == list(plain.update.participants)


def test_one_participant_larger_than_a_chunk_goes_alone(make_info):
    changed = ParticipantsChanged((make_info(1), make_info(2, metadata="m" * 200_000), make_info(3)))
    assert len(Participants().updates(changed)) == 3


def test_a_change_is_never_told_by_what_was_kept_before(make_info):
    made, info = Participants(), make_info(1)
    for changed in (info, replace(info, name="Other"), replace(info, version=2), info):
        (frame,) = made.updates(ParticipantsChanged((changed,)))
        assert frame == encode(ParticipantsChanged((changed,)))


def test_what_is_kept_is_limited(make_info, monkeypatch):
    monkeypatch.setattr(limits, "PARTICIPANTS_ENCODED_MAX", 10)
    made = Participants()
    for number in range(30):
        made.updates(ParticipantsChanged((make_info(number),)))
    assert len(made._encoded) == 10


def test_a_crowd_that_joins_is_serialised_faster_than_one_by_one(make_info, room_info):
    everybody = [make_info(number) for number in range(300)]
    joins = [Joined(room_info, info, tuple(everybody[:number])) for number, info in enumerate(everybody)]
    made, times = Participants(), []
    for serialise in (lambda joined: made.joined(joined, b"", ()), encode):
        began = time.perf_counter()
        for joined in joins:
            serialise(joined)
        times.append(time.perf_counter() - began)
    print(f"300 joins: {times[0]:.3f} s, one by one {times[1]:.3f} s")
    assert times[0] < times[1]
