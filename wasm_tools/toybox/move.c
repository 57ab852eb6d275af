/* mv, as GNU's: what it does where there is something already, and what it says. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"

int agentsh_same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    if (agentsh_lstat(a, &sa) || agentsh_lstat(b, &sb)) return 0;
    return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino && (S_ISDIR(sa.st_mode) || sa.st_nlink < 2 || !strcmp(a, b));
}

/* Move a file; 0 when that is done or was not to be, or -1 (errno). update: not over what is as new. backup: what is there
 * gets a tilde behind its name first. */
int agentsh_move(const char *from, const char *to, int update, int backup, int verbose)
{
    struct stat sa, sb;
    char *old = NULL;
    int there = (update || backup) && !agentsh_lstat(to, &sb);
    if (there && update && !agentsh_lstat(from, &sa) &&
        (sa.st_mtim.tv_sec < sb.st_mtim.tv_sec || (sa.st_mtim.tv_sec == sb.st_mtim.tv_sec && sa.st_mtim.tv_nsec <= sb.st_mtim.tv_nsec)))
        return 0;
    if (there && backup && (asprintf(&old, "%s~", to) < 0 || rename(to, old))) return -1;
    if (rename(from, to)) {
        int err = errno;
        if (old) rename(old, to);
        free(old);
        errno = err;
        return -1;
    }
    if (verbose && old) printf("renamed '%s' -> '%s' (backup: '%s')\n", from, to, old);
    else if (verbose) printf("renamed '%s' -> '%s'\n", from, to);
    free(old);
    return 0;
}
