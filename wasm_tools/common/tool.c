/* Several commands in one module. */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"
#include "out.h"
#include "pattern.h"

const char *tool_name = "";
int tool_status;

static void say(const char *format, va_list args)
{
    fflush(stdout);
    out_flush();
    fprintf(stderr, "%s: ", tool_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void tool_end(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    exit(status);
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
        tool_warn("%s: %s", name, strerror(EISDIR));
        agentsh_close(fd);
        fd = -1;
    }
    return fd;
}

int tool_run(int argc, char *argv[], const struct tool *tools, size_t count)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    pattern_program = tool_name = slash ? slash + 1 : argc ? argv[0] : "";
    pattern_status = 1;
    for (const struct tool *t = tools; t < tools + count; t++) {
        if (strcmp(t->name, tool_name)) continue;
        int status = t->run(argc, argv);
        if (fflush(stdout) || ferror(stdout) || out_flush()) tool_fail("write error: %s", strerror(errno));
        return status | tool_status;
    }
    tool_end(127, "no such command");
}
