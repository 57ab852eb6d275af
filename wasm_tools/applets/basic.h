/* expr, printf, split, uniq and their like: what the commands of this module share. */
#ifndef BASIC_H
#define BASIC_H

#include <stddef.h>
#include <stdio.h>

#include "agentsh.h"
#include "tool.h"

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
