# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What can a test ask of any client, whichever language it is written in?

Every client answers the same verbs with the same plain data (numbers, text, lists, maps), so that a test is
written once. A client in a page or in Node has the verbs in JavaScript, under the same names.
"""

VERBS = {
    "join": "(url, token, options) enter a room; raises Refused",
    "leave": "end the session as a user does",
    "speak": "(hertz, options) publish a tone as the microphone; gives the track's sid",
    "show": "(rgb, options) publish a plain colour as the camera; gives the track's sid",
    "unpublish": "(sid)",
    "mute": "(sid, muted)",
    "hears": "(identity) the loudest frequency of somebody's sound in Hz, 0 in silence",
    "sees": "(identity) somebody's picture: {rgb, width, height, frames}, or nothing",
    "send": "(text, {reliable, topic, to}) a data packet",
    "received": "data packets that came: [sender, text, topic]",
    "answer": "(method) register an RPC method that answers in capitals, or with an error when told `fail`",
    "ask": "(identity, method, payload) perform an RPC: its answer, or `error: code`",
    "listen": "(topic) take text and byte streams of a topic",
    "write": "(text, {topic, to}) send a text stream",
    "upload": "(size, {topic, to}) send a byte stream of so many bytes",
    "streams": "streams that came whole: [sender, topic, kind, text or number of bytes]",
    "me": "{sid, identity, name, metadata, attributes, permissions, quality, tracks}",
    "people": "{identity: the same of everybody else}",
    "room": "{sid, name, metadata, state, token}",
    "events": "what happened: [name, identity or sid or value, …]",
    "subscribe": "(sid, wanted)",
    "want": "(sid, {quality | size | enabled}) settings of a subscribed track",
    "permit": "(all, {identity: [sids] or true}) who may subscribe to what I publish",
    "change": "({name, metadata, attributes}) of myself: an error text, or an empty one",
    "simulate": "(scenario) ask the server to misbehave",
    "sending": "(sid) what is sent of a track: {codec, layers: frames sent so far by RID, retransmitted}",
    "receiving": "(sid) what came of a track: {codec, nacks, retransmitted}",
    "transcribe": "(identity, sid, text) say what somebody said, as an agent does",
    "dial": "(digit) send a tone of a telephone's keys",
    "chat": "(text) send a chat message (browsers)",
    "resize": "(identity, width, height) the element that shows somebody, in CSS pixels; 0 hides it (browsers)",
    "fetch": "(url) what another origin may read of an answer: [status or `blocked`, text] (browsers)",
    "check": "(url, token, names) livekit-client's own checks of a server: those that failed, with logs (browsers)",
    "ping": "ping the server now: whether it answers (browsers)",
    "fragments": "ICE user fragments of the publishing connection: [ours, the server's] (browsers)",
    "protocol": "of the candidate pair in use, `udp` or `tcp` (browsers)",
}


class Refused(Exception):  # noqa: N818
    """A join that failed: the HTTP status as far as the client tells it, and the client's own words."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Remote:
    """A client elsewhere: each verb is a call of the function of that name there."""

    async def call(self, verb, *arguments):
        """Call a function there and give what it returns."""
        raise NotImplementedError

    def __getattr__(self, verb):
        if verb not in VERBS:
            raise AttributeError(verb)
        return lambda *arguments: self.call(verb, *arguments)

    async def join(self, url, token, options=None):
        answer = await self.call("join", url, token, options or {})
        if "refused" in answer:
            raise Refused(answer["status"], answer["refused"])
