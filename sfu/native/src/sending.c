/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* The way out: one packet rewritten and protected for every follower, and again for who asks (sfu/media/sending.py). */
#include "internal.h"

#define CACHE_LINE 64

/* 24 bits of 6.18 fixed point seconds. */
uint32_t abs_send_time(double now) { return (uint32_t)((int64_t)(now * 262144) & 0xFFFFFF); }

static uint32_t log_note(peer_t *peer, double now, int size) {
    int64_t number = peer->log_next++;
    peer->log_times[number % SEND_LOG] = now;
    peer->log_sizes[number % SEND_LOG] = (uint16_t)size;
    return (uint32_t)number & 0xFFFF;
}

static void stamp(const down_t *down, uint8_t *at, double now, int size) {
    uint32_t value = down->numbered ? log_note(down->peer, now, size) : abs_send_time(now);
    if (at == NULL) return;
    if (!down->numbered) *at++ = (uint8_t)(value >> 16);
    write16(at, value & 0xFFFF);
}

/* Copy or write the header of a packet; its size. The numbers are filled in by the caller. */
static int begin_head(const down_t *down, const packet_t *packet, uint8_t *out, int *stamp_at) {
    if (packet->dependency_size >= 0 && down->dependency_id)
        return write_head(down, packet->dependency, packet->dependency_size, out, stamp_at);
    if (packet->level >= 0 && down->level_at) {
        memcpy(out, down->level_head, (size_t)down->level_head_size);
        out[down->level_at] = (uint8_t)packet->level;
        *stamp_at = down->level_time_at;
        return down->level_head_size;
    }
    memcpy(out, down->head, (size_t)down->head_size);
    *stamp_at = down->time_at;
    return down->head_size;
}

static void finish_head(uint8_t *out, int second, int64_t index, uint32_t timestamp, uint32_t ssrc) {
    out[1] = (uint8_t)second;
    write16(out + 2, (uint32_t)index & 0xFFFF);
    write32(out + 4, timestamp);
    write32(out + 8, ssrc);
}

/* Send to one receiver under the numbers that its offsets give; `shift` is added to VP8's picture id. */
static void forward_one(engine_t *engine, down_t *down, packet_t *packet, int64_t index, double now, int64_t shift) {
    peer_t *peer = down->peer;
    if (peer->target == NOWHERE || peer->send == NULL || index < down->first) return;
    if (down->payload_type < 0) {
        engine->dropped[CODEC_MISSING]++;
        return;
    }
    int64_t out = index + down->seq_offset;
    uint32_t timestamp = (uint32_t)(packet->timestamp + down->timestamp_offset);
    uint8_t *slot = queue_slot(engine);
    int stamp_at = 0, picture = 0, tl0 = 0;
    int head = begin_head(down, packet, slot, &stamp_at);
    if (stamp_at) stamp(down, slot + stamp_at, now, packet->size);
    finish_head(slot, packet->marker | down->payload_type, out, timestamp, down->ssrc);
    if (packet->has_vp8 && (packet->picture_at || packet->tl0_at)) {
        picture = (int)((packet->picture_id + shift + down->picture_offset) & 0x7FFF);
        tl0 = (int)((packet->tl0 + down->tl0_offset) & 0xFF);
        write_vp8(packet, picture, tl0);
    }
    int size = protect(peer->send, slot, head, packet->payload, packet->size, down->ssrc, out);
    if (size == 0) {
        engine->dropped[TOO_LONG]++;
        return;
    }
    queue_push(engine, peer, size);
    keep(down, out, packet, slot, size, timestamp, picture, tl0);
    if (out > down->last_index) {
        down->last_index = out;
        down->last_timestamp = timestamp;
        down->last_time = now;
        down->last_picture = picture;
        down->last_tl0 = tl0;
    }
    down->packets++;
    down->octets += packet->size;
    peer->sent[down->is_video] += packet->size + OVERHEAD;
    engine->packets_out++;
    engine->bytes_out += size;
}

/* Fetch what the next receivers will want, while this one's packet is encrypted: rows of hundreds of receivers are in no
 * cache, and each waits for the one that names it. */
static void fetch_ahead(down_t *const *downs, int ahead, int64_t index) {
    if (ahead > 2) {
        const char *row = (const char *)downs[3];
        for (size_t at = 0; at <= offsetof(down_t, head); at += CACHE_LINE) __builtin_prefetch(row + at, 1);
    }
    if (ahead > 1 && downs[2]->history != NULL) {
        __builtin_prefetch(&downs[2]->history[(index + downs[2]->seq_offset) & downs[2]->history_mask], 1);
        __builtin_prefetch(downs[2]->peer, 1);
    }
    if (ahead > 0 && downs[1]->history != NULL)
        __builtin_prefetch(downs[1]->history[(index + downs[1]->seq_offset) & downs[1]->history_mask].packet, 1);
}

/* Send to downlinks as it is. The hot loop. */
void engine_forward(engine_t *engine, down_t **downs, int count, packet_t *packet, int64_t index, double now) {
    for (int n = 0; n < count; n++) {
        fetch_ahead(&downs[n], count - 1 - n, index);
        forward_one(engine, downs[n], packet, index, now, 0);
    }
}

/* Whether a receiver of parts gets a packet. */
static int is_chosen(const down_t *down, const reader_t *reader, const packet_t *packet, int newest) {
    return down->layers == NULL || layers_take(down->layers, reader, &packet->place, newest);
}

/* Whether it ends the picture for who gets no higher layers, and does not say so. */
static int wants_marker(const down_t *down, const packet_t *packet) {
    return !packet->marker && down->layers != NULL && layers_mark(down->layers, &packet->place);
}

/* Send under the numbers that were kept for the packet; one that nobody wants any more goes out empty. */
static void send_at(engine_t *engine, down_t *down, packet_t *packet, int64_t index, int64_t sequence, int64_t pictures,
                    double now) {
    forward_one(engine, down, packet, index + sequence - down->seq_offset, now, pictures - down->picture_offset);
}

static void send_part(engine_t *engine, down_t *down, packet_t *packet, int chosen, int64_t index, int64_t sequence,
                      int64_t pictures, double now) {
    packet_t part = {.timestamp = packet->timestamp, .level = -1, .dependency_size = -1};
    int start = chosen && down->primary_only ? red_primary(packet->payload, packet->size) : 0;
    if (chosen && !down->primary_only) {
        send_at(engine, down, packet, index, sequence, pictures, now);
        return;
    }
    if (chosen && start >= 0) {
        part = *packet;
        part.kept = NULL;
        part.payload += start;
        part.size -= start;
    }
    send_at(engine, down, &part, index, sequence, pictures, now);
    packet_done(&part);
}

/* Send to those who get a part of a stream; tells when one of them cannot go on without a key frame since now. */
void forward_parts(engine_t *engine, stream_t *stream, packet_t *packet, int64_t index, double now, int newest) {
    packet_t marked = *packet;
    int blocked = 0;
    marked.marker = 0x80;
    marked.kept = NULL;
    for (int n = 0; n < stream->selective_count; n++) {
        down_t *down = stream->selective[n];
        int64_t sequence = 0, pictures = 0;
        if (index < down->first) continue;
        if (!down_offsets(down, index, &sequence, &pictures)) {
            engine->dropped[TOO_LATE]++;
            continue;
        }
        int before = down->layers != NULL && down->layers->needs_keyframe;
        int chosen = is_chosen(down, stream->reader, packet, newest);
        blocked |= !before && down->layers != NULL && down->layers->needs_keyframe;
        if (chosen && down->primary_only) chosen = red_primary(packet->payload, packet->size) >= 0;
        if (!chosen && newest) {
            down_skip(down, index, packet->has_vp8 && packet->picture_at ? packet->picture_id : -1);
            continue;
        }
        packet_t *form = wants_marker(down, packet) ? &marked : packet;
        send_part(engine, down, form, chosen, index, sequence, pictures, now);
    }
    packet_done(&marked);
    if (blocked) engine->up.blocked(engine->owner, stream, now);
}

/* Send a kept packet under the RTX SSRC, its sequence number first (RFC 4588 section 4); 0 when it can't be. */
static int send_rtx(engine_t *engine, down_t *down, const packet_t *packet, uint32_t sequence, uint32_t timestamp,
                    double now) {
    uint8_t payload[MAX_DATAGRAM + 2];
    peer_t *peer = down->peer;
    int stamp_at = 0;
    if (packet->size > MAX_DATAGRAM || peer->send == NULL || peer->target == NOWHERE) return 0;
    uint8_t *slot = queue_slot(engine);
    int head = write_head(down, packet->dependency, packet->dependency_size, slot, &stamp_at);
    stamp(down, stamp_at ? slot + stamp_at : NULL, now, packet->size ? packet->size : 1);
    int64_t index = down->rtx_index++;
    finish_head(slot, packet->marker | down->rtx_payload_type, index, timestamp, down->rtx_ssrc);
    write16(payload, sequence);
    memcpy(payload + 2, packet->payload, (size_t)packet->size);
    int size = protect(peer->send, slot, head, payload, packet->size + 2, down->rtx_ssrc, index);
    if (size) queue_push(engine, peer, size);
    return size != 0;
}

static int send_kept(engine_t *engine, down_t *down, entry_t *entry, double now) {
    if (entry->packet == NULL) {
        memcpy(queue_slot(engine), entry->datagram, entry->size);
        queue_push(engine, down->peer, (int)entry->size);
        return 1;
    }
    write_vp8(&entry->packet->packet, entry->picture, entry->tl0);
    return send_rtx(engine, down, &entry->packet->packet, (uint32_t)entry->index & 0xFFFF, entry->timestamp, now);
}

/* Answer a NACK (RFC 4585 section 6.2.1) with `most` packets at most; how many were sent. */
int engine_resend(engine_t *engine, down_t *down, const uint16_t *sequences, int count, double now, double quiet,
                  int since_switch, int most) {
    int64_t oldest = since_switch ? down->first + down->seq_offset : 0;
    int sent = 0;
    tables_lock(engine->lock);
    for (int n = 0; n < count && sent < most && down->history != NULL; n++) {
        if (down->peer->target == NOWHERE || down->peer->send == NULL) break;
        entry_t *entry = &down->history[sequences[n] & down->history_mask];
        if (entry->index < 0 || (entry->index & 0xFFFF) != sequences[n] || entry->resent >= MAX_RESENDS) continue;
        if (entry->resent && now - entry->resent_at < quiet) continue;
        entry->resent++;
        entry->resent_at = now;
        if (entry->index < oldest || !send_kept(engine, down, entry, now)) continue;
        engine->retransmitted++;
        sent++;
    }
    tables_unlock(engine->lock);
    queue_flush(engine);
    return sent;
}

/* Send the newest kept packets again, as RTX, up to so many bytes; how many were sent. */
int engine_probe(engine_t *engine, down_t *down, int octets, double now) {
    int sent = 0, before = -1;
    tables_lock(engine->lock);
    while (sent < octets && sent != before && down->history != NULL) {
        before = sent;
        for (int64_t n = down->last_index; n > down->last_index - PROBE_PACKETS && sent < octets; n--) {
            entry_t *entry = &down->history[n & down->history_mask];
            if (entry->index != n || entry->packet == NULL || !down->rtx_payload_type) continue;
            if (!send_kept(engine, down, entry, now)) continue;
            sent += entry->packet->packet.size + OVERHEAD;
            engine->probes++;
        }
    }
    tables_unlock(engine->lock);
    queue_flush(engine);
    return sent;
}
