/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* The native engine's tables: what Python fills in, what the packet path reads and counts. Also read by cffi. */

#define MAX_DATAGRAM 4096
#define MAX_HEAD 640
#define WINDOW 1024
#define MAX_SKIPS 128
#define MAX_RESENDS 6
#define MAX_ARRIVALS 2048
#define MAX_SSRCS_PER_PEER 1024
#define MAX_UNKNOWN_SSRCS_PER_PEER 64
#define SEND_LOG 2048
#define PROBE_PACKETS 32
#define OVERHEAD 64
#define LANE_SOCKETS 16
#define LANE_MESSAGES 2048
#define LANE_DATAGRAM 2752
#define LANE_PENDING 256
#define MAX_TEMPLATES 64
#define MAX_TARGETS 32
#define MAX_REFERENCES 16
#define MAX_FRAMES_DECIDED 256

enum { BEFORE_KEYS, RTP_MALFORMED, SSRC_CAP, REPLAY, SRTP_AUTH, UNKNOWN_SSRC, UNKNOWN_PAYLOAD_TYPE, RTX_EARLY,
       CODEC_MISSING, TOO_LONG, TOO_LATE, SEND_FULL, SEND_ERROR, RECEIVE_ERROR, OVERSIZE, LANE_FULL, CAUSES };
enum { CODEC_OTHER, CODEC_VP8, CODEC_H264, CODEC_H265, CODEC_VP9, CODEC_AV1 };
enum { NO_PLACE, BY_NUMBERS, BY_DESCRIPTOR };
enum { NOWHERE, BY_UDP, BY_PYTHON };
enum { TO_DECIDE, TO_TAKE, TO_SEND, TOLD_GAP, TOLD_LATE, TOLD_BLOCKED, TOLD_LAYERED };

typedef struct keys keys_t;
typedef struct queue queue_t;
typedef struct kept kept_t;
typedef struct lock lock_t;

typedef struct {
    int64_t highest; /* index, -1 before any packet */
    uint64_t seen[16]; /* a bit for each of the last WINDOW indices, at index % WINDOW */
} window_t;

typedef struct {
    double level, heard;
    int64_t track;
    int audible;
} voice_t;

typedef struct {
    int seats, count;
    voice_t *voices; /* those who have a seat, in the order in which they took it */
} seats_t;

typedef struct stream stream_t;

typedef struct {
    int count, spilled; /* datagrams that wait for Python; whether there were too many of them */
} pending_t;

typedef struct {
    uint32_t ssrc;
    int rtx;
    stream_t *stream;
    window_t window;
} inbound_t;

typedef struct {
    double time;
    uint32_t number;
} arrival_t;

typedef struct {
    int64_t token;
    pending_t pending; /* whatever comes waits behind these */
    keys_t *receive, *send;
    double heard;
    int arrival_id, arrival_count;
    arrival_t *arrivals;
    int unknown, inbound_count;
    uint32_t inbound_mask; /* the table has a power of two of places, at most half of them taken */
    inbound_t **inbound;
    int target, fd, address_size;
    uint8_t address[32];
    queue_t *queued_in; /* where its last datagram waits, if that is in this round of the queue */
    int64_t queued_round;
    int queued_at;
    int64_t log_next;
    int64_t sent[2]; /* bytes of audio and video, nothing that was sent again */
    double *log_times;
    uint16_t *log_sizes;
} peer_t;

typedef struct {
    uint8_t spatial, temporal, reference_count;
    uint8_t indications[MAX_TARGETS]; /* by decode target */
    uint16_t references[MAX_REFERENCES]; /* how many frames back lies each that is needed */
} template_t;

typedef struct {
    uint8_t spatial, temporal;
} target_t;

typedef struct {
    int offset, template_count, target_count, chains;
    template_t templates[MAX_TEMPLATES];
    target_t targets[MAX_TARGETS];
} structure_t;

typedef struct { /* of one stream's dependency descriptors */
    int64_t structures; /* how many different ones came, 0: `structure` is none yet */
    int64_t highest; /* frame number */
    uint32_t active;
    int64_t told; /* of which structure, and active targets, Python knows */
    uint32_t told_active;
    structure_t structure, read;
    template_t custom;
} reader_t;

typedef struct { /* of a packet among the layers of its stream */
    int how, spatial, temporal, starts, ends, key, syncs;
    int64_t number; /* of the frame; this and what follows by the descriptor alone */
    uint32_t active;
    const template_t *kind;
} place_t;

typedef struct {
    int64_t number;
    int known, taken;
} decision_t;

typedef struct { /* what one receiver follows of a stream with descriptors */
    int64_t structure; /* which one of the stream's, 0: none yet */
    uint32_t active;
    int count, now, wanted;
    target_t targets[MAX_TARGETS];
    decision_t decided[MAX_FRAMES_DECIDED]; /* at number % MAX_FRAMES_DECIDED */
} targets_t;

typedef struct {
    int spatial, temporal, needs_keyframe, now_spatial, now_temporal, top;
    targets_t *targets; /* NULL: by the numbers of the payload descriptor */
} layers_t;

typedef struct {
    int64_t end, sequence, pictures;
} skip_t;

typedef struct {
    int64_t index; /* outgoing; -1: empty */
    double resent_at;
    kept_t *packet; /* shared by all receivers, where it would go out again as RTX */
    uint8_t *datagram; /* else the very bytes that were sent */
    uint32_t size, room, timestamp;
    int16_t picture;
    uint8_t tl0, resent;
} entry_t;

typedef struct { /* what every packet wants comes first, in as few cache lines as it takes */
    peer_t *peer;
    int64_t first, seq_offset, timestamp_offset, picture_offset, tl0_offset;
    int history_mask; /* a power of two of places, less one */
    int payload_type;
    entry_t *history; /* NULL before the first packet */
    uint32_t ssrc, rtx_ssrc;
    int head_size, time_at, level_head_size, level_time_at, level_at;
    int dependency_id, rtx_payload_type, numbered, is_video;
    int64_t last_index, last_timestamp, last_picture, last_tl0;
    double last_time;
    int64_t packets, octets;
    layers_t *layers; /* who gets some of a stream's; NULL: all */
    int primary_only, started;
    uint8_t head[320], level_head[320];
    int64_t rtx_index, floor, skipped_picture;
    int skip_first, skip_count;
    skip_t *skips;
    int mid_id, mid_size, stamp_id;
    uint8_t mid[256];
} down_t;

struct stream {
    int64_t id, track;
    pending_t pending; /* its packets and retransmissions wait behind these */
    window_t *window;
    int payload_type, codec, is_audio, audio_level_id, dependency_id, clock_rate, waiting;
    uint8_t known_types[128];
    int16_t rtx_types[128];
    int64_t packets, octets;
    int64_t first, highest, received;
    double jitter, transit;
    int has_transit;
    double loud_ms;
    int loudest;
    int64_t level_at;
    int spatial_layers, temporal_layers;
    reader_t *reader; /* of VP9 and AV1 */
    down_t **followers, **selective;
    int follower_count, selective_count;
    seats_t *seats;
    int seated;
};

typedef struct {
    const uint8_t *payload;
    int size, marker, level;
    uint32_t timestamp;
    int has_vp8, picture_id, picture_at, wide, tl0, tl0_at;
    place_t place;
    const uint8_t *dependency;
    int dependency_size; /* -1: none */
    kept_t *kept;
} packet_t;

typedef struct {
    int (*admit)(void *, peer_t *, uint32_t);
    void (*learn)(void *, peer_t *, uint32_t, int, const uint8_t *, int);
    void (*use)(void *, stream_t *, int);
    void (*gap)(void *, stream_t *, int64_t, int64_t, double);
    void (*late)(void *, stream_t *, int64_t);
    int (*layered)(void *, stream_t *, int, int); /* 0: tell it again */
    void (*begins)(void *, stream_t *, packet_t *, int64_t, double);
    void (*blocked)(void *, stream_t *, double);
    void (*send)(void *, int64_t, const uint8_t *, int);
    void (*other)(void *, int, const uint8_t *, int, const uint8_t *, int);
    /* NULL: Python may be called at once. Without a stream all of the peer waits. */
    void (*defer)(void *, peer_t *, stream_t *, const uint8_t *, int, double);
} upcalls_t;

typedef struct {
    void *owner;
    upcalls_t up;
    lock_t *lock; /* of the tables */
    queue_t *queue;
    int64_t packets_in, bytes_in, packets_out, bytes_out, retransmitted, probes;
    int64_t messages; /* that the kernel was given: one may hold several datagrams */
    int64_t waits, waited_ns, waited_longest_ns; /* of the media thread, for Python to end a change of the tables */
    int64_t dropped[16];
} engine_t;

typedef struct {
    int kind, link, address_size, size;
    int64_t id, first, stop; /* of a peer's token or a stream; what was told of it */
    int64_t stream; /* whose datagrams wait behind this one; -1: the peer's */
    double time;
    uint8_t address[32], datagram[LANE_DATAGRAM];
} message_t;

typedef struct lane lane_t;

int crypto_load(const char *library);
keys_t *keys_new(int gcm, const uint8_t *key, const uint8_t *salt, const uint8_t *authentication, int encrypts);
void keys_free(keys_t *keys);

int engine_open(engine_t *engine);
void engine_close(engine_t *engine);
int peer_add(peer_t *peer, inbound_t *inbound);
void peer_close(peer_t *peer);
void down_forget(down_t *down);
void down_close(down_t *down);

void engine_rtp(engine_t *engine, peer_t *peer, const uint8_t *datagram, int size, double now);
void engine_forward(engine_t *engine, down_t **downs, int count, packet_t *packet, int64_t index, double now);
int engine_resend(engine_t *engine, down_t *down, const uint16_t *sequences, int count, double now, double quiet,
                  int since_switch, int most);
int engine_probe(engine_t *engine, down_t *down, int octets, double now);
void packet_done(packet_t *packet);

void down_begin(down_t *down, int64_t index, int64_t timestamp, double now, int clock_rate, int has_aligned,
                int64_t aligned, int64_t picture, int64_t tl0);
int down_skip(down_t *down, int64_t index, int picture);
int down_offsets(const down_t *down, int64_t index, int64_t *sequence, int64_t *pictures);
void layers_want(layers_t *layers, int spatial, int temporal);
void layers_adopt(layers_t *layers, const reader_t *reader);
void seats_forget(seats_t *seats, int64_t track);

lock_t *lock_open(void);
void lock_close(lock_t *lock);

lane_t *lane_open(lock_t *lock);
engine_t *lane_engine(lane_t *lane);
int lane_told(const lane_t *lane);
int lane_realtime(const lane_t *lane);
int lane_read(lane_t *lane, int fd, int link);
message_t *lane_next(lane_t *lane);
void lane_done(lane_t *lane);
void lane_know(lane_t *lane, int link, const uint8_t *address, int size, peer_t *peer);
void lane_stop(lane_t *lane);
void lane_close(lane_t *lane);
void engine_sweep(engine_t *engine);
void engine_doubt(engine_t *engine, int link, const uint8_t *address, int size);
void engine_forget(engine_t *engine, const peer_t *peer);
