/* Lines, read in large pieces. */
#define _GNU_SOURCE
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 64 * 1024 };

/* Read behind what is there; 0 at the end. What was taken already makes room first. */
static int read_more(struct lines *l)
{
    if (l->over) return 0;
    if (l->begin) {
        memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->begin = 0;
    }
    if (l->end + 1 >= l->cap) {
        size_t cap = l->cap ? l->cap * 2 : FIRST;
        char *larger = realloc(l->buffer, cap);
        if (!larger) {
            l->failed = ENOMEM;
            l->over = 1;
            return 0;
        }
        l->buffer = larger;
        l->cap = cap;
    }
    /* A byte is kept free for who ends a line with a NUL. */
    ssize_t got = read(l->fd, l->buffer + l->end, l->cap - l->end - 1);
    if (got <= 0) {
        if (got < 0) l->failed = errno;
        l->over = 1;
        return 0;
    }
    l->end += (size_t)got;
    return 1;
}

char *lines_next(struct lines *l, char end, size_t *len)
{
    size_t looked = 0;
    for (;;) {
        char *line = l->buffer + l->begin;
        size_t left = l->end - l->begin;
        char *stop = left > looked ? memchr(line + looked, end, left - looked) : NULL;
        if (stop) *len = (size_t)(stop + 1 - line);
        else {
            looked = left;
            if (read_more(l)) continue;
            if (!left || l->failed) return NULL;
            line = l->buffer + l->begin;
            *len = left;
        }
        l->begin += *len;
        return line;
    }
}

int lines_more(struct lines *l)
{
    return l->begin < l->end || read_more(l);
}

void lines_free(struct lines *l)
{
    free(l->buffer);
    *l = (struct lines){0};
}
