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
#define SEGMENTS_MAX 16 /* of one message: half of what it may hold */
#define SEGMENT_SIZE_MAX 1400 /* what is larger than a path's MTU is cut by IP, and refused in segments */
#define REFUSALS_MAX 8
#define ROUNDS_UNTIL_RETRY 65536 /* some minutes of a busy server: it may have been the path to one receiver */

typedef union {
    char room[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr align;
} control_t;

typedef struct {
    int target, fd, size, address_size;
    int next, follows; /* the receiver's next datagram, -1 for none; whether there is one before */
    int64_t token;
    uint8_t address[32];
} waiting_t;

typedef struct {
    int link, size;
    uint8_t address[32];
    peer_t *peer;
    int heard, asks; /* since the last sweep; whether it is its peer's still */
} source_t;

struct queue {
    uint8_t plain[MAX_DATAGRAM];
    int count, sources_known;
    int link, source_size, asks; /* of the datagram in hand: where it came from, and whether that may have changed hands */
    int refusals; /* of messages in segments: some networks' drivers can't */
    int64_t round;
    const uint8_t *source;
    waiting_t waiting[SLOTS];
    struct mmsghdr out[SLOTS], in[BATCH];
    struct iovec out_parts[SLOTS], in_parts[BATCH];
    control_t controls[SLOTS];
    struct sockaddr_storage from[BATCH];
    source_t sources[SOURCES];
    uint8_t received[BATCH][RECEIVE_SIZE];
    uint8_t slots[SLOTS][SLOT_SIZE];
};

int receive_batch(engine_t *engine, int fd);
void take(engine_t *engine, int link, int number, double now);
int engine_knows(const engine_t *engine, int link, const uint8_t *address, int size);
void engine_know(engine_t *engine, int link, const uint8_t *address, int size, peer_t *peer);
void receive_rtp(engine_t *engine, peer_t *peer, const uint8_t *datagram, int size, double now);

#endif
