# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which mistakes must the conformance suite find? Each is planted by replacing one function of the SFU.

Most are made on the wire, in what the server says: there a mistake stays the same however the server comes by it.
What is imported here must bind none of the names that are replaced.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiohttp import web
from livekit.protocol import rtc

import sfu.wire.data
import sfu.wire.token
from sfu.core import relay, roster
from sfu.core.munge import Continuity
from sfu.media.feedback import Feedback
from sfu.media.native_engine import NativeEngine
from sfu.media.native_rows import NativeDown
from sfu.media.tables import Tables
from sfu.shell.outbox import Outbox


@dataclass(frozen=True)
class Fault:
    """A mistake, and the cell of the suite that must find it: a test, and the client that it is run with."""

    make: Callable[[], None]
    cell: str
    client: str = "livekit 1.2.1"


FAULTS: dict[str, Fault] = {}


def fault(name, cell, client="livekit 1.2.1"):
    """Enter a function, which plants the fault, into the catalogue."""

    def enter(make):
        FAULTS[name] = Fault(make, cell, client)
        return make

    return enter


def told(change):
    """Plant a fault into each message of the server: `change` gets it and may alter it; a cleared one is not sent."""
    put = Outbox.put

    def changed(self, frame):
        response = rtc.SignalResponse.FromString(frame)
        change(response)
        if response.WhichOneof("message"):
            put(self, response.SerializeToString())

    Outbox.put = changed


def untold(*kinds):
    """Plant the fault that messages of some kinds are never sent."""

    def change(response):
        if response.WhichOneof("message") in kinds:
            response.Clear()

    told(change)


def described(pattern, replacement):
    """Plant a fault into the text of each description of the server."""

    def change(response):
        kind = response.WhichOneof("message")
        if kind in {"answer", "offer"}:
            description = getattr(response, kind)
            description.sdp = re.sub(pattern, replacement, description.sdp)

    told(change)


def _people(response):
    kind = response.WhichOneof("message")
    if kind == "join":
        return [response.join.participant, *response.join.other_participants]
    return list(response.update.participants) if kind == "update" else []


JS, NPM = "livekit-client 2.23.0", "livekit-server-sdk 2.19.2"


@fault("pings are not answered", "test_a_client_that_pings_is_answered", JS)
def _no_pong():
    untold("pong", "pong_resp")


@fault("a wrong track in the msid", "test_what_was_there_and_what_comes_later_is_received", JS)
def _wrong_msid():
    described(r"(a=msid:PA_\w+\|TR_)\w+ \S+", r"\1wrong TR_wrong")


@fault("no map of sections to tracks", "test_what_was_there_and_what_comes_later_is_received")
def _no_map():
    def change(response):
        if response.WhichOneof("message") == "answer":
            response.answer.mid_to_track_id.clear()

    told(change)


@fault("an answer without the extension of layers' names", "test_each_receiver_gets_the_layer_it_wants")
def _no_rid():
    described(r"a=extmap:\d+ \S*rtp-stream-id\r\n", "")


@fault("refusals without CORS", "test_validate_says_to_any_origin_what_the_socket_would", JS)
def _no_cors():
    async def nothing(_request, _response):
        pass

    import sfu.shell.app

    sfu.shell.app._allow_any_origin = nothing


@fault("mute is not told", "test_mute_and_unmute_are_seen_by_everyone")
def _no_mute():
    def change(response):
        for person in _people(response):
            for track in person.tracks:
                track.muted = False

    told(change)


@fault("versions of participants run backwards", "test_what_somebody_says_of_oneself_is_known_to_everyone", JS)
def _old_version():
    def change(response):
        for person in _people(response):
            person.version = 1_000_000 - person.version

    told(change)


@fault("the end of a track is not told", "test_tracks_come_and_go_and_use_the_same_sections")
def _no_unpublish():
    known = {}

    def change(response):
        for person in _people(response):
            tracks = known.setdefault(person.sid, {})
            gone = set(tracks) - {track.sid for track in person.tracks}
            person.tracks.extend(tracks[sid] for sid in gone)
            tracks.update((track.sid, track) for track in person.tracks)

    told(change)


@fault("encryption is not echoed", "test_encrypted_media_is_told_as_such_and_decrypts")
def _no_encryption():
    def change(response):
        for person in _people(response):
            for track in person.tracks:
                track.encryption = 0

    told(change)


@fault("speakers never fall silent", "test_who_speaks_is_told_to_everyone_and_so_is_silence")
def _always_loud():
    def change(response):
        for speaker in response.speakers_changed.speakers:
            speaker.level, speaker.active = 0.5, True

    told(change)


@fault("the token is never refreshed", "test_a_client_gets_a_newer_token", JS)
def _no_token():
    untold("refresh_token")


@fault("changes of the room are not told", "test_new_metadata_of_the_room_is_told")
def _no_room():
    untold("room_update")


@fault("leave without its reason", "test_a_removed_person_is_told_so")
def _no_reason():
    def change(response):
        if response.WhichOneof("message") == "leave":
            response.leave.reason = 0

    told(change)


@fault("dynacast is not sent", "test_layers_that_nobody_wants_are_not_sent", JS)
def _no_dynacast():
    untold("subscribed_quality_update")


@fault("reliable packets have one number", "test_reliable_data_arrives_whole_and_in_order")
def _same_sequence():
    stamped = sfu.wire.data.stamped

    def changed(packet, *arguments):
        packet.sequence = min(packet.sequence, 1)
        return stamped(packet, *arguments)

    sfu.wire.data.stamped = changed


@fault("addressed data goes to all", "test_addressed_data_comes_to_nobody_else")
def _to_all():
    relay.receivers = lambda envelope, others: tuple(sid for sid, _ in others)


@fault("both sessions of an identity stay", "test_the_newest_session_of_an_identity_replaces_the_older")
def _both_stay():
    roster.Roster.by_identity = lambda self, identity: None


@fault("webhooks are signed for another body", "test_what_happens_in_a_room_is_told_signed_and_in_order", NPM)
def _wrong_signature():
    sign = sfu.wire.token.sign_body
    sfu.wire.token.sign_body = lambda body, *arguments: sign(body + b" ", *arguments)


@fault("JSON errors with a charset", "test_errors_have_twirp_s_codes_and_statuses", NPM)
def _charset():
    class Response(web.Response):
        def __init__(self, *, content_type=None, **options):
            super().__init__(content_type=content_type, charset="utf-8" if "json" in content_type else None, **options)

    import sfu.shell.twirp

    sfu.shell.twirp.web = type("web", (), {**vars(web), "Response": Response})


@fault("requests for keyframes end here", "test_without_automatic_subscription_only_what_is_asked_for_comes")
def _no_keyframes():
    Feedback._request = lambda self, layer, now: True


@fault("stale sequence numbers after a switch of layers", "test_each_receiver_gets_the_layer_it_wants")
def _stale():
    def plant(kind):
        begin = kind.begin

        def changed(self, index, *arguments, **options):
            began = self.started
            begin(self, index, *arguments, **options)
            if began:
                self.seq_offset -= 2000

        kind.begin = changed

    for kind in (Continuity, NativeDown):
        plant(kind)


@fault("another SSRC than was promised", "test_a_published_tone_is_heard")
def _wrong_ssrc():
    put = Tables.put_downlink
    Tables.put_downlink = lambda self, downlink: put(self, replace(downlink, ssrc=downlink.ssrc ^ 1))
    NativeEngine.put_downlink = Tables.put_downlink


@fault("lost packets are not asked for", "test_what_is_lost_on_the_way_to_the_server_is_sent_again")
def _no_nacks():
    Feedback.missing = lambda self, layer, first, stop, now: None


@fault("lost packets are not sent again", "test_what_is_lost_on_the_way_to_the_client_is_sent_again")
def _no_rtx():
    Feedback._resend = lambda self, peer, receiver, item, now: None
