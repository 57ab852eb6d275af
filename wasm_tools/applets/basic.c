/* b2sum, expr, md5sum, printf, sha1sum to sha512sum, split, sum, uniq: one module, by the name it is called. */
#include "basic.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *basic_tool = "";
int basic_status;

static void say(const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", basic_tool);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void basic_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    exit(status);
}

void basic_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    basic_status = 1;
}

void *basic_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) basic_fail(1, "out of memory");
    return p;
}

FILE *basic_open(const char *name)
{
    if (!strcmp(name, "-")) return stdin;
    struct stat st;
    FILE *in = agentsh_fopen(name, "r");
    if (in && !agentsh_fstat(fileno(in), &st) && S_ISDIR(st.st_mode)) {
        fclose(in);
        in = NULL;
        errno = EISDIR;
    }
    if (!in) basic_warn("%s: %s", name, strerror(errno));
    return in;
}

long long basic_size(const char *text, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10), unit = 1;
    static const char units[] = "KMGTPE";
    const char *at = *end ? strchr(units, *end == 'k' ? 'K' : *end == 'm' ? 'M' : *end) : NULL;
    if (at) {
        int decimal = end[1] == 'B';
        for (const char *u = units; u <= at; u++) unit *= decimal ? 1000 : 1024;
        end += 1 + (decimal ? 1 : end[1] == 'i' && end[2] == 'B' ? 2 : 0);
    } else if (*end == 'b') unit = 512, end++;
    if (end == text || *end || n < 0) basic_fail(1, "invalid %s: '%s'", what, text);
    return errno || n > LLONG_MAX / unit ? LLONG_MAX : n * unit;
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int (*run)(int, char *[]);
    } tools[] = {{"b2sum", b2sum_main}, {"expr", expr_main}, {"md5sum", digest_main}, {"printf", printf_main}, {"sha1sum", digest_main}, {"sha224sum", digest_main}, {"sha256sum", digest_main},
                 {"sha384sum", digest_main}, {"sha512sum", digest_main}, {"split", split_main}, {"sum", sum_main}, {"uniq", uniq_main}};
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    basic_tool = slash ? slash + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
        if (strcmp(tools[i].name, basic_tool)) continue;
        int status = tools[i].run(argc, argv);
        if (fflush(stdout) || ferror(stdout)) basic_fail(1, "write error: %s", strerror(errno));
        return status | basic_status;
    }
    basic_fail(127, "no such command");
}
