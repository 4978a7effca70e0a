/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* The way in: unprotect, account, forward (as sfu/media/python_engine.py does it, in the same order). */
#include "internal.h"

#include "queue.h"

static uint32_t place_of(uint32_t ssrc) { return ssrc * 2654435761u >> 7; }

static inbound_t *find_inbound(const peer_t *peer, uint32_t ssrc) {
    if (peer->inbound == NULL) return NULL;
    for (uint32_t at = place_of(ssrc) & peer->inbound_mask;; at = (at + 1) & peer->inbound_mask) {
        inbound_t *found = peer->inbound[at];
        if (found == NULL || found->ssrc == ssrc) return found;
    }
}

static void place(peer_t *peer, inbound_t *inbound) {
    uint32_t at = place_of(inbound->ssrc) & peer->inbound_mask;
    while (peer->inbound[at] != NULL) at = (at + 1) & peer->inbound_mask;
    peer->inbound[at] = inbound;
}

/* Add the row of an SSRC; 0 without memory. Rows stay as long as their peer. */
int peer_add(peer_t *peer, inbound_t *inbound) {
    uint32_t places = peer->inbound == NULL ? 0 : peer->inbound_mask + 1;
    if (2 * (uint32_t)(peer->inbound_count + 1) > places) {
        inbound_t **before = peer->inbound, **larger = calloc(places ? 2 * places : 16, sizeof *larger);
        if (larger == NULL) return 0;
        peer->inbound = larger;
        peer->inbound_mask = (places ? 2 * places : 16) - 1;
        for (uint32_t n = 0; n < places; n++)
            if (before[n] != NULL) place(peer, before[n]);
        free(before);
    }
    place(peer, inbound);
    peer->inbound_count++;
    return 1;
}

void peer_close(peer_t *peer) {
    free(peer->inbound);
    free(peer->arrivals);
    keys_free(peer->receive);
    keys_free(peer->send);
    memset(peer, 0, sizeof *peer);
}

static void note_arrival(peer_t *peer, const uint8_t *datagram, double now) {
    int at = find_extension(datagram, peer->arrival_id, 2);
    if (!at || peer->arrival_count >= MAX_ARRIVALS) return;
    if (peer->arrivals == NULL) peer->arrivals = calloc(MAX_ARRIVALS, sizeof *peer->arrivals);
    if (peer->arrivals != NULL) peer->arrivals[peer->arrival_count++] = (arrival_t){now, read16(datagram + at)};
}

/* Give up what was noted: how many, of MAX_ARRIVALS at most. */
EXPORTED int peer_take_arrivals(engine_t *engine, peer_t *peer, arrival_t *into) {
    tables_lock(engine->lock);
    int count = peer->arrival_count;
    if (count) memcpy(into, peer->arrivals, (size_t)count * sizeof *into);
    peer->arrival_count = 0;
    tables_unlock(engine->lock);
    return count;
}

static int has_layers(const stream_t *stream) { return stream->codec == CODEC_VP9 || stream->codec == CODEC_AV1; }

static void find_dependency(const stream_t *stream, packet_t *packet, const uint8_t *datagram) {
    int length = 0, at = stream->dependency_id ? last_extension(datagram, stream->dependency_id, &length) : 0;
    if (!at || !has_layers(stream)) return;
    packet->dependency = datagram + at;
    packet->dependency_size = length;
}

/* Extensions that the packet path itself reads. */
static void read_elements(stream_t *stream, packet_t *packet, const uint8_t *datagram) {
    int length = 0, at = stream->audio_level_id ? last_extension(datagram, stream->audio_level_id, &length) : 0;
    find_dependency(stream, packet, datagram);
    if (!at || !length) return;
    packet->level = datagram[at];
    stream_hear(stream, packet->level, packet->timestamp);
}

/* Where the packet stands among the layers: by the dependency descriptor where there is one. */
static void read_place(stream_t *stream, packet_t *packet) {
    if (stream->codec == CODEC_VP8) {
        read_vp8(packet);
    } else if (packet->dependency_size >= 0) {
        read_dependency(stream->reader, packet->dependency, packet->dependency_size, &packet->place);
    } else if (stream->codec == CODEC_VP9) {
        packet->place = vp9_place(packet->payload, packet->size);
    }
}

static void tell_gaps(engine_t *engine, stream_t *stream, int64_t before, int64_t index, double now) {
    if (before < 0 || index == before + 1) return;
    if (index > before) {
        engine->up.gap(engine->owner, stream, before + 1, index, now);
    } else {
        engine->up.late(engine->owner, stream, index);
    }
}

static void pass_on(engine_t *engine, stream_t *stream, packet_t *packet, int64_t before, int64_t index, double now) {
    note_layers(engine, stream, &packet->place);
    if (stream->waiting && index >= before && begins_keyframe(stream, packet))
        engine->up.begins(engine->owner, stream, packet, index, now);
    if (stream->seats != NULL && !stream_is_seated(stream, packet, index, now)) return;
    engine_forward(engine, stream->followers, stream->follower_count, packet, index, now);
    if (stream->selective_count) forward_parts(engine, stream, packet, index, now, index > before);
}

static void take_in(engine_t *engine, stream_t *stream, packet_t *packet, int64_t before, int64_t index, int payload_type,
                   const uint8_t *datagram, double now) {
    if (payload_type != stream->payload_type) {
        if (!stream->known_types[payload_type]) {
            engine->dropped[UNKNOWN_PAYLOAD_TYPE]++;
            return;
        }
        engine->up.use(engine->owner, stream, payload_type);
    }
    stream->packets++;
    stream->octets += packet->size;
    tell_gaps(engine, stream, before, index, now);
    read_elements(stream, packet, datagram);
    read_place(stream, packet);
    pass_on(engine, stream, packet, before, index, now);
    packet_done(packet);
}

/* Take the original packet out of a retransmission (RFC 4588 section 4). */
static void restore(engine_t *engine, stream_t *stream, packet_t *packet, int payload_type, const uint8_t *datagram,
                    double now) {
    int original = stream->rtx_types[payload_type];
    if (packet->size < 2) return; /* padding to probe bandwidth */
    if (original < 0) {
        engine->dropped[UNKNOWN_PAYLOAD_TYPE]++;
        return;
    }
    if (stream->window->highest < 0) {
        engine->dropped[RTX_EARLY]++;
        return;
    }
    int64_t index = window_index(stream->window, read16(packet->payload)), before = stream->window->highest;
    if (!window_fresh(stream->window, index)) return; /* it came after all, or the sender probes with old packets */
    window_commit(stream->window, index);
    packet->payload += 2;
    packet->size -= 2;
    take_in(engine, stream, packet, before, index, original, datagram, now);
}

/* Take off the padding (RFC 3550 section 5.1); 0 when it is longer than the payload. */
static int drop_padding(packet_t *packet) {
    int padding = packet->size ? packet->payload[packet->size - 1] : 0;
    if (padding == 0 || padding > packet->size) return 0;
    packet->size -= padding;
    return 1;
}

/* The row of an authentic SSRC that no table knows, by Python's leave. */
static inbound_t *admit(engine_t *engine, peer_t *peer, uint32_t ssrc) {
    return engine->up.admit(engine->owner, peer, ssrc) ? find_inbound(peer, ssrc) : NULL;
}

static int is_capped(const peer_t *peer) {
    return peer->unknown >= MAX_UNKNOWN_SSRCS_PER_PEER || peer->inbound_count >= MAX_SSRCS_PER_PEER;
}

/* Whether a packet wants a decision that only Python makes. */
static int is_for_python(const inbound_t *inbound, packet_t packet, const uint8_t *datagram, int payload_type, int64_t index) {
    stream_t *stream = inbound == NULL ? NULL : inbound->stream;
    if (stream == NULL) return 1;
    if (inbound->rtx) return stream->waiting || stream->rtx_types[payload_type] != stream->payload_type;
    if (payload_type != stream->payload_type) return 1;
    if (!stream->waiting || index < inbound->window.highest) return 0;
    if (stream->codec == CODEC_VP8) read_vp8(&packet);
    find_dependency(stream, &packet, datagram);
    return is_key_descriptor(packet.dependency, packet.dependency_size) || begins_keyframe(stream, &packet);
}

void receive_rtp(engine_t *engine, peer_t *peer, const uint8_t *datagram, int size, double now) {
    int head = header_size(datagram, size);
    if (peer->receive == NULL || !head || size > MAX_DATAGRAM) {
        engine->dropped[peer->receive == NULL ? BEFORE_KEYS : head ? OVERSIZE : RTP_MALFORMED]++;
        return;
    }
    uint32_t sequence = read16(datagram + 2), ssrc = read32(datagram + 8);
    inbound_t *inbound = find_inbound(peer, ssrc);
    stream_t *stream = inbound == NULL ? NULL : inbound->stream;
    if (engine->up.defer != NULL && (peer->pending.count || (stream != NULL && stream->pending.count))) {
        engine->up.defer(engine->owner, peer, peer->pending.count ? NULL : stream, datagram, size, now);
        return;
    }
    if (inbound == NULL && is_capped(peer)) {
        engine->dropped[SSRC_CAP]++;
        return;
    }
    int64_t index = inbound == NULL ? (int64_t)sequence : window_index(&inbound->window, sequence);
    if (inbound != NULL && !window_fresh(&inbound->window, index)) {
        engine->dropped[REPLAY]++;
        return;
    }
    packet_t packet = {.payload = engine->queue->plain, .marker = datagram[1] & 0x80, .level = -1, .dependency_size = -1,
                       .timestamp = read32(datagram + 4)};
    packet.size = unprotect(peer->receive, engine->queue->plain, datagram, size, head, ssrc, index);
    if (packet.size < 0) {
        engine->dropped[SRTP_AUTH]++;
        return;
    }
    if (engine->up.defer != NULL && is_for_python(inbound, packet, datagram, datagram[1] & 0x7F, index)) {
        engine->up.defer(engine->owner, peer, stream, datagram, size, now);
        return;
    }
    if (inbound == NULL) inbound = admit(engine, peer, ssrc);
    if (inbound == NULL) return;
    int64_t before = inbound->window.highest;
    window_commit(&inbound->window, index);
    if (datagram[0] & 0x20 && !drop_padding(&packet)) {
        engine->dropped[RTP_MALFORMED]++;
        return;
    }
    peer->heard = now;
    engine->packets_in++;
    engine->bytes_in += size;
    if (peer->arrival_id) note_arrival(peer, datagram, now);
    int payload_type = datagram[1] & 0x7F;
    if (inbound->stream == NULL) engine->up.learn(engine->owner, peer, ssrc, payload_type, datagram, size);
    if (inbound->stream == NULL) {
        engine->dropped[UNKNOWN_SSRC]++;
    } else if (inbound->rtx) {
        restore(engine, inbound->stream, &packet, payload_type, datagram, now);
    } else {
        stream_arrived(inbound->stream, index, packet.timestamp, now);
        take_in(engine, inbound->stream, &packet, before, index, payload_type, datagram, now);
    }
}

/* A datagram from a validated address; what it causes to be sent is on its way afterwards. */
void engine_rtp(engine_t *engine, peer_t *peer, const uint8_t *datagram, int size, double now) {
    tables_lock(engine->lock);
    receive_rtp(engine, peer, datagram, size, now);
    tables_unlock(engine->lock);
    queue_flush(engine);
}
