/* BLAKE2b of a file, a piece at a time. */
#ifndef BASIC_BLAKE_H
#define BASIC_BLAKE_H

#include <stddef.h>
#include <stdint.h>

struct blake {
    uint64_t state[8], count;
    unsigned char block[128];
    size_t used;
};

void blake_begin(struct blake *b, size_t size);
void blake_add(struct blake *b, const unsigned char *at, size_t len);
void blake_end(struct blake *b, unsigned char out[64]);

#endif
