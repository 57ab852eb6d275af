/* WASI's own calls on descriptors, with what they lack: a reader that went away ends the command as SIGPIPE does;
 * /dev/null, /dev/stdin, /dev/stdout and /dev/stderr can be opened; a directory can be listed that has names in it which
 * are not UTF-8. The C library calls an import by a symbol; a function of that name here takes the import's place. */
#include <errno.h>
#include <string.h>
#include <wasi/api.h>

#include "internal.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
WASI("fd_read") int32_t wasi_read(int32_t fd, int32_t vectors, int32_t count, int32_t result);
WASI("fd_write") int32_t wasi_write(int32_t fd, int32_t vectors, int32_t count, int32_t result);
WASI("fd_seek") int32_t wasi_seek(int32_t fd, int64_t offset, int32_t whence, int32_t result);
WASI("fd_tell") int32_t wasi_tell(int32_t fd, int32_t result);
WASI("fd_readdir") int32_t wasi_readdir(int32_t fd, int32_t buf, int32_t cap, int64_t cookie, int32_t result);

#define IN_PLACE_OF(name) __imported_wasi_snapshot_preview1_##name
int32_t IN_PLACE_OF(fd_read)(int32_t, int32_t, int32_t, int32_t);
int32_t IN_PLACE_OF(fd_write)(int32_t, int32_t, int32_t, int32_t);
int32_t IN_PLACE_OF(fd_seek)(int32_t, int64_t, int32_t, int32_t);
int32_t IN_PLACE_OF(fd_tell)(int32_t, int32_t);
int32_t IN_PLACE_OF(fd_readdir)(int32_t, int32_t, int32_t, int64_t, int32_t);

enum { TABLE = 1024, BROKEN_PIPE = 128 + 13 };
static unsigned char kinds[TABLE];
static unsigned char by_host[TABLE]; /* directories that WASI cannot list */

enum stand_in streams_device(const char *path)
{
    static const char *const names[] = {"stdin", "stdout", "stderr", "null"};
    if (strncmp(path, "/dev/", 5)) return STANDS_FOR_ITSELF;
    for (int i = 0; i < 4; i++)
        if (!strcmp(path + 5, names[i])) return (enum stand_in)(STANDS_FOR_STDIN + i);
    if (!strncmp(path + 5, "fd/", 3) && path[8] >= '0' && path[8] <= '2' && !path[9])
        return (enum stand_in)(STANDS_FOR_STDIN + path[8] - '0');
    return STANDS_FOR_ITSELF;
}

enum stand_in streams_kind(int fd)
{
    return fd >= 0 && fd < TABLE ? kinds[fd] : STANDS_FOR_ITSELF;
}

void streams_forget(int fd)
{
    if (fd >= 0 && fd < TABLE) kinds[fd] = by_host[fd] = 0;
}

int streams_stand_in(enum stand_in what)
{
    int fd = openat(AT_FDCWD, AGENTSH_ROOT, O_RDONLY | O_DIRECTORY);
    if (fd >= TABLE) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0) {
        kinds[fd] = what;
        by_host[fd] = what == STANDS_FOR_DIRECTORY;
    }
    return fd;
}

/* The descriptor to use for fd; -1 for /dev/null. */
static int32_t real(int32_t fd)
{
    switch (streams_kind(fd)) {
    case STANDS_FOR_STDIN: return 0;
    case STANDS_FOR_STDOUT: return 1;
    case STANDS_FOR_STDERR: return 2;
    case STANDS_FOR_NULL: return -1;
    default: return fd;
    }
}

int streams_fstat(int fd, struct stat *st)
{
    if (streams_kind(fd) != STANDS_FOR_NULL) return fstat(real(fd), st);
    memset(st, 0, sizeof(*st));
    st->st_mode = S_IFCHR | 0666;
    st->st_dev = st->st_ino = 1; /* 0 would be a file that nobody has looked at yet */
    st->st_nlink = 1;
    return 0;
}

int32_t IN_PLACE_OF(fd_read)(int32_t fd, int32_t vectors, int32_t count, int32_t result)
{
    if ((fd = real(fd)) >= 0) return wasi_read(fd, vectors, count, result);
    *(__wasi_size_t *)result = 0;
    return 0;
}

int32_t IN_PLACE_OF(fd_write)(int32_t fd, int32_t vectors, int32_t count, int32_t result)
{
    if ((fd = real(fd)) >= 0) {
        int32_t error = wasi_write(fd, vectors, count, result);
        if (error == EPIPE) __wasi_proc_exit(BROKEN_PIPE);
        return error;
    }
    const __wasi_ciovec_t *given = (const __wasi_ciovec_t *)vectors;
    __wasi_size_t all = 0;
    for (int32_t i = 0; i < count; i++) all += given[i].buf_len;
    *(__wasi_size_t *)result = all;
    return 0;
}

int32_t IN_PLACE_OF(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t result)
{
    if ((fd = real(fd)) >= 0) return wasi_seek(fd, offset, whence, result);
    *(__wasi_filesize_t *)result = 0;
    return 0;
}

int32_t IN_PLACE_OF(fd_tell)(int32_t fd, int32_t result)
{
    if ((fd = real(fd)) >= 0) return wasi_tell(fd, result);
    *(__wasi_filesize_t *)result = 0;
    return 0;
}

int32_t IN_PLACE_OF(fd_readdir)(int32_t fd, int32_t buf, int32_t cap, int64_t cookie, int32_t result)
{
    const char *name = paths_name(fd);
    if (!name || !by_host[fd]) {
        int32_t error = wasi_readdir(fd, buf, cap, cookie, result);
        /* Only from the start: the host's numbers of entries are its own. */
        if (error != EILSEQ || !name || cookie) return error;
        by_host[fd] = 1;
    }
    int used = host_read_dir(name, strlen(name), cookie, (void *)buf, (size_t)cap);
    if (used < 0) return -used;
    *(__wasi_size_t *)result = (__wasi_size_t)used;
    return 0;
}
