/* BLAKE2b (RFC 7693), without a key. */
#include "basic_blake.h"

#include <string.h>

static const uint64_t start[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const unsigned char order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotated(uint64_t x, int n)
{
    return x >> n | x << (64 - n);
}

static void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotated(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotated(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotated(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotated(v[b] ^ v[c], 63);
}

static void compress(struct blake *b, int last)
{
    uint64_t v[16], m[16];
    memcpy(m, b->block, sizeof(m)); /* WASM is little-endian, as the RFC's words are */
    memcpy(v, b->state, sizeof(b->state));
    memcpy(v + 8, start, sizeof(start));
    v[12] ^= b->count;
    if (last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const unsigned char *s = order[round % 10];
        for (int i = 0; i < 4; i++) mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        for (int i = 0; i < 4; i++) mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    for (int i = 0; i < 8; i++) b->state[i] ^= v[i] ^ v[i + 8];
}

void blake_begin(struct blake *b, size_t size)
{
    memset(b, 0, sizeof(*b));
    memcpy(b->state, start, sizeof(start));
    b->state[0] ^= 0x01010000 ^ size;
}

void blake_add(struct blake *b, const unsigned char *at, size_t len)
{
    while (len) {
        if (b->used == sizeof(b->block)) { /* not before there is more: the last block is another one */
            b->count += b->used;
            compress(b, 0);
            b->used = 0;
        }
        size_t part = sizeof(b->block) - b->used < len ? sizeof(b->block) - b->used : len;
        memcpy(b->block + b->used, at, part);
        b->used += part, at += part, len -= part;
    }
}

void blake_end(struct blake *b, unsigned char out[64])
{
    memset(b->block + b->used, 0, sizeof(b->block) - b->used);
    b->count += b->used;
    compress(b, 1);
    memcpy(out, b->state, sizeof(b->state));
}
