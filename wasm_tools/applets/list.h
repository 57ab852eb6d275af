/* ls and stat: what they share. */
#ifndef LIST_H
#define LIST_H

#include "agentsh.h"

enum quoting { LITERAL, SHELL, SHELL_ALWAYS, C_STYLE, ESCAPE };

void *list_allocate(void *old, size_t size);
/* "-rw-r--r--" */
void list_mode_text(char text[11], mode_t mode);
/* A size as -h and --si show it: rounded up. */
void list_human(char *text, size_t cap, unsigned long long size, int base);
/* A name as it shall be shown; valid until the next call. */
const char *list_quoted(const char *name, enum quoting how);

int ls_main(int argc, char *argv[]);
int stat_main(int argc, char *argv[]);

#endif
