# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""No sequence of requests, media events, time and administration breaks a room (goal R2).

People with random rights do random things. A ledger in the media plane's place checks every output: nothing is said
to whoever left, nothing is sent to or taken from peers that are not there, rights and permissions hold, versions
rise, and when everybody has left nothing is left behind.
"""

import os
import random
from dataclasses import replace

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sfu.core import orders, outputs, requests
from sfu.core.grants import Grants, Rights, Source
from sfu.core.media import Kind, PeerId, TrackSid
from sfu.core.media_description import Direction
from sfu.core.messages import DisconnectReason, Joined, ParticipantsChanged, ServerOffer, TrackPublished
from sfu.core.outputs import Occasion
from sfu.core.relay import Envelope
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids
from tests.sfu.core.conftest import section, session

RUNS = int(os.environ.get("ROOM_RUNS", "400"))
"""Of 50 steps each; `make test-long` has 2,000."""

IDENTITIES = st.sampled_from(["ada", "bea", "cyd", "dan"])
KINDS = st.sampled_from(list(Kind))
RIGHTS = st.builds(
    Rights,
    can_publish=st.booleans(),
    can_subscribe=st.booleans(),
    can_publish_data=st.booleans(),
    can_publish_sources=st.sampled_from([(), (Source.CAMERA,)]),
    can_update_own_metadata=st.booleans(),
    hidden=st.booleans(),
)
GRANTS = st.builds(Grants, identity=IDENTITIES, room=st.just("room"), room_join=st.just(True), rights=RIGHTS)


def participant(peer):
    """Whose transport it is."""
    return peer.partition("/")[0]


class Ledger:
    """What the worker and the media plane would hold, and complaints about what they are asked to do."""

    def __init__(self):
        self.told = {}  # peer: its messages
        self.left = set()
        self.peers = {}  # open transports, in order
        self.uplinks = {}  # track: publisher
        self.downlinks = {}  # (peer, track)
        self.rights = {}
        self.known = {}  # (receiver, participant): its last description

    def take(self, output):
        match output:
            case outputs.Tell(to, message):
                for peer in to:
                    assert peer not in self.left, f"{message} after the goodbye"
                    self.told.setdefault(peer, []).append(message)
                    self._check(peer, message)
            case outputs.Happened(Occasion.PARTICIPANT_LEFT | Occasion.PARTICIPANT_CONNECTION_ABORTED, gone):
                self.left.add(gone.sid)
            case outputs.OpenPeer():
                assert output.peer not in self.peers
                self.peers[output.peer] = True
            case outputs.RestartIce():
                assert output.peer in self.peers
            case outputs.ClosePeer(peer):
                self.peers.pop(peer, None)
                for track in [track for track, owner in self.uplinks.items() if owner == peer]:
                    del self.uplinks[track]
                self.downlinks = {key: value for key, value in self.downlinks.items() if key[0] != peer}
            case outputs.Receive(uplink):
                assert uplink.peer in self.peers
                assert self.rights[uplink.peer].can_publish
                self.uplinks[uplink.track] = uplink.peer
            case outputs.StopReceiving(track):
                self.uplinks.pop(track, None)
                self.downlinks = {key: value for key, value in self.downlinks.items() if key[1] != track}
            case outputs.Forward(downlink):
                assert downlink.peer in self.peers
                assert downlink.track in self.uplinks, "a track that nobody sends"
                assert self.uplinks[downlink.track] != participant(downlink.peer), "its own track"
                assert self.rights[participant(downlink.peer)].can_subscribe
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
                known = self.known.get((receiver, info.sid))
                rose = known is None or info == known or info.version > known.version
                assert rose, f"clients drop what did not rise: {known}, then {info}"
                self.known[receiver, info.sid] = info


class RoomMachine(RuleBasedStateMachine):
    """One room and up to four identities."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self.room = Room("room", RoomSettings(), Sids(random.Random(1).randbytes), self.now, 0)
        self.ledger = Ledger()
        self.identities = {}
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

    @rule(grants=GRANTS, auto=st.booleans(), offers=st.booleans(), two=st.booleans())
    @precondition(lambda self: not self.room.closed)
    def somebody_joins(self, grants, auto, offers, two):
        sections = [section(mid, Kind.AUDIO if mid < 2 else Kind.VIDEO) for mid in range(4)]
        offer = requests.Offer(0, session(sections)) if offers else None
        join = requests.Join(auto_subscribe=auto, offer=offer, two_connections=two)
        peer = self.room.join(grants, join, self.now, 0)
        self.ledger.rights[peer] = grants.rights
        self.identities[peer] = grants.identity
        self.sections[peer] = sections
        self.drained()

    @precondition(lambda self: self.present())
    @rule(data=st.data())
    def media_connects(self, data):
        peer = data.draw(st.sampled_from([self.chosen(data), *self.ledger.peers]))
        if peer in self.ledger.peers:
            self.room.transports.connected(peer, self.now)
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
    @rule(data=st.data(), takes=st.booleans())
    def somebody_answers(self, data, takes):
        peer = self.chosen(data)
        offers = [message for message in self.ledger.told.get(peer, ()) if isinstance(message, ServerOffer)]
        if offers:
            direction = Direction.RECVONLY if takes else Direction.INACTIVE
            sections = [replace(own.offered, direction=direction) for own in offers[-1].sections]
            self.says(peer, requests.Answer(offers[-1].id, session(sections)))

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
    @rule(data=st.data(), how=st.sampled_from(["leave", "simulate", "socket", "silence", "media", "fault", "remove"]))
    def somebody_goes(self, data, how):
        peer = self.chosen(data)
        match how:
            case "leave":
                self.says(peer, requests.Leave())
            case "simulate":
                self.says(peer, requests.Simulate(data.draw(st.sampled_from(list(requests.Scenario))), 2))
            case "socket":
                self.room.socket_closed(peer, self.now)
            case "silence":
                self.room.transports.silent(peer, self.now)
            case "media":
                self.room.lost(peer, self.now)
            case "fault":
                self.room.fault(peer, self.now)
            case "remove":
                self.room.obey(orders.Remove(self.identities[peer]), self.now)
        self.drained()

    @precondition(lambda self: self.present())
    @rule(data=st.data(), honest=st.booleans(), heard=st.booleans())
    def somebody_comes_back(self, data, honest, heard):
        peer = self.chosen(data)
        if heard:
            self.room.transports.heard(peer, self.now)
            self.drained()
        identity = self.identities[peer] if honest else "mallory"
        resumed = self.room.resume(Grants(identity=identity, room="room", room_join=True), peer, self.now)
        assert honest or not resumed
        if resumed:
            self.drained()
            track = self.a_track(data)
            state = requests.SyncState((track,), requests.Subscribe((track,), heard), (track,), ((peer, 1),))
            self.says(peer, state)

    @precondition(lambda self: self.present())
    @rule(data=st.data(), on=st.booleans(), rights=st.none() | RIGHTS)
    def an_administrator_orders_something(self, data, on, rights):
        peer, track = self.chosen(data), self.a_track(data)
        identity = self.identities[peer]
        order = data.draw(
            st.sampled_from(
                [
                    orders.MuteTrack(identity, track, on),
                    orders.SetSubscribed(identity, (track,), on),
                    orders.Change(identity, "name", "meta", {"key": "value"}, rights),
                ]
            )
        )
        if isinstance(order, orders.Change) and rights is not None:
            self.ledger.rights[peer] = rights
        self.room.obey(order, self.now)
        self.drained()
        assert peer not in self.ledger.uplinks.values() or self.ledger.rights[peer].can_publish

    @precondition(lambda self: self.present())
    @rule(data=st.data(), sequence=st.integers(0, 5))
    def somebody_sends_data(self, data, sequence):
        peer = self.chosen(data)
        names = data.draw(st.lists(IDENTITIES, max_size=2))
        receivers = self.room.data.relay(peer, "_reliable", Envelope(tuple(names), (), sequence))
        assert peer not in receivers
        assert not receivers or self.ledger.rights[peer].can_publish_data
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
                assert peer not in map(participant, self.ledger.peers)
                assert peer not in self.ledger.uplinks.values()

    def teardown(self):
        self.room.close(DisconnectReason.ROOM_DELETED, self.now)
        self.drained()
        assert not self.ledger.peers
        assert not self.ledger.uplinks
        assert not self.ledger.downlinks
        assert not self.room.participants()


# Without the phase that makes examples smaller: it takes minutes, and fifty steps are read as well.
RoomMachine.TestCase.settings = settings(
    max_examples=RUNS, stateful_step_count=50, deadline=None, phases=(Phase.reuse, Phase.generate), print_blob=True
)
TestRoom = RoomMachine.TestCase
