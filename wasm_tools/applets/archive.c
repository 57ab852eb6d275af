/* tar, gzip, bzip2, zip, unzip and their other names: one module, by the name it is called. */
#include "archive.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *archive_tool = "";
int archive_status;

static void say(const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", archive_tool);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void archive_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    exit(status);
}

void archive_complain(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    if (archive_status != 1 || status != 2) archive_status = status;
}

void *archive_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) archive_fail(2, "out of memory");
    return p;
}

char *archive_copy(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(archive_allocate(NULL, len), text, len);
}

void archive_write(int fd, const void *data, size_t len, const char *name)
{
    for (const char *at = data; len;) {
        ssize_t n = agentsh_write(fd, at, len);
        if (n <= 0) archive_fail(2, "%s: %s", name, strerror(errno));
        at += n;
        len -= (size_t)n;
    }
}

int name_matches(const char *pattern, const char *name, int anchored)
{
    size_t len = strlen(pattern);
    char *plain = NULL;
    if (len > 1 && pattern[len - 1] == '/') {
        plain = archive_copy(pattern);
        plain[len - 1] = 0;
        pattern = plain;
    }
    int hit = 0;
    for (const char *from = name; from && !hit; from = anchored ? NULL : strchr(from, '/')) {
        if (*from == '/') from++;
        hit = !fnmatch(pattern, from, FNM_LEADING_DIR);
    }
    free(plain);
    return hit;
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int (*run)(int, char *[]);
    } tools[] = {{"tar", tar_main},     {"gzip", gzip_main},   {"gunzip", gzip_main},  {"zcat", gzip_main},
                 {"bzip2", gzip_main},  {"bunzip2", gzip_main}, {"bzcat", gzip_main}, {"zip", zip_main},
                 {"unzip", unzip_main}, {"zipinfo", unzip_main}};
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    archive_tool = slash ? slash + 1 : argc ? argv[0] : "";
    agentsh_want_modes = 1;
    for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
        if (strcmp(tools[i].name, archive_tool)) continue;
        int status = tools[i].run(argc, argv);
        if (fflush(stdout) || ferror(stdout)) archive_fail(2, "write error: %s", strerror(errno));
        return status ? status : archive_status;
    }
    archive_fail(2, "no such command");
}
