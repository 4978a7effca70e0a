# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is fed with strangers' bytes? One function a parser: it returns, or raises what it declares, and nothing else.

The same functions run under atheris (coverage-guided), under hypothesis, and over the crash inputs that are kept.
"""

import base64
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl

from joserfc import jws
from joserfc.jwk import OctKey
from livekit.protocol import room

from bots.captions import guards
from bridge.matrix import call_events, events, openid
from sfu.core import codecs, rtcp, rtp, stun
from sfu.core.demux import classify
from sfu.core.dependency_descriptor import DescriptorReader
from sfu.core.framing import FrameReader
from sfu.core.ice_lite import IceLite, Link
from sfu.core.media import Fingerprint, IceCredentials, Kind, PeerId, TrackSid
from sfu.core.messages import Answer
from sfu.core.negotiation import Negotiation, Sending
from sfu.core.selection import DependencySelection
from sfu.core.server_offers import ServerOffers
from sfu.shell import twirp
from sfu.wire import data, requests, sdp, token
from sfu.wire.join_parameters import read_parameters
from sfu.wire.sdp_writer import render

_SECRET = "0123456789abcdef" * 2
_ICE = IceCredentials("ufrag", "p" * 22)
_VIDEO = ("video/vp8", "video/h264", "video/vp9", "video/av1")


def demux(payload: bytes) -> None:
    """RFC 7983's first byte."""
    classify(payload)


def stun_check(payload: bytes) -> None:
    """A stranger's check: parsed, verified, never answered."""
    message = stun.parse(payload)
    if message is not None:
        stun.verify(payload, message, _ICE.pwd)
    ice = IceLite()
    ice.open(PeerId("PA_x"), _ICE, 0.0)
    ice.on_check(payload, (Link(0), ("127.0.0.1", 9)), 0.0)


def rtp_packet(payload: bytes) -> None:
    """Header and extensions, then the payload as each codec's descriptor."""
    if rtp.header_size(payload, len(payload)):
        rtp.read_extensions(payload)
    rtp.parse(payload)
    codecs.parse_vp8(payload)
    codecs.parse_vp9(payload)
    codecs.red_primary(payload)
    for mime in _VIDEO:
        codecs.keyframe_test(mime)(payload)


def dependency_descriptors(payload: bytes) -> None:
    """One stream's descriptors, each after its length, and what a receiver gets of those frames."""
    reader, selection = DescriptorReader(), DependencySelection()
    selection.want(1, 1)
    at = 0
    while at < len(payload):
        size = payload[at]
        frame = reader.read(payload[at + 1 : at + 1 + size])
        at += 1 + size
        if frame is None:
            continue
        if frame.brings_structure:
            selection.adopt(frame.structure, frame.active)
        selection.takes(frame, newest=True)
        selection.marks(frame)


def tcp_stream(payload: bytes) -> None:
    """A byte stream of frames, in whatever pieces it comes."""
    reader = FrameReader()
    for at in range(0, len(payload), 7):
        for datagram in reader.feed(memoryview(payload)[at : at + 7]):
            classify(datagram)


def rtcp_compound(payload: bytes) -> None:
    """A compound packet of a peer."""
    rtcp.parse(payload)


def sdp_description(payload: bytes) -> None:
    """An offer, its negotiation and the answer; the same text as the answer to an offer of ours."""
    with suppress(sdp.SdpError):
        described = sdp.parse_description(payload.decode("utf-8", "replace"))
        result = Negotiation(lambda: 1).answer(described, lambda _section: None)
        answer = Answer(1, tuple(result.sections), _ICE, "minptime=10", tuple(result.tracks))
        render(answer, Fingerprint("sha-256", "AA:BB"), ())
        offers = ServerOffers(lambda: 1, ("video/VP8", "audio/opus"), at_once=True)
        offers.send(Sending(TrackSid("TR_1"), Kind.VIDEO, "video/VP8", "PA_1|TR_1"))
        offers.offer()
        offers.answer(1, described)


def signal(payload: bytes) -> None:
    """A frame of the signalling socket."""
    with suppress(requests.WireError, sdp.SdpError):
        requests.to_core(requests.read_request(payload))


def join_request(payload: bytes) -> None:
    """The parameter of `/rtc/v1`, as text and as what base64 hides."""
    for text in (payload.decode("latin-1"), base64.urlsafe_b64encode(payload).decode()):
        with suppress(requests.WireError, sdp.SdpError):
            requests.read_join(text)


def join_parameters(payload: bytes) -> None:
    """The query of `/rtc`."""
    with suppress(requests.WireError):
        read_parameters(dict(parse_qsl(payload.decode("latin-1"))))


def api_body(payload: bytes) -> None:
    """A call of the server API in both encodings."""
    for encoding in ("application/protobuf", "application/json"):
        with suppress(twirp.TwirpError):
            twirp._decode(room.UpdateParticipantRequest, payload, encoding)


def token_text(payload: bytes) -> None:
    """A stranger's token."""
    with suppress(token.TokenError):
        token.verify(payload.decode("latin-1"), {"key": _SECRET}, time.time())


def token_claims(payload: bytes) -> None:
    """Whatever claims an issuer with a key may write."""
    signed = jws.serialize_compact({"alg": "HS256"}, payload, OctKey.import_key(_SECRET))
    with suppress(token.TokenError):
        token.verify(signed, {"key": _SECRET}, time.time())


def data_packet(payload: bytes) -> None:
    """A message of a data channel."""
    packet = data.read_packet(payload)
    if packet is not None:
        data.envelope(packet)
        data.stamped(packet, "_reliable", "PA_x", "somebody")


def openid_userinfo(payload: bytes) -> None:
    """What a foreign homeserver says of its user."""
    openid._subject(payload)


def appservice_transaction(payload: bytes) -> None:
    """What the homeserver pushes; strangers write the events."""
    events.members_changed(payload)
    events.powers_changed(payload)
    call_events.call_events(payload)


def caption_text(payload: bytes) -> None:
    """What a model made of noise."""
    guards.clean(payload.decode("utf-8", "replace"), voiced_ms=800, score=-0.2, no_speech=0.1)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        demux,
        stun_check,
        rtp_packet,
        dependency_descriptors,
        tcp_stream,
        rtcp_compound,
        sdp_description,
        signal,
        join_request,
        join_parameters,
        api_body,
        token_text,
        token_claims,
        data_packet,
        openid_userinfo,
        appservice_transaction,
        caption_text,
    )
}
