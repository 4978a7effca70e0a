# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How large may what a stranger sends grow? Every limit of signalling, in one place.

Sizes are bytes (of UTF-8 for text) unless the name says otherwise.
"""

NAME_MAX_CHARS = 256
"""Room, identity, participant and track names. stops: 10,000-character names sent to everybody."""

METADATA_MAX = 512 * 1024
"""Metadata of one participant or room. stops: filling every client's memory through updates."""

ATTRIBUTES_MAX = 64 * 1024
"""Attribute keys and values of one participant together. stops: the same, by attributes."""

TOKEN_MAX = 8 * 1024
"""One JWT. stops: hashing megabytes for somebody who holds no key."""

JOIN_REQUEST_MAX = 1024 * 1024
"""A join_request after decompression. stops: gzip bombs."""

FRAME_MAX = 2 * 1024 * 1024
"""One WebSocket frame. 60 people with cameras need more than 256 KiB of SDP. stops: huge frames."""

API_BODY_MAX = 1024 * 1024
"""One body of the server API. stops: huge bodies."""

SDP_MAX = 1024 * 1024
"""One offer. stops: parsing megabytes of attributes on the event loop."""

SDP_SECTIONS_MAX = 600
"""Sections of one offer: audio and video of 300 others. stops: offers of empty sections."""

SDP_LINES_PER_SECTION_MAX = 1000
"""Lines of one section; browsers write about 130. stops: quadratic work on one section."""

PENDING_TRACKS_MAX = 20
"""Tracks announced and not yet offered. stops: add_track in a loop."""

TRACKS_PER_PARTICIPANT_MAX = 30
"""Published tracks of one participant. stops: one client filling a room's sections."""

LAYERS_MAX = 8
"""Simulcast layers that one track announces. stops: endless lists in every update."""

RID_MAX_CHARS = 32
"""The RID of one layer; longer ones are not read. stops: a client's megabyte that everybody is told."""

SIDS_PER_REQUEST_MAX = 2000
"""Track sids that one request names. stops: long loops for one cheap frame."""

PARTICIPANTS_PER_ROOM_MAX = 1000
"""stops: updates that grow with the square of a room; CreateRoom may set a lower one."""

ROOMS_MAX = 10_000
"""stops: auto-created rooms without end."""

REVOCATIONS_MAX = 10_000
"""Remembered removals, and as many changed rights; the oldest is forgotten first. stops: growth by either."""

REQUESTS_PER_SECOND = 50.0
"""Signalling requests of one session that are taken in the long run; those beyond the burst wait. stops: floods of
cheap frames."""

REQUESTS_BURST = 500.0
"""Signalling requests at once: a client in a room of 300 sets every track after a resize. stops: the same."""

REQUESTS_DELAYED = 500.0
"""Requests of one session that had to wait before it is ended: ten seconds of a flood. stops: those who go on."""

REQUESTS_DELAYED_FORGOTTEN = 5.0
"""So many of them are forgotten per second. stops: ending long sessions for a busy hour now and then."""

OUTBOX_MESSAGES = 2000
"""Messages that wait for one slow client; then the session is ended. stops: memory for the dead."""

OUTBOX_BYTES = 16 * 1024 * 1024
"""Bytes that wait for one slow client; then the session is ended. stops: the same."""

DATA_MAX = 65_535
"""One message on a data channel, SCTP's max-message-size here. stops: buffering for many receivers."""

DESTINATIONS_MAX = 1000
"""Receivers that one data packet names. stops: long lists for one packet."""

DATA_NONCE_MAX = 16
"""The nonce of a data packet: a UUID. stops: long ones filling memory; such a packet is not relayed."""

DATA_NONCES_MAX = 1000
"""Nonces that a room remembers; the oldest is forgotten first. stops: growth by packets."""

API_DATA_MAX = 64_000
"""Payload of SendData, which clients' own messages have too. stops: messages that no channel takes."""

WEBHOOKS_PER_ROOM_MAX = 100
"""Events of one room that wait for one receiver; then the oldest is dropped. stops: memory for dead receivers."""

WEBHOOK_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of all events that wait for one receiver; a further one is dropped. stops: the same, over many rooms."""

RPC_PAYLOAD_MAX = 15 * 1024
"""Payload of a call and of its answer, LiveKit's figure. stops: calls that no channel takes."""

RPC_TIMEOUT_MAX_S = 60.0
"""How long the server API waits for a participant's answer. stops: requests that are kept open for ever."""

RPC_PENDING_MAX = 1000
"""Calls of the server API that wait for an answer. stops: growth by clients that never answer."""

PARTICIPANTS_ENCODED_MAX = 5000
"""Participants of whom the bytes for others are kept; the longest unused goes first. stops: growth by joins."""

RESUMES_PER_SECOND = 0.5
"""Resumes of one session in the long run; then it is told to join anew. stops: whole pictures of a room for
cheap requests, over and over."""

RESUMES_BURST = 10.0
"""Resumes of one session at once: clients retry after 0, 0.3, 1.2, 2.7 and 4.8 s. stops: the same."""

DEPARTED_MAX = 1000
"""Participants that left lately, told again to whoever resumes. stops: growth by joining and leaving."""

SIMULATED_SPEECH_MAX_S = 60
"""Seconds for which a client lets itself be called a speaker, to test itself. stops: speaking for ever."""

PREFERENCES_MAX = 1000
"""Identities of one room whose candidate protocol is remembered for their next session; the oldest goes
first. stops: growth by joining under name after name."""

DATA_KEPT_S = 2.0
"""How long a room's reliable packets are kept for those who resume: LiveKit's figure. Longer gaps are closed
by SCTP, whose association outlives a lost path. stops: old packets waiting for ever for who never comes back."""

DATA_KEPT_MAX = 100_000
"""Bytes of these packets in one room; the oldest go first. stops: filling memory by sending fast."""

SENDERS_MAX = 1000
"""Senders of whom a client that resumes says how far it heard. stops: long lists for one cheap frame."""

DATA_BYTES_PER_SECOND = 4.0 * 1024 * 1024
"""Bytes of data packets of one sender, counted once and again for each receiver. Reliable ones then wait at the
sender, lossy ones are dropped. A file goes to one person with 4 MiB/s, to ten with 400 KiB/s. stops: SCTP for
one sender taking the processor from everybody's media."""

DATA_BYTES_BURST = 4.0 * 1024 * 1024
"""So many at once. stops: the same."""

DATA_MESSAGES_PER_SECOND = 3000.0
"""Data packets in the same way: a position thirty times a second to 100 people. stops: the same, by small packets."""

DATA_MESSAGES_BURST = 6000.0
"""So many at once. stops: the same."""

DATA_WAITING_HIGH = 256 * 1024
"""Reliable bytes that wait for one receiver before its senders wait too. stops: a fast sender overrunning it."""

DATA_WAITING_LOW = 64 * 1024
"""When only so many are left its senders go on, and one that was given up counts as caught up. stops: senders
that are held and let go for every packet."""

DATA_SLOW_S = 10.0
"""So often a receiver that others wait for is looked at: longer than SCTP needs where a retransmission is lost, too
(timeouts of 3 s and then 6 s, RFC 9260 section 6.3), as who is only behind would miss data. stops: waiting for ever."""

DATA_SLOW_BYTES = 16 * 1024
"""What it must have taken since; otherwise nobody waits for it any longer. stops: one dead receiver holding all."""

DATA_HELD_MAX = 100 * 1024
"""Reliable data that waits for one receiver's channel to open; what comes then is dropped. stops: filling
memory through somebody who never opens it."""
