/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* RTP headers and extensions (RFC 3550, RFC 8285), packet indices, replay windows, reception (as sfu/core does it). */
#include "internal.h"

#define ONE_BYTE 0xBEDE
#define TWO_BYTE 0x1000
#define MAX_ONE_BYTE_ID 14
#define MAX_ONE_BYTE_SIZE 16

/* Bytes up to the payload; 0 when malformed. */
int header_size(const uint8_t *data, int size) {
    if (size < 12 || (data[0] & 0xC0) != 0x80) return 0;
    int at = 12 + 4 * (data[0] & 0x0F);
    if (data[0] & 0x10) {
        if (at + 4 > size) return 0;
        at += 4 + 4 * (int)read16(data + at + 2);
    }
    return at <= size ? at : 0;
}

static int extension_block(const uint8_t *data, int *at, int *end) {
    if (!(data[0] & 0x10)) return 0;
    int start = 12 + 4 * (data[0] & 0x0F);
    *at = start + 4;
    *end = start + 4 + 4 * (int)read16(data + start + 2);
    return (int)read16(data + start);
}

/* Where the value of the element with this id and length begins; 0 without one. */
int find_extension(const uint8_t *data, int ident, int length) {
    int at = 0, end = 0, profile = extension_block(data, &at, &end);
    if (profile == ONE_BYTE) {
        while (at < end) {
            int byte = data[at];
            if (byte == (ident << 4 | (length - 1))) return at + 1 + length <= end ? at + 1 : 0;
            if (byte >= 0xF0) break;
            at += byte ? (byte & 0x0F) + 2 : 1;
        }
    } else if ((profile & 0xFFF0) == TWO_BYTE) {
        while (at + 1 < end) {
            if (!data[at]) {
                at++;
                continue;
            }
            if (data[at] == ident && data[at + 1] == length) return at + 2 + length <= end ? at + 2 : 0;
            at += 2 + data[at + 1];
        }
    }
    return 0;
}

/* Where the value of the last element with this id begins, and its length; 0 without one. */
int last_extension(const uint8_t *data, int ident, int *length) {
    int at = 0, end = 0, found = 0, profile = extension_block(data, &at, &end);
    int one = profile == ONE_BYTE;
    if (!one && (profile & 0xFFF0) != TWO_BYTE) return 0;
    while (at < end) {
        int byte = data[at++];
        if (!byte) continue;
        if (one && byte >> 4 == 15) break;
        if (!one && at >= end) break;
        int size = one ? (byte & 0x0F) + 1 : data[at++];
        if (at + size > end) break;
        if ((one ? byte >> 4 : byte) == ident) {
            found = at;
            *length = size;
        }
        at += size;
    }
    return found;
}

/* The index nearest to the highest whose low 16 bits are the sequence number (RFC 3711 section 3.3.1). */
int64_t extend(uint32_t sequence, int64_t highest) {
    return highest + (((int64_t)sequence - highest + 0x8000) & 0xFFFF) - 0x8000;
}

int64_t window_index(const window_t *window, uint32_t sequence) {
    return window->highest < 0 ? (int64_t)sequence : extend(sequence, window->highest);
}

/* Whether an index is neither old nor seen (RFC 3711 section 3.3.2). */
int window_fresh(const window_t *window, int64_t index) {
    if (index < 0) return 0;
    int64_t behind = window->highest - index;
    if (behind < 0) return 1;
    return behind < WINDOW && !(window->seen[(index % WINDOW) / 64] >> (index % 64) & 1);
}

/* Mark an authenticated index. */
void window_commit(window_t *window, int64_t index) {
    if (index > window->highest) {
        if (index - window->highest >= WINDOW) {
            memset(window->seen, 0, sizeof window->seen);
        } else {
            for (int64_t one = window->highest + 1; one <= index; one++)
                window->seen[(one % WINDOW) / 64] &= ~(1ULL << (one % 64));
        }
        window->highest = index;
    }
    window->seen[(index % WINDOW) / 64] |= 1ULL << (index % 64);
}

/* Count a packet for receiver reports; jitter by RFC 3550 section A.8, of packets in order. */
void stream_arrived(stream_t *stream, int64_t index, uint32_t timestamp, double now) {
    stream->received++;
    if (stream->first < 0) stream->first = index;
    if (index <= stream->highest) return;
    stream->highest = index;
    double transit = now * stream->clock_rate - timestamp;
    if (stream->has_transit) {
        double deviation = transit > stream->transit ? transit - stream->transit : stream->transit - transit;
        if (deviation < 0x7FFFFFFF) stream->jitter += (deviation - stream->jitter) / 16; /* a wrap is no jitter */
    }
    stream->transit = transit;
    stream->has_transit = 1;
}

typedef struct {
    int ident, size;
    const uint8_t *value;
} element_t;

/* A header with a receiver's mid, stamp and dependency descriptor (none where `size` is negative); its size.
 * One-byte form where every element fits it, else two-byte form (RFC 8285). */
int write_head(const down_t *down, const uint8_t *dependency, int size, uint8_t *out, int *stamp_at) {
    static const uint8_t blank[3];
    element_t listed[3] = {{down->mid_id, down->mid_size, down->mid},
                           {down->stamp_id, down->numbered ? 2 : 3, blank},
                           {size < 0 ? 0 : down->dependency_id, size, dependency}};
    int at = 16, one = 1, any = 0;
    for (int n = 0; n < 3; n++) {
        if (!listed[n].ident || listed[n].size > 255) listed[n].ident = 0;
        if (!listed[n].ident) continue;
        any = 1;
        one = one && listed[n].ident <= MAX_ONE_BYTE_ID && listed[n].size > 0 && listed[n].size <= MAX_ONE_BYTE_SIZE;
    }
    memset(out, 0, 12);
    out[0] = any ? 0x90 : 0x80;
    *stamp_at = 0;
    if (!any) return 12;
    for (int n = 0; n < 3; n++) {
        const element_t *element = &listed[n];
        if (!element->ident) continue;
        if (one) {
            out[at++] = (uint8_t)(element->ident << 4 | (element->size - 1));
        } else {
            out[at++] = (uint8_t)element->ident;
            out[at++] = (uint8_t)element->size;
        }
        if (n == 1) *stamp_at = at;
        memcpy(out + at, element->value, (size_t)element->size);
        at += element->size;
    }
    while (at % 4) out[at++] = 0;
    write16(out + 12, one ? ONE_BYTE : TWO_BYTE);
    write16(out + 14, (uint32_t)(at - 16) / 4);
    return at;
}
