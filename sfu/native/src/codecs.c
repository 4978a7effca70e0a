/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* What must the forwarder see of a payload? VP8's descriptor, where key frames begin, and RED's newest block. */
#include "internal.h"

#define H264_IDR 5
#define H264_SPS 7
#define H264_STAP_A 24
#define H264_FU_A 28
#define H265_AP 48
#define H265_FU 49

/* VP8's payload descriptor (RFC 7741 section 4.2); `has_vp8` stays 0 when it is cut short. */
void read_vp8(packet_t *packet) {
    const uint8_t *data = packet->payload;
    int size = packet->size, at = 1, layer = 0, flags = 0;
    if (size < 1) return;
    if (data[0] & 0x80) {
        if (size < 2) return;
        flags = data[1];
        at = 2;
    }
    if (flags & 0x80) {
        if (size < at + 1) return;
        packet->picture_at = at;
        packet->picture_id = data[at];
        packet->wide = data[at] >> 7;
        if (packet->wide) {
            if (size < at + 2) return;
            packet->picture_id = (data[at] & 0x7F) << 8 | data[at + 1];
        }
        at += 1 + packet->wide;
    }
    if (flags & 0x40) {
        if (size < at + 1) return;
        packet->tl0_at = at;
        packet->tl0 = data[at++];
    }
    if (flags & 0x30) {
        if (size < at + 1) return;
        layer = flags & 0x20 ? data[at] : 0;
        at++;
    }
    int starts = (data[0] & 0x10) && !(data[0] & 0x07);
    packet->place = (place_t){.how = BY_NUMBERS, .temporal = layer >> 6, .starts = starts, .ends = packet->marker != 0,
                              .key = starts && size > at && !(data[at] & 0x01), .syncs = (layer & 0x20) != 0};
    packet->has_vp8 = 1;
}

/* Where VP9's payload descriptor puts a packet (RFC 9628 section 4.2); nowhere when it is cut short. */
place_t vp9_place(const uint8_t *data, int size) {
    place_t place = {.how = NO_PLACE};
    int at = 1;
    if (size < 1) return place;
    if (data[0] & 0x80) {
        if (size < 2) return place;
        at = data[1] & 0x80 ? 3 : 2;
    }
    if (data[0] & 0x20) {
        if (size <= at) return place;
        place.temporal = data[at] >> 5;
        place.syncs = (data[at] & 0x10) != 0;
        place.spatial = data[at] >> 1 & 0x07;
    }
    place.how = BY_NUMBERS;
    place.starts = (data[0] & 0x08) != 0;
    place.ends = (data[0] & 0x04) != 0;
    place.key = place.starts && !(data[0] & 0x40) && !place.spatial;
    return place;
}

static int starts_h264(int kind) { return kind == H264_IDR || kind == H264_SPS; }

/* The first packet of a decodable start: SPS, alone or aggregated, or a bare IDR (RFC 6184). */
static int is_h264_key(const uint8_t *data, int size) {
    if (size < 1) return 0;
    int kind = data[0] & 0x1F;
    if (kind == H264_STAP_A) {
        for (int at = 1; at + 2 < size; at += 2 + (int)read16(data + at))
            if (starts_h264(data[at + 2] & 0x1F)) return 1;
        return 0;
    }
    if (kind == H264_FU_A && size > 1) return (data[1] & 0x80) && (data[1] & 0x1F) == H264_IDR;
    return starts_h264(kind);
}

static int starts_h265(int kind) { return (kind >= 16 && kind <= 21) || kind == 32 || kind == 33; }

/* The first packet of a random access point (RFC 7798). */
static int is_h265_key(const uint8_t *data, int size) {
    if (size < 3) return 0;
    int kind = data[0] >> 1 & 0x3F;
    if (kind == H265_AP) return size > 4 && starts_h265(data[4] >> 1 & 0x3F);
    if (kind == H265_FU) return (data[2] & 0x80) && starts_h265(data[2] & 0x3F);
    return starts_h265(kind);
}

/* Whether a receiver can begin with this packet. */
int begins_keyframe(const stream_t *stream, const packet_t *packet) {
    if (stream->is_audio) return 1;
    if (packet->place.how == BY_DESCRIPTOR) return packet->place.key && packet->place.starts;
    switch (stream->codec) {
        case CODEC_VP8: return packet->place.key; /* RFC 7741 section 4.3 */
        case CODEC_H264: return is_h264_key(packet->payload, packet->size);
        case CODEC_H265: return is_h265_key(packet->payload, packet->size);
        case CODEC_VP9: return vp9_place(packet->payload, packet->size).key;
        case CODEC_AV1: return packet->size && (packet->payload[0] & 0x08); /* N (AV1 RTP section 4.4) */
        default: return 1;
    }
}

/* Where the newest block of a redundant packet begins (RFC 2198 section 3); -1 when malformed. */
int red_primary(const uint8_t *payload, int size) {
    int at = 0, older = 0;
    while (at < size && payload[at] & 0x80) {
        if (at + 4 > size) return -1;
        older += (payload[at + 2] & 0x03) << 8 | payload[at + 3];
        at += 4;
    }
    int start = at + 1 + older;
    return start <= size && at < size ? start : -1;
}
