/* Digests of files, a block at a time. */
#ifndef BASIC_DIGEST_H
#define BASIC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct digest;

struct digest_kind {
    const char *tool, *tag;
    size_t size, block; /* in bytes */
    void (*mix)(struct digest *, const unsigned char *block);
};

struct digest {
    const struct digest_kind *kind;
    union {
        uint32_t small[8];
        uint64_t large[8];
    } state;
    uint64_t total;
    unsigned char waiting[128];
    size_t used;
};

extern const struct digest_kind digest_kinds[]; /* the last one has no name */

void digest_begin(struct digest *d, const struct digest_kind *kind);
void digest_add(struct digest *d, const unsigned char *at, size_t len);
void digest_end(struct digest *d, unsigned char *out);

#endif
