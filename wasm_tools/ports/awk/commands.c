/* Commands that a program starts: system(), print | and | getline. The sandbox runs each line as a shell would, to its
 * end: what goes into one is kept until it is closed, what comes out of one is there before the first line is read. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agentsh.h"
#include "extensions.h"

enum { WITH_INPUT = 1, KEEP_OUTPUT = 2 };

/* The status of a shell line, or a negative error number. Without WITH_INPUT it has this command's own standard input. */
HOST("run_line") int host_run_line(const char *line, size_t len, const char *input, size_t input_len, int how);
/* How many bytes the last line with KEEP_OUTPUT printed; they are there if they fit, and then they are gone. */
HOST("take_output") int host_take_output(char *to, size_t cap);

struct command {
    struct command *next;
    FILE *file;
    int status; /* of one that is read from: it has ended */
    char *line; /* of one that is written to, run when it is closed */
    char *content;
    size_t size, room;
};
static struct command *commands;
static int last_status;

static int run(const char *line, const char *input, size_t input_len, int how)
{
    int status = host_run_line(line, strlen(line), input, input_len, how);
    if (status >= 0) return status;
    fflush(stdout);
    fprintf(stderr, "awk: cannot run '%s': %s\n", line, strerror(-status));
    _exit(2); /* it may be on its way out already */
}

int agentsh_system(const char *line)
{
    return run(line, NULL, 0, 0);
}

static FILE *reading(struct command *c, const char *line)
{
    c->status = run(line, NULL, 0, KEEP_OUTPUT);
    int size = host_take_output(NULL, 0);
    if (size < 0 || !(c->content = malloc((size_t)size + 1))) return NULL;
    host_take_output(c->content, (size_t)size);
    /* One byte more than there is, since a file in memory cannot be empty; it is read here. */
    memmove(c->content + 1, c->content, (size_t)size);
    FILE *file = fmemopen(c->content, (size_t)size + 1, "r");
    if (file) getc(file);
    return file;
}

/* What is written to a command. The C library's own file in memory loses without a word what it has no room for. */
static ssize_t keep(void *command, const char *data, size_t size)
{
    struct command *c = command;
    if (c->size + size > c->room) {
        c->room = 2 * (c->size + size);
        c->content = realloc(c->content, c->room);
        if (!c->content) {
            fputs("awk: out of memory\n", stderr);
            _exit(2);
        }
    }
    memcpy(c->content + c->size, data, size);
    c->size += size;
    return (ssize_t)size;
}

FILE *agentsh_popen(const char *line, const char *mode)
{
    struct command *c = calloc(1, sizeof(*c));
    if (!c) return NULL;
    if (*mode == 'r') c->file = reading(c, line);
    else if ((c->line = strdup(line))) c->file = fopencookie(c, "w", (cookie_io_functions_t){.write = keep});
    if (!c->file) {
        free(c->line);
        free(c->content);
        free(c);
        return NULL;
    }
    c->next = commands;
    commands = c;
    return c->file;
}

int agentsh_pclose(FILE *file)
{
    struct command **at = &commands;
    while (*at && (*at)->file != file) at = &(*at)->next;
    struct command *c = *at;
    if (!c) return -1;
    *at = c->next;
    int status = fclose(file) ? -1 : c->status;
    if (!status && c->line) status = run(c->line, c->content, c->size, WITH_INPUT);
    last_status = status;
    free(c->line);
    free(c->content);
    free(c);
    return status;
}

int agentsh_last_status(void)
{
    int status = last_status;
    last_status = 0;
    return status;
}
