/* What a module shares in which several commands are: which of them runs, what it says, and how it ends. */
#ifndef AGENTSH_TOOL_H
#define AGENTSH_TOOL_H

#include <stddef.h>

struct tool {
    const char *name;
    int (*run)(int argc, char *argv[]);
};

extern const char *tool_name; /* the command was called by */
extern int tool_status;       /* what it ends with when it goes on after a mistake */

/* Run the command that is called: main of such a module. */
int tool_run(int argc, char *argv[], const struct tool *tools, size_t count);
/* Say what is wrong, behind what was printed so far, and end with a status: 1 with tool_fail. */
_Noreturn void tool_end(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void tool_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Say it and go on; the command ends with status 1. */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *tool_allocate(void *old, size_t size);
/* A file for reading, no directory, "-" for standard input; -1 after a warning. */
int tool_open(const char *name);

#endif
