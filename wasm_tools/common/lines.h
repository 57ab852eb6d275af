/* A descriptor's lines, where they lie in the buffer: nothing is copied for each of them. */
#ifndef AGENTSH_LINES_H
#define AGENTSH_LINES_H

#include <stddef.h>

struct lines {
    int fd;
    int failed; /* errno of a read that failed; there is no line after that */
    int over;
    char *buffer;
    size_t cap, begin, end;
};

/* The next line with the byte that ends it, if there is one, and its length; NULL at the end, or where a read failed. It
 * may be written to, one byte behind it too, until the next call. */
char *lines_next(struct lines *l, char end, size_t *len);
/* Whether there is more to read. */
int lines_more(struct lines *l);
/* Let go of the buffer; the descriptor stays open. */
void lines_free(struct lines *l);

#endif
