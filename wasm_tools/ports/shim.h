/* Read before every source of others: what they expect of a libc and WASI's does not declare, and files by our names. */
#ifndef PORTS_SHIM_H
#define PORTS_SHIM_H

#define _GNU_SOURCE 1
#define _ALL_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "agentsh.h"

/* Of processes there are none: see refused.c. */
FILE *popen(const char *command, const char *how);
int pclose(FILE *file);
int system(const char *command);
FILE *tmpfile(void);
char *tmpnam(char *buf);
mode_t umask(mode_t mask);
int access(const char *path, int how);

#define open agentsh_open
#define close agentsh_close
#define stat(path, st) agentsh_stat(path, st)
#define lstat(path, st) agentsh_lstat(path, st)
#define fstat(fd, st) agentsh_fstat(fd, st)
#define access(path, how) agentsh_access(path, how)
#define readlink(path, buf, cap) agentsh_readlink(path, buf, cap)
#define mkdir(path, mode) agentsh_mkdir(path, mode)
#define fopen agentsh_fopen

#endif
