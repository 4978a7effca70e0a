/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* Which packets of a stream that holds several layers does one receiver get? (as sfu/core/selection.py decides it) */
#include "internal.h"

#define EVERY 7 /* the highest layer that there is (AV1 RTP appendix A) */

static int least(int one, int other) { return one < other ? one : other; }
static int most(int one, int other) { return one > other ? one : other; }

static void steer_by_numbers(layers_t *layers, const place_t *place) {
    layers->top = most(layers->top, place->spatial);
    if (place->key) {
        layers->now_spatial = layers->spatial;
        layers->now_temporal = layers->temporal;
    } else if (!place->spatial) {
        layers->now_spatial = least(layers->now_spatial, layers->spatial);
        layers->now_temporal = least(layers->now_temporal, layers->temporal);
    }
    if (place->syncs && layers->now_temporal < place->temporal && place->temporal <= layers->temporal)
        layers->now_temporal = place->temporal;
    layers->needs_keyframe = least(layers->spatial, layers->top) > layers->now_spatial;
}

/* By spatial layer, then by temporal one. */
static int compare(target_t one, target_t other) {
    return one.spatial != other.spatial ? one.spatial - other.spatial : one.temporal - other.temporal;
}

/* The highest active target within a limit, else the lowest one. */
static int best(const targets_t *follows, int spatial, int temporal) {
    int highest = -1, lowest = -1;
    for (int n = 0; n < follows->count; n++) {
        target_t target = follows->targets[n];
        if (!(follows->active >> n & 1)) continue;
        if (lowest < 0 || compare(target, follows->targets[lowest]) < 0) lowest = n;
        if (target.spatial > spatial || target.temporal > temporal) continue;
        if (highest < 0 || compare(target, follows->targets[highest]) >= 0) highest = n;
    }
    return highest >= 0 ? highest : lowest >= 0 ? lowest : follows->now;
}

/* A temporal layer opens by itself within a few frames; a spatial one may wait for ever. */
static void aim(layers_t *layers) {
    targets_t *follows = layers->targets;
    follows->wanted = best(follows, layers->spatial, layers->temporal);
    layers->needs_keyframe = follows->targets[follows->wanted].spatial != follows->targets[follows->now].spatial;
}

static void take_over(targets_t *follows, const reader_t *reader, uint32_t active, int spatial, int temporal) {
    follows->structure = reader->structures;
    follows->active = active;
    follows->count = reader->structure.target_count;
    memcpy(follows->targets, reader->structure.targets, sizeof follows->targets);
    follows->now = 0; /* the old one may be no target of this structure */
    follows->now = best(follows, spatial, temporal);
}

/* Change the highest layers that are sent. */
void layers_want(layers_t *layers, int spatial, int temporal) {
    layers->spatial = spatial;
    layers->temporal = temporal;
    if (layers->targets != NULL && layers->targets->structure) aim(layers);
}

/* Begin in the middle of a sequence of which everything was sent. */
void layers_adopt(layers_t *layers, const reader_t *reader) {
    take_over(layers->targets, reader, reader->active, EVERY, EVERY);
    aim(layers);
}

static decision_t *decision_of(targets_t *follows, int64_t number) {
    return &follows->decided[(uint64_t)number % MAX_FRAMES_DECIDED];
}

static int was_sent(targets_t *follows, int64_t number) {
    const decision_t *decision = decision_of(follows, number);
    return decision->known && decision->number == number && decision->taken;
}

/* Whether a target can be followed from this frame on: all that it needs was sent. */
static int opens(targets_t *follows, const place_t *place, int target) {
    if (place->kind->indications[target] != SWITCH) return 0;
    for (int n = 0; n < place->kind->reference_count; n++)
        if (!was_sent(follows, place->number - place->kind->references[n])) return 0;
    return 1;
}

static void steer_by_descriptor(layers_t *layers, const reader_t *reader, const place_t *place) {
    targets_t *follows = layers->targets;
    if (place->key) {
        memset(follows->decided, 0, sizeof follows->decided);
        take_over(follows, reader, place->active, layers->spatial, layers->temporal);
    }
    if (follows->structure != reader->structures) return;
    follows->active = place->active;
    aim(layers);
    if (follows->wanted == follows->now || !opens(follows, place, follows->wanted)) return;
    follows->now = follows->wanted;
    layers->needs_keyframe = 0;
}

static int takes_frame(layers_t *layers, const reader_t *reader, const place_t *place, int newest) {
    targets_t *follows = layers->targets;
    decision_t *decision = decision_of(follows, place->number);
    if (!(newest && place->key) && decision->known && decision->number == place->number) return decision->taken;
    if (newest) steer_by_descriptor(layers, reader, place);
    if (follows->structure != reader->structures) return 0;
    *decision = (decision_t){place->number, 1, place->kind->indications[follows->now] != NOT_PRESENT};
    return decision->taken;
}

/* Whether a packet is sent; asked in the order in which packets come. `newest`: none after it came before. */
int layers_take(layers_t *layers, const reader_t *reader, const place_t *place, int newest) {
    if (place->how != (layers->targets == NULL ? BY_NUMBERS : BY_DESCRIPTOR)) return 0;
    if (layers->targets != NULL) return takes_frame(layers, reader, place, newest);
    if (newest && place->starts) steer_by_numbers(layers, place);
    return place->temporal <= layers->now_temporal && place->spatial <= layers->now_spatial;
}

/* Whether a packet that is sent is the last of the picture for this receiver. */
int layers_mark(const layers_t *layers, const place_t *place) {
    const targets_t *follows = layers->targets;
    return place->ends && place->spatial == (follows == NULL ? layers->now_spatial : follows->targets[follows->now].spatial);
}

static void note_targets(engine_t *engine, stream_t *stream, uint32_t active) {
    reader_t *reader = stream->reader;
    const structure_t *structure = &reader->structure;
    int spatial = 0, temporal = 0;
    if (reader->told == reader->structures && reader->told_active == active) return;
    stream->spatial_layers = stream->temporal_layers = 1;
    for (int n = 0; n < structure->target_count; n++) {
        target_t target = structure->targets[n];
        stream->spatial_layers = most(stream->spatial_layers, target.spatial + 1);
        stream->temporal_layers = most(stream->temporal_layers, target.temporal + 1);
        if (active && !(active >> n & 1)) continue;
        spatial = most(spatial, target.spatial + 1);
        temporal = most(temporal, target.temporal + 1);
    }
    reader->told = reader->structures;
    reader->told_active = active;
    if (!engine->up.layered(engine->owner, stream, spatial, temporal)) reader->told = 0;
}

/* Take in how many layers a stream has; tells those that flow when that is news. */
void note_layers(engine_t *engine, stream_t *stream, const place_t *place) {
    int spatial = stream->spatial_layers, temporal = stream->temporal_layers;
    if (place->how == BY_DESCRIPTOR) {
        note_targets(engine, stream, place->active);
    } else if (place->how == BY_NUMBERS && (place->spatial >= spatial || place->temporal >= temporal)) {
        stream->spatial_layers = most(spatial, place->spatial + 1);
        stream->temporal_layers = most(temporal, place->temporal + 1);
        if (engine->up.layered(engine->owner, stream, stream->spatial_layers, stream->temporal_layers)) return;
        stream->spatial_layers = spatial;
        stream->temporal_layers = temporal;
    }
}
