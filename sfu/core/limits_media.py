# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every limit of the media plane that a stranger or a participant could otherwise grow."""

MAX_PEERS = 2000
"""Peers of one media port. Stops: joins without end from filling memory."""

MAX_ADDRESSES_PER_PEER = 16
"""Addresses that authenticated checks validated. Stops: one client claiming every port of its host."""

MAX_CREDENTIALS_PER_PEER = 2
"""ICE generations answered at once, the newest ones. Stops: endless ICE restarts growing the table."""

MAX_UPLINKS_PER_PEER = 32
"""Sections received from one peer. Stops: publishing without end."""

MAX_STREAMS_PER_UPLINK = 8
"""Live SSRCs of a section: four layers with their retransmissions. Stops: an SSRC per packet."""

MAX_SSRCS_PER_PEER = 1024
"""SSRCs of a peer with a replay window, kept for the session. Stops: growth by SSRC rotation."""

MAX_UNKNOWN_SSRCS_PER_PEER = 64
"""Authentic SSRCs that fit no section yet. Stops: decrypting rubbish that was never negotiated."""

MAX_DOWNLINKS_PER_PEER = 1000
"""Tracks sent to one peer. Stops: subscribing without end."""

MAX_SPENT_SSRCS_PER_PEER = 65536
"""Sending SSRCs whose next packet index is remembered. Stops: growth by resubscribing; a used
index may never be encrypted again (RFC 7714 section 8.3), so beyond it the downlink is refused."""

MAX_DTLS_QUEUE = 128
"""DTLS datagrams waiting for one peer's handshake or SCTP. Stops: a flood filling memory."""

MAX_DATA_CHANNELS = 16
"""Channels of one peer. Stops: opening all 65,535 SCTP streams."""

MAX_MESSAGE = 64 * 1024
"""Bytes of one data message. Stops: a message that fills every receiver's buffer."""

MAX_BUFFERED = 1024 * 1024
"""Bytes waiting in one data channel to a peer. Stops: a slow reader filling our memory."""

MAX_SCTP_GAPS = 2048
"""Received chunks above a hole. Stops: quadratic work over scattered sequence numbers."""

MAX_NACK_PENDING = 100
"""Missing packets of one stream that are asked for. Stops: a jump of the sequence becoming a flood."""

MAX_NACK_TRIES = 10
"""Requests for one missing packet. Stops: asking for ever."""

MAX_NACK_ANSWERS = 100
"""Packets sent again for one RTCP datagram. Stops: one small datagram causing a burst (amplification)."""

MAX_RESENDS = 6
"""Retransmissions of one packet to one receiver. Stops: repeated NACKs as an amplifier."""

MAX_SKIPS = 128
"""Runs of packets left out of one downlink that late packets are still mapped around: two seconds of every other
picture and more. Stops: unbounded memory; a packet that is later than that is not sent."""

MAX_FRAMES_DECIDED = 256
"""Frames of one downlink of which is known whether they were sent. Stops: unbounded memory."""

VIDEO_HISTORY = 512
"""Packets kept per video downlink; a power of two. Stops: unbounded history."""

AUDIO_HISTORY = 256
"""Packets kept per audio downlink; a power of two. Stops: unbounded history."""

MAX_FEEDBACK_STATUSES = 8191
"""Packets that one transport-wide feedback speaks of. Stops: a few bytes of run lengths becoming much work."""

MAX_ARRIVALS = 2048
"""Arrivals of one publisher noted between two feedbacks. Stops: a flood filling memory."""

SEND_LOG = 2048
"""Packets to one receiver whose sending time is remembered; a power of two. Stops: unbounded history."""

MAX_RTCP_PACKETS = 32
"""Packets read out of one compound datagram. Stops: work per datagram."""

CONNECT_TIMEOUT_S = 20.0
"""From opening a peer to a finished DTLS handshake. Stops: half-open peers piling up."""

SILENT_S = 12.0
"""Without any authenticated packet a connected peer is told to be silent: browsers check every 2.5 s, and a
dead peer shall be noticed within 15 s. Stops: rooms full of people whose network is gone."""

CONSENT_S = 30.0
"""Without any authenticated packet the peer is gone (RFC 7675). Stops: sending to a host that left."""

MAX_TCP_CONNECTIONS = 4000
"""Media connections of one worker, two for each peer. Stops: running out of file descriptors."""

MAX_TCP_STRANGERS = 256
"""Connections that no valid check has come over yet. Stops: filling the table without a password."""

MAX_TCP_STRANGERS_PER_HOST = 32
"""The same from one IPv4 address or one IPv6 /64; an office behind one address joins 32 at a time. Stops:
one host taking all places of strangers."""

TCP_FIRST_CHECK_S = 10.0
"""From a connection to its first valid check. Stops: connecting and saying nothing."""

TCP_IDLE_S = 30.0
"""Without a byte a connection is closed; checks come every few seconds. Stops: connections of hosts that left."""

MAX_TCP_FRAME = 2048
"""Bytes of one received frame (RFC 4571); no packet of a client is longer than its MTU. Stops: 64 KiB that
wait for their last byte."""

MAX_TCP_UNSENT = 32 * 1024
"""Bytes that the kernel may hold and not have sent, per connection. Stops: seconds of old media in its buffer."""

MAX_TCP_BUFFERED = 96 * 1024
"""Bytes that wait in our buffer for a slow connection; what comes then is dropped, by whole frames. A key
frame fits. Stops: a slow reader filling our memory."""

TCP_RESERVE = 16 * 1024
"""Further bytes for checks and DTLS alone. Stops: media that waits from ending a slow session."""
