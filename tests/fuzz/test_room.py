# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""No sequence of requests, media events, time and administration breaks a room (goal R2).

People with random rights do random things. A ledger in the media plane's place checks every output: nothing is said
to whoever hung up, nothing is sent to or taken from peers that are not there, rights and permissions hold, versions
rise, and when everybody has left nothing is left behind.
"""

import os
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sfu.core import outputs, requests
from sfu.core.grants import Grants, Source
from sfu.core.media import Kind, PeerId, TrackSid
from sfu.core.messages import DisconnectReason, Joined, ParticipantsChanged, TrackPublished
from sfu.core.relay import Envelope
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids
from tests.sfu.core.conftest import section, session

RUNS = int(os.environ.get("ROOM_RUNS", "400"))
"""Of 50 steps each; `make test-long` has 2,000."""

IDENTITIES = st.sampled_from(["ada", "bea", "cyd", "dan"])
KINDS = st.sampled_from(list(Kind))
GRANTS = st.builds(
    Grants,
    identity=IDENTITIES,
    room=st.just("room"),
    room_join=st.just(True),
    can_publish=st.booleans(),
    can_subscribe=st.booleans(),
    can_publish_data=st.booleans(),
    can_update_own_metadata=st.booleans(),
    hidden=st.booleans(),
)


class Ledger:
    """What the worker and the media plane would hold, and complaints about what they are asked to do."""

    def __init__(self):
        self.told = {}  # peer: its messages
        self.hung_up = set()
        self.peers = set()
        self.uplinks = {}  # track: publisher
        self.downlinks = {}  # (peer, track)
        self.grants = {}
        self.versions = {}  # (receiver, participant): version

    def take(self, output):
        match output:
            case outputs.Tell(to, message):
                for peer in to:
                    assert peer not in self.hung_up, f"{message} after the goodbye"
                    self.told.setdefault(peer, []).append(message)
                    self._check(peer, message)
            case outputs.HangUp(peer):
                self.hung_up.add(peer)
            case outputs.OpenPeer():
                assert output.peer not in self.peers
                self.peers.add(output.peer)
            case outputs.RestartIce():
                assert output.peer in self.peers
            case outputs.ClosePeer(peer):
                self.peers.discard(peer)
                for track in [track for track, owner in self.uplinks.items() if owner == peer]:
                    del self.uplinks[track]
                self.downlinks = {key: value for key, value in self.downlinks.items() if key[0] != peer}
            case outputs.Receive(uplink):
                assert uplink.peer in self.peers
                assert self.grants[uplink.peer].can_publish
                self.uplinks[uplink.track] = uplink.peer
            case outputs.StopReceiving(track):
                self.uplinks.pop(track, None)
                self.downlinks = {key: value for key, value in self.downlinks.items() if key[1] != track}
            case outputs.Forward(downlink):
                assert downlink.peer in self.peers
                assert downlink.track in self.uplinks, "a track that nobody sends"
                assert self.uplinks[downlink.track] != downlink.peer, "its own track"
                assert self.grants[downlink.peer].can_subscribe
                ssrcs = {row.ssrc for (peer, track), row in self.downlinks.items() if peer == downlink.peer}
                assert downlink.ssrc not in ssrcs or (downlink.peer, downlink.track) in self.downlinks
                self.downlinks[downlink.peer, downlink.track] = downlink
            case outputs.StopForwarding(peer, track):
                self.downlinks.pop((peer, track), None)

    def _check(self, receiver, message):
        if isinstance(message, Joined):
            assert len(self.told[receiver]) == 1, "the JoinResponse comes first"
        if isinstance(message, ParticipantsChanged):
            for info in message.participants:
                key = (receiver, info.sid)
                assert info.version > self.versions.get(key, 0), "a version that did not rise"
                self.versions[key] = info.version


class RoomMachine(RuleBasedStateMachine):
    """One room and up to four identities."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self.room = Room("room", RoomSettings(), Sids(random.Random(1).randbytes), self.now, 0)
        self.ledger = Ledger()
        self.sections = {}
        self.offers = 0

    def drained(self):
        for output in self.room.drain():
            self.ledger.take(output)

    def present(self):
        return [peer for peer in self.sections if peer in self.room]

    def chosen(self, data) -> PeerId:
        return data.draw(st.sampled_from(self.present()))

    def a_track(self, data) -> TrackSid:
        return data.draw(st.sampled_from([*self.ledger.uplinks, TrackSid("TR_none")]))

    def says(self, peer, request):
        self.room.handle(peer, request, self.now)
        self.drained()

    def offer(self, peer, ufrag="u"):
        self.offers += 1
        return requests.Offer(self.offers, session(self.sections[peer], ufrag))

    @rule(grants=GRANTS, auto=st.booleans(), offers=st.booleans())
    @precondition(lambda self: not self.room.closed)
    def somebody_joins(self, grants, auto, offers):
        sections = [section(mid, Kind.AUDIO if mid < 2 else Kind.VIDEO) for mid in range(4)]
        join = requests.Join(auto_subscribe=auto, offer=requests.Offer(0, session(sections)) if offers else None)
        # Rights are checked while the room still works on the join: sids are drawn in order, so note them for all.
        waiting = self.ledger.grants
        self.ledger.grants = _Everybody(waiting, grants)
        peer = self.room.join(grants, join, self.now, 0)
        waiting[peer] = grants
        self.sections[peer] = sections
        self.drained()
        self.ledger.grants = waiting

    @precondition(lambda self: self.present())
    @rule(data=st.data())
    def media_connects(self, data):
        peer = self.chosen(data)
        if peer in self.ledger.peers:
            self.room.connected(peer)
            self.drained()

    @precondition(lambda self: self.present())
    @rule(data=st.data(), kind=KINDS, source=st.sampled_from(list(Source)), simulcast=st.booleans())
    def somebody_publishes(self, data, kind, source, simulcast):
        peer = self.chosen(data)
        cid = f"cid-{len(self.sections[peer])}"
        self.says(peer, requests.AddTrack(cid, kind, source))
        announced = any(
            isinstance(message, TrackPublished) and message.cid == cid for message in self.ledger.told.get(peer, ())
        )
        if announced or data.draw(st.booleans()):
            rids = ("q", "h", "f") if simulcast and kind is Kind.VIDEO else ()
            self.sections[peer].append(section(len(self.sections[peer]), kind, cid=cid, rids=rids))
            self.says(peer, self.offer(peer))

    @precondition(lambda self: self.present())
    @rule(data=st.data(), kind=KINDS, restart=st.booleans())
    def somebody_offers(self, data, kind, restart):
        peer = self.chosen(data)
        self.sections[peer].append(section(len(self.sections[peer]), kind))
        self.says(peer, self.offer(peer, ufrag=f"u{self.offers}" if restart else "u"))

    @precondition(lambda self: self.present())
    @rule(data=st.data())
    def somebody_unpublishes(self, data):
        peer = self.chosen(data)
        place = data.draw(st.integers(0, len(self.sections[peer]) - 1))
        old = self.sections[peer][place]
        self.sections[peer][place] = section(old.mid, old.kind, rejected=data.draw(st.booleans()))
        self.says(peer, self.offer(peer))

    @precondition(lambda self: self.present())
    @rule(data=st.data(), on=st.booleans(), size=st.sampled_from([0, 180, 720]))
    def somebody_changes_something(self, data, on, size):
        peer, track, other = self.chosen(data), self.a_track(data), self.chosen(data)
        allowed = requests.TrackPermission(other, "", all_tracks=on, tracks=frozenset({track}))
        self.says(
            peer,
            data.draw(
                st.sampled_from(
                    [
                        requests.Mute(track, on),
                        requests.Subscribe((track,), on),
                        requests.TrackSettings((track,), not on, 2, size, size),
                        requests.SubscriptionPermission(on, (allowed,)),
                        requests.UpdateMetadata(1, "name", "meta", {"key": "value" if on else ""}),
                        requests.UpdateTrack(track, audio_features=(1,)),
                        requests.Unsupported("something new"),
                        requests.Nothing(),
                    ]
                )
            ),
        )

    @precondition(lambda self: self.present())
    @rule(data=st.data(), how=st.sampled_from(["leave", "simulate", "socket", "media", "fault", "remove"]))
    def somebody_goes(self, data, how):
        peer = self.chosen(data)
        match how:
            case "leave":
                self.says(peer, requests.Leave())
            case "simulate":
                self.says(peer, requests.Simulate(data.draw(st.sampled_from(list(requests.Scenario)))))
            case "socket":
                self.room.socket_closed(peer, self.now)
            case "media":
                self.room.lost(peer, self.now)
            case "fault":
                self.room.fault(peer, self.now)
            case "remove":
                self.room.remove(self.ledger.grants[peer].identity, self.now)
        self.drained()

    @precondition(lambda self: self.present())
    @rule(data=st.data(), sequence=st.integers(0, 5))
    def somebody_sends_data(self, data, sequence):
        peer = self.chosen(data)
        names = data.draw(st.lists(IDENTITIES, max_size=2))
        receivers = self.room.relay(peer, "_reliable", Envelope(tuple(names), (), sequence))
        assert peer not in receivers
        assert not receivers or self.ledger.grants[peer].can_publish_data
        self.drained()

    @rule(seconds=st.sampled_from([0.005, 0.5, 6.0, 70.0]))
    def time_passes(self, seconds):
        self.now += seconds
        if not self.room.closed:
            self.room.tick(self.now)
            self.drained()

    @invariant()
    def whoever_is_gone_holds_nothing(self):
        for peer in self.sections:
            if peer not in self.room:
                assert peer not in self.ledger.peers
                assert peer not in self.ledger.uplinks.values()

    def teardown(self):
        self.room.close(DisconnectReason.ROOM_DELETED, self.now)
        self.drained()
        assert not self.ledger.peers
        assert not self.ledger.uplinks
        assert not self.ledger.downlinks
        assert not self.room.participants()


class _Everybody(dict):
    """Rights of those who are known, and of the one who is joining."""

    def __init__(self, known, joining):
        super().__init__(known)
        self.joining = joining

    def __missing__(self, _peer):
        return self.joining


RoomMachine.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=50, deadline=None)
TestRoom = RoomMachine.TestCase
