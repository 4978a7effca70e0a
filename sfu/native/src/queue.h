/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* What waits to be sent, and whose datagrams come from where. */
#ifndef SFU_QUEUE_H
#define SFU_QUEUE_H
#include <netinet/in.h>
#include <sys/socket.h>

#include "internal.h"

#define SLOTS 256
#define SLOT_SIZE (MAX_DATAGRAM + MAX_HEAD + 64)
#define BATCH 64
#define RECEIVE_SIZE 2048
#define SOURCES 8192

typedef struct {
    int target, fd, size, address_size;
    int64_t token;
    uint8_t address[32];
} waiting_t;

typedef struct {
    int link, size;
    uint8_t address[32];
    peer_t *peer;
} source_t;

struct queue {
    uint8_t plain[MAX_DATAGRAM];
    int count, sources_known;
    waiting_t waiting[SLOTS];
    struct mmsghdr out[SLOTS], in[BATCH];
    struct iovec out_parts[SLOTS], in_parts[BATCH];
    struct sockaddr_storage from[BATCH];
    source_t sources[SOURCES];
    uint8_t received[BATCH][RECEIVE_SIZE];
    uint8_t slots[SLOTS][SLOT_SIZE];
};

void receive_rtp(engine_t *engine, peer_t *peer, const uint8_t *datagram, int size, double now);

#endif
