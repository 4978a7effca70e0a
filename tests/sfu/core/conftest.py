# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A room without a network: people who join it, what they are told, what the media plane is asked to do."""

import itertools
import random
from dataclasses import replace

import pytest

from sfu.core import requests
from sfu.core.grants import Grants, Rights, Source
from sfu.core.media import Codec, Fingerprint, IceCredentials, Kind, Level, PeerId, subscriber_transport
from sfu.core.media_description import Direction, OfferedSection, OfferedSession
from sfu.core.messages import Answer, Message, ParticipantsChanged, ServerOffer, TrackPublished
from sfu.core.outputs import Output, Tell
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids

OPUS = Codec(111, "audio/opus", 48000, 2)
VP8 = Codec(96, "video/VP8", 90000, rtx_payload_type=97)
MID_EXTENSION = (4, "urn:ietf:params:rtp-hdrext:sdes:mid")


def section(mid, kind, direction=Direction.RECVONLY, *, cid=None, rids=(), codecs=None, rejected=False):
    """One media section of an offer; with a cid, one that sends."""
    return OfferedSection(
        media=kind.value,
        protocol="UDP/TLS/RTP/SAVPF",
        formats="111",
        mid=str(mid),
        rejected=rejected,
        direction=Direction.SENDONLY if cid else direction,
        codecs=codecs if codecs is not None else ((OPUS,) if kind is Kind.AUDIO else (VP8,)),
        extensions=(MID_EXTENSION,),
        msid=("-", cid) if cid else None,
        ssrcs=(1000 + int(mid),) if cid and not rids else (),
        rids=rids,
    )


def session(sections, ufrag="ufrag"):
    """A whole offer."""
    return OfferedSession(tuple(sections), IceCredentials(ufrag, "p" * 22), (Fingerprint("sha-256", "AA:BB"),), ())


def answered(own, **changes):
    """How a client answers a section of ours: it takes all that is sent."""
    flipped = Direction.RECVONLY if own.direction is Direction.SENDONLY else own.direction
    return replace(own.offered, **{"direction": flipped, **changes})


class Person:
    """One client: keeps its sections as browsers do, and every message that it was told."""

    def __init__(self, meeting, identity):
        self.meeting = meeting
        self.identity = identity
        self.peer = None
        self.inbox: list[Message] = []
        self.sections = [section(mid, Kind.AUDIO) for mid in range(3)]
        self.sections += [section(mid, Kind.VIDEO) for mid in range(3, 6)]
        self._offers = itertools.count(1)

    def says(self, request):
        self.meeting.room.handle(self.peer, request, self.meeting.now)
        self.meeting.settle()

    def offer(self, ufrag="ufrag"):
        """Offer what the sections are now; give the answer."""
        self.says(self.next_offer(ufrag))
        return self.last(Answer)

    def next_offer(self, ufrag="ufrag"):
        return requests.Offer(next(self._offers), session(self.sections, ufrag))

    def publish(self, kind=Kind.AUDIO, source=None, cid=None, rids=(), **more):
        """Announce a track, offer it and give its sid."""
        cid = cid or f"{self.identity}-{len(self.sections)}"
        source = source or (Source.MICROPHONE if kind is Kind.AUDIO else Source.CAMERA)
        self.says(requests.AddTrack(cid, kind, source, **more))
        sid = self.last(TrackPublished).track.sid
        self.sections.append(section(len(self.sections), kind, cid=cid, rids=rids))
        self.offer()
        return sid

    def detach(self):
        """Lose the socket without a word."""
        self.meeting.room.socket_closed(self.peer, self.meeting.now)
        self.meeting.settle()

    def resume(self, identity=None):
        """Come back on a new socket; whether the server goes on."""
        grants = Grants(identity=identity or self.identity, room="room", room_join=True)
        resumed = self.meeting.room.resume(grants, self.peer, self.meeting.now)
        self.meeting.settle()
        return resumed

    def answer(self, offer=None, number=None, **changes):
        """Answer an offer of the server's, the last one; `mid1=…` replaces what is answered in a section."""
        offer = offer or self.last(ServerOffer)
        sections = [changes.get(f"mid{own.offered.mid}") or answered(own) for own in offer.sections]
        self.says(requests.Answer(offer.id if number is None else number, session(sections)))

    def offered(self):
        """The tracks in the last offer of the server's, by mid."""
        return dict(self.last(ServerOffer).tracks)

    def last(self, kind):
        return self.all(kind)[-1]

    def all(self, kind):
        return [message for message in self.inbox if isinstance(message, kind)]

    def knows(self, identity):
        """What it was told of somebody last."""
        infos = [info for changed in self.all(ParticipantsChanged) for info in changed.participants]
        return [info for info in infos if info.identity == identity][-1]

    def forwarded(self):
        """The tracks in the last answer, by mid."""
        return dict(self.last(Answer).tracks)


class Meeting:
    """A room, its people and a clock."""

    def __init__(self, seed=1, settings=None, **more):
        self.now = 1000.0
        self.done: list[Output] = []
        self.people: dict[PeerId, Person] = {}
        self._random = random.Random(seed)
        self.room = Room("room", settings or RoomSettings(), Sids(self._random.randbytes), self.now, 5000, **more)

    def enter(self, identity, *, offers=True, auto_subscribe=True, connected=True, called=None, two=False, **rights):
        """Let somebody in; with `two` peer connections it answers the first offer."""
        person = Person(self, identity)
        if two:
            person.sections = []
        offer = person.next_offer() if offers and not two else None
        join = requests.Join(auto_subscribe=auto_subscribe, offer=offer, two_connections=two)
        grants = Grants(identity=identity, room="room", room_join=True, rights=Rights(**rights), **(called or {}))
        person.peer = self.room.join(grants, join, self.now, 6000)
        self.people[person.peer] = person
        self.settle()
        if connected:
            self.connect(person)
        return person

    def orders(self, order):
        """What an administrator orders; gives the refusal, if any."""
        refusal = self.room.obey(order, self.now)
        self.settle()
        return refusal

    def connect(self, person):
        if person.all(ServerOffer):
            person.answer()
            self.room.transports.connected(subscriber_transport(person.peer), self.now)
        else:
            self.room.transports.connected(person.peer, self.now)
        self.settle()

    def hears(self, *levels):
        self.room.measured(tuple(Level(*level) for level in levels))
        self.settle()

    def settle(self):
        """Do what the room wants, and what is due at once."""
        self._do()
        while (deadline := self.room.deadline()) is not None and deadline <= self.now and not self.room.closed:
            self.room.tick(self.now)
            self._do()

    def _do(self):
        for output in self.room.drain():
            self.done.append(output)
            if isinstance(output, Tell):
                for peer in output.to:
                    self.people[peer].inbox.append(output.message)

    def wait(self, seconds):
        """Let time pass, stopping at every deadline on the way, as a timer would."""
        end = self.now + seconds
        while (deadline := self.room.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.room.tick(self.now)
            self.settle()
            if self.room.closed:
                break
        self.now = end

    def outputs(self, kind):
        return [output for output in self.done if isinstance(output, kind)]

    def forget(self):
        """Look at what comes from now on."""
        self.done.clear()
        for person in self.people.values():
            person.inbox = [message for message in person.inbox if isinstance(message, Answer | ServerOffer)][-1:]


@pytest.fixture
def meeting():
    return Meeting()


@pytest.fixture
def new_meeting():
    return Meeting


@pytest.fixture
def make_section():
    return section


@pytest.fixture
def make_answered():
    return answered


@pytest.fixture
def make_session():
    return session
