/* Read before sqlite: locks, which WASI has not. */
#ifndef SQLITE_SHIM_H
#define SQLITE_SHIM_H

#include <fcntl.h>
#include <sys/types.h>

#ifndef F_RDLCK
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 12
#define F_SETLK 13
#define F_SETLKW 14
#endif

int agentsh_fcntl(int fd, int operation, ...);
#define fcntl agentsh_fcntl

#endif
