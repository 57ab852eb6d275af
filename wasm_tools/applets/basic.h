/* expr, printf, split, uniq and their like: what the commands of this module share. */
#ifndef BASIC_H
#define BASIC_H

#include <stddef.h>
#include <stdio.h>

#include "agentsh.h"

extern const char *basic_tool; /* the name it was called by */
extern int basic_status;       /* what the command ends with when it goes on after a mistake */

/* Say what is wrong and end with a status. */
_Noreturn void basic_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Say it and go on; the command ends with status 1. */
void basic_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *basic_allocate(void *old, size_t size);
/* Open a file to read, "-" for standard input; NULL after a message where that cannot be. */
FILE *basic_open(const char *name);
/* A number with a unit like K, MB or b behind it; ends the command where it is none. */
long long basic_size(const char *text, const char *what);

int b2sum_main(int argc, char *argv[]);
int digest_main(int argc, char *argv[]);
int expr_main(int argc, char *argv[]);
int printf_main(int argc, char *argv[]);
int split_main(int argc, char *argv[]);
int sum_main(int argc, char *argv[]);
int uniq_main(int argc, char *argv[]);

#endif
