/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* What does a dependency descriptor say of a frame? (AV1 RTP specification, appendix A; sfu/core/dependency_descriptor.py) */
#include "internal.h"

#define SHORT 3 /* bytes of the mandatory fields */
#define CUSTOM_INDICATIONS 4
#define CUSTOM_REFERENCES 2
#define CUSTOM_CHAINS 1

typedef struct {
    const uint8_t *data;
    int at, left, overrun;
} bits_t;

/* The next bits, from the most significant one on; past the end they are zeros. */
static uint32_t read_bits(bits_t *bits, int count) {
    uint32_t value = 0;
    if (count > bits->left) {
        bits->overrun = 1;
        bits->left = 0;
        return 0;
    }
    bits->left -= count;
    for (; count > 0; count--, bits->at++) value = value << 1 | (bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1u);
    return value;
}

static void skip_bits(bits_t *bits, int count) {
    if (count > bits->left) {
        bits->overrun = 1;
        count = bits->left;
    }
    bits->left -= count;
    bits->at += count;
}

/* One of so many values (AV1 section 4.10.7). */
static int read_nonsymmetric(bits_t *bits, int values) {
    int width = 1;
    while (values >> width) width++;
    int shorter = (1 << width) - values, value = (int)read_bits(bits, width - 1);
    return value < shorter ? value : 2 * value - shorter + (int)read_bits(bits, 1);
}

/* The layers of each template; 0 when there is no end of them. */
static int read_template_layers(bits_t *bits, structure_t *structure) {
    uint8_t spatial = 0, temporal = 0;
    while (structure->template_count < MAX_TEMPLATES) {
        template_t *kind = &structure->templates[structure->template_count++];
        kind->spatial = spatial;
        kind->temporal = temporal;
        switch (read_bits(bits, 2)) {
            case 0: break;
            case 1: temporal++; break;
            case 2: spatial++, temporal = 0; break;
            default: return 1;
        }
    }
    return 0;
}

static void refer(bits_t *bits, template_t *kind, uint32_t back) {
    if (kind->reference_count == MAX_REFERENCES) {
        bits->overrun = 1;
        bits->left = 0;
        return;
    }
    kind->references[kind->reference_count++] = (uint16_t)back;
}

/* Each decode target has the highest layers of what belongs to it. */
static void note_targets(structure_t *structure) {
    for (int n = 0; n < structure->target_count; n++) {
        target_t *target = &structure->targets[n];
        for (int at = 0; at < structure->template_count; at++) {
            const template_t *kind = &structure->templates[at];
            if (kind->indications[n] == NOT_PRESENT) continue;
            if (kind->spatial > target->spatial) target->spatial = kind->spatial;
            if (kind->temporal > target->temporal) target->temporal = kind->temporal;
        }
    }
}

static int read_structure(bits_t *bits, structure_t *structure) {
    memset(structure, 0, sizeof *structure);
    structure->offset = (int)read_bits(bits, 6);
    structure->target_count = 1 + (int)read_bits(bits, 5);
    if (!read_template_layers(bits, structure)) return 0;
    for (int at = 0; at < structure->template_count; at++)
        for (int n = 0; n < structure->target_count; n++)
            structure->templates[at].indications[n] = (uint8_t)read_bits(bits, 2);
    for (int at = 0; at < structure->template_count; at++)
        while (read_bits(bits, 1)) refer(bits, &structure->templates[at], 1 + read_bits(bits, 4));
    structure->chains = read_nonsymmetric(bits, structure->target_count + 1);
    for (int n = 0; structure->chains && n < structure->target_count; n++) read_nonsymmetric(bits, structure->chains);
    skip_bits(bits, 4 * structure->chains * structure->template_count);
    if (read_bits(bits, 1)) skip_bits(bits, 32 * (structure->templates[structure->template_count - 1].spatial + 1));
    note_targets(structure);
    return !bits->overrun;
}

/* Apply what the frame says for itself instead of its template. */
static const template_t *customise(bits_t *bits, const structure_t *structure, const template_t *kind, uint32_t custom,
                                   template_t *own) {
    *own = *kind;
    for (int n = 0; custom & CUSTOM_INDICATIONS && n < structure->target_count; n++)
        own->indications[n] = (uint8_t)read_bits(bits, 2);
    if (custom & CUSTOM_REFERENCES) {
        uint32_t size;
        own->reference_count = 0;
        while ((size = read_bits(bits, 2))) refer(bits, own, 1 + read_bits(bits, 4 * (int)size));
    }
    if (custom & CUSTOM_CHAINS) skip_bits(bits, 8 * structure->chains);
    return own;
}

/* The structure that a key frame brings, 0 when it is malformed; the one that came before where it is the same. */
static const structure_t *take_structure(reader_t *reader, bits_t *bits) {
    if (!read_structure(bits, &reader->read)) return NULL;
    int same = reader->structures && !memcmp(&reader->read, &reader->structure, sizeof reader->read);
    return same ? &reader->structure : &reader->read;
}

static uint32_t all_of(int count) { return (uint32_t)((1ULL << count) - 1); }

static void commit(reader_t *reader, const structure_t *structure, uint32_t active, int64_t number) {
    reader->highest = number;
    reader->active = active;
    if (structure != &reader->read) return;
    reader->structure = reader->read;
    reader->structures++;
}

/* Read a packet's descriptor; 0 when it is malformed, or of a structure that did not come. */
int read_dependency(reader_t *reader, const uint8_t *data, int size, place_t *place) {
    bits_t bits = {data, 0, 8 * size, 0};
    const structure_t *structure = reader->structures ? &reader->structure : NULL;
    uint32_t active = reader->active, custom = 0;
    if (size < SHORT) return 0;
    int starts = (int)read_bits(&bits, 1), ends = (int)read_bits(&bits, 1), brings = 0;
    int ident = (int)read_bits(&bits, 6);
    uint32_t low = read_bits(&bits, 16);
    if (size > SHORT) {
        brings = (int)read_bits(&bits, 1);
        uint32_t has_active = read_bits(&bits, 1);
        custom = read_bits(&bits, 3);
        if (brings) structure = take_structure(reader, &bits);
        if (structure == NULL) return 0;
        if (brings) active = all_of(structure->target_count);
        if (has_active) active = read_bits(&bits, structure->target_count);
    }
    int at = structure == NULL ? 0 : (ident - structure->offset) & (MAX_TEMPLATES - 1);
    if (structure == NULL || at >= structure->template_count) return 0;
    const template_t *kind = &structure->templates[at];
    if (custom) kind = customise(&bits, structure, kind, custom, &reader->custom);
    if (bits.overrun) return 0;
    int64_t number = extend(low, reader->structures && reader->highest >= 0 ? reader->highest : 0x10000);
    if (brings || number >= reader->highest) commit(reader, structure, active, number); /* it may count from anywhere */
    *place = (place_t){BY_DESCRIPTOR, kind->spatial, kind->temporal, starts, ends, brings, 0, number, active, kind};
    return 1;
}

/* Whether a descriptor says of its packet that it is the first of a key frame. */
int is_key_descriptor(const uint8_t *data, int size) { return size > SHORT && data[0] & 0x80 && data[SHORT] & 0x80; }
