/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in and out of sockets, many with one call of the kernel. */
#include <errno.h>
#include <netinet/udp.h>

#include "queue.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* Linux 4.18; older headers do not have it */
#endif

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

static int is_same_place(const waiting_t *one, const waiting_t *other) {
    return one->target == BY_UDP && other->target == BY_UDP && one->fd == other->fd &&
           one->address_size == other->address_size && memcmp(one->address, other->address, sizeof one->address) == 0;
}

/* The slot was filled with a datagram for this peer. */
void queue_push(engine_t *engine, peer_t *peer, int size) {
    queue_t *queue = engine->queue;
    waiting_t *waiting = &queue->waiting[queue->count], *before = NULL;
    if (peer->queued_in == queue && peer->queued_round == queue->round) before = &queue->waiting[peer->queued_at];
    waiting->target = peer->target;
    waiting->fd = peer->fd;
    waiting->token = peer->token;
    waiting->size = size;
    waiting->address_size = peer->address_size;
    memcpy(waiting->address, peer->address, sizeof waiting->address);
    waiting->next = -1;
    waiting->follows = before != NULL && is_same_place(before, waiting);
    if (waiting->follows) before->next = queue->count;
    peer->queued_in = queue;
    peer->queued_round = queue->round;
    peer->queued_at = queue->count++;
}

static void count_lost(engine_t *engine, int64_t datagrams) {
    engine->dropped[errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? SEND_FULL : SEND_ERROR] += datagrams;
}

/* The kernel, or the path's MTU, does not want this message in segments: send them one by one. */
static void send_apart(engine_t *engine, int fd, const struct msghdr *message) {
    struct msghdr part = {.msg_name = message->msg_name, .msg_namelen = message->msg_namelen, .msg_iovlen = 1};
    engine->queue->refusals++;
    for (size_t n = 0; n < message->msg_iovlen; n++) {
        part.msg_iov = &message->msg_iov[n];
        if (sendmsg(fd, &part, MSG_DONTWAIT) < 0) count_lost(engine, 1);
    }
}

/* Send messages of one socket; what the kernel does not take is lost: media that waits is worse. */
static void send_all(engine_t *engine, int fd, struct mmsghdr *messages, int count) {
    while (count > 0) {
        int sent = sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) {
            const struct msghdr *message = &messages->msg_hdr;
            int full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
            if (message->msg_iovlen > 1 && !full) send_apart(engine, fd, message);
            else count_lost(engine, (int64_t)message->msg_iovlen);
            sent = 1;
        }
        messages += sent;
        count -= sent;
    }
}

/* Let the kernel cut a message into datagrams of this size (UDP GSO, linux/Documentation/networking/segmentation). */
static void cut(struct msghdr *message, control_t *control, int size) {
    uint16_t segment = (uint16_t)size;
    message->msg_control = control->room;
    message->msg_controllen = sizeof control->room;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    *header = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment)};
    memcpy(CMSG_DATA(header), &segment, sizeof segment);
}

/* Write one message: a datagram, and those to the same receiver that follow as segments of its size, the last one maybe
 * shorter. What follows those, -1 for none. */
static int gather(engine_t *engine, int number, int messages, int *parts) {
    queue_t *queue = engine->queue;
    waiting_t *first = &queue->waiting[number];
    struct msghdr *message = &queue->out[messages].msg_hdr;
    *message = (struct msghdr){.msg_name = first->address, .msg_namelen = (socklen_t)first->address_size,
                               .msg_iov = &queue->out_parts[*parts]};
    size_t most = queue->refusals < REFUSALS_MAX && first->size <= SEGMENT_SIZE_MAX ? SEGMENTS_MAX : 1;
    int size = first->size;
    while (number >= 0 && message->msg_iovlen < most && size == first->size && queue->waiting[number].size <= size) {
        size = queue->waiting[number].size;
        queue->out_parts[(*parts)++] = (struct iovec){queue->slots[number], (size_t)size};
        message->msg_iovlen++;
        number = queue->waiting[number].next;
    }
    engine->messages++;
    if (message->msg_iovlen > 1) cut(message, &queue->controls[messages], first->size);
    return number;
}

/* Send what waits, in its order per receiver. */
void queue_flush(engine_t *engine) {
    queue_t *queue = engine->queue;
    int messages = 0, parts = 0, fd = -1, count = queue->count;
    for (int n = 0; n < count; n++) {
        waiting_t *waiting = &queue->waiting[n];
        if (waiting->follows) continue;
        if (messages && (waiting->target != BY_UDP || waiting->fd != fd)) {
            send_all(engine, fd, queue->out, messages);
            messages = parts = 0;
        }
        if (waiting->target == BY_PYTHON) {
            engine->up.send(engine->owner, waiting->token, queue->slots[n], waiting->size);
            continue;
        }
        fd = waiting->fd;
        for (int next = n; next >= 0; messages++) next = gather(engine, next, messages, &parts);
    }
    if (messages) send_all(engine, fd, queue->out, messages);
    queue->count = 0;
    if (++queue->round % ROUNDS_UNTIL_RETRY == 0) queue->refusals = 0;
}

static uint32_t source_place(int link, const uint8_t *address, int size) {
    uint32_t hash = 2166136261u ^ (uint32_t)link; /* FNV-1a */
    for (int n = 0; n < size; n++) hash = (hash ^ address[n]) * 16777619u;
    return hash % SOURCES;
}

static int is_source(const source_t *source, int link, const uint8_t *address, int size) {
    return source->link == link && source->size == size && memcmp(source->address, address, (size_t)size) == 0;
}

static source_t *source_of(queue_t *queue, int link, const uint8_t *address, int size) {
    uint32_t at = source_place(link, address, size);
    while (queue->sources[at].peer != NULL && !is_source(&queue->sources[at], link, address, size)) at = (at + 1) % SOURCES;
    return &queue->sources[at];
}

/* Whether the owner of an address is known, or was until lately. */
int engine_knows(const engine_t *engine, int link, const uint8_t *address, int size) {
    return source_of(engine->queue, link, address, size)->peer != NULL;
}

/* Remember whose RTP comes from an address; a full table remembers no more. */
void engine_know(engine_t *engine, int link, const uint8_t *address, int size, peer_t *peer) {
    queue_t *queue = engine->queue;
    if (size < 1 || size > 32) return;
    source_t *source = source_of(queue, link, address, size);
    if (source->peer == NULL && queue->sources_known >= SOURCES / 2) return;
    queue->sources_known += source->peer == NULL;
    *source = (source_t){.link = link, .size = size, .peer = peer};
    memcpy(source->address, address, (size_t)size);
}

/* Keep the sources that are wanted still. */
static void sift(engine_t *engine, int (*stays)(const source_t *, const peer_t *), const peer_t *peer) {
    queue_t *queue = engine->queue;
    source_t *before = malloc(sizeof queue->sources);
    if (before != NULL) memcpy(before, queue->sources, sizeof queue->sources);
    memset(queue->sources, 0, sizeof queue->sources);
    queue->sources_known = 0;
    for (int n = 0; before != NULL && n < SOURCES; n++) {
        source_t *source = &before[n];
        if (source->peer == NULL || !stays(source, peer)) continue;
        source_t *place = source_of(queue, source->link, source->address, source->size);
        *place = *source;
        place->heard = 0;
        queue->sources_known++;
    }
    free(before);
}

static int was_heard(const source_t *source, const peer_t *peer) { return peer == NULL && source->heard; }
static int is_of_another(const source_t *source, const peer_t *peer) { return source->peer != peer; }

/* Forget the addresses that sent nothing since the last sweep. */
void engine_sweep(engine_t *engine) {
    tables_lock(engine->lock);
    sift(engine, was_heard, NULL);
    tables_unlock(engine->lock);
}

/* An address may have changed hands: whose it is is asked again, and nothing of it goes by until then. */
void engine_doubt(engine_t *engine, int link, const uint8_t *address, int size) {
    tables_lock(engine->lock);
    source_of(engine->queue, link, address, size)->asks = 1; /* of an unknown one it means nothing */
    tables_unlock(engine->lock);
}

/* The peer is gone. */
void engine_forget(engine_t *engine, const peer_t *peer) {
    tables_lock(engine->lock);
    sift(engine, is_of_another, peer);
    tables_unlock(engine->lock);
}

static int is_rtp(const uint8_t *datagram, int size) { /* RFC 7983, RFC 5761 section 4 */
    return size >= 12 && (datagram[0] & 0xC0) == 0x80 && (datagram[1] < 192 || datagram[1] > 223);
}

/* The datagram of that number in the batch: RTP of a known address goes its way, all else up. */
void take(engine_t *engine, int link, int number, double now) {
    queue_t *queue = engine->queue;
    const struct mmsghdr *message = &queue->in[number];
    const uint8_t *datagram = queue->received[number];
    int size = (int)message->msg_len;
    if (message->msg_hdr.msg_flags & MSG_TRUNC || size >= RECEIVE_SIZE) {
        engine->dropped[OVERSIZE]++;
        return;
    }
    queue->link = link;
    queue->source = message->msg_hdr.msg_name;
    queue->source_size = (int)message->msg_hdr.msg_namelen;
    if (!is_rtp(datagram, size)) {
        engine->up.other(engine->owner, link, queue->source, queue->source_size, datagram, size);
        return;
    }
    source_t *source = source_of(queue, link, queue->source, queue->source_size);
    source->heard = 1;
    queue->asks = source->asks;
    if (source->peer == NULL) {
        engine->up.other(engine->owner, link, queue->source, queue->source_size, datagram, size);
    } else if (source->asks) {
        engine->up.defer(engine->owner, source->peer, NULL, datagram, size, now);
    } else {
        receive_rtp(engine, source->peer, datagram, size, now);
    }
}

int receive_batch(engine_t *engine, int fd) {
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
