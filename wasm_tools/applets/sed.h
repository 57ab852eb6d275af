/* sed: the script as data, and the parts that share it. */
#ifndef SED_H
#define SED_H

#include <regex.h>
#include <stddef.h>
#include <stdio.h>

#include "agentsh.h"
#include "pattern.h"

struct text {
    char *at;
    size_t len, cap;
};

struct regex {
    regex_t plain, after; /* after: with one character before it, for a search from the middle of a line */
    int looks_back, groups;
    char *literal, *needed; /* the whole pattern where it is plain text; text that every match contains; or NULL */
    size_t literal_len, needed_len;
};

struct address {
    enum { NONE, LINE, LAST, REGEX, STEP, PLUS, MULTIPLE } kind;
    long long first, step;
    struct regex *regex; /* NULL: the last one used */
};

struct output {
    FILE *file;
    const char *path;
    int missing_newline; /* what was written last had none */
    struct output *next;
};

/* A piece of a replacement: text, then a group; and what becomes of letters from here on. */
struct piece {
    char *text;
    size_t len;
    int group; /* -1: none */
    char change; /* 'L' 'U' 'E' for what follows, 'l' 'u' for the next character, 0 */
};

struct command {
    struct address from, to;
    int negated, active;
    long long active_until;
    char name;
    struct text text;       /* of a, i, c; a label; a file's name */
    struct command *target; /* of b, t, T, and the end of a block; NULL: the script's end */
    long long number;       /* of q, Q, l, L */
    struct regex *regex;
    struct piece *pieces;
    int piece_count, global, print, nth;
    struct output *output;
    unsigned char *map;                      /* of y, for bytes */
    struct { char from[5], to[5]; } *wide;   /* of y, for longer characters */
    int wide_count;
    struct command *next;
};

struct sed_options {
    int quiet, extended, in_place, separate, follow, line_length;
    const char *suffix;
    char end;
};

extern struct sed_options sed;

struct command *sed_parse(const struct text *script);
int sed_run(struct command *program, char **files);
struct output *sed_output(const char *path);
extern struct output sed_stdout;
/* Match from offset at; groups as offsets into text. Remembers the regex for an empty one. */
int regex_match(struct regex *r, const char *text, size_t len, size_t at, regmatch_t *groups, size_t count);

_Noreturn void sed_fail(int status, const char *format, ...);
void *sed_allocate(void *old, size_t size);
void text_put(struct text *t, const char *s, size_t n);

#endif
