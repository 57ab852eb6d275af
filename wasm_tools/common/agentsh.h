/* What every module of the userland shares: the host's calls, and files by the names that actions know. */
#ifndef AGENTSH_H
#define AGENTSH_H

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define AGENTSH_ROOT "/workspace"

#define HOST(name) __attribute__((import_module("agentsh"), import_name(name)))

/* Permission bits of a path; negative errno when there is none to tell. follow: through a last symlink. */
HOST("get_mode") int host_get_mode(const char *path, size_t len, int follow);
/* Set permission bits; 0 or a positive errno. */
HOST("set_mode") int host_set_mode(const char *path, size_t len, int mode);
/* The text of a symlink; its length, or a negative errno. */
HOST("read_link") int host_read_link(const char *path, size_t len, char *buf, size_t cap);
/* The entries of a directory as WASI's fd_readdir has them, with names of any bytes; how many bytes they take, and they
 * are there only if that is no more than cap. Or a negative errno. */
HOST("read_dir") int host_read_dir(const char *path, size_t len, void *buf, size_t cap);
/* Status of a path whose names are any bytes; 0 or a positive errno. follow: through a last symlink. */
struct host_status {
    uint64_t dev, ino, size, nlink;
    int64_t mtime, atime, ctime; /* nanoseconds */
    uint64_t mode;
};
HOST("get_stat") int host_get_stat(const char *path, size_t len, int follow, struct host_status *status);
/* Remove a path whose names are any bytes: an empty directory, or anything else; 0 or a positive errno. */
HOST("remove") int host_remove(const char *path, size_t len, int directory);
/* Lock a range of a file, as fcntl does it, among the programs of an action; kind: 0 unlocks, 1 shares, 2 excludes, and 4
 * more only asks. A length of 0 is to the end. 0, EAGAIN where another holds it, or another errno. */
HOST("lock") int host_lock(const char *path, size_t len, int kind, int start, int length);
/* Search below a path: see walk.h. */
HOST("walk_open") int host_walk_open(const char *path, size_t len, int flags, const char *filter, size_t filter_len);
HOST("walk_next") int host_walk_next(int handle, void *buf, size_t cap);
HOST("walk_close") int host_walk_close(int handle);

/* The absolute name of path as seen from the directory fd, or NULL (errno). The caller frees it. */
char *agentsh_abspath(int dirfd, const char *path);

/* Where path leads, as an absolute name without "." and "..", or NULL (errno). The caller frees it. */
enum {
    RESOLVE_PARENT = 1,     /* all but the last name must exist */
    RESOLVE_EXISTS = 2,     /* the last name too */
    RESOLVE_KEEP_LINKS = 4, /* follow no symlink, but perhaps the last */
    RESOLVE_KEEP_LAST = 8,  /* nor the last */
};
char *agentsh_resolve(const char *path, int flags);

/* As their namesakes, with what WASI's lack: an access mode of zero means reading, "..", permission bits, /dev/null,
 * /dev/stdin, /dev/stdout, /dev/stderr; and names that are not UTF-8, as far as a command meets them in directories:
 * they can be listed and removed, and as directories be entered. */
int agentsh_open(const char *path, int flags, ...);
int agentsh_openat(int dirfd, const char *path, int flags, ...);
int agentsh_close(int fd);
FILE *agentsh_fopen(const char *path, const char *how);
/* Give a file that was just opened a large buffer; fclose takes it back. */
FILE *agentsh_buffered(FILE *file);

int agentsh_unlinkat(int dirfd, const char *path, int flags);
int agentsh_linkat(int old_dirfd, const char *old, int new_dirfd, const char *new, int flags);
int agentsh_dup(int fd);
int agentsh_stat(const char *path, struct stat *st);
int agentsh_lstat(const char *path, struct stat *st);
int agentsh_fstat(int fd, struct stat *st);
int agentsh_fstatat(int dirfd, const char *path, struct stat *st, int flags);
int agentsh_chmod(const char *path, mode_t mode);
int agentsh_fchmod(int fd, mode_t mode);
int agentsh_fchmodat(int dirfd, const char *path, mode_t mode, int flags);
int agentsh_mkdir(const char *path, mode_t mode);
int agentsh_mkdirat(int dirfd, const char *path, mode_t mode);
int agentsh_access(const char *path, int how);
int agentsh_faccessat(int dirfd, const char *path, int how, int flags);
ssize_t agentsh_readlink(const char *path, char *buf, size_t cap);
ssize_t agentsh_readlinkat(int dirfd, const char *path, char *buf, size_t cap);
ssize_t agentsh_write(int fd, const void *buf, size_t len);

/* Whether the stat family asks the host for permission bits. Off, it tells 644 and 755: one host call less a path. */
extern int agentsh_want_modes;
/* What agentsh_open and agentsh_mkdir take off the mode of what they make. Files get 644 or 755 by themselves; any other
 * mode is set by a call to the host. */
extern mode_t agentsh_umask;

#endif
