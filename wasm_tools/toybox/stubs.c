/* Calls that WASI does not have. Each one fails as on a machine that forbids it, or tells the sandbox's one plain fact;
 * none pretends to have done something. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <unistd.h>

#include "agentsh.h"

#define REFUSED(type, name, args) \
    type name args                \
    {                             \
        errno = ENOSYS;           \
        return (type) - 1;        \
    }

#pragma clang diagnostic ignored "-Wunused-parameter" /* a refusal needs none of its arguments */

struct sigaction;
struct timeval;
struct timezone;

/* Processes: a command cannot start another one. */
REFUSED(int, dup2, (int from, int to))
REFUSED(int, pipe, (int fds[2]))
REFUSED(pid_t, fork, (void))
REFUSED(pid_t, vfork, (void))
REFUSED(int, execv, (const char *path, char *const argv[]))
REFUSED(int, execve, (const char *path, char *const argv[], char *const envp[]))
REFUSED(int, execvp, (const char *path, char *const argv[]))
REFUSED(pid_t, wait, (int *status))
REFUSED(pid_t, waitpid, (pid_t pid, int *status, int options))
REFUSED(int, fchdir, (int fd))
REFUSED(int, mknodat, (int fd, const char *path, mode_t mode, dev_t dev))
REFUSED(int, sethostname, (const char *name, size_t len))
REFUSED(int, settimeofday, (const struct timeval *tv, const struct timezone *tz))
REFUSED(int, statfs, (const char *path, struct statfs *buf))
REFUSED(int, inotify_init, (void))
REFUSED(int, inotify_add_watch, (int fd, const char *path, uint32_t mask))
REFUSED(int, fgetxattr, (int fd, const char *name, void *value, size_t size))
REFUSED(int, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags))
REFUSED(int, flistxattr, (int fd, char *list, size_t size))

/* Owners: there is one user, and nothing belongs to another. */
uid_t getuid(void) { return 1000; }
uid_t geteuid(void) { return 1000; }
gid_t getgid(void) { return 1000; }
gid_t getegid(void) { return 1000; }

static int same_owner(uid_t uid, gid_t gid)
{
    if ((uid == 1000 || uid == (uid_t)-1) && (gid == 1000 || gid == (gid_t)-1)) return 0;
    errno = EPERM;
    return -1;
}
int fchown(int fd, uid_t uid, gid_t gid) { (void)fd; return same_owner(uid, gid); }
int lchown(const char *path, uid_t uid, gid_t gid) { (void)path; return same_owner(uid, gid); }
int fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
    (void)fd, (void)path, (void)flags;
    return same_owner(uid, gid);
}

static struct passwd user = {.pw_name = "agent", .pw_passwd = "x", .pw_uid = 1000, .pw_gid = 1000, .pw_gecos = "",
                             .pw_dir = AGENTSH_ROOT, .pw_shell = ""};
static struct group group = {.gr_name = "agent", .gr_passwd = "x", .gr_gid = 1000};

struct passwd *getpwuid(uid_t uid) { return uid == user.pw_uid ? &user : NULL; }
struct passwd *getpwnam(const char *name) { return strcmp(name, user.pw_name) ? NULL : &user; }
struct group *getgrgid(gid_t gid) { return gid == group.gr_gid ? &group : NULL; }
struct group *getgrnam(const char *name) { return strcmp(name, group.gr_name) ? NULL : &group; }
int getpwuid_r(uid_t uid, struct passwd *out, char *buf, size_t len, struct passwd **result)
{
    (void)buf, (void)len;
    *result = getpwuid(uid) ? (*out = user, out) : NULL;
    return 0;
}
int getpwnam_r(const char *name, struct passwd *out, char *buf, size_t len, struct passwd **result)
{
    (void)buf, (void)len;
    *result = getpwnam(name) ? (*out = user, out) : NULL;
    return 0;
}
int getgrgid_r(gid_t gid, struct group *out, char *buf, size_t len, struct group **result)
{
    (void)buf, (void)len;
    *result = getgrgid(gid) ? (*out = group, out) : NULL;
    return 0;
}
int getgrnam_r(const char *name, struct group *out, char *buf, size_t len, struct group **result)
{
    (void)buf, (void)len;
    *result = getgrnam(name) ? (*out = group, out) : NULL;
    return 0;
}
int getgroups(int size, gid_t list[])
{
    if (size > 0) list[0] = 1000;
    return 1;
}
int getgrouplist(const char *name, gid_t gid, gid_t *list, int *count)
{
    (void)name;
    if (*count > 0) list[0] = gid;
    *count = 1;
    return 1;
}

/* Time zones: the sandbox lives in UTC. */
void tzset(void) {}

/* Signals: none arrive. */
int sigaction(int sig, const struct sigaction *act, struct sigaction *old) { (void)sig, (void)act, (void)old; return 0; }
int sigemptyset(sigset_t *set) { memset(set, 0, sizeof(*set)); return 0; }
int sigfillset(sigset_t *set) { memset(set, 255, sizeof(*set)); return 0; }
int sigprocmask(int how, const sigset_t *set, sigset_t *old) { (void)how, (void)set, (void)old; return 0; }

mode_t umask(mode_t mask)
{
    mode_t old = agentsh_umask;
    agentsh_umask = mask & 0777;
    return old;
}

int agentsh_compare_files(const char *a, char how, const char *b)
{
    struct stat x, y;
    int no_x = agentsh_stat(a, &x), no_y = agentsh_stat(b, &y);
    if (how == 'e') return !no_x && !no_y && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    if (no_x || no_y) return how == 'n' ? !no_x && no_y : no_x && !no_y;
    long long d = (long long)x.st_mtim.tv_sec - y.st_mtim.tv_sec;
    if (!d) d = x.st_mtim.tv_nsec - y.st_mtim.tv_nsec;
    return how == 'n' ? d > 0 : d < 0;
}

/* Network and mounts: there are none. */
int *__h_errno_location(void) { static int none; return &none; }
const char *hstrerror(int err) { (void)err; return "no network"; }
void *gethostbyname(const char *name) { (void)name; return NULL; }
FILE *setmntent(const char *path, const char *how) { (void)path, (void)how; errno = ENOSYS; return NULL; }
void *getmntent(FILE *file) { (void)file; return NULL; }
int endmntent(FILE *file) { (void)file; return 1; }
int gethostname(char *name, size_t len) { snprintf(name, len, "sandbox"); return 0; }

/* toybox's own works from the descriptor of '/'. Its flags are the same numbers. */
char *xabspath(char *path, int flags) { return agentsh_resolve(path, flags); }

/* Fill the X's at the end of path with random letters; at least six. Returns how many there were, or 0. */
static size_t random_name(char *path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    unsigned char bytes[64];
    size_t len = strlen(path), count = 0;
    while (count < len && count < sizeof(bytes) && path[len - 1 - count] == 'X') count++;
    if (count < 6 || getentropy(bytes, count)) {
        errno = EINVAL;
        return 0;
    }
    for (size_t i = 0; i < count; i++) path[len - count + i] = letters[bytes[i] % 62];
    return count;
}

int mkstemp(char *path)
{
    for (int tries = 0; tries < 100; tries++) {
        size_t count = random_name(path);
        if (!count) return -1;
        int fd = agentsh_open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
        memset(path + strlen(path) - count, 'X', count);
    }
    return -1;
}

char *mkdtemp(char *path)
{
    for (int tries = 0; tries < 100; tries++) {
        size_t count = random_name(path);
        if (!count) return NULL;
        if (!agentsh_mkdir(path, 0700)) return path;
        if (errno != EEXIST) return NULL;
        memset(path + strlen(path) - count, 'X', count);
    }
    return NULL;
}

ssize_t toybox_getdelim(char **line, size_t *cap, int end, FILE *in)
{
    ssize_t n = getdelim(line, cap, end, in);
    if (n < 0 && ferror(in)) {
        perror("read error");
        exit(1);
    }
    return n;
}
