/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* Who speaks, and who of a large room is sent on (sfu/core/speakers.py and loudest.py say why). */
#include "internal.h"

#define LOUD 35
#define LEVEL_MAX 127
#define MAX_PACKET_MS 120.0
#define AUDIBLE 50
#define SILENT_S 0.1
#define MARGIN_DB 6
#define RISE 0.5
#define FALL 0.05

/* Count a packet's audio level (RFC 6464: the low 7 bits are -dBov). */
void stream_hear(stream_t *stream, int level, uint32_t timestamp) {
    int64_t before = stream->level_at;
    stream->level_at = timestamp;
    level &= 0x7F;
    if (level >= LOUD) return;
    double ms = 20.0;
    if (before >= 0) {
        ms = (double)(((int64_t)timestamp - before) & 0xFFFFFFFF) * 1000 / stream->clock_rate;
        if (ms > MAX_PACKET_MS) ms = MAX_PACKET_MS;
    }
    stream->loud_ms += ms;
    if (level < stream->loudest) stream->loudest = level;
}

/* End a window of levels: milliseconds in which it was loud, and the least level value then. */
EXPORTED double stream_take_levels(engine_t *engine, stream_t *stream, int *loudest) {
    tables_lock(engine->lock);
    double loud_ms = stream->loud_ms;
    *loudest = stream->loudest;
    stream->loud_ms = 0;
    stream->loudest = LEVEL_MAX;
    tables_unlock(engine->lock);
    return loud_ms;
}

static void leave(seats_t *seats, int place) {
    seats->count--;
    memmove(seats->voices + place, seats->voices + place + 1, (size_t)(seats->count - place) * sizeof *seats->voices);
}

void seats_forget(seats_t *seats, int64_t track) {
    for (int n = 0; n < seats->count; n++)
        if (seats->voices[n].track == track) {
            leave(seats, n);
            return;
        }
}

static int is_silent(const voice_t *voice, double now) { return !voice->audible || now - voice->heard > SILENT_S; }

/* Free the seat of who has been silent longest, else of the quietest if that is clearly quieter. */
static int replace(seats_t *seats, int level, double now) {
    int silent = -1, quietest = 0;
    for (int n = 0; n < seats->count; n++) {
        const voice_t *voice = &seats->voices[n];
        if (is_silent(voice, now) && (silent < 0 || voice->heard < seats->voices[silent].heard)) silent = n;
        if (voice->level > seats->voices[quietest].level) quietest = n;
    }
    if (silent < 0 && seats->voices[quietest].level - level < MARGIN_DB) return 0;
    leave(seats, silent < 0 ? quietest : silent);
    return 1;
}

static int passes(seats_t *seats, int64_t track, int level, double now) {
    if (!seats->seats || level < 0) return 1;
    int audible = level < AUDIBLE;
    for (int n = 0; n < seats->count; n++) {
        voice_t *voice = &seats->voices[n];
        if (voice->track != track) continue;
        voice->level += (level - voice->level) * (level < voice->level ? RISE : FALL);
        voice->audible = audible;
        if (audible) voice->heard = now;
        return 1;
    }
    if (!audible) return 0;
    if (seats->count >= seats->seats && !replace(seats, level, now)) return 0;
    seats->voices[seats->count++] = (voice_t){level, now, track, 1};
    return 1;
}

static void resume(const stream_t *stream, down_t **downs, int count, uint32_t timestamp, int64_t index, double now) {
    for (int n = 0; n < count; n++) {
        int64_t aligned = (timestamp + downs[n]->timestamp_offset) & 0xFFFFFFFF;
        down_begin(downs[n], index, timestamp, now, stream->clock_rate, 1, aligned, 0, 0);
    }
}

/* Whether a packet is among the loudest of the room; who gets it again sees no gap but in time. */
int stream_is_seated(stream_t *stream, const packet_t *packet, int64_t index, double now) {
    int before = stream->seated;
    stream->seated = passes(stream->seats, stream->track, packet->level < 0 ? -1 : packet->level & 0x7F, now);
    if (stream->seated && !before) {
        resume(stream, stream->followers, stream->follower_count, packet->timestamp, index, now);
        resume(stream, stream->selective, stream->selective_count, packet->timestamp, index, now);
    }
    return stream->seated;
}
