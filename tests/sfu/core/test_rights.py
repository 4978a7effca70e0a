# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Goal S8: what a token's rights allow in signalling, a table of every right and every act that one of them rules."""

from dataclasses import fields

import pytest

from sfu.core import requests
from sfu.core.grants import Rights, Source
from sfu.core.media import Kind
from sfu.core.messages import TrackPublished
from sfu.core.relay import LOSSY, Envelope


def publishes(kind, source):
    def act(alice, _bob):
        alice.says(requests.AddTrack("cid", kind, source))
        return bool(alice.all(TrackPublished))

    return act


def sends_data(alice, bob):
    return alice.meeting.room.data.relay(alice.peer, LOSSY, Envelope((), (), 0)) == (bob.peer,)


def renames_itself(alice, _bob):
    alice.says(requests.UpdateMetadata(1, "Alicia", "", {}))
    return alice.meeting.room.participant("alice").name == "Alicia"


def hears(alice, bob):
    sid = bob.publish()
    alice.says(requests.Subscribe((sid,), wanted=True))
    alice.offer()
    return sid in alice.forwarded().values()


ACTS = {
    "microphone": publishes(Kind.AUDIO, Source.MICROPHONE),
    "camera": publishes(Kind.VIDEO, Source.CAMERA),
    "screen": publishes(Kind.VIDEO, Source.SCREEN_SHARE),
    "data": sends_data,
    "rename": renames_itself,
    "hear": hears,
}
SENDS = {"microphone", "camera", "screen"}
USUAL = SENDS | {"data", "hear"}
TABLE = {
    "usual": ({}, USUAL),
    "no publishing": ({"can_publish": False}, USUAL - SENDS),
    "no data": ({"can_publish_data": False}, USUAL - {"data"}),
    "no receiving": ({"can_subscribe": False}, USUAL - {"hear"}),
    "microphone alone": ({"can_publish_sources": (Source.MICROPHONE,)}, USUAL - {"camera", "screen"}),
    "own name": ({"can_update_own_metadata": True}, USUAL | {"rename"}),
    "hidden": ({"hidden": True}, USUAL),
    "nothing": ({"can_publish": False, "can_publish_data": False, "can_subscribe": False}, set()),
}


def test_every_right_is_in_the_table():
    print(f"S8: {len(TABLE)} sets of rights with {len(ACTS)} acts each: {len(TABLE) * len(ACTS)} pairs in signalling")
    assert {name for rights, _ in TABLE.values() for name in rights} == {field.name for field in fields(Rights)}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("row", TABLE)
def test_a_token_allows_exactly_what_the_table_says(meeting, row, act):
    rights, may = TABLE[row]
    bob, alice = meeting.enter("bob"), meeting.enter("alice", **rights)
    assert ACTS[act](alice, bob) is (act in may)
