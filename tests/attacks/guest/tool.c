/* A hostile tool of a person's: it tries what it was not granted, and names what went through. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

extern char **environ;

static void tried(const char *what, const char *where, int worked) {
    if (worked) printf("DONE %s %s\n", what, where);
}

static void opened(const char *what, const char *path, int flags) {
    int fd = open(path, flags, 0644);
    if (fd < 0) return;
    if (flags & (O_CREAT | O_TRUNC)) tried(what, path, 1);
    if ((flags & O_ACCMODE) != O_RDONLY) {
        tried(what, path, 1);
        tried("write", path, write(fd, "owned", 5) > 0);
    }
    tried("ftruncate", path, !ftruncate(fd, 0));
    tried("fallocate", path, !posix_fallocate(fd, 0, 1 << 16));
    tried("futimens", path, !futimens(fd, (struct timespec[2]){{1, 0}, {1, 0}}));
    tried("pwrite", path, pwrite(fd, "owned", 5, 0) > 0);
    close(fd);
}

#define EVERY ((__wasi_rights_t)0x1fffffff)

/* As libc does not: without asking for the right, with every right, on every descriptor. */
static void raw(const char *path) {
    for (int dir = 3; dir < 8; dir++) {
        __wasi_fd_t fd;
        for (int flags = 0; flags < 16; flags++) {
            if (!__wasi_path_open(dir, 1, path, flags, EVERY, EVERY, 0, &fd)) {
                __wasi_ciovec_t text = {(const uint8_t *)"owned", 5};
                __wasi_size_t n;
                tried("raw write", path, !__wasi_fd_write(fd, &text, 1, &n));
                tried("raw size", path, !__wasi_fd_filestat_set_size(fd, 0));
                close(fd);
            }
            if (!__wasi_path_open(dir, 1, path, flags, 0, 0, 0, &fd)) close(fd);
        }
        tried("raw times", path, !__wasi_path_filestat_set_times(dir, 0, path, 1, 1, 5));
        tried("raw rename", path, !__wasi_path_rename(dir, path, dir, "renamed"));
        tried("raw unlink", path, !__wasi_path_unlink_file(dir, path));
    }
}

static void change(const char *place) {
    char file[256], made[256], below[256], other[256];
    snprintf(file, sizeof file, "%s/file", place);
    snprintf(made, sizeof made, "%s/made", place);
    snprintf(below, sizeof below, "%s/below", place);
    snprintf(other, sizeof other, "%s/other", place);
    opened("open", file, O_RDONLY);
    opened("open", file, O_WRONLY);
    opened("open", file, O_RDWR);
    opened("open", file, O_WRONLY | O_APPEND);
    opened("truncate", file, O_WRONLY | O_TRUNC);
    opened("truncate", file, O_RDONLY | O_TRUNC);
    opened("create", made, O_WRONLY | O_CREAT);
    opened("create", made, O_RDONLY | O_CREAT | O_EXCL);
    tried("mkdir", below, !mkdir(below, 0755));
    tried("rmdir", below, !rmdir(below));
    tried("link", other, !link(file, other));
    tried("unlink", other, !unlink(other));
    tried("symlink", other, !symlink("file", other));
    tried("unlink", made, !unlink(made));
    tried("rename", file, !rename(file, made));
    tried("rename", made, !rename(made, file));
    tried("utimens", file, !utimensat(AT_FDCWD, file, (struct timespec[2]){{1, 0}, {1, 0}}, 0));
}

static void look(const char *path) {
    struct stat st;
    if (!stat(path, &st)) tried("stat", path, 1);
    DIR *dir = opendir(path);
    if (dir) tried("list", path, 1);
    for (struct dirent *entry; dir && (entry = readdir(dir));) printf("ENTRY %s\n", entry->d_name);
    FILE *in = fopen(path, "r");
    char line[256];
    if (in && fgets(line, sizeof line, in)) printf("DONE read %s %s\n", path, line);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    const char *how = argc > 1 ? argv[1] : "";
    if (!strcmp(how, "change")) {
        change("/workspace");
        change(".");
        raw("file");
        unlink("other");
        rmdir("d"); /* what is there already, and empty */
    } else if (!strcmp(how, "look")) {
        for (int i = 2; i < argc; i++) look(argv[i]);
    } else if (!strcmp(how, "take")) {
        for (int i = 2; i < argc; i++) {
            look(argv[i]);
            opened("create", argv[i], O_WRONLY | O_CREAT);
            tried("rename", argv[i], !rename("file", argv[i]));
            tried("link", argv[i], !link("file", argv[i]));
        }
    } else if (!strcmp(how, "env")) {
        for (char **e = environ; *e; e++) puts(*e);
    } else if (!strcmp(how, "random")) {
        unsigned char bytes[16] = {0};
        printf("%d", getentropy(bytes, sizeof bytes));
        for (unsigned i = 0; i < sizeof bytes; i++) printf(" %d", bytes[i]);
        puts("");
    } else if (!strcmp(how, "time")) {
        struct timespec now;
        for (int id = 0; id < 4; id++)
            if (!__wasi_clock_time_get(id, 1, (__wasi_timestamp_t *)&now)) printf("%llu\n", *(unsigned long long *)&now);
    } else if (!strcmp(how, "yes")) {
        for (;;) puts("y"); /* and never looks whether that worked */
    } else if (!strcmp(how, "confuse")) { /* rights that there are not */
        __wasi_fd_t fd;
        __wasi_path_open(3, 1, "file", 0, (__wasi_rights_t)-1, (__wasi_rights_t)-1, 0, &fd);
    } else if (!strcmp(how, "exit")) {
        __wasi_proc_exit(atoi(argv[2]));
    } else {
        printf("hello %s\n", argv[0]);
    }
    return 0;
}
