/* sed's files: lines read from one after the other, written to others, or in place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sed_run.h"

struct output sed_stdout;
struct now now = {.current = &sed_stdout};
struct in in;

static struct output *outputs;

struct output *sed_output(const char *path)
{
    if (!strcmp(path, "/dev/stdout")) return &sed_stdout;
    for (struct output *o = outputs; o; o = o->next)
        if (!strcmp(o->path, path)) return o;
    struct output *o = sed_allocate(NULL, sizeof(*o));
    *o = (struct output){.path = strdup(path), .next = outputs};
    o->file = !strcmp(path, "/dev/stderr") ? stderr : NULL;
    if (!o->file) {
        int fd = agentsh_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        o->file = fd < 0 ? NULL : agentsh_buffered(fdopen(fd, "w"));
    }
    if (!o->file) sed_fail(4, "couldn't open file %s: %s", path, strerror(errno));
    return outputs = o;
}

void sed_write(struct output *o, const char *s, size_t n)
{
    FILE *file = o == &sed_stdout ? stdout : o->file;
    if (o->missing_newline) {
        o->missing_newline = 0;
        putc(sed.end, file);
    }
    if (n) fwrite(s, 1, n, file);
}

void sed_write_line(struct output *o, const char *s, size_t n, int newline)
{
    if (!newline) {
        sed_write(o, s, n);
        o->missing_newline = 1;
        return;
    }
    /* In one piece with its end, for which a text has room. */
    char *behind = (char *)s + n, kept = *behind;
    *behind = sed.end;
    sed_write(o, s, n + 1);
    *behind = kept;
}

static void finish_file(void)
{
    if (in.open && in.lines.fd != STDIN_FILENO) agentsh_close(in.lines.fd);
    lines_free(&in.lines);
    in.open = 0;
    if (!in.temporary) return;
    now.current->missing_newline = 0;
    int bad = fclose(now.current->file);
    free(now.current);
    now.current = &sed_stdout;
    if (!bad && in.mode >= 0) {
        int err = host_set_mode(in.temporary, strlen(in.temporary), in.mode & 0777);
        if (err) errno = err, bad = 1;
    }
    if (!bad && sed.suffix && *sed.suffix) {
        /* A star in the suffix is the file's own name; a slash makes it another directory's. */
        struct text backup = {0};
        char *base = strrchr(in.target, '/') + 1;
        if (!strchr(sed.suffix, '/')) text_put(&backup, in.target, (size_t)(base - in.target));
        if (strchr(sed.suffix, '*')) {
            for (const char *s = sed.suffix; *s; s++)
                if (*s == '*') text_put(&backup, base, strlen(base));
                else text_put(&backup, s, 1);
        } else {
            text_put(&backup, base, strlen(base));
            text_put(&backup, sed.suffix, strlen(sed.suffix));
        }
        bad = rename(in.target, backup.at);
        free(backup.at);
    }
    if (!bad) bad = rename(in.temporary, in.target);
    if (bad) {
        int err = errno;
        unlink(in.temporary);
        sed_fail(4, "cannot rename %s: %s", in.target, strerror(err));
    }
    free(in.temporary);
    free(in.target);
    in.temporary = in.target = NULL;
}

static int start_in_place(void)
{
    struct stat st;
    in.target = sed.follow ? agentsh_resolve(in.name, RESOLVE_EXISTS) : agentsh_abspath(AT_FDCWD, in.name);
    if (!in.target || agentsh_stat(in.target, &st)) return -1;
    if (!S_ISREG(st.st_mode)) {
        fflush(stdout);
        fprintf(stderr, "sed: couldn't edit %s: not a regular file\n", in.name);
        in.status = 4;
        return 1;
    }
    in.mode = host_get_mode(in.target, strlen(in.target), 1);
    in.temporary = sed_allocate(NULL, strlen(in.target) + 32);
    size_t stem = (size_t)(strrchr(in.target, '/') - in.target) + 1;
    unsigned char random[8];
    if (getentropy(random, sizeof(random))) return -1;
    int n = sprintf(in.temporary, "%.*s.sed-", (int)stem, in.target);
    for (size_t i = 0; i < sizeof(random); i++) n += sprintf(in.temporary + n, "%02x", random[i]);
    int fd = agentsh_open(in.temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0) sed_fail(4, "couldn't open temporary file %s: %s", in.temporary, strerror(errno));
    now.current = sed_allocate(NULL, sizeof(*now.current));
    *now.current = (struct output){.file = agentsh_buffered(fdopen(fd, "w"))};
    if (!now.current->file) sed_fail(4, "out of memory");
    return 0;
}

static void cannot_read(void)
{
    fflush(stdout);
    fprintf(stderr, "sed: can't read %s: %s\n", in.name, strerror(errno));
    in.status = 2;
}

/* Open the next file that can be; 0 when there is none. */
static int next_file(void)
{
    while (*in.files) {
        in.name = *in.files++;
        if (!strcmp(in.name, "-") && !sed.in_place) {
            in.lines.fd = STDIN_FILENO;
            return in.open = 1;
        }
        struct stat st;
        int fd = agentsh_open(in.name, O_RDONLY);
        if (fd < 0) {
            cannot_read();
            continue;
        }
        if (!agentsh_fstat(fd, &st) && S_ISDIR(st.st_mode)) {
            fflush(stdout);
            fprintf(stderr, sed.in_place ? "sed: couldn't edit %s: not a regular file\n" : "sed: read error on %s: Is a directory\n",
                    in.name);
            in.status = sed.in_place ? 4 : 2;
            agentsh_close(fd);
            continue;
        }
        if (sed.in_place && start_in_place()) {
            agentsh_close(fd);
            continue;
        }
        in.lines.fd = fd;
        return in.open = 1;
    }
    return 0;
}

int sed_is_last(void)
{
    for (;;) {
        if (in.open) {
            if (lines_more(&in.lines)) return 0;
            if (sed.separate) return 1;
            finish_file();
        }
        if (sed.separate || !next_file()) return 1;
    }
}

/* Text that was to come after the line: of a, r and R. */
void sed_flush_queue(void)
{
    if (now.queued.len) sed_write(now.current, now.queued.at, now.queued.len);
    now.queued.len = 0;
}

/* Read the next line into (or behind) the pattern now.space; 0 at the end of everything. */
int sed_read_line(int append)
{
    for (;;) {
        if (!in.open) {
            if (!next_file()) return 0;
            if (sed.separate) {
                /* Each file counts its own lines. */
                now.number = 0;
            }
        }
        size_t n;
        const char *line = lines_next(&in.lines, sed.end, &n);
        if (line) {
            now.no_newline = line[n - 1] != sed.end;
            if (append) text_put(&now.space, "\n", 1);
            else now.space.len = 0;
            if (append && !sed.end) now.space.at[now.space.len - 1] = sed.end;
            text_put(&now.space, line, n - !now.no_newline);
            now.number++;
            return 1;
        }
        if (in.lines.failed) sed_fail(4, "read error: %s", strerror(in.lines.failed));
        finish_file();
    }
}

int sed_leave(int status)
{
    /* In place, the rest of the file stays as it is. */
    if (in.temporary && in.open) {
        size_t n;
        for (const char *line; (line = lines_next(&in.lines, sed.end, &n));) sed_write(now.current, line, n);
    }
    finish_file();
    int bad = fflush(stdout) || ferror(stdout);
    for (struct output *o = outputs; o; o = o->next) bad |= fflush(o->file) != 0;
    return bad ? 4 : status;
}
