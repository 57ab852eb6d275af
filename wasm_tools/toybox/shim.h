/* Read before every toybox source: what its headers expect of a libc and WASI's does not declare. */
#ifndef TOYBOX_SHIM_H
#define TOYBOX_SHIM_H

#define _GNU_SOURCE 1
#define _ALL_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "agentsh.h"

/* A line that cannot be read is not the end of a file. */
ssize_t toybox_getdelim(char **line, size_t *cap, int end, FILE *in);
#undef getdelim
#undef getline
#define getdelim toybox_getdelim
#define getline(line, cap, in) toybox_getdelim(line, cap, '\n', in)

#define sigjmp_buf jmp_buf
#define sigsetjmp(env, save) setjmp(env)
#define siglongjmp longjmp
#define O_NOATIME 0
#define O_NOCTTY 0
#define O_PATH 0
#define TIOCGWINSZ 0
#define TIOCNOTTY 0
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_SETLK 0
#define F_SETLKW 0
#define _IOR(type, number, size) 0
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

typedef struct { int si_signo, si_code, si_pid, si_uid, si_status; } siginfo_t;
struct sigaction {
    void (*sa_handler)(int);
    void (*sa_sigaction)(int, siginfo_t *, void *);
    sigset_t sa_mask;
    int sa_flags;
};
#define SA_RESTART 0
#define SA_SIGINFO 0
#define SA_NODEFER 0
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 0

int sigaction(int, const struct sigaction *, struct sigaction *);
int sigemptyset(sigset_t *);
int sigfillset(sigset_t *);
int sigaddset(sigset_t *, int);
int sigprocmask(int, const sigset_t *, sigset_t *);
int kill(pid_t, int);
unsigned alarm(unsigned);
mode_t umask(mode_t);
int dup(int);
int dup2(int, int);
int pipe(int[2]);
pid_t fork(void);
pid_t vfork(void);
int execve(const char *, char *const[], char *const[]);
int execvp(const char *, char *const[]);
int execv(const char *, char *const[]);
pid_t setsid(void);
pid_t getppid(void);
uid_t getuid(void), geteuid(void);
gid_t getgid(void), getegid(void);
int setuid(uid_t), setgid(gid_t), setgroups(size_t, const gid_t *), initgroups(const char *, gid_t);
int getgroups(int, gid_t[]);
int chown(const char *, uid_t, gid_t), lchown(const char *, uid_t, gid_t), fchown(int, uid_t, gid_t);
int fchownat(int, const char *, uid_t, gid_t, int);
int fchdir(int);
int chroot(const char *);
int mkstemp(char *);
char *mkdtemp(char *);
int mkfifo(const char *, mode_t), mknod(const char *, mode_t, dev_t), mknodat(int, const char *, mode_t, dev_t);
int gethostname(char *, size_t), sethostname(const char *, size_t);
long syscall(long, ...);
int truncate(const char *, off_t);
char *ttyname(int);
int nice(int);
void sync(void);
int daemon(int, int);
FILE *popen(const char *, const char *);
int pclose(FILE *);
void endpwent(void), endgrent(void), setpwent(void), setgrent(void);
void tzset(void);
struct timeval;
struct timezone;
int settimeofday(const struct timeval *, const struct timezone *);

/* Whether a size agrees with find's -size argument, such as +3k. */
/* test's -nt, -ot and -ef, by their first letter. */
int agentsh_compare_files(const char *a, char how, const char *b);
int agentsh_same_file(const char *a, const char *b);
int agentsh_move(const char *from, const char *to, int update, int backup, int verbose);
#define open agentsh_open
#define openat agentsh_openat
#define close agentsh_close
#define dup agentsh_dup
#define stat(path, st) agentsh_stat(path, st)
#define lstat(path, st) agentsh_lstat(path, st)
#define fstat(fd, st) agentsh_fstat(fd, st)
#define fstatat(fd, path, st, flags) agentsh_fstatat(fd, path, st, flags)
#define chmod(path, mode) agentsh_chmod(path, mode)
#define fchmod(fd, mode) agentsh_fchmod(fd, mode)
#define fchmodat(fd, path, mode, flags) agentsh_fchmodat(fd, path, mode, flags)
#define mkdir(path, mode) agentsh_mkdir(path, mode)
#define mkdirat(fd, path, mode) agentsh_mkdirat(fd, path, mode)
#define access(path, how) agentsh_access(path, how)
#define faccessat(fd, path, how, flags) agentsh_faccessat(fd, path, how, flags)
#define readlink(path, buf, cap) agentsh_readlink(path, buf, cap)
#define readlinkat(fd, path, buf, cap) agentsh_readlinkat(fd, path, buf, cap)
#define unlinkat(fd, path, flags) agentsh_unlinkat(fd, path, flags)
#define linkat(old_fd, old, new_fd, new, flags) agentsh_linkat(old_fd, old, new_fd, new, flags)
#define fopen(path, how) agentsh_fopen(path, how)
#define write(fd, buf, len) agentsh_write(fd, buf, len)
/* toybox makes stdout unbuffered, which costs a host call a print: it keeps the buffer that it has. */
#define setvbuf(file, buf, mode, size) setvbuf(file, 0, _IOFBF, 0)

#endif
