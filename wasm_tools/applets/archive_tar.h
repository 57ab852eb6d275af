/* tar: the parts that know each other. */
#ifndef ARCHIVE_TAR_H
#define ARCHIVE_TAR_H

#include "archive.h"

enum { TAR_BLOCK = 512, TAR_FATAL = 2 };

struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[8], owner[32],
        group[32], major[8], minor[8], prefix[155], pad[12];
};

/* One member, with what long-name and pax records said of it. */
struct member {
    char *name, *link;
    char type, owner[33], group[33];
    mode_t mode;
    long uid, gid;
    long long size;
    struct timespec mtime;
};

struct tar_options {
    char mode; /* c, x, t, r */
    enum format format;
    const char *archive, *owner, *group;
    int verbose, to_stdout, keep_old, skip_old, touch, permissions, numeric, dereference, recurse, absolute, null_names;
    int wildcards, sort, strip, auto_format, anchored, portable_order, keep_newer;
    long long mtime;
    char **excludes;
    size_t exclude_count;
    char **names; /* the members asked for, or what to put in; "-C" stands before a directory */
    size_t name_count;
};
extern struct tar_options tar;
extern FILE *tar_talk; /* where names are listed: stderr when members or the archive go to stdout */

/* The name after --transform; the caller frees it. */
char *tar_renamed(const char *name);
int tar_excluded(const char *name);
/* A line of -t, or of -v. */
void tar_list(const struct member *m);
/* List or extract. */
void tar_read(int fd);
/* Write an archive with tar.names, or add them to one. */
void tar_create(int fd);

#endif
