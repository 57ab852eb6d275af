/* toybox resolves names from the descriptor of '/', which the sandbox does not have. The same, by name. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"

/* toybox's own flags (its lib.h). */
enum { ABS_PATH = 1, ABS_FILE = 2, ABS_KEEP = 4, ABS_LAST = 8 };

/* Whether path is the root that actions know, something below it, or a directory above it. */
static int inside(const char *path)
{
    size_t n = strlen(AGENTSH_ROOT);
    return !strncmp(path, AGENTSH_ROOT, n) && (!path[n] || path[n] == '/');
}

static int above(const char *path)
{
    return !*path || !strcmp(path, "/") || !strcmp(path, AGENTSH_ROOT);
}

char *xabspath(char *path, int flags)
{
    char done[PATH_MAX + 1] = "", todo[2 * PATH_MAX + 2], link[PATH_MAX + 1];
    int tries = 40;

    if (flags & ABS_FILE) flags |= ABS_PATH;
    if (flags & ABS_KEEP) flags |= ABS_LAST;
    if (strlen(path) > PATH_MAX - 1) goto too_long;
    if (*path == '/') strcpy(todo, path);
    else {
        const char *pwd = flags & ABS_KEEP ? getenv("PWD") : NULL;
        if (pwd && strlen(pwd) < PATH_MAX) strcpy(todo, pwd);
        else if (!getcwd(todo, PATH_MAX)) return NULL;
        strcat(strcat(todo, "/"), path);
    }
    for (;;) {
        char *name = todo + strspn(todo, "/");
        size_t len = strcspn(name, "/");
        char *rest = name + len + strspn(name + len, "/");
        int last = !*rest;
        if (!len) break;
        if (len == 1 && *name == '.') {
            memmove(todo, rest, strlen(rest) + 1);
            continue;
        }
        if (len == 2 && name[0] == '.' && name[1] == '.') {
            char *slash = strrchr(done, '/');
            if (slash) *slash = 0;
            memmove(todo, rest, strlen(rest) + 1);
            continue;
        }
        size_t before = strlen(done);
        if (before + len + 2 > PATH_MAX) goto too_long;
        done[before] = '/';
        memcpy(done + before + 1, name, len);
        done[before + 1 + len] = 0;
        if (above(done)) {
            memmove(todo, rest, strlen(rest) + 1);
            continue;
        }
        struct stat st;
        int missing = 1;
        if (inside(done)) missing = agentsh_lstat(done, &st);
        else errno = ENOENT;
        if (missing && (flags & (last ? ABS_FILE : ABS_PATH))) return NULL;
        if (missing || !S_ISLNK(st.st_mode) || (flags & (last ? ABS_LAST : ABS_KEEP))) {
            if (!missing && !last && !S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode) && (flags & ABS_PATH)) {
                errno = ENOTDIR;
                return NULL;
            }
            memmove(todo, rest, strlen(rest) + 1);
            continue;
        }
        if (!tries--) {
            errno = ELOOP;
            return NULL;
        }
        ssize_t n = readlink(done, link, PATH_MAX);
        if (n < 0) return NULL;
        link[n] = 0;
        if (n + 1 + strlen(rest) > PATH_MAX) goto too_long;
        if (*link == '/') *done = 0;
        else done[before] = 0;
        strcat(strcat(link, "/"), rest);
        strcpy(todo, link);
    }
    return strdup(*done ? done : "/");

too_long:
    errno = ENAMETOOLONG;
    return NULL;
}
