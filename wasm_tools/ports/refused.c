/* Calls that start programs: a command of the sandbox cannot. They say so once each, and fail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "agentsh.h"

FILE *popen(const char *command, const char *how);
int pclose(FILE *file);
int system(const char *command);
mode_t umask(mode_t mask);

static void refuse(const char *command)
{
    fflush(stdout);
    fprintf(stderr, "cannot run '%.200s': a program cannot start others here; run it in the shell, and use a pipeline\n", command);
}

FILE *popen(const char *command, const char *how)
{
    (void)how;
    refuse(command);
    errno = ENOSYS;
    return NULL;
}

int pclose(FILE *file)
{
    (void)file;
    errno = ECHILD;
    return -1;
}

int system(const char *command)
{
    if (!command) return 0; /* there is no command processor */
    refuse(command);
    errno = ENOSYS;
    return -1;
}

mode_t umask(mode_t mask)
{
    mode_t old = agentsh_umask;
    agentsh_umask = mask & 0777;
    return old;
}

/* There is no /tmp. */
FILE *tmpfile(void)
{
    errno = ENOSYS;
    return NULL;
}

char *tmpnam(char *buf)
{
    (void)buf;
    errno = ENOSYS;
    return NULL;
}
