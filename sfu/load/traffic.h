/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read by the C compiler and by cffi, so: declarations only. Times are CLOCK_REALTIME in nanoseconds.
 */

typedef struct traffic traffic;

/* What a sender's stream looks like. A picture has `parts` packets of `size` bytes, a key picture `key_parts`. */
typedef struct {
    uint32_t ssrc;
    uint32_t clock_rate;
    double per_second;
    uint16_t size;
    uint16_t parts;
    uint16_t key_parts;
    uint8_t payload_type;
    uint8_t video;
    uint8_t level;
    char mid[4];
    char rid[4];
    uint64_t starts;
} stream_row;

/* Of one SSRC that a receiver got. */
typedef struct {
    uint32_t ssrc;
    int64_t first;
    int64_t highest;
    uint64_t packets;
    uint64_t octets;
    uint64_t began;
} flow_row;

/* A datagram that Python shall look at: a sampled packet of a receiver, or RTCP for a sender. */
typedef struct {
    uint32_t owner;
    uint8_t control;
    uint16_t length;
    int64_t index;
    uint64_t came;
    uint8_t data[1600];
} sample_row;

typedef struct {
    uint64_t sent;
    uint64_t send_errors;
    uint64_t received;
    uint64_t samples_lost;
    uint64_t flows_refused;
} traffic_counts;

traffic *traffic_new(const char *crypto, unsigned sample_every);
void traffic_free(traffic *t);
int traffic_sender(traffic *t, int fd, const uint8_t *key, const uint8_t *salt);
int traffic_stream(traffic *t, int sender, const stream_row *row);
void traffic_key_picture(traffic *t, int sender, uint32_t ssrc);
void traffic_silence(traffic *t, int sender);
int traffic_receiver(traffic *t, int fd);
void traffic_leave(traffic *t, int receiver);
void traffic_run(traffic *t);
void traffic_stop(traffic *t);
int traffic_samples(traffic *t, sample_row *out, int most);
int traffic_flows(traffic *t, int receiver, flow_row *out, int most);
void traffic_count(traffic *t, traffic_counts *out);
