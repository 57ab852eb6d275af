/* patch: between reading a patch, finding where its hunks belong, and writing files. */
#ifndef PATCH_H
#define PATCH_H

#include <stddef.h>

#include "agentsh.h"

struct text { /* a piece of something that is held in memory */
    const char *at;
    size_t len; /* with the newline, where there is one */
};

struct hunk {
    long old_first, old_count, new_first, new_count; /* lines from 1; with a count of 0 the line before */
    struct text *lines;                              /* each without its mark */
    char *marks;                                     /* ' ', '-' or '+' */
    int count, cap;
    int before, after; /* lines of context at both ends */
};

enum format { NO_DIFF, UNIFIED, CONTEXT, NORMAL };

struct change { /* what a patch says of one file */
    enum format format;
    char *old_name, *new_name, *index_name; /* as they stand there, unquoted; NULL where there is none */
    char *old_stamp, *new_stamp;            /* the whole header lines, for rejects */
    char *rename_from, *rename_to, *copy_from;
    int git, creates, deletes; /* by name or by date; 1 where only the first hunk's range says it */
    int old_mode, new_mode;    /* 0 where it says nothing */
    struct hunk *hunks;
    int count, cap;
    long first_line, header_line; /* in the patch: where the text before it begins, and its first hunk */
    char *trouble;                /* what is wrong with the patch from here on, or NULL */
    const char *intro;            /* that text, up to intro_end */
    const char *intro_end;
};

struct reader {
    const char *at, *end;
    long line; /* of the next one, from 1 */
    enum format only;
    int stripped_cr;
};

struct options {
    int strip; /* -1: the last name alone */
    int reverse, forward, force, batch, dry_run, backup, no_mismatch_backup, remove_empty, loose, silent, verbose, binary;
    int fuzz;
    const char *output, *reject, *suffix;
    enum format reject_format;
};

extern struct options opt;

_Noreturn void patch_fail(const char *format, ...);
void *patch_allocate(void *old, size_t size);
char *patch_read_file(const char *name, size_t *len);
/* The next file's change; 0 at the end of the patch. The hunks are read before anything is written. */
int patch_next(struct reader *reader, struct change *change);
void patch_swap(struct hunk *hunk);
/* Where a hunk's old lines are, from 1, given where they should be and the first line not yet passed; 0 for nowhere. */
long patch_locate(const struct hunk *hunk, const struct text *lines, long count, long guess, long frozen, int fuzz);
/* Split into lines. */
struct text *patch_split(const char *content, size_t len, long *count);
/* Print a hunk as it is kept among the rejects, with its line numbers moved. */
void patch_print_hunk(FILE *out, const struct hunk *hunk, enum format format, long moved);
/* Name without the first directories; NULL where it has not so many, or leads out. */
char *patch_strip_name(const char *name, int strip);

#endif
