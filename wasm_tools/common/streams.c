/* WASI's own calls on descriptors, with what they lack: a reader that went away ends the command as SIGPIPE does,
 * a file past the limit as SIGXFSZ does; a FIFO is not opened;
 * /dev/null, /dev/stdin, /dev/stdout and /dev/stderr can be opened; a directory can be listed that has names in it which
 * are not UTF-8. The C library calls an import by a symbol; a function of that name here takes the import's place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#include "internal.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
WASI("fd_read") int32_t wasi_read(int32_t fd, int32_t vectors, int32_t count, int32_t result);
WASI("fd_write") int32_t wasi_write(int32_t fd, int32_t vectors, int32_t count, int32_t result);
WASI("fd_seek") int32_t wasi_seek(int32_t fd, int64_t offset, int32_t whence, int32_t result);
WASI("fd_tell") int32_t wasi_tell(int32_t fd, int32_t result);
WASI("fd_readdir") int32_t wasi_readdir(int32_t fd, int32_t buf, int32_t cap, int64_t cookie, int32_t result);
WASI("path_filestat_get") int32_t wasi_path_stat(int32_t fd, int32_t look, int32_t path, int32_t length, int32_t result);
WASI("path_open")
int32_t wasi_path_open(int32_t fd, int32_t look, int32_t path, int32_t length, int32_t how, int64_t rights,
                       int64_t inherited, int32_t flags, int32_t result);

#define IN_PLACE_OF(name) __imported_wasi_snapshot_preview1_##name
int32_t IN_PLACE_OF(fd_read)(int32_t, int32_t, int32_t, int32_t);
int32_t IN_PLACE_OF(fd_write)(int32_t, int32_t, int32_t, int32_t);
/* Opening a FIFO waits for its other end, which no action has; WASI shows it as a file of no known type. */
int32_t IN_PLACE_OF(path_open)(int32_t fd, int32_t look, int32_t path, int32_t length, int32_t how, int64_t rights,
                               int64_t inherited, int32_t flags, int32_t result)
{
    __wasi_filestat_t st;
    if (!(how & (__WASI_OFLAGS_EXCL | __WASI_OFLAGS_DIRECTORY)) &&
        !wasi_path_stat(fd, look, path, length, (int32_t)&st) && st.filetype == __WASI_FILETYPE_UNKNOWN) {
        fprintf(stderr, "agentsh: %.*s is a FIFO or socket, and nobody is at its other end here\n", (int)length,
                (const char *)path);
        return ENXIO;
    }
    return wasi_path_open(fd, look, path, length, how, rights, inherited, flags, result);
}

int32_t IN_PLACE_OF(fd_seek)(int32_t, int64_t, int32_t, int32_t);
int32_t IN_PLACE_OF(fd_tell)(int32_t, int32_t);
int32_t IN_PLACE_OF(fd_readdir)(int32_t, int32_t, int32_t, int64_t, int32_t);
int32_t IN_PLACE_OF(path_open)(int32_t, int32_t, int32_t, int32_t, int32_t, int64_t, int64_t, int32_t, int32_t);

/* FILE_TOO_LARGE is a status of 128 + SIGXFSZ with a mark that no status of a program's own has. */
enum { TABLE = 1024, BROKEN_PIPE = 128 + 13, FILE_TOO_LARGE = 0x46420000 + 128 + 25 };
static unsigned char kinds[TABLE];

/* Directories that WASI cannot list: what the host told, whole, because they may change while they are read. */
static struct listing {
    char *entries;
    size_t size;
} *listings[TABLE];

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
    if (fd < 0 || fd >= TABLE) return;
    kinds[fd] = STANDS_FOR_ITSELF;
    if (listings[fd]) free(listings[fd]->entries);
    free(listings[fd]);
    listings[fd] = NULL;
}

int streams_stand_in(enum stand_in what)
{
    int fd = openat(AT_FDCWD, AGENTSH_ROOT, O_RDONLY | O_DIRECTORY);
    if (fd >= TABLE) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0) kinds[fd] = (unsigned char)what;
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
        if (error == EFBIG) __wasi_proc_exit(FILE_TOO_LARGE); /* the host tells the limit that was met */
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

/* Ask the host for a directory's entries; 0 or an errno. */
static int list(int fd, const char *name)
{
    struct listing *all = listings[fd] ? listings[fd] : calloc(1, sizeof(*all));
    if (!all) return ENOMEM;
    listings[fd] = all;
    for (size_t cap = 1 << 14;;) {
        char *entries = realloc(all->entries, cap);
        if (!entries) return ENOMEM;
        all->entries = entries;
        all->size = 0;
        int size = host_read_dir(name, strlen(name), entries, cap);
        if (size < 0) return -size;
        if ((size_t)size <= cap) {
            all->size = (size_t)size;
            return 0;
        }
        cap = (size_t)size + 4096;
    }
}

int32_t IN_PLACE_OF(fd_readdir)(int32_t fd, int32_t buf, int32_t cap, int64_t cookie, int32_t result)
{
    const char *name = paths_name(fd);
    int by_host = name && (listings[fd] || streams_kind(fd) == STANDS_FOR_DIRECTORY);
    if (!by_host) {
        int32_t error = wasi_readdir(fd, buf, cap, cookie, result);
        /* Only from the start: the host's numbers of entries are its own. */
        if (error != EILSEQ || !name || cookie) return error;
    }
    int error = cookie ? 0 : list(fd, name);
    if (error) return error;
    size_t left = (uint64_t)cookie < listings[fd]->size ? listings[fd]->size - (size_t)cookie : 0;
    if (left > (size_t)cap) left = (size_t)cap;
    memcpy((void *)buf, listings[fd]->entries + cookie, left);
    *(__wasi_size_t *)result = left;
    return 0;
}
