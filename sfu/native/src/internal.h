/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* What the C files share and Python does not see. */
#ifndef SFU_INTERNAL_H
#define SFU_INTERNAL_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define EXPORTED __attribute__((visibility("default"))) /* for calls that keep Python's interpreter lock */

struct kept {
    packet_t packet;
    int references;
    uint8_t bytes[];
};

static inline uint32_t read16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t read32(const uint8_t *at) { return read16(at) << 16 | read16(at + 2); }
static inline void write16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void write32(uint8_t *at, uint32_t value) {
    write16(at, value >> 16);
    write16(at + 2, value & 0xFFFF);
}

/* crypto.c */
int keys_overhead(const keys_t *keys);
int protect(keys_t *keys, uint8_t *out, int head, const uint8_t *payload, int size, uint32_t ssrc, int64_t index);
int unprotect(keys_t *keys, uint8_t *plain, const uint8_t *datagram, int size, int head, uint32_t ssrc, int64_t index);

/* rtp.c */
int header_size(const uint8_t *data, int size);
int find_extension(const uint8_t *data, int ident, int length);
int last_extension(const uint8_t *data, int ident, int *length);
int64_t extend(uint32_t sequence, int64_t highest);
int64_t window_index(const window_t *window, uint32_t sequence);
int window_fresh(const window_t *window, int64_t index);
void window_commit(window_t *window, int64_t index);
void stream_arrived(stream_t *stream, int64_t index, uint32_t timestamp, double now);
int write_head(const down_t *down, const uint8_t *dependency, int size, uint8_t *out, int *stamp_at);

/* codecs.c */
void read_vp8(packet_t *packet);
place_t vp9_place(const uint8_t *data, int size);
int begins_keyframe(const stream_t *stream, const packet_t *packet);
int red_primary(const uint8_t *payload, int size);

/* levels.c */
void stream_hear(stream_t *stream, int level, uint32_t timestamp);
int stream_is_seated(stream_t *stream, const packet_t *packet, int64_t index, double now);

/* dependency.c */
enum { NOT_PRESENT, DISCARDABLE, SWITCH, REQUIRED }; /* what a frame is to a decode target */
int read_dependency(reader_t *reader, const uint8_t *data, int size, place_t *place);
int is_key_descriptor(const uint8_t *data, int size);

/* layers.c */
int layers_take(layers_t *layers, const reader_t *reader, const place_t *place, int newest);
int layers_mark(const layers_t *layers, const place_t *place);
void note_layers(engine_t *engine, stream_t *stream, const place_t *place);

/* keeping.c */
kept_t *packet_keep(packet_t *packet);
void kept_release(kept_t *kept);
void write_vp8(packet_t *packet, int picture, int tl0);
void keep(down_t *down, int64_t index, packet_t *packet, const uint8_t *datagram, int size, uint32_t timestamp,
          int picture, int tl0);

/* sending.c */
void forward_parts(engine_t *engine, stream_t *stream, packet_t *packet, int64_t index, double now, int newest);
uint32_t abs_send_time(double now);

/* lock.c */
void tables_lock(lock_t *lock);
void tables_unlock(lock_t *lock);
void tables_lock_timed(engine_t *engine);
int64_t now_ns(void);

/* wire.c */
uint8_t *queue_slot(engine_t *engine);
void queue_push(engine_t *engine, peer_t *peer, int size);
void queue_flush(engine_t *engine);

#endif
