/* tar: listing lines, and writing archives in GNU's format. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive_tar.h"

static struct sink *out;
static struct stat archive_stat;
static long long written;
/* Files with more than one name, by what they are: later names are links to the first. */
static struct seen {
    struct seen *next;
    dev_t dev;
    ino_t ino;
    char *name;
} *seen;

static void mode_text(char *text, mode_t mode, char type)
{
    static const char bits[] = "rwxrwxrwx";
    text[0] = type == '5' ? 'd' : type == '2' ? 'l' : type == '1' ? 'h' : type == '6' ? 'p' : type == '3' ? 'c' : type == '4' ? 'b' : '-';
    for (int i = 0; i < 9; i++) text[1 + i] = mode & (1u << (8 - i)) ? bits[i] : '-';
    if (mode & 04000) text[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000) text[6] = mode & 010 ? 's' : 'S';
    if (mode & 01000) text[9] = mode & 01 ? 't' : 'T';
    text[10] = 0;
}

/* Names as GNU's tar shows them: what would disturb a terminal is escaped. */
static void print_name(const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p == '\\') fputs("\\\\", tar_talk);
        else if (*p == '\n') fputs("\\n", tar_talk);
        else if (*p == '\t') fputs("\\t", tar_talk);
        else if (*p < 32 || *p == 127) fprintf(tar_talk, "\\%03o", *p);
        else putc(*p, tar_talk);
    }
}

void tar_list(const struct member *m)
{
    if (tar.verbose > (tar.mode == 't' ? 0 : 1)) {
        static int width = 19;
        char mode[11], who[80], size[32], when[40];
        mode_text(mode, m->mode, m->type);
        if (tar.numeric || !*m->owner) snprintf(who, sizeof(who), "%ld/", m->uid);
        else snprintf(who, sizeof(who), "%s/", m->owner);
        size_t n = strlen(who);
        if (tar.numeric || !*m->group) snprintf(who + n, sizeof(who) - n, "%ld", m->gid);
        else snprintf(who + n, sizeof(who) - n, "%s", m->group);
        snprintf(size, sizeof(size), "%lld", m->size);
        int need = (int)(strlen(who) + 1 + strlen(size));
        if (need > width) width = need;
        struct tm tm;
        gmtime_r(&m->mtime.tv_sec, &tm);
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
        fprintf(tar_talk, "%s %s %*s %s ", mode, who, width - (int)strlen(who) - 1, size, when);
    }
    print_name(m->name);
    if (tar.verbose > (tar.mode == 't' ? 0 : 1)) {
        if (m->type == '2') fputs(" -> ", tar_talk), print_name(m->link);
        if (m->type == '1') fputs(" link to ", tar_talk), print_name(m->link);
    }
    putc('\n', tar_talk);
}

static void put(const void *data, size_t len)
{
    sink_write(out, data, len);
    written += (long long)len;
}

static void pad(long long size)
{
    static const char zeros[TAR_BLOCK];
    if (size % TAR_BLOCK) put(zeros, (size_t)(TAR_BLOCK - size % TAR_BLOCK));
}

static void put_number(char *field, size_t len, long long n)
{
    if (n >= 0 && n < 1LL << (3 * (len - 1))) {
        char text[32];
        snprintf(text, sizeof(text), "%0*llo", (int)len - 1, n);
        memcpy(field, text, len);
        return;
    }
    for (size_t i = len; i-- > 0; n >>= 8) field[i] = (char)(n & 0xff);
    field[0] = (char)(n < 0 ? 0xff : 0x80);
}

static void put_header(const struct member *m, char type, long long size)
{
    struct tar_header h;
    memset(&h, 0, sizeof(h));
    strncpy(h.name, m->name, sizeof(h.name));
    strncpy(h.link, m->link ? m->link : "", sizeof(h.link));
    put_number(h.mode, sizeof(h.mode), m->mode & 07777);
    put_number(h.uid, sizeof(h.uid), m->uid);
    put_number(h.gid, sizeof(h.gid), m->gid);
    put_number(h.size, sizeof(h.size), size);
    put_number(h.mtime, sizeof(h.mtime), m->mtime.tv_sec);
    h.type = type;
    memcpy(h.magic, "ustar  ", 8);
    if (!tar.numeric) memcpy(h.owner, m->owner, 32), memcpy(h.group, m->group, 32);
    memset(h.checksum, ' ', sizeof(h.checksum));
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(h); i++) sum += ((unsigned char *)&h)[i];
    snprintf(h.checksum, 7, "%06o", sum);
    put(&h, sizeof(h));
}

/* A name longer than its field goes before the header, as a member of its own. */
static void put_long(const char *text, size_t room, char type)
{
    size_t len = strlen(text);
    if (len < room + 1) return;
    struct member m = {.name = "././@LongLink", .mode = 0644, .owner = "root", .group = "root"};
    put_header(&m, type, (long long)len + 1);
    put(text, len + 1);
    pad((long long)len + 1);
}

static void put_content(int fd, const struct member *m, const char *path)
{
    char *buf = archive_allocate(NULL, ARCHIVE_CHUNK);
    long long left = m->size;
    while (left > 0) {
        ssize_t n = read(fd, buf, (size_t)(left < ARCHIVE_CHUNK ? left : ARCHIVE_CHUNK));
        if (n < 0) archive_complain(TAR_FATAL, "%s: Read error: %s", path, strerror(errno));
        if (n <= 0) break;
        put(buf, (size_t)n);
        left -= n;
    }
    if (left) {
        archive_complain(1, "%s: File shrank by %lld bytes; padding with zeros", path, left);
        memset(buf, 0, ARCHIVE_CHUNK);
        for (; left > 0; left -= ARCHIVE_CHUNK) put(buf, (size_t)(left < ARCHIVE_CHUNK ? left : ARCHIVE_CHUNK));
    }
    pad(m->size);
    free(buf);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(const char *path);

static void add_below(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return archive_complain(TAR_FATAL, "%s: Cannot open: %s", path, strerror(errno));
    char **names = NULL;
    size_t count = 0, base = strlen(path);
    int slash = base && path[base - 1] == '/';
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char *child = archive_allocate(NULL, base + strlen(e->d_name) + 2);
        sprintf(child, slash ? "%s%s" : "%s/%s", path, e->d_name);
        names = archive_allocate(names, (count + 1) * sizeof(*names));
        names[count++] = child;
    }
    closedir(d);
    if (count) qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count; i++) add_path(names[i]), free(names[i]);
    free(names);
}

static void who(struct member *m)
{
    m->uid = m->gid = 1000;
    strcpy(m->owner, "agent");
    strcpy(m->group, "agent");
    for (int i = 0; i < 2; i++) {
        const char *given = i ? tar.group : tar.owner;
        if (!given) continue;
        const char *colon = strchr(given, ':');
        char *name = i ? m->group : m->owner, *end;
        long id = strtol(colon ? colon + 1 : given, &end, 10);
        int numeric = !*end && end > given;
        snprintf(name, 33, "%.*s", colon ? (int)(colon - given) : numeric ? 0 : 32, given);
        if (!colon && !numeric && !strcmp(given, "root")) id = 0;
        *(i ? &m->gid : &m->uid) = id;
    }
}

static void add_path(const char *path)
{
    static int told;
    struct stat st;
    if (tar_excluded(path)) return;
    if (tar.dereference ? agentsh_stat(path, &st) : agentsh_lstat(path, &st))
        return archive_complain(TAR_FATAL, "%s: Cannot stat: %s", path, strerror(errno));
    if (archive_stat.st_ino && st.st_dev == archive_stat.st_dev && st.st_ino == archive_stat.st_ino)
        return archive_complain(archive_status, "%s: file is the archive; not dumped", path);
    const char *safe = path;
    while (*safe == '/') safe++;
    if (safe > path && !told++) archive_complain(archive_status, "Removing leading `/' from member names");
    for (const char *p = safe; (p = strstr(p, "../")); p += 3)
        if (p == safe || p[-1] == '/') safe = p + 3;
    struct member m = {.mode = st.st_mode & 07777, .mtime = st.st_mtim, .type = '0'};
    who(&m);
    if (tar.mtime >= 0) m.mtime.tv_sec = (time_t)tar.mtime;
    m.name = tar_renamed(*safe ? safe : "./");
    int fd = -1;
    char target[4096];
    if (S_ISDIR(st.st_mode)) {
        m.type = '5';
        size_t len = strlen(m.name);
        if (m.name[len - 1] != '/') {
            m.name = archive_allocate(m.name, len + 2);
            strcpy(m.name + len, "/");
        }
    } else if (S_ISLNK(st.st_mode)) {
        ssize_t n = agentsh_readlink(path, target, sizeof(target) - 1);
        if (n < 0) return archive_complain(TAR_FATAL, "%s: Cannot read link: %s", path, strerror(errno));
        target[n] = 0;
        m.type = '2';
        m.link = target;
        m.mode = 0777;
    } else if (S_ISREG(st.st_mode)) {
        if (st.st_nlink > 1 && !tar.dereference) {
            struct seen *s = seen;
            while (s && (s->dev != st.st_dev || s->ino != st.st_ino)) s = s->next;
            if (s) m.type = '1', m.link = s->name;
            else {
                s = archive_allocate(NULL, sizeof(*s));
                *s = (struct seen){seen, st.st_dev, st.st_ino, archive_copy(m.name)};
                seen = s;
            }
        }
        if (m.type == '0') {
            m.size = st.st_size;
            fd = agentsh_open(path, O_RDONLY);
            if (fd < 0) return archive_complain(TAR_FATAL, "%s: Cannot open: %s", path, strerror(errno));
        }
    } else return archive_complain(archive_status, "%s: socket ignored", path);
    if (tar.verbose) tar_list(&m);
    if (m.link) put_long(m.link, 100, 'K');
    put_long(m.name, 100, 'L');
    put_header(&m, m.type, m.size);
    if (fd >= 0) {
        put_content(fd, &m, path);
        agentsh_close(fd);
    }
    free(m.name);
    if (m.type == '5' && tar.recurse) add_below(path);
}

/* To the end of the last member of an archive that is there: what comes is written over its end. */
static void go_to_end(int fd)
{
    struct tar_header h;
    off_t at = 0;
    while (pread(fd, &h, sizeof(h), at) == (ssize_t)sizeof(h) && h.name[0]) {
        char text[13] = {0};
        memcpy(text, h.size, 12);
        char *end;
        long long size = strtoll(text, &end, 8);
        if (memcmp(h.magic, "ustar", 5) || size < 0) archive_fail(TAR_FATAL, "%s: This does not look like a tar archive that can be added to", tar.archive);
        at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    if (lseek(fd, at, SEEK_SET) < 0 || ftruncate(fd, at)) archive_fail(TAR_FATAL, "%s: %s", tar.archive, strerror(errno));
    written = at;
}

void tar_create(int fd)
{
    static const char zeros[TAR_BLOCK * 20];
    if (fd != STDOUT_FILENO) agentsh_fstat(fd, &archive_stat);
    if (tar.mode == 'r') go_to_end(fd);
    const char *name = tar.archive ? tar.archive : "-";
    out = sink_open(fd, tar.format, tar.format == FORMAT_BZIP2 ? 9 : 6, name, NULL, 0);
    for (size_t i = 0; i < tar.name_count; i++) {
        if (strcmp(tar.names[i], "-C")) add_path(tar.names[i]);
        else if (chdir(tar.names[++i])) archive_fail(TAR_FATAL, "%s: Cannot open: %s", tar.names[i], strerror(errno));
    }
    put(zeros, 2 * TAR_BLOCK);
    if (written % (long long)sizeof(zeros)) put(zeros, sizeof(zeros) - (size_t)(written % (long long)sizeof(zeros)));
    sink_close(out);
    if (fd != STDOUT_FILENO && agentsh_close(fd)) archive_fail(TAR_FATAL, "%s: %s", name, strerror(errno));
}
