/* The agent's file tools, run by their arguments without a shell: view, put, edit. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, SHOWN_LINES = 10, SHOWN_WIDTH = 160 };

static const char *tool;

_Noreturn static void fail(int status, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", tool);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(status);
}

struct bytes {
    char *at;
    size_t len;
};

static struct bytes read_all(int fd, const char *name)
{
    size_t cap = 1 << 16;
    struct bytes all = {malloc(cap), 0};
    ssize_t got = 1;
    while (all.at && got > 0) {
        if (all.len == cap) {
            char *more = realloc(all.at, cap *= 2);
            if (!more) fail(FAILED, "%s: too large to hold in memory", name);
            all.at = more;
        }
        got = read(fd, all.at + all.len, cap - all.len);
        if (got < 0) fail(FAILED, "%s: %s", name, strerror(errno));
        all.len += (size_t)got;
    }
    if (!all.at) fail(FAILED, "out of memory");
    return all;
}

static struct bytes read_file(const char *path)
{
    struct stat st;
    int fd = agentsh_open(path, O_RDONLY);
    if (fd < 0) fail(FAILED, "%s: %s", path, strerror(errno));
    if (!agentsh_fstat(fd, &st) && S_ISDIR(st.st_mode)) fail(FAILED, "%s: Is a directory", path);
    struct bytes all = read_all(fd, path);
    agentsh_close(fd);
    return all;
}

static int is_binary(const struct bytes *b)
{
    return b->len && memchr(b->at, 0, b->len) != NULL;
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (strcmp(path, AGENTSH_ROOT) && agentsh_mkdir(path, 0777) && errno != EEXIST)
            fail(FAILED, "%s: %s", path, strerror(errno));
        *slash = '/';
    }
}

/* Replace a file's content, whole or not at all, and keep its permission bits. */
static void write_file(const char *path, const char *content, size_t len)
{
    /* A symlink stays: what it leads to is written. */
    char *target = agentsh_resolve(path, 0);
    if (!target) fail(FAILED, "%s: %s", path, strerror(errno));
    if (strncmp(target, AGENTSH_ROOT "/", strlen(AGENTSH_ROOT) + 1))
        fail(FAILED, "%s: outside the workspace", path);
    struct stat st;
    int exists = !agentsh_lstat(target, &st);
    if (exists && S_ISDIR(st.st_mode)) fail(FAILED, "%s: Is a directory", path);
    if (exists && !S_ISREG(st.st_mode)) fail(FAILED, "%s: not a regular file", path);
    make_parents(target);
    int mode = exists ? host_get_mode(target, strlen(target), 0) : -1;
    if (mode >= 0 && !(mode & 0222)) fail(FAILED, "%s: Permission denied (the file is read-only)", path);

    char temporary[PATH_MAX];
    int fd = -1;
    size_t stem = (size_t)(strrchr(target, '/') - target) + 1;
    for (int tries = 0; fd < 0 && tries < 100; tries++) {
        unsigned char random[8];
        if (getentropy(random, sizeof(random))) fail(FAILED, "no random numbers");
        int n = snprintf(temporary, sizeof(temporary), "%.*s.agentsh-", (int)stem, target);
        if (n < 0 || n + 17 > (int)sizeof(temporary)) fail(FAILED, "%s: %s", path, strerror(ENAMETOOLONG));
        for (size_t i = 0; i < sizeof(random); i++) n += sprintf(temporary + n, "%02x", random[i]);
        fd = agentsh_open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0 && errno != EEXIST) fail(FAILED, "%s: %s", path, strerror(errno));
    }
    if (fd < 0) fail(FAILED, "%s: no free temporary name", path);
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, content + done, len - done);
        if (n <= 0) break;
        done += (size_t)n;
    }
    int err = done < len ? errno : 0;
    if (agentsh_close(fd) && !err) err = errno;
    if (!err && mode >= 0) err = host_set_mode(temporary, strlen(temporary), mode & 0777);
    if (!err && rename(temporary, target)) err = errno;
    if (err) {
        unlink(temporary);
        fail(FAILED, "%s: %s; nothing was written", path, strerror(err));
    }
    free(target);
}

static size_t count_lines(const char *from, const char *to)
{
    size_t n = 0;
    for (; from < to; from++) n += *from == '\n';
    return n;
}

static long long positive(const char *text, const char *what)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || n < 1) fail(USAGE, "%s must be a number from 1, not '%s'", what, text);
    return n;
}

static int view(int argc, char *argv[])
{
    if (argc < 2 || argc > 4) {
        fputs("usage: view PATH [OFFSET [LIMIT]]\nShows a text file's lines, numbered from 1.\n", stderr);
        return USAGE;
    }
    long long first = argc > 2 ? positive(argv[2], "OFFSET") : 1, limit = argc > 3 ? positive(argv[3], "LIMIT") : LLONG_MAX;
    struct bytes all = read_file(argv[1]);
    if (is_binary(&all)) fail(FAILED, "%s: not text (%zu bytes with NUL among them); use xxd or file", argv[1], all.len);
    const char *end = all.at + all.len, *line = all.at;
    long long total = (long long)count_lines(line, end) + (all.len && end[-1] != '\n');
    for (long long n = 1; line < end; n++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *stop = newline ? newline + 1 : end;
        if (n - first >= limit) break;
        if (n >= first) {
            printf("%6lld\t", n);
            fwrite(line, 1, (size_t)(stop - line), stdout);
            if (!newline) putchar('\n');
        }
        line = stop;
    }
    if (first > total && !(first == 1 && !total))
        fail(FAILED, "%s: has %lld lines, none from line %lld on", argv[1], total, first);
    long long last = limit > total - first + 1 ? total : first + limit - 1;
    fflush(stdout);
    if (first > 1 || last < total)
        fprintf(stderr, "%s: lines %lld to %lld of %lld\n", argv[1], first, last, total);
    else if (!total) fprintf(stderr, "%s: empty\n", argv[1]);
    return ferror(stdout) ? FAILED : DONE;
}

static int put(int argc, char *argv[])
{
    if (argc != 2) {
        fputs("usage: put PATH < CONTENT\nWrites a whole file, and the directories above it where they are missing.\n", stderr);
        return USAGE;
    }
    struct bytes all = read_all(STDIN_FILENO, "standard input");
    write_file(argv[1], all.at, all.len);
    return DONE;
}

/* A decimal length, a newline, that many bytes. */
static struct bytes take_part(const struct bytes *in, size_t *at, const char *what)
{
    size_t n = 0, digits = 0, i = *at;
    for (; i < in->len && isdigit((unsigned char)in->at[i]) && digits < 18; i++, digits++)
        n = n * 10 + (size_t)(in->at[i] - '0');
    if (!digits || i >= in->len || in->at[i] != '\n' || digits > 9 || n > in->len - i - 1)
        fail(USAGE, "standard input must be the %s text's length, a newline and its bytes", what);
    *at = i + 1 + n;
    return (struct bytes){in->at + i + 1, n};
}

/* The next line of a text; 0 at its end. */
static int next_line(const struct bytes *b, size_t *at, struct bytes *line)
{
    if (*at >= b->len) return 0;
    char *start = b->at + *at, *newline = memchr(start, '\n', b->len - *at);
    *line = (struct bytes){start, newline ? (size_t)(newline - start) : b->len - *at};
    *at += line->len + 1;
    return 1;
}

static struct bytes trimmed(struct bytes s)
{
    while (s.len && isspace((unsigned char)s.at[0])) s.at++, s.len--;
    while (s.len && isspace((unsigned char)s.at[s.len - 1])) s.len--;
    return s;
}

/* How much of two lines agrees at their ends, in thousandths; 1000 when they differ in outer white space alone. */
static size_t likeness(struct bytes a, struct bytes b)
{
    a = trimmed(a), b = trimmed(b);
    size_t shorter = a.len < b.len ? a.len : b.len, longer = a.len + b.len - shorter, same = 0, tail = 0;
    if (!shorter) return 0;
    while (same < shorter && a.at[same] == b.at[same]) same++;
    while (tail < shorter - same && a.at[a.len - 1 - tail] == b.at[b.len - 1 - tail]) tail++;
    return (same + tail) * 1000 / longer;
}

_Noreturn static void not_found(const char *path, const struct bytes *file, const struct bytes *old)
{
    /* By the longest line of the old text: the one that tells most. */
    struct bytes line, wanted = {0}, closest = {0};
    size_t before = 0, number = 0, best = 0, best_number = 0, n = 0;
    for (size_t at = 0; next_line(old, &at, &line); n++)
        if (trimmed(line).len > trimmed(wanted).len) wanted = line, before = n;
    for (size_t at = 0; next_line(file, &at, &line);) {
        number++;
        size_t score = likeness(line, wanted);
        if (score > best) best = score, best_number = number, closest = line;
    }
    if (best < 400) fail(FAILED, "%s: the old text is not in the file, nor anything close to it; view the file first", path);
    size_t first = best_number > before ? best_number - before : 1;
    int width = closest.len > SHOWN_WIDTH ? SHOWN_WIDTH : (int)closest.len;
    if (best == 1000 && n > 1)
        fail(FAILED, "%s: the old text is not in the file; the closest place begins at line %zu and differs in white space or "
                     "in a neighbouring line (line %zu is:\n%.*s\n)", path, first, best_number, width, closest.at);
    fail(FAILED, "%s: the old text is not in the file; the closest line is %zu:\n%.*s", path, best_number, width, closest.at);
}

static int edit(int argc, char *argv[])
{
    int all = 0, i = 1;
    const char *path = NULL;
    for (; i < argc; i++) {
        if (!strcmp(argv[i], "--all")) all = 1;
        else if (!path) path = argv[i];
        else path = NULL, i = argc;
    }
    if (!path) {
        fputs("usage: edit PATH [--all] < OLD_AND_NEW\n"
              "Replaces a text that stands in the file exactly once, or with --all everywhere. Standard input: the old text's\n"
              "length, a newline, the old text; then the same for the new text.\n", stderr);
        return USAGE;
    }
    struct bytes in = read_all(STDIN_FILENO, "standard input");
    size_t at = 0;
    struct bytes old = take_part(&in, &at, "old"), new = take_part(&in, &at, "new");
    if (at != in.len) fail(USAGE, "standard input goes on after the new text");
    if (!old.len) fail(USAGE, "the old text is empty; to write a whole file use put");
    if (old.len == new.len && !memcmp(old.at, new.at, old.len)) fail(FAILED, "%s: the old and the new text are the same", path);
    struct bytes file = read_file(path);
    size_t count = 0;
    char *end = file.at + file.len;
    for (char *p = file.at; (p = memmem(p, (size_t)(end - p), old.at, old.len)); p += old.len) count++;
    if (!count) not_found(path, &file, &old);
    if (count > 1 && !all) {
        fflush(stdout);
        fprintf(stderr, "%s: %s: the old text is there %zu times, at line", tool, path, count);
        size_t shown = 0, line = 1;
        char *from = file.at;
        for (char *p = file.at; (p = memmem(p, (size_t)(end - p), old.at, old.len)) && shown < SHOWN_LINES; p += old.len) {
            line += count_lines(from, p);
            from = p;
            fprintf(stderr, "%s %zu", shown++ ? "," : "", line);
        }
        fprintf(stderr, "%s; give more of the lines around it, or --all\n", count > shown ? ", ..." : "");
        return FAILED;
    }
    size_t len = file.len - count * old.len + count * new.len;
    char *result = malloc(len + 1), *to = result, *from = file.at;
    if (!result) fail(FAILED, "out of memory");
    size_t first = 0;
    for (char *p; (p = memmem(from, (size_t)(end - from), old.at, old.len)); from = p + old.len) {
        if (!first) first = count_lines(file.at, p) + 1;
        memcpy(to, from, (size_t)(p - from));
        to += p - from;
        memcpy(to, new.at, new.len);
        to += new.len;
    }
    memcpy(to, from, (size_t)(end - from));
    write_file(path, result, len);
    if (count == 1) printf("%s: replaced at line %zu\n", path, first);
    else printf("%s: replaced %zu times, first at line %zu\n", path, count, first);
    return DONE;
}

int main(int argc, char *argv[])
{
    tool = argc ? strrchr(argv[0], '/') : NULL;
    tool = tool ? tool + 1 : argc ? argv[0] : "";
    if (!strcmp(tool, "view")) return view(argc, argv);
    if (!strcmp(tool, "put")) return put(argc, argv);
    if (!strcmp(tool, "edit")) return edit(argc, argv);
    fprintf(stderr, "%s: not one of view, put, edit\n", tool);
    return USAGE;
}
