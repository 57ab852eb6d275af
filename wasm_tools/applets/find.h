/* find: the parts that know each other. */
#ifndef FIND_H
#define FIND_H

#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agentsh.h"

/* What is being looked at. */
struct entry {
    const char *path, *name; /* as find was told; the last part of it */
    const char *start;       /* the argument that it was found below */
    size_t start_len;
    int depth;
    struct stat st;
    int broken; /* a link that leads nowhere, seen with -L */
};

struct test;
typedef int (*check)(const struct test *t, struct entry *e);

/* A node of the expression. */
struct test {
    check run;
    const struct test *left, *right;
    const char *text;
    char sign, letter;
    long long number, unit;
    regex_t *regex;
    FILE *out;
    int nul;
};

extern struct find_options {
    int follow, follow_arguments, depth_first, stay_on_device;
    int min_depth, max_depth;
    int printed; /* the expression has an action that shows: nothing is added to it */
    long long now, day; /* seconds; the start for -mtime and its like */
    int status, prune, quit;
} find;

_Noreturn void find_fail(const char *format, ...);
void find_complain(const char *path, int error);
void *find_allocate(size_t size);
/* The whole expression; NULL when there is none. */
const struct test *find_parse(int argc, char *argv[]);
/* Print by a format of -printf. */
void find_printf(const char *format, const struct entry *e, FILE *out);
/* "-rw-r--r--" */
void find_mode_text(char text[11], mode_t mode);
/* Seconds of a date as -newermt takes it; ends the command when it is none. */
struct timespec find_date(const char *text);

#endif
