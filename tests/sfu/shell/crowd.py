# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A crowd in a room without network and in virtual time: the real room, wire format and post, clients that only answer.

What it costs is counted, in messages, frames and sections; or measured in processor time, where a profile is wanted:
`python -m tests.sfu.shell.crowd 150 25`.
"""

import cProfile
import heapq
import itertools
import os
import pstats
import sys
import time
from collections import Counter, defaultdict

from livekit.protocol import models, rtc

from sfu.core.grants import Grants
from sfu.core.media import Candidate, Fingerprint, IceCredentials, PeerId
from sfu.core.outputs import OpenPeer, Tell
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids
from sfu.load import description
from sfu.load.plan import LAYERS, Plan
from sfu.shell.post import Post
from sfu.wire.join_parameters import read_parameters
from sfu.wire.requests import read_request, to_core
from sfu.wire.sdp import Descriptions

OWN = Fingerprint("sha-256", ":".join(["AB"] * 32))
ANSWERS_AFTER_S = 0.02
CONNECTS_AFTER_S = 0.05
RIDS = tuple(layer.rid for layer in LAYERS)
SENT = [models.VideoLayer(quality=one.quality, width=one.width, height=one.height, rid=one.rid) for one in LAYERS]


class Plane:
    """All that `Post` asks of a media plane."""

    fingerprint = OWN

    def candidates_of(self, room):
        return Candidate("127.0.0.1", 7882), Candidate("127.0.0.1", 7882, "tcp")


class Box:
    """Where a client's frames arrive."""

    def __init__(self, take):
        self.put = take


class Crowd:
    """`run` lets everybody join as the plan says, and gives what it took."""

    def __init__(self, plan):
        self.plan = plan
        self.now = 0.0
        self.counts = Counter()
        self.subscribed = Counter()
        """Tracks that each person's latest answer took in."""
        self.sdp_sizes = Counter()
        self._room = Room("room", RoomSettings(), Sids(os.urandom), 0.0, 0)
        self._post = Post(Plane(), None)
        self._queue = []
        self._numbers = itertools.count()
        self._answers = {}
        self._numbers_of = {}
        self._shown = {}
        self._descriptions = defaultdict(Descriptions)

    def at(self, when, what, *arguments):
        heapq.heappush(self._queue, (when, next(self._numbers), what, arguments))

    def run(self, until=None):
        for person in range(self.plan.people):
            self.at(person * self.plan.within_s / self.plan.people, self._join, person)
        last = self.plan.within_s + 5.0 if until is None else until
        while True:
            due = self._room.deadline()
            event = self._queue[0][0] if self._queue else float("inf")
            if min(event, float("inf") if due is None else due) > last:
                return self.counts
            if due is not None and due <= event:
                self.now = max(self.now, due)
                self.counts["ticks"] += 1
                self._room.tick(self.now)
            else:
                self.now, _, what, arguments = heapq.heappop(self._queue)
                what(*arguments)
            self._settle()

    def _join(self, person):
        grants = Grants(identity=f"load-{person}", room="room", room_join=True)
        join = read_parameters({"auto_subscribe": "1", "sdk": "js", "protocol": "16", "version": "2.16.0"})
        sid = self._room.join(grants, join, self.now, 0)
        self._numbers_of[sid] = person
        self._answers[sid] = description.Answers(IceCredentials("load", "p" * 22), OWN)
        self._shown[sid] = set()
        self._post.outboxes[sid] = Box(lambda frame: self._take(sid, frame))
        if self.plan.publishing(person) is not None:
            camera = rtc.AddTrackRequest(cid=f"camera-{person}", type=models.TrackType.VIDEO, source=1, layers=SENT)
            self._ask(sid, add_track=camera)
            voice = rtc.AddTrackRequest(cid=f"voice-{person}", type=models.TrackType.AUDIO, source=2)
            self._ask(sid, add_track=voice)
            sdp = description.offer(IceCredentials("load", "p" * 22), OWN, f"voice-{person}", f"camera-{person}", RIDS)
            self._ask(sid, offer=rtc.SessionDescription(type="offer", sdp=sdp, id=1))

    def _ask(self, sid, **request):
        self.at(self.now + ANSWERS_AFTER_S, self._send, sid, rtc.SignalRequest(**request).SerializeToString())

    def _send(self, sid, frame):
        self.counts["requests"] += 1
        self._room.handle(sid, to_core(read_request(frame), self._descriptions[sid]), self.now)

    def _settle(self):
        while wanted := self._room.drain():
            for output in wanted:
                self.counts[type(output).__name__] += 1
                if isinstance(output, Tell):
                    self.counts[type(output.message).__name__] += 1
                    self._post.tell("room", output.to, output.message)
                elif isinstance(output, OpenPeer):
                    self.at(self.now + CONNECTS_AFTER_S, self._room.transports.connected, PeerId(output.peer), self.now)

    def _take(self, sid, frame):
        """A client's side, outside of what is profiled."""
        if PROFILE is not None:
            PROFILE.disable()
        began = time.process_time()
        self.counts["frames"] += 1
        self.counts["bytes"] += len(frame)
        response = rtc.SignalResponse.FromString(frame)
        kind = response.WhichOneof("message")
        if kind == "offer":
            self.counts["offered sections"] += response.offer.sdp.count("\nm=")
            self.sdp_sizes[sid] = len(response.offer.sdp)
            self.subscribed[sid] = response.offer.sdp.count("a=sendonly")
            sdp = self._answers[sid].to(response.offer.sdp)
            self._ask(sid, answer=rtc.SessionDescription(type="answer", sdp=sdp, id=response.offer.id))
        elif kind in {"update", "join"}:
            people = response.update.participants if kind == "update" else response.join.other_participants
            cameras = [track.sid for one in people for track in one.tracks if track.type == models.TrackType.VIDEO]
            fresh = [camera for camera in cameras if camera not in self._shown[sid]]
            self._shown[sid].update(fresh)
            if fresh:
                self._ask(sid, track_setting=rtc.UpdateTrackSettings(track_sids=fresh, width=320, height=180))
        self.counts["client ms"] += 1000 * (time.process_time() - began)
        if PROFILE is not None:
            PROFILE.enable()


PROFILE = None

if __name__ == "__main__":
    people, publishers = int(sys.argv[1]), int(sys.argv[2])
    crowd = Crowd(Plan(people, publishers, publishers, 1, 16, 10.0, 1.0))
    if len(sys.argv) > 3:
        PROFILE = cProfile.Profile()
        PROFILE.enable()
    start = time.process_time()
    counts = crowd.run()
    took = time.process_time() - start - counts["client ms"] / 1000
    if PROFILE is not None:
        PROFILE.disable()
        pstats.Stats(PROFILE).sort_stats("tottime").print_stats(int(sys.argv[3]))
    for name, count in sorted(counts.items()):
        print(f"{name:24} {count:12.0f}")
    print(
        f"server {took:.2f} CPU s; tracks of each {min(crowd.subscribed.values())} to {max(crowd.subscribed.values())}"
    )
