# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is fed with strangers' bytes? One function a parser: it returns, or raises what it declares, and nothing else.

The same functions run under atheris (coverage-guided), under hypothesis, and over the crash inputs that are kept.
"""

import base64
import time
from collections.abc import Callable
from contextlib import suppress

from joserfc import jws
from joserfc.jwk import OctKey

from bots.captions import guards
from bridge.matrix import events, openid
from sfu.core import codecs, rtcp, rtp, stun
from sfu.core.demux import classify
from sfu.core.ice_lite import IceLite, Link
from sfu.core.media import Fingerprint, IceCredentials, PeerId
from sfu.core.messages import Answer
from sfu.core.negotiation import Negotiation
from sfu.wire import data, requests, sdp, token
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
    ice.on_check(payload, (Link(1), ("127.0.0.1", 9)), 0.0)


def rtp_packet(payload: bytes) -> None:
    """Header and extensions, then the payload as each codec's descriptor."""
    if rtp.header_size(payload, len(payload)):
        rtp.read_extensions(payload)
    rtp.parse(payload)
    codecs.parse_vp8(payload)
    for mime in _VIDEO:
        codecs.keyframe_test(mime)(payload)


def rtcp_compound(payload: bytes) -> None:
    """A compound packet of a peer."""
    rtcp.parse(payload)


def sdp_offer(payload: bytes) -> None:
    """An offer, its negotiation and the answer."""
    with suppress(sdp.SdpError):
        offer = sdp.parse_description(payload.decode("utf-8", "replace"))
        result = Negotiation(lambda: 1).answer(offer, lambda _section: None)
        answer = Answer(1, tuple(result.sections), _ICE, "minptime=10", tuple(result.tracks))
        render(answer, Fingerprint("sha-256", "AA:BB"), ())


def signal(payload: bytes) -> None:
    """A frame of the signalling socket."""
    with suppress(requests.WireError, sdp.SdpError):
        requests.to_core(requests.read_request(payload))


def join_request(payload: bytes) -> None:
    """The parameter of `/rtc/v1`, as text and as what base64 hides."""
    for text in (payload.decode("latin-1"), base64.urlsafe_b64encode(payload).decode()):
        with suppress(requests.WireError, sdp.SdpError):
            requests.read_join(text)


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


def caption_text(payload: bytes) -> None:
    """What a model made of noise."""
    guards.clean(payload.decode("utf-8", "replace"), voiced_ms=800, score=-0.2, no_speech=0.1)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        demux,
        stun_check,
        rtp_packet,
        rtcp_compound,
        sdp_offer,
        signal,
        join_request,
        token_text,
        token_claims,
        data_packet,
        openid_userinfo,
        appservice_transaction,
        caption_text,
    )
}
