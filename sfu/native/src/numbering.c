/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* One continuous stream out of many (sfu/core/munge.py), and VP8's temporal layers (sfu/core/selection.py). */
#include "internal.h"

/* Follow a source from this packet on; `aligned` is the outgoing timestamp by the sender reports of both sources. */
void down_begin(down_t *down, int64_t index, int64_t timestamp, double now, int clock_rate, int has_aligned,
                int64_t aligned, int64_t picture, int64_t tl0) {
    down->first = down->floor = index;
    down->skip_count = 0;
    down->skipped_picture = -1;
    down->seq_offset = down->last_index + 1 - index;
    if (!down->started) {
        down->started = 1;
        down->timestamp_offset = down->picture_offset = down->tl0_offset = 0;
        return;
    }
    int64_t elapsed = (int64_t)((now - down->last_time) * clock_rate), ahead = elapsed;
    if (has_aligned) {
        int64_t difference = ((aligned - down->last_timestamp + 0x80000000LL) & 0xFFFFFFFF) - 0x80000000LL;
        if (difference > -clock_rate && difference <= elapsed + clock_rate) ahead = difference;
    }
    down->timestamp_offset = (down->last_timestamp + (ahead > 1 ? ahead : 1) - timestamp) & 0xFFFFFFFF;
    down->picture_offset = down->last_picture + 1 - picture;
    down->tl0_offset = down->last_tl0 + 1 - tl0;
}

static skip_t *skip_at(const down_t *down, int number) {
    return &down->skips[(down->skip_first + number) % MAX_SKIPS];
}

/* Leave out this packet, the newest one of the source; 0 without memory. A run of them is one entry. */
int down_skip(down_t *down, int64_t index, int picture) {
    skip_t entry = {index + 1, down->seq_offset, down->picture_offset};
    if (down->skips == NULL) down->skips = calloc(MAX_SKIPS, sizeof *down->skips);
    if (down->skips == NULL) return 0;
    if (down->skip_count && skip_at(down, down->skip_count - 1)->end == index) {
        entry = *skip_at(down, --down->skip_count);
        entry.end = index + 1;
    }
    if (down->skip_count == MAX_SKIPS) {
        down->floor = skip_at(down, 0)->end;
        down->skip_first = (down->skip_first + 1) % MAX_SKIPS;
        down->skip_count--;
    }
    *skip_at(down, down->skip_count++) = entry;
    down->seq_offset--;
    if (picture >= 0 && picture != down->skipped_picture) {
        down->skipped_picture = picture;
        down->picture_offset--;
    }
    return 1;
}

/* The offsets that hold for any packet of the source; 0 for one that is too old to be sent. */
int down_offsets(const down_t *down, int64_t index, int64_t *sequence, int64_t *pictures) {
    if (index < down->floor) return 0;
    *sequence = down->seq_offset;
    *pictures = down->picture_offset;
    for (int n = down->skip_count - 1; n >= 0 && index < skip_at(down, n)->end; n--) {
        *sequence = skip_at(down, n)->sequence;
        *pictures = skip_at(down, n)->pictures;
    }
    return 1;
}
