/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Light media of many clients in one thread: writes and encrypts what publishers send, counts what receivers get.
 *
 * It measures a server, so it must cost little beside it: one packet is one AES-GCM call and one send, or a share of
 * one recvmmsg. Every sampled packet goes up to Python whole, which decrypts it; the sender's clock is in its payload.
 * Python adds to the tables while the thread runs: one lock, held for a tick at a time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

enum {
    BATCH = 64,
    FLOW_SLOTS = 2048,   /* per receiver; stops: SSRCs without end */
    SAMPLES = 2048,      /* that wait for Python; more are counted and forgotten */
    CONTROL_MAX = 96,    /* a request for a key picture is short; the long feedback is nobody's here */
    TICK_NS = 1000000,
    LATEST_NS = 200000000, /* what is later than this is not caught up */
    TAG = 16,
    STAMP = 16,
    ID_LEVEL = 1, ID_SEND_TIME = 2, ID_NUMBER = 3, ID_MID = 4, ID_RID = 10,
    SET_IV_LENGTH = 9, GET_TAG = 16 /* EVP_CTRL_AEAD_SET_IVLEN, EVP_CTRL_AEAD_GET_TAG */
};
static const uint32_t MAGIC = 0x50734c31;

typedef struct {
    void *(*ctx_new)(void);
    void (*ctx_free)(void *);
    const void *(*cipher)(void);
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*finish)(void *, uint8_t *, int *);
    int (*control)(void *, int, int, void *);
} crypto;

typedef struct {
    int fd;
    int quiet;
    uint16_t number;
    void *gcm;
    uint8_t salt[12];
} sender;

typedef struct {
    stream_row row;
    int sender;
    int key;
    unsigned part;
    unsigned parts;
    uint64_t index;
    uint32_t timestamp;
    uint16_t picture;
    uint64_t next;
    uint64_t picture_due;
} stream;

typedef struct {
    int fd;
    unsigned seen;
    flow_row *flows;
    unsigned used;
} receiver;

struct traffic {
    crypto crypto;
    pthread_mutex_t lock;
    volatile int stopped;
    int epoll;
    unsigned every;
    sender *senders;
    int sender_count;
    stream *streams;
    int stream_count;
    receiver *receivers;
    int receiver_count;
    sample_row *samples;
    unsigned sample_head, sample_tail;
    traffic_counts counts;
    struct mmsghdr messages[BATCH];
    struct iovec buffers[BATCH];
    uint8_t data[BATCH][2048];
    uint8_t control[BATCH][64];
};

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int find_crypto(crypto *c, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    *(void **)&c->ctx_new = dlsym(library, "EVP_CIPHER_CTX_new");
    *(void **)&c->ctx_free = dlsym(library, "EVP_CIPHER_CTX_free");
    *(void **)&c->cipher = dlsym(library, "EVP_aes_128_gcm");
    *(void **)&c->init = dlsym(library, "EVP_EncryptInit_ex");
    *(void **)&c->update = dlsym(library, "EVP_EncryptUpdate");
    *(void **)&c->finish = dlsym(library, "EVP_EncryptFinal_ex");
    *(void **)&c->control = dlsym(library, "EVP_CIPHER_CTX_ctrl");
    return c->ctx_new && c->ctx_free && c->cipher && c->init && c->update && c->finish && c->control;
}

traffic *traffic_new(const char *path, unsigned sample_every) {
    traffic *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->samples = calloc(SAMPLES, sizeof *t->samples);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->every = sample_every;
    if (!t->samples || t->epoll < 0 || !find_crypto(&t->crypto, path)) {
        traffic_free(t);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    for (int i = 0; i < BATCH; i++) {
        t->buffers[i] = (struct iovec){t->data[i], sizeof t->data[i]};
        t->messages[i].msg_hdr.msg_iov = &t->buffers[i];
        t->messages[i].msg_hdr.msg_iovlen = 1;
        t->messages[i].msg_hdr.msg_control = t->control[i];
    }
    return t;
}

void traffic_free(traffic *t) {
    for (int i = 0; i < t->sender_count; i++) t->crypto.ctx_free(t->senders[i].gcm);
    for (int i = 0; i < t->receiver_count; i++) free(t->receivers[i].flows);
    if (t->epoll >= 0) close(t->epoll);
    free(t->senders);
    free(t->streams);
    free(t->receivers);
    free(t->samples);
    free(t);
}

/* Room for one more in a table; NULL where there is no memory. */
static void *grown(void *table, int count, size_t size) {
    if (count & (count - 1)) return table;
    return realloc(table, size * (size_t)(count ? 2 * count : 1));
}

static int watch(traffic *t, int fd, uint32_t what) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};
    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Senders are even in epoll's table, receivers odd. */
int traffic_sender(traffic *t, int fd, const uint8_t *key, const uint8_t *salt) {
    pthread_mutex_lock(&t->lock);
    int number = -1;
    sender *table = grown(t->senders, t->sender_count, sizeof *table);
    void *gcm = t->crypto.ctx_new();
    if (table) t->senders = table;
    if (table && gcm && t->crypto.init(gcm, t->crypto.cipher(), NULL, NULL, NULL) == 1 &&
        t->crypto.control(gcm, SET_IV_LENGTH, 12, NULL) == 1 && t->crypto.init(gcm, NULL, NULL, key, NULL) == 1 &&
        watch(t, fd, (uint32_t)t->sender_count * 2) == 0) {
        number = t->sender_count++;
        table[number] = (sender){.fd = fd, .gcm = gcm};
        memcpy(table[number].salt, salt, 12);
    } else if (gcm) {
        t->crypto.ctx_free(gcm);
    }
    pthread_mutex_unlock(&t->lock);
    return number;
}

int traffic_stream(traffic *t, int owner, const stream_row *row) {
    pthread_mutex_lock(&t->lock);
    int number = -1;
    stream *table = grown(t->streams, t->stream_count, sizeof *table);
    if (table) {
        t->streams = table;
        number = t->stream_count++;
        uint64_t now = clock_ns(), first = row->starts > now ? row->starts : now;
        table[number] = (stream){.row = *row, .sender = owner, .key = 1, .next = first, .picture_due = first};
        table[number].index = row->ssrc & 0x7fff; /* below 0x8000: no guess about the roll-over counter is needed */
        table[number].picture = row->ssrc & 0x7fff;
    }
    pthread_mutex_unlock(&t->lock);
    return number;
}

void traffic_key_picture(traffic *t, int owner, uint32_t ssrc) {
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < t->stream_count; i++)
        if (t->streams[i].sender == owner && t->streams[i].row.ssrc == ssrc) t->streams[i].key = 1;
    pthread_mutex_unlock(&t->lock);
}

void traffic_silence(traffic *t, int owner) {
    pthread_mutex_lock(&t->lock);
    t->senders[owner].quiet = 1;
    epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->senders[owner].fd, NULL);
    pthread_mutex_unlock(&t->lock);
}

int traffic_receiver(traffic *t, int fd) {
    pthread_mutex_lock(&t->lock);
    int number = -1, yes = 1;
    receiver *table = grown(t->receivers, t->receiver_count, sizeof *table);
    flow_row *flows = calloc(FLOW_SLOTS, sizeof *flows);
    if (table) t->receivers = table;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
    if (table && flows && watch(t, fd, (uint32_t)t->receiver_count * 2 + 1) == 0) {
        number = t->receiver_count++;
        table[number] = (receiver){.fd = fd, .flows = flows, .seen = (unsigned)number};
    } else {
        free(flows);
    }
    pthread_mutex_unlock(&t->lock);
    return number;
}

void traffic_leave(traffic *t, int who) {
    pthread_mutex_lock(&t->lock);
    epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->receivers[who].fd, NULL);
    pthread_mutex_unlock(&t->lock);
}

/* ---- what publishers send ---- */

static uint8_t *element(uint8_t *at, int id, const void *value, size_t length) {
    *at = (uint8_t)(id << 4 | (int)(length - 1));
    memcpy(at + 1, value, length);
    return at + 1 + length;
}

/* The header with its extensions (RFC 3550 section 5.1, RFC 8285 section 4.2); gives its length. */
static size_t write_header(uint8_t *packet, const stream *s, uint16_t number, int last, uint64_t now) {
    const stream_row *row = &s->row;
    uint32_t timestamp = htonl(s->timestamp), ssrc = htonl(row->ssrc);
    uint16_t sequence = htons((uint16_t)s->index);
    uint32_t sent = htonl((uint32_t)(now % 64000000000u / 1000 * 262144 / 1000000)) >> 8;
    packet[0] = 0x90;
    packet[1] = (uint8_t)(row->payload_type | (row->video && last ? 0x80 : 0));
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    uint8_t *at = packet + 16;
    at = element(at, ID_MID, row->mid, strnlen(row->mid, sizeof row->mid));
    if (row->rid[0]) at = element(at, ID_RID, row->rid, strnlen(row->rid, sizeof row->rid));
    if (!row->video) at = element(at, ID_LEVEL, &row->level, 1);
    at = element(at, ID_SEND_TIME, &sent, 3);
    number = htons(number);
    at = element(at, ID_NUMBER, &number, 2);
    while ((at - packet) & 3) *at++ = 0;
    uint16_t words = htons((uint16_t)((at - packet - 16) / 4));
    packet[12] = 0xbe, packet[13] = 0xde;
    memcpy(packet + 14, &words, 2);
    return (size_t)(at - packet);
}

/* A VP8 payload descriptor and the first bytes of a picture (RFC 7741 sections 4.2 and 4.3); gives its length. */
static size_t write_picture(uint8_t *payload, const stream *s) {
    static const uint8_t key[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    static const uint8_t delta[] = {0x11, 0x02, 0x00};
    uint8_t head[] = {s->part ? 0x80 : 0x90, 0xe0, (uint8_t)(0x80 | (s->picture >> 8 & 0x7f)), (uint8_t)s->picture,
                      (uint8_t)s->picture, 0x20};
    memcpy(payload, head, sizeof head);
    if (s->part) return sizeof head;
    memcpy(payload + sizeof head, s->key ? key : delta, s->key ? sizeof key : sizeof delta);
    return sizeof head + (s->key ? sizeof key : sizeof delta);
}

/* Encrypts in place (RFC 7714 section 8); gives the length of the datagram, 0 where that fails. */
static size_t protect(const crypto *c, const sender *from, const stream *s, uint8_t *packet, size_t head, size_t size) {
    uint8_t nonce[12], *payload = packet + head;
    int length = 0;
    memcpy(nonce, from->salt, 12);
    for (int i = 0; i < 4; i++) nonce[2 + i] ^= (uint8_t)(s->row.ssrc >> (24 - 8 * i));
    for (int i = 0; i < 6; i++) nonce[6 + i] ^= (uint8_t)(s->index >> (40 - 8 * i));
    if (c->init(from->gcm, NULL, NULL, NULL, nonce) != 1 || c->update(from->gcm, NULL, &length, packet, (int)head) != 1 ||
        c->update(from->gcm, payload, &length, payload, (int)(size - head)) != 1 ||
        c->finish(from->gcm, packet + size, &length) != 1 || c->control(from->gcm, GET_TAG, TAG, packet + size) != 1)
        return 0;
    return size + TAG;
}

static void send_packet(traffic *t, stream *s, uint64_t now) {
    uint8_t packet[2048] = {0};
    sender *from = &t->senders[s->sender];
    size_t head = write_header(packet, s, from->number++, s->part + 1 == s->parts, now);
    size_t filled = head + (s->row.video ? write_picture(packet + head, s) : 0), size = s->row.size;
    if (size < filled + STAMP) size = filled + STAMP;
    memcpy(packet + size - STAMP, &MAGIC, 4);
    memcpy(packet + size - 12, &s->row.ssrc, 4);
    memcpy(packet + size - 8, &now, 8);
    size = protect(&t->crypto, from, s, packet, head, size);
    if (size && send(from->fd, packet, size, MSG_DONTWAIT) == (ssize_t)size) t->counts.sent++;
    else t->counts.send_errors++;
    s->index++;
}

/* One packet of a picture a millisecond, as a pacer would; then the next picture. */
static void advance(stream *s) {
    s->next += TICK_NS;
    if (++s->part < s->parts) return;
    s->part = 0;
    s->key = 0;
    s->picture++;
    s->timestamp += (uint32_t)(s->row.clock_rate / s->row.per_second);
    s->picture_due += (uint64_t)(1e9 / s->row.per_second);
    if (s->picture_due > s->next || s->row.per_second > 1000) s->next = s->picture_due;
}

static void send_due(traffic *t, uint64_t now) {
    for (int i = 0; i < t->stream_count; i++) {
        stream *s = &t->streams[i];
        if (t->senders[s->sender].quiet) continue;
        if (s->next + LATEST_NS < now) s->next = s->picture_due = now;
        while (s->next <= now) {
            if (!s->part) s->parts = s->row.video && s->key ? s->row.key_parts : s->row.parts;
            send_packet(t, s, clock_ns());
            advance(s);
        }
    }
}

/* ---- what receivers get ---- */

static flow_row *flow_of(traffic *t, receiver *r, uint32_t ssrc) {
    unsigned at = ssrc * 2654435761u % FLOW_SLOTS;
    while (r->flows[at].packets && r->flows[at].ssrc != ssrc) at = (at + 1) % FLOW_SLOTS;
    if (r->flows[at].packets) return &r->flows[at];
    if (r->used >= FLOW_SLOTS * 3 / 4) {
        t->counts.flows_refused++;
        return NULL;
    }
    r->used++;
    r->flows[at].ssrc = ssrc;
    return &r->flows[at];
}

static uint64_t came_at(struct msghdr *message, uint64_t now) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(c), sizeof time);
            return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
        }
    return now;
}

static void sample(traffic *t, uint32_t owner, int control, int64_t index, uint64_t came, const uint8_t *data, size_t n) {
    sample_row *to = &t->samples[t->sample_head % SAMPLES];
    if (n > sizeof to->data) return;
    if (t->sample_head - t->sample_tail >= SAMPLES) {
        t->counts.samples_lost++;
        return;
    }
    to->owner = owner, to->control = (uint8_t)control, to->length = (uint16_t)n, to->index = index, to->came = came;
    memcpy(to->data, data, n);
    t->sample_head++;
}

static void take_packet(traffic *t, uint32_t who, const uint8_t *data, size_t size, uint64_t came) {
    receiver *r = &t->receivers[who];
    uint32_t ssrc;
    memcpy(&ssrc, data + 8, 4);
    flow_row *flow = flow_of(t, r, ntohl(ssrc));
    if (!flow) return;
    uint16_t sequence = (uint16_t)(data[2] << 8 | data[3]);
    int64_t index = flow->packets ? flow->highest + (int16_t)(sequence - (uint16_t)flow->highest) : sequence;
    if (!flow->packets++) flow->first = flow->highest = index, flow->began = came;
    if (index > flow->highest) flow->highest = index;
    if (index < flow->first) flow->first = index;
    flow->octets += size;
    t->counts.received++;
    if (t->every && r->seen++ % t->every == 0) sample(t, who, 0, index, came, data, size);
}

/* STUN and DTLS that come late are nobody's (RFC 7983); RTCP is by its type (RFC 5761 section 4). */
static void take(traffic *t, uint32_t what, const uint8_t *data, size_t size, uint64_t came) {
    if (size < 12 || data[0] >> 6 != 2) return;
    int control = data[1] >= 192 && data[1] <= 223;
    if (what & 1) {
        if (!control) take_packet(t, what / 2, data, size, came);
    } else if (control && size <= CONTROL_MAX) {
        sample(t, what / 2, 1, 0, came, data, size);
    }
}

static void drain_socket(traffic *t, uint32_t what, uint64_t now) {
    int fd = what & 1 ? t->receivers[what / 2].fd : t->senders[what / 2].fd, got;
    do {
        for (int i = 0; i < BATCH; i++) t->messages[i].msg_hdr.msg_controllen = sizeof t->control[i];
        got = recvmmsg(fd, t->messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++)
            take(t, what, t->data[i], t->messages[i].msg_len, came_at(&t->messages[i].msg_hdr, now));
    } while (got == BATCH);
}

static void drain(traffic *t, uint64_t now) {
    struct epoll_event events[1024];
    int ready = epoll_wait(t->epoll, events, 1024, 0);
    for (int i = 0; i < ready; i++) drain_socket(t, events[i].data.u32, now);
}

/* ---- the thread, and what Python asks of it ---- */

void traffic_run(traffic *t) {
    const struct timespec tick = {0, TICK_NS};
    while (!t->stopped) {
        pthread_mutex_lock(&t->lock);
        send_due(t, clock_ns());
        drain(t, clock_ns());
        pthread_mutex_unlock(&t->lock);
        nanosleep(&tick, NULL);
    }
}

void traffic_stop(traffic *t) { t->stopped = 1; }

int traffic_samples(traffic *t, sample_row *out, int most) {
    int count = 0;
    pthread_mutex_lock(&t->lock);
    while (count < most && t->sample_tail != t->sample_head) {
        const sample_row *from = &t->samples[t->sample_tail++ % SAMPLES];
        memcpy(&out[count++], from, offsetof(sample_row, data) + from->length);
    }
    pthread_mutex_unlock(&t->lock);
    return count;
}

int traffic_flows(traffic *t, int who, flow_row *out, int most) {
    int count = 0;
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < FLOW_SLOTS && count < most; i++)
        if (t->receivers[who].flows[i].packets) out[count++] = t->receivers[who].flows[i];
    pthread_mutex_unlock(&t->lock);
    return count;
}

void traffic_count(traffic *t, traffic_counts *out) {
    pthread_mutex_lock(&t->lock);
    *out = t->counts;
    pthread_mutex_unlock(&t->lock);
}
