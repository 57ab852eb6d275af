/* tar, gzip, bzip2, zip and their like: the parts that know each other. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "agentsh.h"

enum { ARCHIVE_CHUNK = 64 * 1024 };
enum format { FORMAT_AUTO, FORMAT_PLAIN, FORMAT_GZIP, FORMAT_BZIP2, FORMAT_XZ };

extern const char *archive_tool; /* the name it was called by */
extern int archive_status;       /* what the command ends with, when nothing worse comes */

_Noreturn void archive_fail(int status, const char *format, ...);
/* A message; the command goes on and ends with status. */
void archive_complain(int status, const char *format, ...);
void *archive_allocate(void *old, size_t size);
char *archive_copy(const char *text);
/* The whole of it; ends the command when it cannot be written. */
void archive_write(int fd, const void *data, size_t len, const char *name);

int tar_main(int argc, char *argv[]);
int gzip_main(int argc, char *argv[]);
int zip_main(int argc, char *argv[]);
int unzip_main(int argc, char *argv[]);

/* Reading what may be compressed. format says what must be there; FORMAT_AUTO takes what its first bytes tell. */
struct source;
struct source *source_open(int fd, enum format format, const char *name);
/* Up to len bytes; 0 at the end, -1 when the data is damaged (source_problem tells how). */
ssize_t source_read(struct source *s, void *buf, size_t len);
const char *source_problem(const struct source *s);
enum format source_format(const struct source *s);
/* How much was read of the descriptor. */
long long source_taken(const struct source *s);
void source_close(struct source *s);

/* Writing it. Data that cannot be written ends the command. */
struct sink;
struct sink *sink_open(int fd, enum format format, int level, const char *name, const char *stored_name, time_t mtime);
void sink_write(struct sink *s, const void *data, size_t len);
void sink_close(struct sink *s);

/* Where members go: nothing lands outside of the directory that the command works in. */
/* The member's name without a leading "/" and "./"; *stripped tells how much went. The result lies in name. */
const char *place_relative(const char *name, size_t *stripped);
/* Whether a name has a ".." in it. */
int place_has_dotdot(const char *name);
/* Whether a link at the path (relative to the current directory) with that target leads out of the workspace. */
int place_leads_out(const char *path, const char *target);
/* A link of the archive was made; and whether a path goes through one. The names in an archive do not tell where such a
 * path leads, so nothing is put there. */
void place_link_made(const char *path);
int place_through_link(const char *path);
/* Make the directories above path; -1 (errno). */
int place_parents(const char *path);
/* A new file at path: whatever is there, but a directory, is removed first. -1 (errno). */
int place_create(const char *path);
/* Set mode bits and time of what was written. */
void place_finish(const char *path, mode_t mode, struct timespec mtime, int is_link);

/* Whether a name matches a shell pattern, as a whole or below a directory that does. */
int name_matches(const char *pattern, const char *name, int anchored);

#endif
