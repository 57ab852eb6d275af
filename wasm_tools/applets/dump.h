/* base32, base64, file, od, xxd: what the commands of this module share. */
#ifndef DUMP_H
#define DUMP_H

#include "agentsh.h"
#include "out.h"
#include "tool.h"

/* As many bytes as there are, up to size. */
size_t tool_read(int fd, void *to, size_t size, const char *name);
/* A size with a unit as GNU's and xxd's commands take it: 0x, 0, b, k, m. */
long long tool_size(const char *text, const char *what);
/* As printf, to the output. */
void tool_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

int base_main(int argc, char *argv[]);
int file_main(int argc, char *argv[]);
int od_main(int argc, char *argv[]);
int xxd_main(int argc, char *argv[]);

#endif
