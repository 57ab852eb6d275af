/* file: kinds of content. */
#ifndef DUMP_KINDS_H
#define DUMP_KINDS_H

#include <stddef.h>

struct kind {
    char words[320];
    const char *mime;
    int alone, executable; /* of a text: nothing is said of its encoding; it can be run */
};

/* Whether content is of a kind that is known by its first bytes. */
int kind_of_binary(const unsigned char *s, size_t n, struct kind *kind);
/* The same for text, by what people write. It ends with a NUL. */
int kind_of_text(const char *s, size_t n, struct kind *kind);

#endif
