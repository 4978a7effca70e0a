/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * floor HOST RATE SIZE SECONDS PORT...: the cheapest way to send the same datagrams: ready ones, by sendmmsg.
 * Prints one line: packets, seconds of processor time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double spent(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **words) {
    if (count < 6) return 2;
    double rate = atof(words[2]), seconds = atof(words[4]);
    size_t size = (size_t)atoi(words[3]);
    int targets = count - 5, socket_fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
    struct sockaddr_in *to = calloc((size_t)targets, sizeof *to);
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    static uint8_t datagrams[BATCH][2048];
    if (!to || socket_fd < 0 || size > sizeof datagrams[0]) return 1;
    setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    for (int i = 0; i < targets; i++) {
        to[i].sin_family = AF_INET;
        to[i].sin_port = htons((uint16_t)atoi(words[5 + i]));
        inet_pton(AF_INET, words[1], &to[i].sin_addr);
    }
    for (int i = 0; i < BATCH; i++) {
        datagrams[i][0] = 0x80, datagrams[i][1] = 96; /* RTP, so that the receivers count it */
        parts[i] = (struct iovec){datagrams[i], size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_namelen = sizeof *to};
    }
    const struct timespec tick = {0, 1000000};
    long sent = 0, next = 0;
    double began = now(), cpu = spent();
    for (double at = 0; at < seconds; at = now() - began) {
        while ((double)sent < at * rate) {
            long due = (long)(at * rate) - sent;
            int batch = due < BATCH ? (int)due + 1 : BATCH;
            for (int i = 0; i < batch; i++) {
                uint16_t sequence = htons((uint16_t)(next / targets));
                memcpy(datagrams[i] + 2, &sequence, 2);
                messages[i].msg_hdr.msg_name = &to[next++ % targets];
            }
            int done = sendmmsg(socket_fd, messages, (unsigned)batch, 0);
            if (done > 0) sent += done;
        }
        nanosleep(&tick, NULL);
    }
    printf("%ld %f\n", sent, spent() - cpu);
    return 0;
}
