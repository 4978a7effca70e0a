/* SPDX-FileCopyrightText: 2026 The Passerelle authors
 * SPDX-License-Identifier: Apache-2.0 */
/* SRTP's ciphers (RFC 3711, RFC 7714) from an OpenSSL that is loaded at run time: nothing of it is needed to build. */
#include <dlfcn.h>

#include "internal.h"

#define GCM_TAG 16
#define SHA1_TAG 10
#define SHA1_SIZE 20
#define SHA1_BLOCK 64
#define CTRL_GET_TAG 0x10
#define CTRL_SET_TAG 0x11

typedef union {
    uint64_t align;
    uint8_t room[128]; /* SHA_CTX has 96 bytes */
} sha1_t;

struct keys {
    void *cipher;
    int gcm;
    uint8_t salt[16];
    sha1_t inner, outer; /* HMAC's pads, taken in already (RFC 2104 section 4) */
};

static struct {
    void *(*new)(void);
    void (*free)(void *);
    const void *(*gcm)(void);
    const void *(*ctr)(void);
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *, int);
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*final)(void *, uint8_t *, int *);
    int (*ctrl)(void *, int, int, void *);
    int (*sha1_init)(void *);
    int (*sha1_update)(void *, const void *, size_t);
    int (*sha1_final)(uint8_t *, void *);
} ssl;

static int find(void *library, const char *name, void *into) {
    void *symbol = dlsym(library, name);
    memcpy(into, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* Take the functions from a library; 0 when it has not all of them. */
int crypto_load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library != NULL && find(library, "EVP_CIPHER_CTX_new", &ssl.new) &&
           find(library, "EVP_CIPHER_CTX_free", &ssl.free) && find(library, "EVP_aes_128_gcm", &ssl.gcm) &&
           find(library, "EVP_aes_128_ctr", &ssl.ctr) && find(library, "EVP_CipherInit_ex", &ssl.init) &&
           find(library, "EVP_CipherUpdate", &ssl.update) && find(library, "EVP_CipherFinal_ex", &ssl.final) &&
           find(library, "EVP_CIPHER_CTX_ctrl", &ssl.ctrl) && find(library, "SHA1_Init", &ssl.sha1_init) &&
           find(library, "SHA1_Update", &ssl.sha1_update) && find(library, "SHA1_Final", &ssl.sha1_final);
}

static void begin_pad(sha1_t *state, const uint8_t *key, uint8_t pad) {
    uint8_t block[SHA1_BLOCK];
    memset(block, pad, sizeof block);
    for (int at = 0; at < SHA1_SIZE; at++) block[at] ^= key[at];
    ssl.sha1_init(state);
    ssl.sha1_update(state, block, sizeof block);
}

/* Session keys of one direction: 16 bytes, a salt of 12 (GCM) or 14, and 20 of authentication where not GCM. */
keys_t *keys_new(int gcm, const uint8_t *key, const uint8_t *salt, const uint8_t *authentication, int encrypts) {
    keys_t *keys = calloc(1, sizeof *keys);
    if (keys == NULL) return NULL;
    keys->gcm = gcm;
    memcpy(keys->salt, salt, gcm ? 12 : 14);
    keys->cipher = ssl.new();
    if (keys->cipher == NULL || ssl.init(keys->cipher, gcm ? ssl.gcm() : ssl.ctr(), NULL, key, NULL, gcm ? encrypts : 1) <= 0) {
        keys_free(keys);
        return NULL;
    }
    if (!gcm) {
        begin_pad(&keys->inner, authentication, 0x36);
        begin_pad(&keys->outer, authentication, 0x5C);
    }
    return keys;
}

void keys_free(keys_t *keys) {
    if (keys == NULL) return;
    if (keys->cipher != NULL) ssl.free(keys->cipher);
    free(keys);
}

int keys_overhead(const keys_t *keys) { return keys->gcm ? GCM_TAG : SHA1_TAG; }

static void mix(uint8_t *into, uint64_t value, int bytes) {
    for (int at = bytes - 1; at >= 0; at--, value >>= 8) into[at] ^= (uint8_t)value;
}

/* RFC 7714 section 8.1: two bytes of zeros, SSRC and the packet index, each of them mixed with the salt. */
static int begin_gcm(keys_t *keys, uint32_t ssrc, int64_t index) {
    uint8_t iv[12];
    memcpy(iv, keys->salt, sizeof iv);
    mix(iv + 2, ssrc, 4);
    mix(iv + 6, (uint64_t)index, 6);
    return ssl.init(keys->cipher, NULL, NULL, NULL, iv, -1) > 0;
}

/* RFC 3711 section 4.1.1: the salt, SSRC and index lie 16 bits above the block counter. */
static int begin_ctr(keys_t *keys, uint32_t ssrc, int64_t index) {
    uint8_t iv[16] = {0};
    memcpy(iv, keys->salt, 14);
    mix(iv + 4, ssrc, 4);
    mix(iv + 8, (uint64_t)index, 6);
    return ssl.init(keys->cipher, NULL, NULL, NULL, iv, -1) > 0;
}

/* RFC 3711 section 4.2: HMAC over what is sent and the roll-over counter. */
static void authenticate(const keys_t *keys, const uint8_t *data, int size, int64_t index, uint8_t *digest) {
    sha1_t state = keys->inner;
    uint8_t counter[4];
    write32(counter, (uint32_t)(index >> 16));
    ssl.sha1_update(&state, data, (size_t)size);
    ssl.sha1_update(&state, counter, sizeof counter);
    ssl.sha1_final(digest, &state);
    state = keys->outer;
    ssl.sha1_update(&state, digest, SHA1_SIZE);
    ssl.sha1_final(digest, &state);
}

/* Encrypt a payload behind the header that lies in `out`; the datagram's size, 0 on failure. */
int protect(keys_t *keys, uint8_t *out, int head, const uint8_t *payload, int size, uint32_t ssrc, int64_t index) {
    int done = 0;
    if (keys->gcm) {
        if (!begin_gcm(keys, ssrc, index) || ssl.update(keys->cipher, NULL, &done, out, head) <= 0) return 0;
        if (size > 0 && ssl.update(keys->cipher, out + head, &done, payload, size) <= 0) return 0;
        if (ssl.final(keys->cipher, out + head + size, &done) <= 0) return 0;
        if (ssl.ctrl(keys->cipher, CTRL_GET_TAG, GCM_TAG, out + head + size) <= 0) return 0;
        return head + size + GCM_TAG;
    }
    uint8_t digest[SHA1_SIZE];
    if (!begin_ctr(keys, ssrc, index)) return 0;
    if (size > 0 && ssl.update(keys->cipher, out + head, &done, payload, size) <= 0) return 0;
    authenticate(keys, out, head + size, index, digest);
    memcpy(out + head + size, digest, SHA1_TAG);
    return head + size + SHA1_TAG;
}

/* Decrypt into `plain`; the payload's size with its padding, -1 when the packet is not authentic. */
int unprotect(keys_t *keys, uint8_t *plain, const uint8_t *datagram, int size, int head, uint32_t ssrc, int64_t index) {
    int done = 0, payload = size - head - keys_overhead(keys);
    if (payload < 0) return -1;
    const uint8_t *tag = datagram + head + payload;
    if (keys->gcm) {
        uint8_t expected[GCM_TAG], end[GCM_TAG];
        memcpy(expected, tag, GCM_TAG);
        if (!begin_gcm(keys, ssrc, index) || ssl.ctrl(keys->cipher, CTRL_SET_TAG, GCM_TAG, expected) <= 0) return -1;
        if (ssl.update(keys->cipher, NULL, &done, datagram, head) <= 0) return -1;
        if (payload > 0 && ssl.update(keys->cipher, plain, &done, datagram + head, payload) <= 0) return -1;
        return ssl.final(keys->cipher, end, &done) > 0 ? payload : -1;
    }
    uint8_t digest[SHA1_SIZE];
    int different = 0;
    authenticate(keys, datagram, head + payload, index, digest);
    for (int at = 0; at < SHA1_TAG; at++) different |= digest[at] ^ tag[at];
    if (different || !begin_ctr(keys, ssrc, index)) return -1;
    if (payload > 0 && ssl.update(keys->cipher, plain, &done, datagram + head, payload) <= 0) return -1;
    return payload;
}
