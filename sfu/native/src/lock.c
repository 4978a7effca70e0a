/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* By whose turn are the tables read and written? A media thread takes its own for one datagram, Python for one change. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "internal.h"

#define EXPORTED __attribute__((visibility("default")))
#define YIELDS_MAX 64

struct lock {
    pthread_mutex_t mutex;
    atomic_int wanted; /* by Python */
};

/* NULL without memory. */
lock_t *lock_open(void) {
    pthread_mutexattr_t attributes;
    lock_t *lock = calloc(1, sizeof *lock);
    if (lock == NULL) return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return lock;
}

void lock_close(lock_t *lock) {
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

/* Python's side of it, which goes first: a mutex is not fair to who comes seldom. */
EXPORTED void tables_lock(lock_t *lock) {
    atomic_fetch_add(&lock->wanted, 1);
    pthread_mutex_lock(&lock->mutex);
    atomic_fetch_sub(&lock->wanted, 1);
}

EXPORTED void tables_unlock(lock_t *lock) { pthread_mutex_unlock(&lock->mutex); }

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The media thread's side; how often and how long it had to wait is counted. */
void tables_lock_last(engine_t *engine) {
    lock_t *lock = engine->lock;
    if (!atomic_load(&lock->wanted) && pthread_mutex_trylock(&lock->mutex) == 0) return;
    int64_t began = now_ns();
    for (int n = 0; n < YIELDS_MAX && atomic_load(&lock->wanted); n++) sched_yield();
    pthread_mutex_lock(&lock->mutex);
    int64_t waited = now_ns() - began;
    engine->waits++;
    engine->waited_ns += waited;
    if (waited > engine->waited_longest_ns) engine->waited_longest_ns = waited;
}
