/* A module that tries things no userland command would. Each prints what an attacker would learn. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int tell(const char *what, long result)
{
    if (result < 0) printf("%s: no\n", what);
    else printf("%s: YES\n", what);
    return result < 0;
}

static int dig(int depth)
{
    volatile char room[256];
    room[0] = (char)depth;
    return dig(depth + 1) + room[0];
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    if (getenv("PWD")) chdir(getenv("PWD"));
    const char *how = argv[1], *a = argc > 2 ? argv[2] : "", *b = argc > 3 ? argv[3] : "";
    char buf[4096];
    if (!strcmp(how, "read")) {
        int fd = open(a, O_RDONLY);
        if (fd < 0) return tell("read", -1);
        long n = read(fd, buf, sizeof(buf));
        if (n > 0) fwrite(buf, 1, (size_t)n, stdout);
        return tell("read", n);
    }
    if (!strcmp(how, "write")) {
        int fd = open(a, O_WRONLY | O_CREAT, 0644);
        if (fd < 0) return tell("write", -1);
        return tell("write", write(fd, "owned\n", 6));
    }
    if (!strcmp(how, "list")) {
        DIR *d = opendir(a);
        if (!d) return tell("list", -1);
        for (struct dirent *e; (e = readdir(d));) puts(e->d_name);
        return 0;
    }
    if (!strcmp(how, "stat")) {
        struct stat st;
        return tell("stat", stat(a, &st));
    }
    if (!strcmp(how, "symlink")) return tell("symlink", symlink(a, b));
    if (!strcmp(how, "link")) return tell("link", link(a, b));
    if (!strcmp(how, "rename")) return tell("rename", rename(a, b));
    if (!strcmp(how, "unlink")) return tell("unlink", unlink(a));
    if (!strcmp(how, "mkdir")) return tell("mkdir", mkdir(a, 0755));
    if (!strcmp(how, "renameat")) { /* from a directory of its own, with names that lead out */
        int dir = open(a, O_RDONLY | O_DIRECTORY);
        return tell("renameat", renameat(dir, "../../outside/secret", dir, "stolen"));
    }
    if (!strcmp(how, "fds")) { /* every descriptor there may be */
        struct stat st;
        for (int fd = 0; fd < 4096; fd++)
            if (!fstat(fd, &st)) printf("%d ", fd);
        return 0;
    }
    if (!strcmp(how, "exhaust")) {
        int n = 0;
        while (open(a, O_RDONLY) >= 0) n++;
        printf("%d %s\n", n, errno == EMFILE || errno == ENFILE ? "EMFILE" : strerror(errno));
        return n > 5000;
    }
    if (!strcmp(how, "memory")) {
        for (long n = 0;; n++) {
            static char *volatile kept;
            char *p = kept = malloc(1 << 20);
            if (!p) {
                printf("%ld MB\n", n);
                fflush(stdout);
                abort();
            }
            memset(p, 1, 1 << 20);
        }
    }
    if (!strcmp(how, "stack")) return dig(0);
    if (!strcmp(how, "env")) {
        for (char **e = environ; *e; e++) puts(*e);
        return 0;
    }
    if (!strcmp(how, "args")) {
        printf("%d\n", argc);
        return 0;
    }
    if (!strcmp(how, "trap")) __builtin_trap();
    if (!strcmp(how, "spin"))
        for (volatile int i = 0;; i++) {}
    if (!strcmp(how, "closed")) { /* write through descriptors that were taken apart */
        close(1);
        close(2);
        return write(1, "x", 1) >= 0;
    }
    if (!strcmp(how, "exit")) _Exit(atoi(a));
    return 2;
}
