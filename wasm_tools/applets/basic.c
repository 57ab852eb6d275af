/* b2sum, expr, md5sum, printf, sha1sum to sha512sum, split, sum, uniq: one module, by the name it is called. */
#include "basic.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
    if (!in) tool_warn("%s: %s", name, strerror(errno));
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
    if (end == text || *end || n < 0) tool_fail("invalid %s: '%s'", what, text);
    return errno || n > LLONG_MAX / unit ? LLONG_MAX : n * unit;
}

int main(int argc, char *argv[])
{
    static const struct tool tools[] = {{"b2sum", b2sum_main}, {"expr", expr_main}, {"md5sum", digest_main}, {"printf", printf_main}, {"sha1sum", digest_main}, {"sha224sum", digest_main}, {"sha256sum", digest_main},
                                        {"sha384sum", digest_main}, {"sha512sum", digest_main}, {"split", split_main}, {"sum", sum_main}, {"uniq", uniq_main}};
    return tool_run(argc, argv, tools, sizeof(tools) / sizeof(*tools));
}
