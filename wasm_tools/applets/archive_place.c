/* Where the members of an archive go. Names and link targets in an archive are hostile: nothing may land outside of the
 * directory that the command works in, and no link from the archive may send a later member elsewhere. */
#include "archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *place_relative(const char *name, size_t *stripped)
{
    const char *at = name;
    while (*at == '/') at++;
    *stripped = (size_t)(at - name);
    while (at[0] == '.' && at[1] == '/') {
        at += 2;
        while (*at == '/') at++;
    }
    return at;
}

int place_has_dotdot(const char *name)
{
    for (const char *at = name; at; at = strchr(at, '/')) {
        while (*at == '/') at++;
        if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/')) return 1;
    }
    return 0;
}

int place_leads_out(const char *path, const char *target)
{
    size_t root = strlen(AGENTSH_ROOT);
    char *base = agentsh_abspath(AT_FDCWD, path), *all;
    if (!base) return 1;
    if (*target == '/') all = archive_copy(target);
    else {
        char *slash = strrchr(base, '/');
        size_t keep = slash ? (size_t)(slash - base) + 1 : 0;
        all = archive_allocate(NULL, keep + strlen(target) + 1);
        memcpy(all, base, keep);
        strcpy(all + keep, target);
    }
    free(base);
    int out = strncmp(all, AGENTSH_ROOT, root) || (all[root] && all[root] != '/');
    long depth = 0;
    for (char *at = all + (out ? 0 : root); !out && *at;) {
        while (*at == '/') at++;
        size_t n = strcspn(at, "/");
        if (n == 2 && !strncmp(at, "..", 2)) out = --depth < 0;
        else if (n && !(n == 1 && *at == '.')) depth++;
        at += n;
    }
    free(all);
    return out;
}

static struct {
    dev_t dev;
    ino_t ino;
} *links;
static size_t link_count;
static char *checked; /* the directory that was found to be behind no link, last */

void place_link_made(const char *path)
{
    struct stat st;
    if (agentsh_lstat(path, &st)) return;
    links = archive_allocate(links, (link_count + 1) * sizeof(*links));
    links[link_count].dev = st.st_dev;
    links[link_count++].ino = st.st_ino;
    free(checked);
    checked = NULL;
}

int place_through_link(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!link_count || !slash) return 0;
    size_t len = (size_t)(slash - path);
    if (checked && !strncmp(checked, path, len) && !checked[len]) return 0;
    char *copy = archive_copy(path);
    int through = 0;
    for (char *at = copy + 1; *at && !through; at++) {
        struct stat st;
        if (*at != '/') continue;
        *at = 0;
        if (!agentsh_lstat(copy, &st) && S_ISLNK(st.st_mode))
            for (size_t i = 0; i < link_count && !through; i++)
                through = links[i].dev == st.st_dev && links[i].ino == st.st_ino;
        *at = '/';
    }
    copy[len] = 0;
    free(checked);
    checked = NULL;
    if (through) free(copy);
    else checked = copy;
    return through;
}

int place_parents(const char *path)
{
    char *copy = archive_copy(path);
    for (char *at = copy + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        if (agentsh_mkdir(copy, 0777) && errno != EEXIST) {
            int error = errno;
            free(copy);
            errno = error;
            return -1;
        }
        *at = '/';
    }
    free(copy);
    return 0;
}

int place_create(const char *path)
{
    int fd = agentsh_open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd >= 0 || (errno != EEXIST && errno != ENOENT && errno != ENOTDIR)) return fd;
    if (errno == ENOENT && place_parents(path)) return -1;
    struct stat st;
    if (!agentsh_lstat(path, &st) && !S_ISDIR(st.st_mode)) unlink(path);
    return agentsh_open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
}

void place_finish(const char *path, mode_t mode, struct timespec mtime, int is_link)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};
    if (!is_link && mode != (mode_t)-1) {
        mode &= 0777;
        /* Files come as 644, directories as 755: one call less for most. */
        struct stat st;
        if (agentsh_lstat(path, &st) || (st.st_mode & 0777) != mode) agentsh_chmod(path, mode);
    }
    if (mtime.tv_nsec != UTIME_OMIT) utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}
