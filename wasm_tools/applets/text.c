/* cat, cut, echo, head, tail, tr, wc: one module, by the name it is called. */
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void text_complain(const char *name)
{
    tool_warn("%s: %s", name, strerror(errno));
}

int text_open(const char *name)
{
    if (!strcmp(name, "-")) return STDIN_FILENO;
    int fd = agentsh_open(name, O_RDONLY);
    if (fd < 0) text_complain(name);
    return fd;
}

void text_close(int fd)
{
    if (fd != STDIN_FILENO) agentsh_close(fd);
}

ssize_t text_read(int fd, void *buffer, size_t size, const char *name)
{
    struct stat st;
    ssize_t n = read(fd, buffer, size);
    if (n >= 0) return n;
    /* WASI reads a directory as a bad descriptor. */
    int err = errno;
    errno = !agentsh_fstat(fd, &st) && S_ISDIR(st.st_mode) ? EISDIR : err;
    text_complain(name);
    return -1;
}

long long text_number(const char *text, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10), unit = 1;
    static const char units[] = "KMGTPE";
    const char *at = *end ? strchr(units, *end == 'k' ? 'K' : *end) : NULL;
    if (at) {
        int decimal = end[1] == 'B';
        for (const char *u = units; u <= at; u++) unit *= decimal ? 1000 : 1024;
        end += 1 + (decimal ? 1 : end[1] == 'i' && end[2] == 'B' ? 2 : 0);
    } else if (*end == 'b') unit = 512, end++;
    if (end == text || *end) tool_fail("invalid number of %s: '%s'", what, text);
    return errno || n > LLONG_MAX / unit || n < -(LLONG_MAX / unit) ? (n < 0 ? -LLONG_MAX : LLONG_MAX) : n * unit;
}

int main(int argc, char *argv[])
{
    static const struct tool tools[] = {{"cat", cat_main}, {"cut", cut_main}, {"echo", echo_main}, {"head", head_main},
                                        {"tail", tail_main}, {"tr", tr_main}, {"wc", wc_main}};
    return tool_run(argc, argv, tools, sizeof(tools) / sizeof(*tools));
}
