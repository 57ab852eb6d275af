/* column, csplit, dd, join, less, more, nproc, numfmt, shuf, tree, tsort: one module, by the name it is called. */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *table_tool = "";

_Noreturn void table_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", table_tool);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void *table_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) table_fail("out of memory");
    return p;
}

FILE *table_open(const char *name)
{
    if (!strcmp(name, "-")) return stdin;
    struct stat st;
    FILE *in = agentsh_fopen(name, "r");
    if (!in) table_fail("%s: %s", name, strerror(errno));
    if (!agentsh_fstat(fileno(in), &st) && S_ISDIR(st.st_mode)) table_fail("%s: Is a directory", name);
    return in;
}

ssize_t table_line(FILE *in, char **text, size_t *cap, int end)
{
    ssize_t n = getdelim(text, cap, end, in);
    if (n < 0 && ferror(in)) table_fail("read error: %s", strerror(errno));
    if (n > 0 && (*text)[n - 1] == end) (*text)[--n] = 0;
    return n;
}

void table_add(struct lines *into, const char *text, size_t len)
{
    if (into->count == into->cap) {
        into->cap = into->cap ? 2 * into->cap : 64;
        into->list = table_allocate(into->list, into->cap * sizeof(*into->list));
    }
    char *copy = memcpy(table_allocate(NULL, len + 1), text, len);
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
    if (end == text || *end || errno || n < 0) table_fail("invalid %s: '%s'", what, text);
    return n;
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int (*run)(int, char *[]);
    } tools[] = {{"column", column_main}, {"csplit", csplit_main}, {"dd", dd_main}, {"join", join_main}, {"less", less_main}, {"more", less_main},
                 {"nproc", nproc_main}, {"numfmt", numfmt_main}, {"shuf", shuf_main}, {"tree", tree_main}, {"tsort", tsort_main}};
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    table_tool = slash ? slash + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
        if (strcmp(tools[i].name, table_tool)) continue;
        int status = tools[i].run(argc, argv);
        if (fflush(stdout) || ferror(stdout)) table_fail("write error: %s", strerror(errno));
        return status;
    }
    table_fail("no such command");
}
