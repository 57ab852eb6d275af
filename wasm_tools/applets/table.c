/* column, csplit, dd, join, less, more, nproc, numfmt, shuf, tree, tsort: one module, by the name it is called. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

FILE *table_open(const char *name)
{
    if (!strcmp(name, "-")) return stdin;
    struct stat st;
    FILE *in = agentsh_fopen(name, "r");
    if (!in) tool_fail("%s: %s", name, strerror(errno));
    if (!agentsh_fstat(fileno(in), &st) && S_ISDIR(st.st_mode)) tool_fail("%s: Is a directory", name);
    return in;
}

ssize_t table_line(FILE *in, char **text, size_t *cap, int end)
{
    ssize_t n = getdelim(text, cap, end, in);
    if (n < 0 && ferror(in)) tool_fail("read error: %s", strerror(errno));
    if (n > 0 && (*text)[n - 1] == end) (*text)[--n] = 0;
    return n;
}

void table_add(struct lines *into, const char *text, size_t len)
{
    if (into->count == into->cap) {
        into->cap = into->cap ? 2 * into->cap : 64;
        into->list = tool_allocate(into->list, into->cap * sizeof(*into->list));
    }
    char *copy = memcpy(tool_allocate(NULL, len + 1), text, len);
    copy[len] = 0;
    into->list[into->count++] = (struct line){copy, len};
}

void table_read(struct lines *into, const char *name, int end)
{
    FILE *in = table_open(name);
    char *text = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = table_line(in, &text, &cap, end)) >= 0;) table_add(into, text, (size_t)n);
    free(text);
    if (in != stdin) fclose(in);
}

long long table_number(const char *text, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno || n < 0) tool_fail("invalid %s: '%s'", what, text);
    return n;
}

int main(int argc, char *argv[])
{
    static const struct tool tools[] = {{"column", column_main}, {"csplit", csplit_main}, {"dd", dd_main}, {"join", join_main}, {"less", less_main}, {"more", less_main},
                                        {"nproc", nproc_main}, {"numfmt", numfmt_main}, {"shuf", shuf_main}, {"tree", tree_main}, {"tsort", tsort_main}};
    return tool_run(argc, argv, tools, sizeof(tools) / sizeof(*tools));
}
