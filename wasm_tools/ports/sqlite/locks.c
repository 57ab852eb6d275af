/* Locks on ranges of files: the host keeps them for all programs of an action. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"
#include "shim.h"

enum { UNLOCK = 0, SHARED = 1, EXCLUSIVE = 2, ASK = 4 };

__attribute__((constructor)) static void with_modes(void)
{
    agentsh_want_modes = 1;
}

int agentsh_fcntl(int fd, int operation, ...)
{
    if (operation != F_SETLK && operation != F_SETLKW && operation != F_GETLK) return 0; /* F_SETFD: there is no exec */
    va_list args;
    va_start(args, operation);
    struct flock *lock = va_arg(args, struct flock *);
    va_end(args);
    const char *name = paths_name(fd);
    if (!name) {
        errno = EBADF;
        return -1;
    }
    int how = lock->l_type == F_UNLCK ? UNLOCK : lock->l_type == F_WRLCK ? EXCLUSIVE : SHARED;
    int error = host_lock(name, strlen(name), operation == F_GETLK ? how | ASK : how, (int)lock->l_start, (int)lock->l_len);
    if (operation == F_GETLK) {
        if (!error) lock->l_type = F_UNLCK;
        else if (error == EAGAIN) lock->l_type = F_WRLCK, lock->l_pid = 1;
        if (error == EAGAIN) return 0;
    }
    if (!error) return 0;
    errno = error;
    return -1;
}
