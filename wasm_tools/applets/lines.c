/* comm, expand, fmt, nl, paste, rev, seq, tac, unexpand: one module, by the name it is called. */
#include "lines_tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

const char *tool_name = "";
int tool_status;

static void say(const char *format, va_list args)
{
    out_flush();
    fprintf(stderr, "%s: ", tool_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void tool_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    exit(1);
}

void tool_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    tool_status = 1;
}

void *tool_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) tool_fail("out of memory");
    return p;
}

int tool_open(const char *name)
{
    if (!strcmp(name, "-")) return STDIN_FILENO;
    struct stat st;
    int fd = agentsh_open(name, O_RDONLY);
    if (fd < 0) tool_warn("%s: %s", name, strerror(errno));
    else if (!agentsh_fstat(fd, &st) && S_ISDIR(st.st_mode)) {
        tool_warn("%s: Is a directory", name);
        agentsh_close(fd);
        fd = -1;
    }
    return fd;
}

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
    static const struct {
        const char *name;
        int (*run)(int, char *[]);
    } tools[] = {{"comm", comm_main}, {"expand", expand_main}, {"fmt", fmt_main}, {"nl", nl_main}, {"paste", paste_main},
                 {"rev", rev_main}, {"seq", seq_main}, {"tac", tac_main}, {"unexpand", unexpand_main}};
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    tool_name = slash ? slash + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
        if (strcmp(tools[i].name, tool_name)) continue;
        int status = tools[i].run(argc, argv);
        if (out_flush()) tool_fail("write error: %s", strerror(errno));
        return status | tool_status;
    }
    tool_fail("no such command");
}
