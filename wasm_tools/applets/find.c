/* find: walks, and asks the expression about each path. */
#include "find.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct find_options find = {.max_depth = INT32_MAX};

_Noreturn void find_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("find: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void find_complain(const char *path, int error)
{
    fflush(stdout);
    fprintf(stderr, "find: '%s': %s\n", path, strerror(error));
    find.status = 1;
}

void *find_allocate(size_t size)
{
    void *p = malloc(size);
    if (!p) find_fail("out of memory");
    return p;
}

/* The directories that we are in: a link among them would be walked for ever. */
struct above {
    const struct above *up;
    dev_t dev;
    ino_t ino;
};

static const struct test *expression;

static int apply(struct entry *e)
{
    return e->depth >= find.min_depth && expression ? expression->run(expression, e) : 0;
}

static void walk(struct entry *e, const struct above *up);

static void walk_below(const struct entry *e, const struct above *up)
{
    struct above here = {up, e->st.st_dev, e->st.st_ino};
    for (const struct above *a = up; a; a = a->up)
        if (a->dev == here.dev && a->ino == here.ino) {
            fflush(stdout);
            fprintf(stderr, "find: File system loop detected; '%s' is part of the same file system loop as a directory above it.\n", e->path);
            find.status = 1;
            return;
        }
    int fd = agentsh_open(e->path, O_RDONLY | O_DIRECTORY);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) return find_complain(e->path, errno);
    /* Names first: the directory may change under the expression. */
    char **names = NULL;
    size_t count = 0, cap = 0, base = strlen(e->path);
    errno = 0;
    for (struct dirent *one; (one = readdir(d)); errno = 0) {
        if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, "..")) continue;
        if (count == cap && !(names = realloc(names, (cap = cap ? 2 * cap : 32) * sizeof(*names)))) find_fail("out of memory");
        size_t n = strlen(one->d_name);
        char *path = find_allocate(base + n + 2);
        int slash = base && e->path[base - 1] != '/';
        memcpy(path, e->path, base);
        if (slash) path[base] = '/';
        memcpy(path + base + slash, one->d_name, n + 1);
        names[count++] = path;
    }
    if (errno) find_complain(e->path, errno);
    closedir(d);
    for (size_t i = 0; i < count; i++) {
        if (!find.quit) {
            const char *slash = strrchr(names[i], '/');
            struct entry child = {.path = names[i], .name = slash ? slash + 1 : names[i], .start = e->start,
                                  .start_len = e->start_len, .depth = e->depth + 1};
            walk(&child, &here);
        }
        free(names[i]);
    }
    free(names);
}

static void walk(struct entry *e, const struct above *up)
{
    int follow = find.follow || (find.follow_arguments && !e->depth);
    if (follow && agentsh_stat(e->path, &e->st) == 0) follow = 0;
    else if (agentsh_lstat(e->path, &e->st)) {
        find_complain(e->path, errno);
        return;
    } else e->broken = follow;
    int directory = S_ISDIR(e->st.st_mode);
    find.prune = 0;
    if (!find.depth_first) apply(e);
    if (directory && (!find.prune || find.depth_first) && !find.quit && e->depth < find.max_depth) walk_below(e, up);
    if (find.depth_first && !find.quit) apply(e);
}

int main(int argc, char *argv[])
{
    int first = 1;
    for (; first < argc; first++) {
        if (!strcmp(argv[first], "-L")) find.follow = 1;
        else if (!strcmp(argv[first], "-P")) find.follow = find.follow_arguments = 0;
        else if (!strcmp(argv[first], "-H")) find.follow_arguments = 1;
        else if (strncmp(argv[first], "-O", 2) && strcmp(argv[first], "--")) break;
    }
    int after = first;
    while (after < argc && argv[after][0] != '-' && strcmp(argv[after], "(") && strcmp(argv[after], "!") && strcmp(argv[after], ","))
        after++;
    find.now = find.day = time(NULL);
    expression = find_parse(argc - after, argv + after);
    static char here[] = ".";
    for (int i = first; i < (after == first ? first + 1 : after) && !find.quit; i++) {
        char *start = after == first ? here : argv[i];
        size_t len = strlen(start), end = len;
        while (end > 1 && start[end - 1] == '/') end--;
        char *name = find_allocate(end + 1);
        size_t at = end;
        while (at && start[at - 1] != '/') at--;
        snprintf(name, end + 1, "%.*s", (int)(end - at), start + (end == 1 ? 0 : at));
        struct entry e = {.path = start, .name = end == 1 ? start : name, .start = start, .start_len = len};
        if (!len) find_complain(start, ENOENT);
        else walk(&e, NULL);
        free(name);
    }
    if (fflush(stdout) || ferror(stdout)) find_fail("write error: %s", strerror(errno));
    return find.status;
}
