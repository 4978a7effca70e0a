/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* The media thread: it owns the reading of the UDP sockets and never waits for Python.
 *
 * What wants a decision is handed over as a message, and so is everything of its stream that comes before the decision, or of
 * its peer where the stream is not known: nothing is overtaken. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "queue.h"

#define MEDIA_MESSAGES_MAX (LANE_MESSAGES - 512) /* the others are left to checks, handshakes and reports */
#define BATCHES 4
#define MEDIA_NICE (-10)
#define MEDIA_PRIORITY 1 /* the least of the real-time ones */

struct lane {
    engine_t engine; /* what this thread counts, and its queue */
    pthread_t thread;
    int runs, realtime, wake, told, sockets;
    atomic_int stopping;
    struct {
        int fd, link;
    } reads[LANE_SOCKETS];
    int pushed; /* since Python was woken */
    uint32_t head, tail;
    message_t ring[LANE_MESSAGES];
};

/* The next free message, NULL where the ring is full. To be called with the lock. */
static message_t *push(lane_t *lane, int kind) {
    if (lane->tail - lane->head == LANE_MESSAGES) {
        lane->engine.dropped[LANE_FULL]++;
        return NULL;
    }
    message_t *message = &lane->ring[lane->tail++ % LANE_MESSAGES];
    message->kind = kind;
    message->id = message->first = message->stop = message->size = 0;
    lane->pushed = 1;
    return message;
}

static int tell(lane_t *lane, int kind, const stream_t *stream, int64_t first, int64_t stop, double time) {
    message_t *message = push(lane, kind);
    if (message == NULL) return 0;
    message->id = stream->id;
    message->first = first;
    message->stop = stop;
    message->time = time;
    return 1;
}

static void tell_gap(void *owner, stream_t *stream, int64_t first, int64_t stop, double now) {
    tell(owner, TOLD_GAP, stream, first, stop, now);
}

static void tell_late(void *owner, stream_t *stream, int64_t index) { tell(owner, TOLD_LATE, stream, index, 0, 0); }

static void tell_blocked(void *owner, stream_t *stream, double now) { tell(owner, TOLD_BLOCKED, stream, 0, 0, now); }

static int tell_layered(void *owner, stream_t *stream, int spatial, int temporal) {
    return tell(owner, TOLD_LAYERED, stream, spatial, temporal, 0);
}

static void hand_out(void *owner, int64_t token, const uint8_t *datagram, int size) {
    lane_t *lane = owner;
    tables_lock_timed(&lane->engine);
    message_t *message = size <= LANE_DATAGRAM ? push(lane, TO_SEND) : NULL;
    if (message != NULL) {
        message->id = token;
        message->size = size;
        memcpy(message->datagram, datagram, (size_t)size);
    }
    tables_unlock(lane->engine.lock);
}

static message_t *push_datagram(lane_t *lane, int kind, int link, const uint8_t *address, int length, const uint8_t *datagram,
                                int size) {
    message_t *message = length <= (int)sizeof message->address && size <= LANE_DATAGRAM ? push(lane, kind) : NULL;
    if (message == NULL) return NULL;
    message->stream = -1;
    message->link = link;
    message->address_size = length;
    memcpy(message->address, address, (size_t)length);
    message->size = size;
    memcpy(message->datagram, datagram, (size_t)size);
    return message;
}

static void hand_up(void *owner, int link, const uint8_t *address, int length, const uint8_t *datagram, int size) {
    push_datagram(owner, TO_DECIDE, link, address, length, datagram, size);
}

/* Let Python decide of a datagram, and of all of its stream, or of its peer, that come until it has. Where it can't keep up,
 * what waits is let run dry before anything is added: else all packets would take that way for ever. */
static void defer(void *owner, peer_t *peer, stream_t *stream, const uint8_t *datagram, int size, double now) {
    lane_t *lane = owner;
    const queue_t *queue = lane->engine.queue;
    pending_t *pending = stream == NULL ? &peer->pending : &stream->pending;
    message_t *message = NULL;
    int kind = queue->asks ? TO_DECIDE : TO_TAKE;
    if (!pending->count) pending->spilled = 0;
    if (pending->spilled || lane->tail - lane->head >= MEDIA_MESSAGES_MAX) {
        pending->spilled = pending->count > 0;
        lane->engine.dropped[LANE_FULL]++;
        return;
    }
    message = push_datagram(lane, kind, queue->link, queue->source, queue->source_size, datagram, size);
    if (message != NULL) {
        message->id = peer->token;
        message->stream = stream == NULL ? -1 : stream->id;
        message->time = now;
        pending->count++;
    }
    pending->spilled = message == NULL || pending->count >= LANE_PENDING;
}

/* Python has decided of one. */
EXPORTED void pending_done(engine_t *engine, pending_t *pending) {
    tables_lock(engine->lock);
    pending->count--;
    tables_unlock(engine->lock);
}

/* Datagrams of an address that has an owner now wait in the ring: what comes next must not overtake them. */
static void own_waiting(lane_t *lane, const uint8_t *address, int size, int link, peer_t *peer) {
    uint32_t count = lane->tail - lane->head;
    for (uint32_t n = 1; n < count; n++) { /* the first is in hand */
        message_t *message = &lane->ring[(lane->head + n) % LANE_MESSAGES];
        if (message->kind != TO_DECIDE || message->id || message->link != link || message->address_size != size) continue;
        if (memcmp(message->address, address, (size_t)size)) continue;
        message->id = peer->token;
        peer->pending.count++;
    }
}

void lane_know(lane_t *lane, int link, const uint8_t *address, int size, peer_t *peer) {
    tables_lock(lane->engine.lock);
    if (!engine_knows(&lane->engine, link, address, size)) own_waiting(lane, address, size, link, peer);
    engine_know(&lane->engine, link, address, size, peer);
    tables_unlock(lane->engine.lock);
}

static void drain(lane_t *lane, int fd, int link) {
    engine_t *engine = &lane->engine;
    for (int batch = 0; batch < BATCHES; batch++) {
        int count = receive_batch(engine, fd);
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) return;
            engine->dropped[RECEIVE_ERROR]++; /* an ICMP error of an earlier send */
            continue;
        }
        double now = 1e-9 * (double)now_ns();
        for (int n = 0; n < count; n++) {
            if (engine->queue->count > SLOTS / 2) queue_flush(engine);
            tables_lock_timed(&lane->engine);
            take(engine, link, n, now);
            tables_unlock(lane->engine.lock);
        }
        queue_flush(engine);
        if (count < BATCH) return;
    }
}

static void *run(void *argument) {
    lane_t *lane = argument;
    uint64_t one = 1, ignored;
    if (!lane->realtime) setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), MEDIA_NICE); /* where RLIMIT_NICE grants it */
    while (!atomic_load(&lane->stopping)) {
        struct pollfd polled[LANE_SOCKETS + 1] = {{.fd = lane->wake, .events = POLLIN}};
        tables_lock_timed(&lane->engine);
        int sockets = lane->sockets;
        for (int n = 0; n < sockets; n++) polled[n + 1] = (struct pollfd){.fd = lane->reads[n].fd, .events = POLLIN};
        tables_unlock(lane->engine.lock);
        if (poll(polled, (nfds_t)sockets + 1, -1) < 0) continue;
        if (polled[0].revents && read(lane->wake, &ignored, sizeof ignored) < 0) continue;
        for (int n = 0; n < sockets; n++)
            if (polled[n + 1].revents) drain(lane, polled[n + 1].fd, lane->reads[n].link);
        if (lane->pushed) {
            lane->pushed = 0;
            if (write(lane->told, &one, sizeof one) < 0) continue; /* it is told already */
        }
    }
    return NULL;
}

/* A lane that reads nothing yet, and takes turns by this lock; NULL without memory or descriptors. */
lane_t *lane_open(lock_t *lock) {
    lane_t *lane = calloc(1, sizeof *lane);
    if (lane == NULL) return NULL;
    lane->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane->told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane->engine.owner = lane;
    lane->engine.lock = lock;
    lane->engine.up = (upcalls_t){.gap = tell_gap, .late = tell_late, .blocked = tell_blocked, .layered = tell_layered,
                                  .send = hand_out, .other = hand_up, .defer = defer};
    if (lane->wake >= 0 && lane->told >= 0 && engine_open(&lane->engine)) return lane;
    lane_close(lane);
    return NULL;
}

engine_t *lane_engine(lane_t *lane) { return &lane->engine; }

/* Readable when there are messages. */
int lane_told(const lane_t *lane) { return lane->told; }

/* Whether the thread runs before all others that are not real-time: where CAP_SYS_NICE or RLIMIT_RTPRIO grants it (sched(7)). */
int lane_realtime(const lane_t *lane) { return lane->realtime; }

static int create(lane_t *lane, int realtime) {
    const struct sched_param priority = {.sched_priority = MEDIA_PRIORITY};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, realtime ? SCHED_RR : SCHED_OTHER);
    if (realtime) pthread_attr_setschedparam(&attributes, &priority);
    lane->realtime = realtime;
    int created = pthread_create(&lane->thread, &attributes, run, lane) == 0;
    pthread_attr_destroy(&attributes);
    return created;
}

static int start(lane_t *lane) {
    sigset_t all, before;
    sigfillset(&all); /* signals are the control plane's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    lane->runs = create(lane, 1) || create(lane, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (lane->runs) pthread_setname_np(lane->thread, "media");
    return lane->runs;
}

/* Read this socket, too, from now on; 0 where that can't be. */
int lane_read(lane_t *lane, int fd, int link) {
    uint64_t one = 1;
    tables_lock(lane->engine.lock);
    int added = lane->sockets < LANE_SOCKETS;
    if (added) {
        lane->reads[lane->sockets].fd = fd;
        lane->reads[lane->sockets++].link = link;
    }
    tables_unlock(lane->engine.lock);
    return added && (lane->runs || start(lane)) && write(lane->wake, &one, sizeof one) > 0;
}

/* The oldest message, NULL where there is none. It stays until lane_done. */
message_t *lane_next(lane_t *lane) {
    tables_lock(lane->engine.lock);
    message_t *message = lane->head == lane->tail ? NULL : &lane->ring[lane->head % LANE_MESSAGES];
    tables_unlock(lane->engine.lock);
    return message;
}

void lane_done(lane_t *lane) {
    tables_lock(lane->engine.lock);
    lane->head++;
    tables_unlock(lane->engine.lock);
}

/* End the thread; the sockets may be closed then. */
void lane_stop(lane_t *lane) {
    uint64_t one = 1;
    atomic_store(&lane->stopping, 1);
    if (lane->runs && write(lane->wake, &one, sizeof one) > 0) pthread_join(lane->thread, NULL);
    lane->runs = 0;
}

void lane_close(lane_t *lane) {
    lane_stop(lane);
    if (lane->wake >= 0) close(lane->wake);
    if (lane->told >= 0) close(lane->told);
    engine_close(&lane->engine);
    free(lane);
}
