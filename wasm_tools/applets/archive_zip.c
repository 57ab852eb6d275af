/* zip: makes an archive, or one that is there anew with other members. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "archive_zip.h"

static int quiet, recursive, flat, level = 6, keep_links, deleting, moving, update, freshen, no_directories, from_input;
static char **included, **left_out, **given;
static size_t included_count, left_out_count, given_count;
static struct zip_directory old, made;
static int out, old_fd = -1;
static uint64_t at;
static char **done_paths;
static size_t done_count;
static struct stat archive_stat;

static _Noreturn void fail(int status, const char *what, const char *name)
{
    fflush(stdout);
    fprintf(stderr, "\nzip error: %s (%s)\n", what, name);
    exit(status);
}

static void put(const void *data, size_t len)
{
    archive_write(out, data, len, "zip");
    at += len;
}

static unsigned char *put16(unsigned char *p, unsigned v) { return p[0] = (unsigned char)v, p[1] = (unsigned char)(v >> 8), p + 2; }
static unsigned char *put32(unsigned char *p, uint32_t v) { return put16(put16(p, v & 0xffff), v >> 16); }

/* The fields that the local header and the directory share. */
static unsigned char *put_common(unsigned char *p, const struct zip_entry *e)
{
    struct tm tm;
    gmtime_r(&e->mtime, &tm);
    if (tm.tm_year < 80) tm = (struct tm){.tm_year = 80, .tm_mday = 1};
    p = put16(p, e->method == ZIP_DEFLATED ? 20 : 10);
    p = put16(p, e->flags);
    p = put16(p, e->method);
    p = put16(p, (unsigned)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2));
    p = put16(p, (unsigned)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday));
    p = put32(p, e->crc);
    p = put32(p, (uint32_t)e->packed);
    p = put32(p, (uint32_t)e->size);
    p = put16(p, (unsigned)strlen(e->name));
    return put16(p, 9); /* of the extra field with the time in seconds */
}

static void put_time(const struct zip_entry *e)
{
    unsigned char extra[9];
    put32(put16(put16(extra, 0x5455), 5), (uint32_t)e->mtime);
    memmove(extra + 5, extra + 4, 4);
    extra[4] = 1;
    put(extra, sizeof(extra));
}

static void put_local(const struct zip_entry *e)
{
    unsigned char head[30];
    put_common(put32(head, ZIP_LOCAL), e);
    put(head, sizeof(head));
    put(e->name, strlen(e->name));
    put_time(e);
}

static void put_directory(void)
{
    uint64_t start = at;
    if (made.count > 65535) fail(6, "more than 65535 members", "zip64 is not supported here");
    for (size_t i = 0; i < made.count; i++) {
        const struct zip_entry *e = &made.list[i];
        unsigned char head[46], *p = put16(put32(head, ZIP_CENTRAL), e->version_made);
        p = put_common(p, e);
        p = put16(put16(put16(p, 0), 0), 0); /* no comment, disk 0, no internal attributes */
        put32(put32(p, e->attributes), (uint32_t)e->offset);
        put(head, sizeof(head));
        put(e->name, strlen(e->name));
        put_time(e);
    }
    unsigned char end[22], *p = put32(end, ZIP_END);
    p = put16(put16(put16(put16(p, 0), 0), (unsigned)made.count), (unsigned)made.count);
    put16(put32(put32(p, (uint32_t)(at - start)), (uint32_t)start), 0);
    put(end, sizeof(end));
}

/* Everything of a descriptor, or the text of a link, packed when that is shorter. */
static void put_data(struct zip_entry *e, int fd, const char *text, size_t len, const char *path)
{
    static unsigned char in[ARCHIVE_CHUNK], packed[ARCHIVE_CHUNK];
    for (int method = level && !text ? ZIP_DEFLATED : ZIP_STORED;; method = ZIP_STORED) {
        z_stream z;
        memset(&z, 0, sizeof(z));
        e->method = (unsigned)method;
        e->crc = (uint32_t)crc32(0, NULL, 0);
        e->size = e->packed = 0;
        off_t head = (off_t)at;
        put_local(e);
        uint64_t start = at;
        if (method && deflateInit2(&z, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail(4, "Out of memory", path);
        for (int end = 0; !end;) {
            ssize_t n;
            if (text) {
                memcpy(in, text, len);
                n = (ssize_t)len;
                end = 1;
            } else n = read(fd, in, sizeof(in));
            if (n < 0) fail(18, strerror(errno), path);
            if (!n) end = 1;
            e->crc = (uint32_t)crc32(e->crc, in, (uInt)n);
            e->size += (uint64_t)n;
            if (!method) {
                put(in, (size_t)n);
                continue;
            }
            z.next_in = in;
            z.avail_in = (uInt)n;
            do {
                z.next_out = packed;
                z.avail_out = sizeof(packed);
                deflate(&z, end ? Z_FINISH : Z_NO_FLUSH);
                put(packed, sizeof(packed) - z.avail_out);
            } while (!z.avail_out);
        }
        if (method) deflateEnd(&z);
        e->packed = at - start;
        if (at > 0xfffffffe || e->size > 0xfffffffe) fail(6, "the archive grows beyond 4 GB", "zip64 is not supported here");
        lseek(out, head, SEEK_SET);
        uint64_t kept = at;
        at = (uint64_t)head;
        if (method && e->packed >= e->size) {
            /* It did not shrink: once more, as it is. */
            if (ftruncate(out, head)) fail(14, strerror(errno), path);
            lseek(fd, 0, SEEK_SET);
            continue;
        }
        put_local(e);
        at = kept;
        lseek(out, (off_t)at, SEEK_SET);
        return;
    }
}

static struct zip_entry *find(struct zip_directory *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (!strcmp(d->list[i].name, name)) return &d->list[i];
    return NULL;
}

static void append(const struct zip_entry *e)
{
    made.list = archive_allocate(made.list, (made.count + 1) * sizeof(*e));
    made.list[made.count++] = *e;
}

static void take_over(const struct zip_entry *e)
{
    struct zip_entry now = *e;
    off_t from = zip_data_at(old_fd, e);
    if (from < 0) fail(3, "Zip file structure invalid", e->name);
    now.flags &= ~8u; /* sizes are in the header from now on */
    now.offset = at;
    put_local(&now);
    static char buf[ARCHIVE_CHUNK];
    for (uint64_t left = e->packed; left;) {
        ssize_t n = pread(old_fd, buf, left < sizeof(buf) ? (size_t)left : sizeof(buf), from);
        if (n <= 0) fail(3, "Zip file structure invalid", e->name);
        put(buf, (size_t)n);
        from += n, left -= (uint64_t)n;
    }
    append(&now);
}

static int excluded(const char *name)
{
    int in = !included_count;
    for (size_t i = 0; i < included_count && !in; i++) in = zip_matches(included[i], name);
    for (size_t i = 0; i < left_out_count && in; i++) in = !zip_matches(left_out[i], name);
    return !in;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_path(const char *path, int asked);

static void add_below(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return (void)fprintf(stderr, "zip warning: could not open directory: %s\n", path);
    char **names = NULL;
    size_t count = 0, base = strlen(path);
    while (base > 1 && path[base - 1] == '/') base--;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char *child = archive_allocate(NULL, base + strlen(e->d_name) + 2);
        sprintf(child, "%.*s/%s", (int)base, path, e->d_name);
        names = archive_allocate(names, (count + 1) * sizeof(*names));
        names[count++] = child;
    }
    closedir(d);
    if (count) qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count; i++) add_path(names[i], 0), free(names[i]);
    free(names);
}

static void add_path(const char *path, int asked)
{
    struct stat st;
    if (keep_links ? agentsh_lstat(path, &st) : agentsh_stat(path, &st)) {
        fflush(stdout);
        fprintf(stderr, "\tzip warning: name not matched: %s\n", path);
        return;
    }
    if (st.st_dev == archive_stat.st_dev && st.st_ino == archive_stat.st_ino && archive_stat.st_ino) return;
    size_t stripped;
    const char *name = place_relative(path, &stripped);
    int directory = S_ISDIR(st.st_mode);
    if (!directory && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) return;
    if (flat) name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    size_t len = strlen(name);
    char *stored = archive_allocate(NULL, len + 2);
    strcpy(stored, name);
    while (len && stored[len - 1] == '/') stored[--len] = 0;
    if (directory && len) strcpy(stored + len, "/");
    struct zip_entry *before = find(&old, stored);
    int skip = !strcmp(stored, ".") || !strcmp(stored, "./") || !*stored || (directory && (flat || no_directories)) || excluded(stored) || find(&made, stored);
    if (before && (update || freshen) && before->mtime >= st.st_mtim.tv_sec) skip = 1;
    if (freshen && !before) skip = 1;
    if (!skip) {
        struct zip_entry e = {.name = stored, .version_made = 3 << 8 | 30, .mtime = st.st_mtim.tv_sec, .offset = at,
                              .attributes = (uint32_t)st.st_mode << 16 | (directory ? 0x10 : 0)};
        char target[4096];
        int fd = -1;
        if (directory) put_data(&e, -1, "", 0, path);
        else if (S_ISLNK(st.st_mode)) {
            ssize_t n = agentsh_readlink(path, target, sizeof(target));
            if (n < 0) fail(18, strerror(errno), path);
            put_data(&e, -1, target, (size_t)n, path);
        } else {
            fd = agentsh_open(path, O_RDONLY);
            if (fd < 0) return (void)fprintf(stderr, "\tzip warning: could not open for reading: %s\n", path);
            put_data(&e, fd, NULL, 0, path);
            agentsh_close(fd);
        }
        append(&e);
        if (before) before->keep = 0;
        if (!quiet)
            printf("%s: %s (%s %d%%)\n", before ? "updating" : "  adding", stored, e.method ? "deflated" : "stored",
                   zip_percent(e.size, e.packed));
        if (moving) {
            done_paths = archive_allocate(done_paths, (done_count + 1) * sizeof(*done_paths));
            done_paths[done_count++] = archive_copy(path);
        }
    }
    (void)asked;
    if (directory && recursive) add_below(path);
}

static void add(char ***list, size_t *count, char *text)
{
    *list = archive_allocate(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] = text;
}

static _Noreturn void usage(FILE *to, int status)
{
    fprintf(to, "usage: zip [-0..-9] [-qrjymudD@] ARCHIVE.zip FILE... [-x PATTERN...] [-i PATTERN...]\n");
    exit(status);
}

int zip_main(int argc, char *argv[])
{
    char *archive = NULL;
    enum { FILES, LEFT_OUT, INCLUDED } kind = FILES;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (word[0] == '-' && word[1] && strcmp(word, "--")) {
            static const struct { const char *name; char letter; } longs[] = {{"--exclude", 'x'}, {"--include", 'i'}, {"--quiet", 'q'},
                {"--recurse-paths", 'r'}, {"--junk-paths", 'j'}, {"--symlinks", 'y'}, {"--delete", 'd'}, {"--move", 'm'}, {"--update", 'u'}};
            char letter[3] = "-";
            for (size_t k = 0; k < sizeof(longs) / sizeof(*longs); k++)
                if (!strcmp(word, longs[k].name)) letter[1] = longs[k].letter, word = letter;
            for (char *p = word + 1; *p; p++) {
                switch (*p) {
                case 'q': quiet = 1; break;
                case 'r': recursive = 1; break;
                case 'j': flat = 1; break;
                case 'y': keep_links = 1; break;
                case 'd': deleting = 1; break;
                case 'm': moving = 1; break;
                case 'u': update = 1; break;
                case 'f': freshen = 1; break;
                case 'D': no_directories = 1; break;
                case '@': from_input = 1; break;
                case 'X': case 'g': case 'v': case 'o': break;
                case 'x': case 'i':
                    kind = *p == 'x' ? LEFT_OUT : INCLUDED;
                    if (p[1]) {
                        add(kind == LEFT_OUT ? &left_out : &included, kind == LEFT_OUT ? &left_out_count : &included_count, p + 1);
                        p += strlen(p) - 1;
                    }
                    break;
                case 'h': usage(stdout, 0);
                case 'e': case 'P': archive_fail(16, "encryption is not supported here");
                default:
                    if (*p < '0' || *p > '9') archive_fail(16, "-%c is not supported here", *p);
                    level = *p - '0';
                }
            }
            continue;
        }
        if (!strcmp(word, "--")) continue;
        if (!archive) archive = word;
        else if (kind == LEFT_OUT) add(&left_out, &left_out_count, word);
        else if (kind == INCLUDED) add(&included, &included_count, word);
        else add(&given, &given_count, word);
    }
    if (!archive) usage(stderr, 16);
    if (!strcmp(archive, "-")) archive_fail(16, "an archive to standard output is not supported here: write a file");
    const char *slash = strrchr(archive, '/');
    if (!strchr(slash ? slash : archive, '.')) {
        char *longer = archive_allocate(NULL, strlen(archive) + 5);
        sprintf(longer, "%s.zip", archive);
        archive = longer;
    }
    for (char *line = NULL; from_input;) {
        size_t cap = 0;
        ssize_t n = getline(&line, &cap, stdin);
        if (n <= 0 && ferror(stdin)) archive_fail(16, "read error: %s", strerror(errno));
        if (n <= 0) break;
        if (line[n - 1] == '\n') line[n - 1] = 0;
        add(&given, &given_count, line);
        line = NULL;
    }
    old_fd = agentsh_open(archive, O_RDONLY);
    if (old_fd >= 0) {
        const char *why = zip_read_directory(old_fd, &old);
        if (why) fail(3, "Zip file structure invalid", archive);
        for (size_t i = 0; i < old.count; i++) old.list[i].keep = 1;
        agentsh_fstat(old_fd, &archive_stat);
    } else if (deleting) fail(13, "Could not find the archive", archive);
    if (!given_count && !from_input) {
        if (!recursive || flat) fail(12, "Nothing to do!", archive);
        add(&given, &given_count, ".");
    }
    char *temporary = archive_allocate(NULL, strlen(archive) + 8);
    sprintf(temporary, "%s.zip-new", archive);
    out = place_create(temporary);
    if (out < 0) fail(15, strerror(errno), archive);
    int changed = 0;
    for (size_t i = 0; !deleting && i < given_count; i++) add_path(given[i], 1);
    changed = made.count > 0;
    for (size_t i = 0; i < old.count; i++) {
        struct zip_entry *e = &old.list[i];
        int gone = 0;
        for (size_t k = 0; deleting && k < given_count; k++) gone |= zip_matches(given[k], e->name);
        if (gone && !quiet) printf("deleting: %s\n", e->name);
        changed |= gone;
        if (!gone && e->keep) take_over(e);
    }
    if (!changed) {
        unlink(temporary);
        if (!update && !freshen) fail(12, "Nothing to do!", archive);
        return 12 * !old.count;
    }
    if (made.count) {
        put_directory();
        agentsh_close(out);
        if (rename(temporary, archive)) fail(15, strerror(errno), archive);
    } else {
        agentsh_close(out);
        unlink(temporary);
        unlink(archive);
        fputs("\tzip warning: zip file empty\n", stderr);
    }
    while (done_count--) {
        struct stat st;
        if (!agentsh_lstat(done_paths[done_count], &st)) agentsh_unlinkat(AT_FDCWD, done_paths[done_count], S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
    }
    return 0;
}
