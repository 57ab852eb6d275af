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

enum format { NORMAL, UNIFIED, CONTEXT, ED, RCS, SIDE_BY_SIDE };

struct options {
    int ignore_case, ignore_blank_lines, ignore_all_space, ignore_space_change, ignore_trailing_space, ignore_tabs, strip_cr;
    enum format format;
    int context; /* lines around a change */
    int width, left_column, suppress_common; /* side by side */
    int expand_tabs, initial_tab, show_function;
    int brief, report_same, recursive, new_file, text;
    const char *labels[2];
    int label_count;
};

extern struct options opt;

/* Split both contents into lines and number them. */
void diff_lines(struct side *a, struct side *b);
/* Mark the lines that differ. */
void diff_compare(struct side *a, struct side *b);
/* A place where the sides differ: the first lines, from 0, and how many. */
struct change {
    int a, a_len, b, b_len;
    int idle; /* only of lines that are not asked for: alone it is not told */
};

/* Add an expression: changes of nothing but lines that match one are not told. */
void diff_ignore(const char *expression);
/* Whether there are changes that are not told. */
int diff_ignores(void);
/* Whether lines may be equal that differ. */
int diff_is_loose(void);
/* Every change, in order. */
struct change *diff_changes(const struct side *a, const struct side *b, int *count);
/* The changes from first on that are told together, with so much context: how many. */
int diff_hunk(const struct change *all, int first, int count);
/* What a hunk shows of both sides: its changes with the context around them. */
struct window {
    int a, a_len, b, b_len;
};

struct window diff_window(const struct side *a, const struct change *all, int count);
/* A line as it is, tabs and all, behind a mark. */
void diff_line(const char *mark, const struct side *s, int i);
/* "1,5", or "5" for a single line or none. */
void diff_range(int first, int len);
/* The function, by its first letters, in which line i is; nothing where that is not asked for. */
void diff_function(const struct side *s, int i);

void diff_print_context(const struct side *a, const struct side *b, const struct change *all, int count);
void diff_print_ed(const struct side *b, const struct change *all, int count);
void diff_print_rcs(const struct side *b, const struct change *all, int count);
void diff_print_sides(const struct side *a, const struct side *b, const struct change *all, int count);

/* Print what differs; returns whether anything worth telling did. heading comes before the first change. */
int diff_print(const struct side *a, const struct side *b, const char *heading);

_Noreturn void diff_fail(const char *format, ...);
void *diff_allocate(size_t size);

#endif
