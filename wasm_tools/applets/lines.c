/* comm, expand, fmt, nl, paste, rev, seq, tac, unexpand: one module, by the name it is called. */
#include "lines_tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

void tool_close(struct lines *in, const char *name)
{
    int fd = in->fd;
    if (in->failed) tool_warn("%s: %s", name, strerror(in->failed));
    lines_free(in);
    if (fd != STDIN_FILENO) agentsh_close(fd);
}

char *tool_read_all(int fd, const char *name, size_t *len)
{
    size_t cap = 1 << 16, used = 0;
    char *all = tool_allocate(NULL, cap);
    for (ssize_t got; (got = read(fd, all + used, cap - used - 1)); used += (size_t)got) {
        if (got < 0) {
            tool_warn("%s: %s", name, strerror(errno));
            break;
        }
        if (cap - used - (size_t)got < 2) all = tool_allocate(all, cap *= 2);
    }
    if (fd != STDIN_FILENO) agentsh_close(fd);
    *len = used;
    return all;
}

long long tool_number(const char *text, long long least, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno || n < least) tool_fail("invalid %s: '%s'", what, text);
    return n;
}

char **tool_operands(int argc, char *argv[])
{
    static char *standard_input[] = {"-", NULL};
    return optind < argc ? argv + optind : standard_input;
}

int main(int argc, char *argv[])
{
    static const struct tool tools[] = {{"comm", comm_main}, {"expand", expand_main}, {"fmt", fmt_main}, {"nl", nl_main}, {"paste", paste_main},
                                        {"rev", rev_main}, {"seq", seq_main}, {"tac", tac_main}, {"unexpand", unexpand_main}};
    return tool_run(argc, argv, tools, sizeof(tools) / sizeof(*tools));
}
