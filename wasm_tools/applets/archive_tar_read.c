/* tar: listing and extracting. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "archive_tar.h"

static struct source *archive;
static char *asked; /* which of the names that were asked for have been seen */

/* What can only be done when all members are there: links that could send a member elsewhere, directories' times. */
static struct late {
    struct late *next;
    char *path, *target;
    mode_t mode;
    struct timespec mtime;
} *late_links, *late_directories;

static void later(struct late **list, const char *path, const char *target, const struct member *m)
{
    struct late *l = archive_allocate(NULL, sizeof(*l));
    *l = (struct late){.next = *list, .path = archive_copy(path), .target = target ? archive_copy(target) : NULL,
                       .mode = m->mode, .mtime = m->mtime};
    *list = l;
}

static _Noreturn void damaged(const char *what)
{
    if (source_problem(archive)) archive_complain(TAR_FATAL, "%s", source_problem(archive));
    else archive_complain(TAR_FATAL, "%s", what);
    archive_fail(TAR_FATAL, "Error is not recoverable: exiting now");
}

/* len bytes, or 0 at a clean end. */
static int take(void *buf, size_t len, int end_allowed)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = source_read(archive, (char *)buf + got, len - got);
        if (n < 0) damaged("");
        if (!n) break;
        got += (size_t)n;
    }
    if (!got && end_allowed) return 0;
    if (got < len) damaged("Unexpected EOF in archive");
    return 1;
}

static void skip(long long size)
{
    char *buf = archive_allocate(NULL, ARCHIVE_CHUNK);
    size = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    for (; size > 0; size -= ARCHIVE_CHUNK) take(buf, (size_t)(size < ARCHIVE_CHUNK ? size : ARCHIVE_CHUNK), 0);
    free(buf);
}

/* An octal number, or GNU's form for large ones: a first byte of 0x80 or 0xff and the rest in binary. */
static long long number(const char *field, size_t len)
{
    unsigned char first = (unsigned char)field[0];
    long long n = 0;
    if (first & 0x80) {
        n = first == 0xff ? -1 : 0;
        for (size_t i = first == 0xff || first == 0x80 ? 1 : 0; i < len; i++) n = (long long)((unsigned long long)n << 8) | (unsigned char)field[i];
        return n;
    }
    for (size_t i = 0; i < len && field[i]; i++) {
        if (field[i] == ' ') continue;
        if (field[i] < '0' || field[i] > '7') break;
        n = n * 8 + (field[i] - '0');
    }
    return n;
}

static int checksum_holds(const struct tar_header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    long long sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++) sum += i >= 148 && i < 156 ? ' ' : p[i];
    return sum == number(h->checksum, sizeof(h->checksum));
}

static char *text_of(const char *field, size_t len)
{
    char *out = archive_allocate(NULL, len + 1);
    size_t n = strnlen(field, len);
    memcpy(out, field, n);
    out[n] = 0;
    return out;
}

enum { RECORD_MAX = 1 << 20 }; /* of names and pax records: more is no honest archive */

static char *record(long long size)
{
    if (size < 0 || size > RECORD_MAX) damaged("A header is larger than any name");
    char *text = archive_allocate(NULL, (size_t)size + TAR_BLOCK);
    take(text, (size_t)((size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK), 0);
    text[size] = 0;
    return text;
}

struct pax {
    char *path, *link;
    long long size;
    struct timespec mtime;
    int has_size, has_mtime;
};

static void read_pax(struct pax *pax, const char *text, long long size)
{
    for (const char *at = text, *end = text + size; at < end;) {
        char *key;
        long len = strtol(at, &key, 10);
        if (len <= 0 || len > end - at || *key != ' ' || at[len - 1] != '\n') damaged("Malformed extended header");
        key++;
        const char *stop = at + len - 1, *eq = memchr(key, '=', (size_t)(stop - key));
        if (!eq) damaged("Malformed extended header");
        char *value = text_of(eq + 1, (size_t)(stop - eq - 1));
        size_t n = (size_t)(eq - key);
        if (n == 4 && !memcmp(key, "path", 4)) free(pax->path), pax->path = value, value = NULL;
        else if (n == 8 && !memcmp(key, "linkpath", 8)) free(pax->link), pax->link = value, value = NULL;
        else if (n == 4 && !memcmp(key, "size", 4)) pax->size = strtoll(value, NULL, 10), pax->has_size = 1;
        else if (n == 5 && !memcmp(key, "mtime", 5)) {
            double t = strtod(value, NULL);
            pax->mtime.tv_sec = (time_t)t;
            const char *dot = strchr(value, '.');
            long nano = 0;
            for (int i = 1; i <= 9; i++) nano = nano * 10 + (dot && dot[0] && dot[i] >= '0' && dot[i] <= '9' ? dot[i] - '0' : (dot = NULL, 0));
            pax->mtime.tv_nsec = nano;
            pax->has_mtime = 1;
        } else if (n >= 10 && !memcmp(key, "GNU.sparse", 10)) archive_fail(TAR_FATAL, "sparse files are not supported here");
        free(value);
        at += len;
    }
}

/* The next member; 0 at the archive's end. */
static int next_member(struct member *m)
{
    struct tar_header h;
    struct pax pax = {0};
    static int any;
    memset(m, 0, sizeof(*m));
    for (int zeros = 0;;) {
        if (!take(&h, sizeof(h), 1)) {
            if (!any) damaged("This does not look like a tar archive");
            return 0;
        }
        const char *p = (const char *)&h;
        if (!p[0] && !memcmp(p, p + 1, TAR_BLOCK - 1)) {
            any = 1;
            if (++zeros == 2) return 0;
            continue;
        }
        if (!checksum_holds(&h)) damaged(any ? "Skipping to next header: the archive is damaged" : "This does not look like a tar archive");
        any = 1;
        zeros = 0;
        long long size = number(h.size, sizeof(h.size));
        if (h.type == 'L') free(pax.path), pax.path = record(size);
        else if (h.type == 'K') free(pax.link), pax.link = record(size);
        else if (h.type == 'x' || h.type == 'X') {
            char *text = record(size);
            read_pax(&pax, text, size);
            free(text);
        } else if (h.type == 'g') skip(size);
        else break;
    }
    m->type = h.type ? h.type : '0';
    if (m->type == '7') m->type = '0';
    m->size = pax.has_size ? pax.size : number(h.size, sizeof(h.size));
    if (m->size < 0) damaged("A member has a negative size");
    m->mode = (mode_t)number(h.mode, sizeof(h.mode));
    m->uid = (long)number(h.uid, sizeof(h.uid));
    m->gid = (long)number(h.gid, sizeof(h.gid));
    m->mtime = pax.has_mtime ? pax.mtime : (struct timespec){.tv_sec = (time_t)number(h.mtime, sizeof(h.mtime))};
    memcpy(m->owner, h.owner, 32);
    memcpy(m->group, h.group, 32);
    m->link = pax.link ? pax.link : text_of(h.link, sizeof(h.link));
    if (pax.path) m->name = pax.path;
    else if (h.prefix[0] && !memcmp(h.magic, "ustar\0", 6)) {
        char *prefix = text_of(h.prefix, sizeof(h.prefix)), *name = text_of(h.name, sizeof(h.name));
        m->name = archive_allocate(NULL, strlen(prefix) + strlen(name) + 2);
        sprintf(m->name, "%s/%s", prefix, name);
        free(prefix);
        free(name);
    } else m->name = text_of(h.name, sizeof(h.name));
    /* Old archives tell directories by their names. */
    if (m->type == '0' && *m->name && m->name[strlen(m->name) - 1] == '/') m->type = '5';
    if (m->type >= '1' && m->type <= '6') m->size = 0;
    return 1;
}

static int wanted(const char *name)
{
    size_t i, given = 0;
    int hit = 0;
    for (i = 0; i < tar.name_count; i++) {
        if (!strcmp(tar.names[i], "-C")) {
            i++;
            continue;
        }
        given++;
        const char *want = tar.names[i];
        size_t len = strlen(want);
        while (len > 1 && want[len - 1] == '/') len--;
        int same = tar.wildcards ? !fnmatch(want, name, FNM_LEADING_DIR)
                                 : !strncmp(want, name, len) && (!name[len] || name[len] == '/');
        if (!same) continue;
        asked[i] = 1;
        hit = 1;
    }
    return (!given || hit) && !tar_excluded(name);
}

/* The name without as many first parts as --strip-components says; NULL when nothing is left. */
static const char *strip(const char *name)
{
    for (int i = 0; i < tar.strip; i++) {
        name = strchr(name, '/');
        if (!name) return NULL;
        while (*name == '/') name++;
    }
    return *name ? name : NULL;
}

static int refused(const struct member *m, const char *why)
{
    archive_complain(TAR_FATAL, "%s: %s", m->name, why);
    return 0;
}

static void copy_out(const struct member *m, int fd)
{
    char *buf = archive_allocate(NULL, ARCHIVE_CHUNK);
    for (long long left = m->size; left > 0;) {
        size_t n = (size_t)(left < ARCHIVE_CHUNK ? left : ARCHIVE_CHUNK);
        take(buf, n, 0);
        archive_write(fd, buf, n, m->name);
        left -= (long long)n;
    }
    if (m->size % TAR_BLOCK) take(buf, (size_t)(TAR_BLOCK - m->size % TAR_BLOCK), 0);
    free(buf);
}

/* Put a member in its place. Returns whether its content was taken off the archive. */
static int extract(const struct member *m, const char *path)
{
    struct stat there;
    if (place_through_link(path)) return refused(m, "Cannot open: it leads through a link of this archive");
    int error = 0, exists = !agentsh_lstat(path, &there);
    if (m->type == '5') {
        if (agentsh_mkdir(path, 0777)) {
            if (errno == ENOENT && !place_parents(path)) error = agentsh_mkdir(path, 0777);
            else error = !(exists && S_ISDIR(there.st_mode));
        }
        if (error) return refused(m, "Cannot mkdir: File exists");
        later(&late_directories, path, NULL, m);
        return 0;
    }
    if (exists && tar.skip_old) return 0;
    if (exists && tar.keep_old) return refused(m, "Cannot open: File exists");
    if (exists && tar.keep_newer && there.st_mtim.tv_sec >= m->mtime.tv_sec) return 0;
    if (m->type == '2') {
        if (place_leads_out(path, m->link)) return refused(m, "Cannot create symlink: it leads out of the workspace");
        if (m->link[0] == '/' || place_has_dotdot(m->link)) {
            later(&late_links, path, m->link, m);
            return 0;
        }
        if (exists && !S_ISDIR(there.st_mode)) unlink(path);
        if (symlink(m->link, path) && !(errno == ENOENT && !place_parents(path) && !symlink(m->link, path)))
            return refused(m, strerror(errno));
        place_link_made(path);
        place_finish(path, 0, m->mtime, 1);
        return 0;
    }
    if (m->type == '1') {
        size_t stripped;
        const char *target = place_relative(m->link, &stripped);
        if (place_has_dotdot(target)) return refused(m, "Cannot hard link: the target has a '..' in it");
        target = strip(target);
        struct stat st;
        if (target && place_through_link(target)) return refused(m, "Cannot hard link through a link of this archive");
        if (!target || agentsh_lstat(target, &st)) return refused(m, "Cannot hard link: No such file or directory");
        if (!S_ISREG(st.st_mode)) return refused(m, "Cannot hard link: the target is no regular file");
        if (exists && there.st_dev == st.st_dev && there.st_ino == st.st_ino) return 0;
        if (exists && !S_ISDIR(there.st_mode)) unlink(path);
        if (link(target, path) && !(errno == ENOENT && !place_parents(path) && !link(target, path)))
            return refused(m, strerror(errno));
        return 0;
    }
    if (m->type != '0' && m->type != '7') return refused(m, m->type == '6' ? "FIFOs cannot be kept here" : "Cannot extract: of a kind that is not supported here");
    int fd = place_create(path);
    if (fd < 0) return refused(m, strerror(errno));
    copy_out(m, fd);
    agentsh_close(fd);
    struct timespec now = {.tv_nsec = UTIME_OMIT};
    place_finish(path, tar.permissions ? m->mode : m->mode & ~agentsh_umask, tar.touch ? now : m->mtime, 0);
    return 1;
}

static void finish(void)
{
    struct timespec now = {.tv_nsec = UTIME_OMIT};
    for (struct late *l = late_links; l; l = l->next) {
        struct stat st;
        if (place_through_link(l->path)) {
            archive_complain(TAR_FATAL, "%s: Cannot create symlink through a link of this archive", l->path);
            continue;
        }
        if (agentsh_lstat(l->path, &st)) place_parents(l->path);
        else if (!S_ISDIR(st.st_mode)) unlink(l->path);
        if (symlink(l->target, l->path)) archive_complain(TAR_FATAL, "%s: Cannot create symlink to '%s': %s", l->path, l->target, strerror(errno));
        else {
            place_link_made(l->path);
            place_finish(l->path, 0, l->mtime, 1);
        }
    }
    /* The last one first: a directory before the one that it lies in. */
    for (struct late *l = late_directories; l; l = l->next)
        place_finish(l->path, tar.permissions ? l->mode : l->mode & ~agentsh_umask, tar.touch ? now : l->mtime, 0);
}

static void one(struct member *m)
{
    static int told;
    size_t stripped;
    const char *safe = place_relative(m->name, &stripped), *path;
    if (!wanted(m->name)) return skip(m->size);
    if (tar.mode == 't') {
        tar_list(m);
        return skip(m->size);
    }
    char *renamed = tar_renamed(safe);
    path = strip(renamed);
    if (stripped && !told++) archive_complain(archive_status, "Removing leading `/' from member names");
    if (!path) skip(m->size);
    else if (place_has_dotdot(path)) {
        refused(m, "Member name contains '..', skipping");
        skip(m->size);
    } else {
        if (tar.verbose) tar_list(m);
        if (tar.to_stdout && m->type == '0') {
            fflush(stdout);
            copy_out(m, STDOUT_FILENO);
        } else if (tar.to_stdout || !extract(m, path)) skip(m->size);
    }
    free(renamed);
}

void tar_read(int fd)
{
    asked = archive_allocate(NULL, tar.name_count + 1);
    memset(asked, 0, tar.name_count + 1);
    archive = source_open(fd, tar.format == FORMAT_PLAIN ? FORMAT_AUTO : tar.format, tar.archive ? tar.archive : "stdin");
    if (source_problem(archive)) {
        fprintf(stderr, "\n%s: %s: %s\n", tar.format == FORMAT_BZIP2 ? "bzip2" : tar.format == FORMAT_GZIP ? "gzip" : "tar",
                tar.archive ? tar.archive : "stdin", source_problem(archive));
        archive_fail(TAR_FATAL, "Error is not recoverable: exiting now");
    }
    for (size_t i = 0; tar.mode == 'x' && i < tar.name_count; i++) {
        if (strcmp(tar.names[i], "-C")) continue;
        if (chdir(tar.names[++i])) archive_fail(TAR_FATAL, "%s: Cannot open: %s", tar.names[i], strerror(errno));
    }
    for (struct member m; next_member(&m);) {
        one(&m);
        free(m.name);
        free(m.link);
    }
    /* To the end: only there is told whether what was unpacked is what was packed. */
    char *rest = archive_allocate(NULL, ARCHIVE_CHUNK);
    ssize_t n;
    while ((n = source_read(archive, rest, ARCHIVE_CHUNK)) > 0) continue;
    if (n < 0) archive_complain(TAR_FATAL, "%s", source_problem(archive));
    free(rest);
    if (tar.mode == 'x') finish();
    for (size_t i = 0; i < tar.name_count; i++) {
        if (!strcmp(tar.names[i], "-C")) i++;
        else if (!asked[i]) archive_complain(TAR_FATAL, "%s: Not found in archive", tar.names[i]);
    }
}
