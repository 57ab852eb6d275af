/* base32, base64, file, od, xxd: one module, by the name it is called. */
#include "dump.h"

#include <errno.h>
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

void tool_print(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    out_bytes(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
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

size_t tool_read(int fd, void *to, size_t size, const char *name)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, (char *)to + used, size - used);
        if (got < 0) {
            tool_warn("%s: %s", name, strerror(errno));
            break;
        }
        if (!got) break;
        used += (size_t)got;
    }
    return used;
}

long long tool_size(const char *text, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 0), unit = 1;
    if (*end == 'b') unit = 512, end++;
    else if (*end == 'k' || *end == 'K' || *end == 'm' || *end == 'M') {
        unit = *end == 'k' || *end == 'K' ? 1024 : 1 << 20;
        end++;
        if (*end == 'B') unit = unit == 1024 ? 1000 : 1000000, end++;
    }
    if (end == text || *end || errno || n < 0 || n > (1LL << 62) / unit) tool_fail("invalid %s: '%s'", what, text);
    return n * unit;
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int (*run)(int, char *[]);
    } tools[] = {{"base32", base_main}, {"base64", base_main}, {"file", file_main}, {"od", od_main}, {"xxd", xxd_main}};
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    tool_name = slash ? slash + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
        if (strcmp(tools[i].name, tool_name)) continue;
        int status = tools[i].run(argc, argv);
        if (out_flush()) tool_fail("write error: %s", strerror(errno));
        return status ? status : tool_status;
    }
    tool_fail("no such command");
}
