/* Files by name, where WASI's own calls differ from what programs expect. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int agentsh_want_modes;
mode_t agentsh_umask = 022;

/* The names under which descriptors were opened: WASI has no call on a descriptor for what we ask of the host. */
enum { TABLE = 1024 };
static char *opened[TABLE];

static void remember(int fd, char *path)
{
    streams_forget(fd);
    if (fd < 0 || fd >= TABLE) {
        free(path);
        return;
    }
    free(opened[fd]);
    opened[fd] = path;
}

const char *paths_name(int fd)
{
    return fd >= 0 && fd < TABLE ? opened[fd] : NULL;
}

char *agentsh_abspath(int dirfd, const char *path)
{
    char cwd[PATH_MAX];
    const char *base = "";
    if (*path != '/') {
        if (dirfd == AT_FDCWD) {
            if (!getcwd(cwd, sizeof(cwd))) return NULL;
            base = cwd;
        } else if (dirfd >= 0 && dirfd < TABLE && opened[dirfd]) {
            base = opened[dirfd];
        } else {
            errno = EBADF;
            return NULL;
        }
    }
    size_t n = strlen(base), m = strlen(path);
    char *all = malloc(n + m + 2);
    if (!all) return NULL;
    memcpy(all, base, n);
    if (n) all[n++] = '/';
    memcpy(all + n, path, m + 1);
    return all;
}

/* The parent of the directory fd by name: a preopen refuses "..". Above the root there is the root, as at '/'. */
static char *dotdot(int dirfd)
{
    char *path = agentsh_abspath(dirfd, ".");
    if (!path) return NULL;
    size_t len = strlen(path);
    while (len > 1 && (path[len - 1] == '/' || (path[len - 1] == '.' && path[len - 2] == '/'))) len--;
    while (len && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;
    path[len] = 0;
    if (len < strlen(AGENTSH_ROOT)) strcpy(path, AGENTSH_ROOT); /* path came from a longer name: it fits */
    return path;
}

static int is_dotdot(const char *path)
{
    return path[0] == '.' && path[1] == '.' && !path[2];
}

char *paths_raw(int dirfd, const char *path)
{
    int error = errno;
    if (error != EILSEQ && (*path == '/' || streams_kind(dirfd) != STANDS_FOR_DIRECTORY)) return NULL;
    char *name = agentsh_abspath(dirfd, path);
    errno = error;
    return name;
}

static int raw_stat(char *name, struct stat *st, int follow)
{
    struct host_status got;
    int error = host_get_stat(name, strlen(name), follow, &got);
    free(name);
    if (error) {
        errno = error;
        return -1;
    }
    memset(st, 0, sizeof(*st));
    st->st_dev = got.dev;
    st->st_ino = got.ino;
    st->st_nlink = got.nlink;
    st->st_mode = (mode_t)got.mode;
    st->st_size = (off_t)got.size;
    st->st_mtim = (struct timespec){got.mtime / 1000000000, got.mtime % 1000000000};
    st->st_atim = (struct timespec){got.atime / 1000000000, got.atime % 1000000000};
    st->st_ctim = (struct timespec){got.ctime / 1000000000, got.ctime % 1000000000};
    return 0;
}

/* A directory can be worked in by its name alone; the content of a file cannot be reached through WASI. */
static int raw_open(char *name, int flags)
{
    struct stat st;
    if (flags & (O_CREAT | O_WRONLY) || raw_stat(strdup(name), &st, !(flags & O_NOFOLLOW))) {
        free(name);
        return -1;
    }
    int fd = -1;
    if (S_ISDIR(st.st_mode)) fd = streams_stand_in(STANDS_FOR_DIRECTORY);
    else errno = EILSEQ;
    if (fd < 0) free(name);
    else {
        free(opened[fd]);
        opened[fd] = name;
    }
    return fd;
}

static int access_mode(int flags)
{
    return flags & (O_RDONLY | O_WRONLY | O_EXEC | O_SEARCH) ? flags : flags | O_RDONLY;
}

/* What POSIX says of a path that the sandbox does not have: it is not there. */
static void plain_errno(void)
{
    if (errno == ENOTCAPABLE) errno = ENOENT;
}

static int set_mode(char *abspath, mode_t mode);

int agentsh_openat(int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0666;
    enum stand_in device = streams_device(path);
    if (device && (flags & O_CREAT) && (flags & O_EXCL)) {
        errno = EEXIST;
        return -1;
    }
    if (device) return streams_stand_in(device);
    if (streams_kind(dirfd) == STANDS_FOR_DIRECTORY && *path != '/' && !is_dotdot(path)) {
        errno = EILSEQ;
        char *raw = paths_raw(dirfd, path);
        return raw ? raw_open(raw, flags) : -1;
    }
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        mode &= 0777 & ~agentsh_umask;
        if (mode != 0644) {
            /* Only what is made now gets the mode. */
            int fd = openat(dirfd, path, access_mode(flags) | O_EXCL, 0666);
            if (fd >= 0) {
                char *name = agentsh_abspath(dirfd, path);
                if (name) set_mode(strdup(name), mode);
                remember(fd, name);
                return fd;
            }
            if (errno != EEXIST || (flags & O_EXCL)) {
                plain_errno();
                return -1;
            }
        }
    }
    char *up = NULL;
    if (is_dotdot(path) && (up = dotdot(dirfd))) path = up, dirfd = AT_FDCWD;
    int fd = openat(dirfd, path, access_mode(flags), 0666);
    char *raw = fd < 0 ? paths_raw(dirfd, path) : NULL;
    if (raw) fd = raw_open(raw, flags);
    else if (fd < 0) plain_errno();
    else remember(fd, agentsh_abspath(dirfd, path));
    free(up);
    return fd;
}

int agentsh_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return agentsh_openat(AT_FDCWD, path, flags, mode);
}

int agentsh_close(int fd)
{
    remember(fd, NULL);
    return close(fd);
}

FILE *agentsh_fopen(const char *path, const char *how)
{
    int flags = *how == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | (*how == 'a' ? O_APPEND : O_TRUNC);
    if (strchr(how, '+')) flags |= O_RDWR;
    int fd = agentsh_open(path, flags, 0666);
    return fd < 0 ? NULL : agentsh_buffered(fdopen(fd, how));
}

/* Opens the same file again, at the same place. The standard streams have no name: they stand for themselves. */
int agentsh_dup(int fd)
{
    if (fd >= 0 && fd <= 2) return fd;
    if (fd < 0 || fd >= TABLE || !opened[fd]) {
        errno = EBADF;
        return -1;
    }
    int again = agentsh_open(opened[fd], O_RDONLY);
    off_t at = again < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
    if (at > 0) lseek(again, at, SEEK_SET);
    return again;
}

static void fill_mode(struct stat *st, const char *abspath, int follow)
{
    st->st_uid = st->st_gid = 1000;
    if (!st->st_blksize) st->st_blksize = 4096;
    /* WASI tells no blocks: as a file system with blocks of 4 KiB and short links in the inode would have it. */
    if (!st->st_blocks && !S_ISLNK(st->st_mode)) st->st_blocks = (st->st_size + 4095) / 4096 * 8;
    if (S_ISLNK(st->st_mode)) {
        st->st_mode |= 0777;
        return;
    }
    int mode = -1;
    if (agentsh_want_modes && abspath) mode = host_get_mode(abspath, strlen(abspath), follow);
    if (mode < 0) mode = S_ISDIR(st->st_mode) ? 0755 : S_ISREG(st->st_mode) ? 0644 : 0600;
    st->st_mode = (st->st_mode & S_IFMT) | (mode & 07777);
}

/* As fstatat: by the host where WASI cannot. */
static int any_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
    if (streams_kind(dirfd) == STANDS_FOR_DIRECTORY && *path != '/') errno = EILSEQ;
    else if (!fstatat(dirfd, path, st, flags)) return 0;
    char *raw = paths_raw(dirfd, path);
    return raw ? raw_stat(raw, st, !(flags & AT_SYMLINK_NOFOLLOW)) : -1;
}

int agentsh_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
    char *up = NULL;
    enum stand_in device = streams_device(path);
    if (device == STANDS_FOR_NULL) {
        int fd = streams_stand_in(device);
        int rc = fd < 0 ? -1 : streams_fstat(fd, st);
        agentsh_close(fd);
        return rc;
    }
    if (device) return agentsh_fstat((int)device - STANDS_FOR_STDIN, st);
    if (is_dotdot(path) && (up = dotdot(dirfd))) path = up, dirfd = AT_FDCWD;
    int rc = any_fstatat(dirfd, path, st, flags);
    if (rc) plain_errno();
    else {
        char *name = agentsh_want_modes ? agentsh_abspath(dirfd, path) : NULL;
        fill_mode(st, name, !(flags & AT_SYMLINK_NOFOLLOW));
        free(name);
    }
    free(up);
    return rc;
}

int agentsh_stat(const char *path, struct stat *st)
{
    return agentsh_fstatat(AT_FDCWD, path, st, 0);
}

int agentsh_lstat(const char *path, struct stat *st)
{
    return agentsh_fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int agentsh_fstat(int fd, struct stat *st)
{
    enum stand_in kind = streams_kind(fd);
    if (kind == STANDS_FOR_DIRECTORY) return agentsh_stat(opened[fd], st);
    int rc = streams_fstat(fd, st);
    if (!rc && kind != STANDS_FOR_NULL) fill_mode(st, fd >= 0 && fd < TABLE ? opened[fd] : NULL, 1);
    return rc;
}

static int set_mode(char *abspath, mode_t mode)
{
    if (!abspath) return -1;
    int err = host_set_mode(abspath, strlen(abspath), mode & 07777);
    free(abspath);
    if (!err) return 0;
    errno = err;
    return -1;
}

int agentsh_fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
    (void)flags;
    return set_mode(agentsh_abspath(dirfd, path), mode);
}

int agentsh_chmod(const char *path, mode_t mode)
{
    return agentsh_fchmodat(AT_FDCWD, path, mode, 0);
}

int agentsh_fchmod(int fd, mode_t mode)
{
    if (fd < 0 || fd >= TABLE || !opened[fd]) {
        errno = EBADF;
        return -1;
    }
    return set_mode(strdup(opened[fd]), mode);
}

int agentsh_mkdirat(int dirfd, const char *path, mode_t mode)
{
    int rc = mkdirat(dirfd, path, 0777);
    mode &= 0777 & ~agentsh_umask;
    if (rc) plain_errno();
    else if (mode != 0755) rc = set_mode(agentsh_abspath(dirfd, path), mode);
    return rc;
}

int agentsh_mkdir(const char *path, mode_t mode)
{
    return agentsh_mkdirat(AT_FDCWD, path, mode);
}

int agentsh_faccessat(int dirfd, const char *path, int how, int flags)
{
    struct stat st;
    int wanted = agentsh_want_modes;
    agentsh_want_modes = how & (R_OK | W_OK | X_OK) ? 1 : wanted;
    int rc = agentsh_fstatat(dirfd, path, &st, flags & AT_SYMLINK_NOFOLLOW);
    agentsh_want_modes = wanted;
    if (rc) return rc;
    if (((how & R_OK) && !(st.st_mode & 0444)) || ((how & W_OK) && !(st.st_mode & 0222)) ||
        ((how & X_OK) && !(st.st_mode & 0111))) {
        errno = EACCES;
        return -1;
    }
    return 0;
}

int agentsh_access(const char *path, int how)
{
    return agentsh_faccessat(AT_FDCWD, path, how, 0);
}

int agentsh_unlinkat(int dirfd, const char *path, int flags)
{
    if (streams_kind(dirfd) == STANDS_FOR_DIRECTORY && *path != '/') errno = EILSEQ;
    else if (!unlinkat(dirfd, path, flags)) return 0;
    char *raw = paths_raw(dirfd, path);
    if (!raw) return -1;
    int error = host_remove(raw, strlen(raw), flags & AT_REMOVEDIR);
    free(raw);
    if (!error) return 0;
    errno = error;
    return -1;
}

/* wasi-libc's knows no path that is relative to the working directory. */
int agentsh_linkat(int old_dirfd, const char *old, int new_dirfd, const char *new, int flags)
{
    (void)flags;
    char *from = agentsh_abspath(old_dirfd, old), *to = agentsh_abspath(new_dirfd, new);
    int rc = from && to ? link(from, to) : -1;
    free(from);
    free(to);
    return rc;
}

ssize_t agentsh_write(int fd, const void *buf, size_t len)
{
    /* Programs mix stdio and descriptors on stdout; ours is buffered, so keep the order. */
    if (fd == STDOUT_FILENO || streams_kind(fd) == STANDS_FOR_STDOUT) fflush(stdout);
    return write(fd, buf, len);
}

ssize_t agentsh_readlinkat(int dirfd, const char *path, char *buf, size_t cap)
{
    ssize_t n = -1;
    if (streams_kind(dirfd) == STANDS_FOR_DIRECTORY && *path != '/') errno = EILSEQ;
    else n = readlinkat(dirfd, path, buf, cap);
    if (n >= 0 || (errno != EPERM && errno != ENOTCAPABLE && errno != EILSEQ)) return n;
    char *name = agentsh_abspath(dirfd, path);
    if (!name) return -1;
    n = host_read_link(name, strlen(name), buf, cap);
    free(name);
    if (n >= 0) return n;
    errno = (int)-n;
    return -1;
}

ssize_t agentsh_readlink(const char *path, char *buf, size_t cap)
{
    return agentsh_readlinkat(AT_FDCWD, path, buf, cap);
}
