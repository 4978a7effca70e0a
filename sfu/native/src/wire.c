/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in and out of sockets, many with one call of the kernel. */
#include <errno.h>
#include <time.h>

#include "queue.h"

/* 0 without memory. */
int engine_open(engine_t *engine) {
    engine->queue = calloc(1, sizeof *engine->queue);
    return engine->queue != NULL;
}

void engine_close(engine_t *engine) {
    free(engine->queue);
    engine->queue = NULL;
}

/* Room for the next datagram; empties the queue first where it is full. */
uint8_t *queue_slot(engine_t *engine) {
    if (engine->queue->count == SLOTS) queue_flush(engine);
    return engine->queue->slots[engine->queue->count];
}

/* The slot was filled with a datagram for this peer. */
void queue_push(engine_t *engine, const peer_t *peer, int size) {
    waiting_t *waiting = &engine->queue->waiting[engine->queue->count++];
    waiting->target = peer->target;
    waiting->fd = peer->fd;
    waiting->token = peer->token;
    waiting->size = size;
    waiting->address_size = peer->address_size;
    memcpy(waiting->address, peer->address, sizeof waiting->address);
}

/* Send messages of one socket; what the kernel does not take is lost: media that waits is worse. */
static void send_all(engine_t *engine, int fd, struct mmsghdr *messages, int count) {
    while (count > 0) {
        int sent = sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) {
            engine->dropped[errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? SEND_FULL : SEND_ERROR]++;
            sent = 1;
        }
        messages += sent;
        count -= sent;
    }
}

/* Send what waits, in its order per receiver. */
void queue_flush(engine_t *engine) {
    queue_t *queue = engine->queue;
    int messages = 0, fd = -1, count = queue->count;
    for (int n = 0; n < count; n++) {
        waiting_t *waiting = &queue->waiting[n];
        if (messages && (waiting->target != BY_UDP || waiting->fd != fd)) {
            send_all(engine, fd, queue->out, messages);
            messages = 0;
        }
        if (waiting->target == BY_PYTHON) {
            engine->up.send(engine->owner, waiting->token, queue->slots[n], waiting->size);
            continue;
        }
        fd = waiting->fd;
        queue->out_parts[messages] = (struct iovec){queue->slots[n], (size_t)waiting->size};
        queue->out[messages].msg_hdr = (struct msghdr){.msg_name = waiting->address,
                                                       .msg_namelen = (socklen_t)waiting->address_size,
                                                       .msg_iov = &queue->out_parts[messages],
                                                       .msg_iovlen = 1};
        messages++;
    }
    if (messages) send_all(engine, fd, queue->out, messages);
    queue->count = 0;
}

static uint32_t source_place(int link, const uint8_t *address, int size) {
    uint32_t hash = 2166136261u ^ (uint32_t)link; /* FNV-1a */
    for (int n = 0; n < size; n++) hash = (hash ^ address[n]) * 16777619u;
    return hash % SOURCES;
}

static int is_source(const source_t *source, int link, const uint8_t *address, int size) {
    return source->link == link && source->size == size && memcmp(source->address, address, (size_t)size) == 0;
}

/* Remember whose RTP comes from an address, until the next engine_unknow; a full table remembers no more. */
void engine_know(engine_t *engine, int link, const uint8_t *address, int size, peer_t *peer) {
    queue_t *queue = engine->queue;
    if (size < 1 || size > 32 || queue->sources_known >= SOURCES / 2) return;
    uint32_t at = source_place(link, address, size);
    while (queue->sources[at].peer != NULL && !is_source(&queue->sources[at], link, address, size)) at = (at + 1) % SOURCES;
    queue->sources_known += queue->sources[at].peer == NULL;
    queue->sources[at].link = link;
    queue->sources[at].size = size;
    queue->sources[at].peer = peer;
    memcpy(queue->sources[at].address, address, (size_t)size);
}

/* Addresses changed hands: whose they are is asked again. */
void engine_unknow(engine_t *engine) {
    if (engine->queue->sources_known) memset(engine->queue->sources, 0, sizeof engine->queue->sources);
    engine->queue->sources_known = 0;
}

static peer_t *source_peer(const queue_t *queue, int link, const uint8_t *address, int size) {
    for (uint32_t at = source_place(link, address, size);; at = (at + 1) % SOURCES) {
        const source_t *source = &queue->sources[at];
        if (source->peer == NULL || is_source(source, link, address, size)) return source->peer;
    }
}

static int is_rtp(const uint8_t *datagram, int size) { /* RFC 7983, RFC 5761 section 4 */
    return size >= 12 && (datagram[0] & 0xC0) == 0x80 && (datagram[1] < 192 || datagram[1] > 223);
}

static void take(engine_t *engine, int link, const struct mmsghdr *message, const uint8_t *datagram, double now) {
    const uint8_t *address = message->msg_hdr.msg_name;
    int size = (int)message->msg_len, length = (int)message->msg_hdr.msg_namelen;
    if (message->msg_hdr.msg_flags & MSG_TRUNC || size >= RECEIVE_SIZE) {
        engine->dropped[OVERSIZE]++;
        return;
    }
    peer_t *peer = is_rtp(datagram, size) ? source_peer(engine->queue, link, address, length) : NULL;
    if (peer != NULL) {
        receive_rtp(engine, peer, datagram, size, now);
    } else {
        queue_flush(engine);
        engine->up.other(engine->owner, link, address, length, datagram, size);
    }
}

static int receive_batch(engine_t *engine, int fd) {
    queue_t *queue = engine->queue;
    for (int n = 0; n < BATCH; n++) {
        queue->in_parts[n] = (struct iovec){queue->received[n], RECEIVE_SIZE};
        queue->in[n].msg_hdr = (struct msghdr){.msg_name = &queue->from[n],
                                               .msg_namelen = sizeof queue->from[n],
                                               .msg_iov = &queue->in_parts[n],
                                               .msg_iovlen = 1};
    }
    return recvmmsg(fd, queue->in, BATCH, MSG_DONTWAIT, NULL);
}

/* Read and forward what a socket holds, at most so many batches; how many datagrams came. */
int engine_drain(engine_t *engine, int fd, int link, int batches) {
    int came = 0;
    while (batches-- > 0) {
        int count = receive_batch(engine, fd);
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            engine->dropped[RECEIVE_ERROR]++; /* an ICMP error of an earlier send */
            continue;
        }
        struct timespec clock;
        clock_gettime(CLOCK_MONOTONIC, &clock);
        double now = (double)clock.tv_sec + 1e-9 * (double)clock.tv_nsec;
        for (int n = 0; n < count; n++) take(engine, link, &engine->queue->in[n], engine->queue->received[n], now);
        queue_flush(engine);
        came += count;
        if (count < BATCH) break;
    }
    return came;
}
