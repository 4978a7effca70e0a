/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* A stranger's packets against the native engine's receive path, for libFuzzer, and for replaying files under any compiler.
 *
 * An input is one byte of setting and then steps, each a byte that says what and what belongs to it. The cipher is replaced by
 * one that copies: a fuzzer cannot forge a tag, and what lies behind the tag is what is to be reached. Python's part of rare
 * decisions is played here, so that C meets what it meets in life. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "queue.h"

#define PUBLISHER 1
#define DOWNS 6
#define HISTORY 64
#define TAG 16
#define FORGED 0xA5 /* a tag that ends so is not authentic */
#define DATAGRAM_MAX 1600
#define LINK 1

enum { VIDEO = 0x1111, RTX = 0x2222, AUDIO = 0x3333 };

struct keys {
    int unused;
};

int crypto_load(const char *library) { return library == NULL; }
keys_t *keys_new(int gcm, const uint8_t *key, const uint8_t *salt, const uint8_t *authentication, int encrypts) {
    (void)gcm, (void)key, (void)salt, (void)authentication, (void)encrypts;
    return calloc(1, sizeof(keys_t));
}
void keys_free(keys_t *keys) { free(keys); }
int keys_overhead(const keys_t *keys) { return keys == NULL ? 0 : TAG; }

int protect(keys_t *keys, uint8_t *out, int head, const uint8_t *payload, int size, uint32_t ssrc, int64_t index) {
    (void)keys, (void)ssrc, (void)index;
    assert(head >= 12 && size >= 0 && head + size + TAG <= SLOT_SIZE);
    if (size) memcpy(out + head, payload, (size_t)size);
    memset(out + head + size, 0, TAG);
    return head + size + TAG;
}

int unprotect(keys_t *keys, uint8_t *plain, const uint8_t *datagram, int size, int head, uint32_t ssrc, int64_t index) {
    (void)keys, (void)ssrc, (void)index;
    int payload = size - head - TAG;
    if (payload < 0 || datagram[size - 1] == FORGED) return -1;
    if (payload) memcpy(plain, datagram + head, (size_t)payload);
    return payload;
}

static struct {
    engine_t engine;
    lane_t *lane;
    peer_t publisher, receivers[3];
    double times[3][SEND_LOG];
    uint16_t sizes[3][SEND_LOG];
    inbound_t rows[MAX_SSRCS_PER_PEER];
    int row_count;
    window_t *windows;
    stream_t video, audio;
    reader_t reader;
    targets_t targets;
    layers_t layers;
    seats_t seats;
    voice_t voices[2];
    down_t downs[DOWNS];
    down_t *followers[3], *selective[2];
    struct sockaddr_in address;
    double now;
} world;

static int admit(void *owner, peer_t *peer, uint32_t ssrc) {
    (void)owner;
    assert(world.row_count < MAX_SSRCS_PER_PEER);
    inbound_t *row = &world.rows[world.row_count++];
    *row = (inbound_t){.ssrc = ssrc, .window.highest = -1};
    peer->unknown++;
    return peer_add(peer, row);
}

static inbound_t *row_of(uint32_t ssrc) {
    for (int n = 0; n < world.row_count; n++)
        if (world.rows[n].ssrc == ssrc) return &world.rows[n];
    return NULL;
}

static void learn(void *owner, peer_t *peer, uint32_t ssrc, int payload_type, const uint8_t *datagram, int size) {
    (void)owner, (void)peer, (void)datagram, (void)size;
    inbound_t *row = row_of(ssrc);
    assert(row != NULL && payload_type < 128);
    if (ssrc == RTX) row->rtx = 1;
    if (ssrc == RTX || ssrc == VIDEO) row->stream = &world.video;
    if (ssrc == AUDIO) row->stream = &world.audio;
    if (ssrc == VIDEO) world.video.window = &row->window;
}

static void use(void *owner, stream_t *stream, int payload_type) {
    (void)owner;
    stream->payload_type = payload_type;
    stream->codec = stream->is_audio ? CODEC_OTHER : payload_type % (CODEC_AV1 + 1);
}

static void begins(void *owner, stream_t *stream, packet_t *packet, int64_t index, double now) {
    (void)owner;
    down_begin(&world.downs[0], index, packet->timestamp, now, stream->clock_rate, 0, 0, packet->picture_id, packet->tl0);
    stream->waiting = 0;
    stream->follower_count = 2;
}

static void gap(void *owner, stream_t *stream, int64_t first, int64_t stop, double now) {
    (void)owner, (void)stream, (void)now;
    assert(first < stop && stop - first <= 0x8000);
}
static void late(void *owner, stream_t *stream, int64_t index) { (void)owner, (void)stream, (void)index; }
static void blocked(void *owner, stream_t *stream, double now) { (void)owner, (void)stream, (void)now; }
static int layered(void *owner, stream_t *stream, int spatial, int temporal) {
    (void)owner;
    assert(spatial > 0 && spatial <= stream->spatial_layers && temporal > 0 && temporal <= stream->temporal_layers);
    if (!world.reader.structures || world.layers.targets != NULL) return 1;
    world.layers.targets = &world.targets;
    layers_adopt(&world.layers, &world.reader);
    return 1;
}
static void send_out(void *owner, int64_t token, const uint8_t *datagram, int size) {
    (void)owner, (void)token;
    assert(size >= 12 && datagram[0] >> 6 == 2);
}
static void other(void *owner, int link, const uint8_t *address, int length, const uint8_t *datagram, int size) {
    (void)owner, (void)link, (void)address, (void)length, (void)datagram, (void)size;
}

static void open_down(int number, int receiver, uint32_t ssrc, int payload_type, int rtx_payload_type) {
    down_t *down = &world.downs[number];
    memset(down, 0, sizeof *down);
    down->peer = &world.receivers[receiver];
    down->skipped_picture = -1;
    down->ssrc = ssrc;
    down->rtx_ssrc = ssrc + 1;
    down->payload_type = payload_type;
    down->rtx_payload_type = rtx_payload_type;
    down->numbered = number & 1;
    down->mid_id = 1;
    down->mid_size = number == 2 ? 40 : 2; /* one that wants the two-byte form */
    down->stamp_id = 3;
    down->dependency_id = 5;
    down->head_size = write_head(down, NULL, -1, down->head, &down->time_at);
    down->history_mask = HISTORY - 1;
}

static void open_world(uint8_t setting) {
    memset(&world.publisher, 0, sizeof world.publisher);
    world.publisher.token = PUBLISHER;
    world.publisher.arrival_id = 3;
    if ((setting & 0xE0) != 0xE0) world.publisher.receive = keys_new(1, NULL, NULL, NULL, 0);
    world.row_count = 0;
    for (int n = 0; n < 3; n++) {
        peer_t *peer = &world.receivers[n];
        memset(peer, 0, sizeof *peer);
        peer->token = n + 2;
        peer->send = keys_new(1, NULL, NULL, NULL, 1);
        peer->target = n == 0 ? BY_UDP : n == 1 ? BY_PYTHON : NOWHERE;
        peer->fd = -1;
        peer->log_times = world.times[n];
        peer->log_sizes = world.sizes[n];
    }
    for (int n = 0; n < DOWNS; n++) open_down(n, n % 3, 100u + 10u * (uint32_t)n, n == 5 ? -1 : 96, n < 3 ? 97 : 0);
    world.seats = (seats_t){.seats = 2, .voices = world.voices};
    world.layers = (layers_t){.spatial = 1, .temporal = 1, .needs_keyframe = 1, .now_spatial = -1, .top = 1};
    memset(&world.reader, 0, sizeof world.reader);
    memset(&world.targets, 0, sizeof world.targets);
    world.video = (stream_t){.id = 1, .track = 1, .payload_type = 96, .codec = (setting & 7) % (CODEC_AV1 + 1), .first = -1,
                             .reader = &world.reader, .dependency_id = 5, .highest = -1, .level_at = -1, .clock_rate = 90000, .waiting = 1,
                             .spatial_layers = 1, .temporal_layers = 1};
    world.audio = (stream_t){.id = 2, .track = 2, .payload_type = 111, .is_audio = 1, .audio_level_id = 2, .first = -1,
                             .highest = -1, .level_at = -1, .clock_rate = 48000,
                             .seats = setting & 8 ? &world.seats : NULL};
    world.followers[0] = &world.downs[1];
    world.followers[1] = &world.downs[0];
    world.selective[0] = &world.downs[2];
    world.downs[2].layers = &world.layers;
    world.downs[3].primary_only = 1;
    world.video.followers = world.followers;
    world.video.follower_count = 1;
    world.video.selective = world.selective;
    world.video.selective_count = 1;
    world.followers[2] = &world.downs[4];
    world.selective[1] = &world.downs[3];
    world.audio.followers = &world.followers[2];
    world.audio.follower_count = 1;
    world.audio.selective = &world.selective[1];
    world.audio.selective_count = 1;
    admit(NULL, &world.publisher, VIDEO);
    world.video.window = &world.rows[0].window;
    world.rows[0].stream = &world.video;
    memset(world.video.known_types, 1, 120);
    memset(world.audio.known_types, 1, 100);
    for (int n = 0; n < 128; n++) world.video.rtx_types[n] = world.audio.rtx_types[n] = (int16_t)(n % 3 ? -1 : n == 99 ? 98 : 96);
    world.now = 1000;
}

static void close_world(void) {
    for (int n = 0; n < DOWNS; n++) {
        assert(world.downs[n].skip_count <= MAX_SKIPS);
        down_close(&world.downs[n]);
    }
    assert(world.publisher.inbound_count <= MAX_SSRCS_PER_PEER && world.publisher.arrival_count <= MAX_ARRIVALS);
    peer_close(&world.publisher);
    for (int n = 0; n < 3; n++) peer_close(&world.receivers[n]);
}

static void open_engines(void) {
    if (world.lane != NULL) return;
    world.engine.up = (upcalls_t){.admit = admit, .learn = learn, .use = use, .gap = gap, .late = late, .layered = layered,
                                  .begins = begins, .blocked = blocked, .send = send_out,
                                  .other = other};
    world.engine.lock = lock_open();
    world.lane = lane_open(world.engine.lock);
    assert(world.lane != NULL && engine_open(&world.engine));
    world.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 4000};
}

/* What waits for Python is decided, in its order. */
static void decide(void) {
    message_t *message;
    while ((message = lane_next(world.lane)) != NULL) {
        if (message->kind == TO_DECIDE || message->kind == TO_TAKE) {
            stream_t *stream = message->stream == world.audio.id ? &world.audio : &world.video;
            if (message->datagram[0] >> 6 == 2)
                engine_rtp(&world.engine, &world.publisher, message->datagram, message->size, world.now);
            if (message->id == PUBLISHER) (message->stream < 0 ? &world.publisher.pending : &stream->pending)->count--;
        } else if (message->kind == TOLD_LAYERED) {
            layered(NULL, &world.video, 1, 1);
        } else if (message->kind == TO_SEND) {
            send_out(NULL, message->id, message->datagram, message->size);
        }
        lane_done(world.lane);
    }
}

/* A datagram as it lies in the batch that was read; `shaped` ones are RTP of an SSRC that is known or may be. */
static void come(engine_t *engine, const uint8_t *data, int size, int shaped) {
    static const uint32_t ssrcs[] = {VIDEO, RTX, AUDIO, 0x4444};
    queue_t *queue = engine->queue;
    uint8_t *datagram = queue->received[0];
    memcpy(datagram, data, (size_t)size);
    if (shaped && size >= 12) {
        uint32_t ssrc = ssrcs[datagram[8] & 3];
        datagram[0] = (uint8_t)(0x80 | (datagram[0] & 0x3F));
        write32(datagram + 8, ssrc == 0x4444 ? ssrc + datagram[9] : ssrc);
    }
    if (engine == &world.engine) { /* nothing but what Python hands to it */
        engine_rtp(engine, &world.publisher, datagram, size, world.now);
        return;
    }
    queue->in[0].msg_len = (unsigned)size;
    queue->in[0].msg_hdr = (struct msghdr){.msg_name = &world.address, .msg_namelen = sizeof world.address};
    take(engine, LINK, 0, world.now);
    queue_flush(engine);
}

static void change(uint8_t what) {
    const uint8_t *address = (const uint8_t *)&world.address;
    world.now += (what & 15) * 0.02;
    if (what & 0x10) engine_doubt(lane_engine(world.lane), LINK, address, sizeof world.address);
    if (what & 0x20) lane_know(world.lane, LINK, address, sizeof world.address, &world.publisher);
    if (what & 0x40) layers_want(&world.layers, what >> 2 & 3, what & 3);
    if (what & 0x80) {
        world.video.waiting = 1;
        world.publisher.arrival_count = 0;
    }
}

/* One step; how many bytes it took. */
static int step(engine_t *engine, const uint8_t *data, int size) {
    int what = data[0] & 7, number = data[0] >> 3 & 3, used = 1;
    down_t *down = &world.downs[number];
    if (what < 5 && size >= 3) {
        int length = (data[1] | data[2] << 8) % DATAGRAM_MAX;
        if (length > size - 3) length = size - 3;
        come(engine, data + 3, length, what < 4);
        used = 3 + length;
    } else if (what == 5 && size >= 3) {
        uint16_t wanted[16];
        int count = data[1] & 15;
        for (int n = 0; n < count; n++) wanted[n] = (uint16_t)(down->last_index - data[2] % 70 + n);
        engine_resend(&world.engine, down, wanted, count, world.now, 0.05, data[1] >> 7, 8);
        used = 3;
    } else if (what == 6) {
        engine_probe(&world.engine, down, 100 * number, world.now);
        if (data[0] & 0x80) decide();
    } else if (what == 7 && size >= 2) {
        change(data[1]);
        used = 2;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    int size = length > 65536 ? 65536 : (int)length, at = 1;
    if (size < 1) return 0;
    open_engines();
    open_world(data[0]);
    engine_t *engine = data[0] & 16 ? lane_engine(world.lane) : &world.engine;
    engine_know(lane_engine(world.lane), LINK, (const uint8_t *)&world.address, sizeof world.address, &world.publisher);
    while (at < size) at += step(engine, data + at, size - at);
    decide();
    assert(!world.publisher.pending.count && !world.video.pending.count && !world.audio.pending.count);
    close_world();
    return 0;
}

#ifdef REPLAYS
int main(int count, char **paths) {
    static uint8_t bytes[65536];
    for (int n = 1; n < count; n++) {
        FILE *file = fopen(paths[n], "rb");
        if (file == NULL) return 2;
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        uint8_t *exact = malloc(size ? size : 1); /* so that reading past its end shows */
        if (exact == NULL) return 2;
        memcpy(exact, bytes, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    if (world.lane != NULL) lane_close(world.lane);
    engine_close(&world.engine);
    printf("%d inputs\n", count - 1);
    return 0;
}
#endif
