/* Between the files of the common layer. */
#ifndef AGENTSH_INTERNAL_H
#define AGENTSH_INTERNAL_H

#include "agentsh.h"

/* What a descriptor stands for beside the file that WASI opened. A stand-in is an open directory that is never read. */
enum stand_in { STANDS_FOR_ITSELF, STANDS_FOR_STDIN, STANDS_FOR_STDOUT, STANDS_FOR_STDERR, STANDS_FOR_NULL, STANDS_FOR_DIRECTORY };

/* What a path that is exactly one of the devices' names stands for; 0 for every other path. */
enum stand_in streams_device(const char *path);
/* A descriptor that stands for something; -1 (errno). */
int streams_stand_in(enum stand_in what);
enum stand_in streams_kind(int fd);
/* The descriptor is another file's from now on, or nobody's. */
void streams_forget(int fd);
/* What fstat tells of a stand-in for a device. */
int streams_fstat(int fd, struct stat *st);

/* The name under which a descriptor was opened, or NULL. */
const char *paths_name(int fd);
/* The full name, to be given to the host, of a path that WASI cannot take because a name in it is not UTF-8: told by
 * the error of the call that was just made, or by the directory. NULL (errno unchanged) for every other path. */
char *paths_raw(int dirfd, const char *path);

#endif
