/* The plain text commands: what they share. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

#include "agentsh.h"
#include "tool.h"

/* A message about a file, with errno's words; the status becomes 1. */
void text_complain(const char *name);
/* A file for reading; "-" is standard input. -1 after a message. */
int text_open(const char *name);
void text_close(int fd);
/* As read, complaining under name. */
ssize_t text_read(int fd, void *buffer, size_t size, const char *name);
/* A number with GNU's suffixes (K, MB, ...); exits with a message otherwise. */
long long text_number(const char *text, const char *what);

int cat_main(int argc, char *argv[]);
int cut_main(int argc, char *argv[]);
int echo_main(int argc, char *argv[]);
int head_main(int argc, char *argv[]);
int tail_main(int argc, char *argv[]);
int tr_main(int argc, char *argv[]);
int wc_main(int argc, char *argv[]);

#endif
