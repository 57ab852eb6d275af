/* diff: lines, what changed of them, and how it is told. */
#ifndef DIFF_H
#define DIFF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct line {
    const char *at;
    size_t len;   /* without the newline */
    uint32_t id;  /* equal lines, and only they, have equal numbers */
};

struct side {
    const char *name;  /* for messages and headers */
    char *content;
    size_t len;
    struct stat st;
    int absent, no_newline;
    struct line *lines;
    int count;
    char *changed;  /* one flag a line, with a spare one before and behind */
};

struct options {
    int ignore_case, ignore_blank_lines, ignore_all_space, ignore_space_change, strip_cr;
    int unified, context; /* context: lines around a change; -1 for the plain format */
    int brief, report_same, recursive, new_file, text;
    const char *labels[2];
    int label_count;
};

extern struct options opt;

/* Split both contents into lines and number them. */
void diff_lines(struct side *a, struct side *b);
/* Mark the lines that differ. */
void diff_compare(struct side *a, struct side *b);
/* Print what differs; returns whether anything worth telling did. heading comes before the first change. */
int diff_print(const struct side *a, const struct side *b, const char *heading);

_Noreturn void diff_fail(const char *format, ...);
void *diff_allocate(size_t size);

#endif
