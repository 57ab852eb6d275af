/* Where a name leads when its symlinks are followed, worked out by name: the sandbox has no '/' to open. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"

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

char *agentsh_resolve(const char *path, int flags)
{
    char done[PATH_MAX + 1] = "", todo[2 * PATH_MAX + 2], link[PATH_MAX + 1];
    int tries = 40;

    if (flags & RESOLVE_EXISTS) flags |= RESOLVE_PARENT;
    if (flags & RESOLVE_KEEP_LINKS) flags |= RESOLVE_KEEP_LAST;
    if (strlen(path) > PATH_MAX - 1) goto too_long;
    if (*path == '/') strcpy(todo, path);
    else {
        const char *pwd = flags & RESOLVE_KEEP_LINKS ? getenv("PWD") : NULL;
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
        if (missing && (flags & (last ? RESOLVE_EXISTS : RESOLVE_PARENT))) return NULL;
        if (missing || !S_ISLNK(st.st_mode) || (flags & (last ? RESOLVE_KEEP_LAST : RESOLVE_KEEP_LINKS))) {
            if (!missing && !last && !S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode) && (flags & RESOLVE_PARENT)) {
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
        ssize_t n = agentsh_readlink(done, link, PATH_MAX);
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
