/* base32, base64, file, od, xxd: one module, by the name it is called. */
#include "dump.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

void tool_print(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    out_bytes(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
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
    static const struct tool tools[] = {{"base32", base_main}, {"base64", base_main}, {"file", file_main}, {"od", od_main}, {"xxd", xxd_main}};
    return tool_run(argc, argv, tools, sizeof(tools) / sizeof(*tools));
}
