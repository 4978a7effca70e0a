/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* The packets that one receiver may still ask for again (RFC 4588): kept once for all who would get them as RTX. */
#include "internal.h"

/* Copy a packet out of the receive buffer, once; NULL without memory. The caller's share ends with packet_done. */
kept_t *packet_keep(packet_t *packet) {
    if (packet->kept != NULL) return packet->kept;
    size_t dependency = packet->dependency_size > 0 ? (size_t)packet->dependency_size : 0;
    kept_t *kept = malloc(sizeof *kept + (size_t)packet->size + dependency);
    if (kept == NULL) return NULL;
    if (packet->size) memcpy(kept->bytes, packet->payload, (size_t)packet->size);
    if (dependency) memcpy(kept->bytes + packet->size, packet->dependency, dependency);
    packet->kept = kept;
    packet->payload = kept->bytes;
    if (dependency) packet->dependency = kept->bytes + packet->size;
    kept->packet = *packet;
    kept->references = 1;
    return kept;
}

void kept_release(kept_t *kept) {
    /* Python's collector lets go of rows while the media thread goes on. */
    if (kept != NULL && __atomic_sub_fetch(&kept->references, 1, __ATOMIC_ACQ_REL) == 0) free(kept);
}

void packet_done(packet_t *packet) {
    kept_release(packet->kept);
    packet->kept = NULL;
}

/* Overwrite the descriptor's numbers; the payload is shared, so every sending writes its own. */
void write_vp8(packet_t *packet, int picture, int tl0) {
    uint8_t *payload = (uint8_t *)packet->payload; /* the engine's own buffer, or a kept copy */
    if (!packet->has_vp8) return;
    if (packet->wide) {
        write16(payload + packet->picture_at, 0x8000u | (uint32_t)(picture & 0x7FFF));
    } else if (packet->picture_at) {
        payload[packet->picture_at] = (uint8_t)(picture & 0x7F);
    }
    if (packet->tl0_at) payload[packet->tl0_at] = (uint8_t)tl0;
}

static int keep_datagram(entry_t *entry, const uint8_t *datagram, int size) {
    if (entry->room < (uint32_t)size) {
        uint8_t *larger = realloc(entry->datagram, (size_t)size);
        if (larger == NULL) return 0;
        entry->datagram = larger;
        entry->room = (uint32_t)size;
    }
    memcpy(entry->datagram, datagram, (size_t)size);
    entry->size = (uint32_t)size;
    return 1;
}

/* Room for the packets of who gets any: in a large meeting most tracks are not shown to most people. 0 without memory. */
static int make_history(down_t *down) {
    down->history = calloc((size_t)down->history_mask + 1, sizeof *down->history);
    for (int n = 0; down->history != NULL && n <= down->history_mask; n++) down->history[n].index = -1;
    return down->history != NULL;
}

/* Remember what was sent: the packet where it would go out again as RTX, else the datagram. */
void keep(down_t *down, int64_t index, packet_t *packet, const uint8_t *datagram, int size, uint32_t timestamp,
          int picture, int tl0) {
    if (down->history == NULL && !make_history(down)) return;
    entry_t *entry = &down->history[index & down->history_mask];
    kept_t *before = entry->packet;
    entry->packet = down->rtx_payload_type ? packet_keep(packet) : NULL;
    if (entry->packet != NULL) __atomic_add_fetch(&entry->packet->references, 1, __ATOMIC_RELAXED);
    kept_release(before);
    int done = entry->packet != NULL || (!down->rtx_payload_type && keep_datagram(entry, datagram, size));
    entry->index = done ? index : -1;
    entry->timestamp = timestamp;
    entry->picture = (int16_t)picture;
    entry->tl0 = (uint8_t)tl0;
    entry->resent = 0;
    entry->resent_at = 0;
}

/* Nothing is sent again from before. */
void down_forget(down_t *down) {
    for (int n = 0; down->history != NULL && n <= down->history_mask; n++) {
        entry_t *entry = &down->history[n];
        kept_release(entry->packet);
        entry->packet = NULL;
        entry->index = -1;
    }
}

void down_close(down_t *down) {
    down_forget(down);
    for (int n = 0; down->history != NULL && n <= down->history_mask; n++) free(down->history[n].datagram);
    free(down->history);
    free(down->skips);
    down->history = NULL;
    down->skips = NULL;
}
