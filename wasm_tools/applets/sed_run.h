/* sed: what reading and writing files and running commands share. */
#ifndef SED_RUN_H
#define SED_RUN_H

#include "lines.h"
#include "sed.h"

extern struct now {
    struct text space, queued; /* the pattern space; what comes behind it, of a, r and R */
    struct output *current;
    int no_newline; /* the line read last had none */
    long long number;
} now;

extern struct in {
    char **files;
    int open;
    struct lines lines; /* of the file that is open */
    const char *name;
    int status;
    /* In place: what is written goes here, and takes the file's name at its end. */
    char *temporary, *target;
    int mode;
} in;

void sed_write(struct output *o, const char *s, size_t n);
void sed_write_line(struct output *o, const char *s, size_t n, int newline);
void sed_flush_queue(void);
/* Read the next line into (or behind) the pattern space; 0 at the end of everything. */
int sed_read_line(int append);
/* Whether the line at hand is the last one. */
int sed_is_last(void);
/* End all files; the exit status. */
int sed_leave(int status);

#endif
