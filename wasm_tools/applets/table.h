/* join, column, shuf, tree and their like: what the commands of this module share. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "agentsh.h"
#include "tool.h"

struct line {
    char *at;
    size_t len; /* without what ended it */
};

struct lines {
    struct line *list;
    size_t count, cap;
};

/* Add the lines of a file, "-" for standard input, ended by end. Ends the command when it cannot be read. */
void table_read(struct lines *into, const char *name, int end);
void table_add(struct lines *into, const char *text, size_t len);
/* One more line of a stream into *text; its length without the end, or -1. */
ssize_t table_line(FILE *in, char **text, size_t *cap, int end);
FILE *table_open(const char *name);
long long table_number(const char *text, const char *what);

int column_main(int argc, char *argv[]);
int csplit_main(int argc, char *argv[]);
int dd_main(int argc, char *argv[]);
int join_main(int argc, char *argv[]);
int less_main(int argc, char *argv[]);
int nproc_main(int argc, char *argv[]);
int numfmt_main(int argc, char *argv[]);
int shuf_main(int argc, char *argv[]);
int tree_main(int argc, char *argv[]);
int tsort_main(int argc, char *argv[]);

#endif
