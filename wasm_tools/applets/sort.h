/* sort: what reading, comparing and ordering share. */
#ifndef SORT_H
#define SORT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { RANKED = 8 }; /* bytes of text that a rank holds */
enum order { BYTES, NUMERIC, GENERAL, HUMAN, MONTH, VERSION, RANDOM };

struct how {
    enum order order;
    int blanks, blanks_end, dictionary, fold, printable, reverse, any;
};

struct key {
    size_t field, chr, end_field, end_chr; /* from 1; end_field 0: to the line's end; end_chr 0: the whole field */
    struct how how;
};

struct line {
    const char *at;
    uint32_t len;
    const char *key; /* the first key's text */
    uint32_t key_len;
    uint64_t rank; /* as the order of the first key has it, as far as 64 bits tell: see sort_rank */
};

extern struct key *sort_keys;
extern size_t sort_key_count;
extern struct how sort_global; /* what holds where a key says nothing of its own */
extern int sort_unique, sort_stable, sort_separator; /* separator: -1 for blanks */
extern uint64_t sort_salt; /* of a random order */

_Noreturn void sort_fail(const char *format, ...);
int sort_is_blank(char c);
/* A number for the first key: where two lines' differ, they are in the order of the keys (reverse or not is another's
 * question); where they are the same, sort_compare knows. */
uint64_t sort_rank(const char *key, size_t len);
/* A key's part of a line. */
void sort_find_key(const struct key *k, const char *line, size_t len, const char **start, size_t *length);
/* The order of two lines: by keys, then by bytes unless that is not asked for. */
int sort_compare(const struct line *a, const struct line *b);
/* Whether lines are compared by their bytes alone. */
int sort_plain(void);

/* The same order for that case, which is the common one: in sight of the loops that it is called from. */
static inline int sort_compare_plain(const struct line *a, const struct line *b)
{
    int order;
    if (a->rank != b->rank) order = a->rank < b->rank ? -1 : 1;
    else {
        size_t least = a->len < b->len ? a->len : b->len;
        order = least > RANKED ? memcmp(a->at + RANKED, b->at + RANKED, least - RANKED) : 0;
        if (!order) order = (a->len > b->len) - (a->len < b->len);
    }
    return sort_global.reverse ? -order : order;
}

#endif
