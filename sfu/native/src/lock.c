/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* By whose turn are the tables read and written? A media thread takes its own for one datagram, Python for one change. */
#include <pthread.h>
#include <time.h>

#include "internal.h"

struct lock {
    pthread_mutex_t mutex;
};

/* NULL without memory. While the media thread waits, Python runs with its priority; who waits is who has it next
 * (FUTEX_UNLOCK_PI): else it would go to who comes most often. A kernel without that has a lock all the same. */
lock_t *lock_open(void) {
    pthread_mutexattr_t attributes;
    lock_t *lock = calloc(1, sizeof *lock);
    if (lock == NULL) return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (pthread_mutex_init(&lock->mutex, &attributes)) {
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_NONE);
        pthread_mutex_init(&lock->mutex, &attributes);
    }
    pthread_mutexattr_destroy(&attributes);
    return lock;
}

void lock_close(lock_t *lock) {
    pthread_mutex_destroy(&lock->mutex);
    free(lock);
}

EXPORTED void tables_lock(lock_t *lock) { pthread_mutex_lock(&lock->mutex); }

EXPORTED void tables_unlock(lock_t *lock) { pthread_mutex_unlock(&lock->mutex); }

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The media thread's side; how often and how long it had to wait is counted. */
void tables_lock_timed(engine_t *engine) {
    if (pthread_mutex_trylock(&engine->lock->mutex) == 0) return;
    int64_t began = now_ns();
    pthread_mutex_lock(&engine->lock->mutex);
    int64_t waited = now_ns() - began;
    engine->waits++;
    engine->waited_ns += waited;
    if (waited > engine->waited_longest_ns) engine->waited_longest_ns = waited;
}
