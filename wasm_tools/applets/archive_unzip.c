/* unzip and zipinfo. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive_zip.h"

static int overwrite, never, quiet, flat, testing, listing, verbose, to_stdout, names_only, freshen, update;
static const char *into;
static char **wanted, **left_out;
static size_t wanted_count, left_out_count;
static char *seen;
static int worst;

static void problem(int status, const char *what, const char *name)
{
    fflush(stdout);
    fprintf(stderr, "%s:  %s: %s\n", archive_tool, name, what);
    if (status > worst) worst = status;
}

static int asked_for(const char *name)
{
    int hit = !wanted_count;
    for (size_t i = 0; i < wanted_count; i++)
        if (zip_matches(wanted[i], name)) seen[i] = 1, hit = 1;
    for (size_t i = 0; i < left_out_count && hit; i++) hit = !zip_matches(left_out[i], name);
    return hit;
}

/* Names are shown, never obeyed: what would disturb a terminal becomes "?". */
static const char *shown(const char *name)
{
    static char *text;
    free(text);
    text = archive_copy(name);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = '?';
    return text;
}

static void date_text(char *text, size_t cap, time_t t)
{
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, cap, "%Y-%m-%d %H:%M", &tm);
}

static void list(const struct zip_directory *all, const char *archive)
{
    unsigned long long size = 0, packed = 0;
    size_t count = 0;
    if (quiet < 2) {
        if (!quiet) printf("Archive:  %s\n", archive);
        puts(verbose ? " Length   Method    Size  Cmpr    Date    Time   CRC-32   Name\n"
                       "--------  ------  ------- ---- ---------- ----- --------  ----"
                     : "  Length      Date    Time    Name\n---------  ---------- -----   ----");
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct zip_entry *e = &all->list[i];
        char when[32];
        if (!asked_for(e->name)) continue;
        date_text(when, sizeof(when), e->mtime);
        if (verbose)
            printf("%8llu  %s %8llu %3d%% %s %08x  %s\n", (unsigned long long)e->size,
                   e->method == ZIP_STORED ? "Stored" : e->method == ZIP_DEFLATED ? "Defl:N" : "Unk:  ",
                   (unsigned long long)e->packed, zip_percent(e->size, e->packed), when, (unsigned)e->crc, shown(e->name));
        else printf("%9llu  %s   %s\n", (unsigned long long)e->size, when, shown(e->name));
        size += e->size, packed += e->packed, count++;
    }
    if (quiet > 1) return;
    if (verbose)
        printf("--------          -------  ---                            -------\n%8llu         %8llu %3d%%                            %zu file%s\n",
               size, packed, zip_percent(size, packed), count, count == 1 ? "" : "s");
    else printf("---------                     -------\n%9llu                     %zu file%s\n", size, count, count == 1 ? "" : "s");
}

static void to_nowhere(void *context, const void *data, size_t len) { (void)context, (void)data, (void)len; }
static void to_descriptor(void *context, const void *data, size_t len) { archive_write(*(int *)context, data, len, "output"); }

struct text {
    char data[4096];
    size_t len;
};
static void to_text(void *context, const void *data, size_t len)
{
    struct text *t = context;
    if (len > sizeof(t->data) - 1 - t->len) len = sizeof(t->data) - 1 - t->len;
    memcpy(t->data + t->len, data, len);
    t->len += len;
}

struct link {
    struct link *next;
    char *path, *target;
};
static struct link *links, **last_link = &links;
struct directory {
    struct directory *next;
    char *path;
    mode_t mode;
    time_t mtime;
};
static struct directory *directories;

static void extract(int fd, const struct zip_entry *e)
{
    size_t stripped;
    const char *safe = place_relative(e->name, &stripped), *why;
    if (stripped) problem(1, "stripped absolute path spec", shown(e->name));
    if (place_has_dotdot(safe) || strchr(safe, '\\')) return problem(2, "the name leads out of the directory: refused", shown(e->name));
    size_t len = strlen(safe);
    int directory = len && safe[len - 1] == '/';
    if (flat) {
        if (directory) return;
        const char *slash = strrchr(safe, '/');
        if (slash) safe = slash + 1;
    }
    if (!*safe) return;
    char *path = archive_allocate(NULL, strlen(into) + len + 2);
    sprintf(path, *into ? "%s/%s" : "%s%s", into, safe);
    if (place_through_link(path)) return problem(2, "it leads through a link of this archive: refused", shown(e->name));
    struct stat st;
    mode_t mode = zip_mode(e) & 0777 ? zip_mode(e) & 0777 & ~agentsh_umask : directory ? 0755 : 0644;
    if (directory) {
        path[strlen(path) - 1] = 0;
        if (agentsh_stat(path, &st)) {
            if (!quiet) printf("   creating: %s/\n", shown(path));
            if (agentsh_mkdir(path, 0777) && (place_parents(path) || agentsh_mkdir(path, 0777)))
                return problem(2, strerror(errno), shown(path));
            struct directory *d = archive_allocate(NULL, sizeof(*d));
            *d = (struct directory){directories, path, mode, e->mtime};
            directories = d;
        } else if (!S_ISDIR(st.st_mode)) problem(2, "it exists but is no directory", shown(path));
        return;
    }
    int exists = !agentsh_lstat(path, &st);
    if ((freshen && !exists) || ((freshen || update) && exists && st.st_mtim.tv_sec >= e->mtime)) return;
    if (exists && never) return;
    if (exists && !overwrite) {
        fflush(stdout);
        fprintf(stderr, "replace %s? [y]es, [n]o, [A]ll, [N]one, [r]ename:  NULL\n(nobody can be asked here: say -o to overwrite, "
                        "-n to keep; treating as \"[N]one\" ...)\n", shown(path));
        never = 1;
        if (!worst) worst = 1;
        return;
    }
    if (zip_is_link(e)) {
        struct text t = {.len = 0};
        if ((why = zip_unpack(fd, e, to_text, &t))) return problem(2, why, shown(e->name));
        t.data[t.len] = 0;
        if (place_leads_out(path, t.data)) return problem(2, "the link leads out of the workspace: refused", shown(e->name));
        if (!quiet) printf("    linking: %-22s  -> %s \n", shown(path), t.data);
        struct link *l = archive_allocate(NULL, sizeof(*l));
        *l = (struct link){NULL, path, archive_copy(t.data)};
        *last_link = l, last_link = &l->next;
        return;
    }
    if (!quiet) printf("%s: %-22s  \n", e->method == ZIP_STORED ? " extracting" : "  inflating", shown(path));
    int out = place_create(path);
    if (out < 0) return problem(2, strerror(errno), shown(path));
    if ((why = zip_unpack(fd, e, to_descriptor, &out))) problem(2, why, shown(e->name));
    agentsh_close(out);
    place_finish(path, mode, (struct timespec){.tv_sec = e->mtime}, 0);
    free(path);
}

static void finish(void)
{
    if (links && !quiet) puts("finishing deferred symbolic links:");
    for (struct link *l = links; l; l = l->next) {
        struct stat st;
        if (!quiet) printf("  %-22s -> %s\n", shown(l->path), l->target);
        if (place_through_link(l->path)) {
            problem(2, "it leads through a link of this archive: refused", shown(l->path));
            continue;
        }
        if (agentsh_lstat(l->path, &st)) place_parents(l->path);
        else if (!S_ISDIR(st.st_mode)) unlink(l->path);
        if (symlink(l->target, l->path)) problem(2, strerror(errno), shown(l->path));
        else place_link_made(l->path);
    }
    for (struct directory *d = directories; d; d = d->next) place_finish(d->path, d->mode, (struct timespec){.tv_sec = d->mtime}, 0);
}

static void each(int fd, const struct zip_directory *all, const char *archive)
{
    if (!quiet && !to_stdout) printf("Archive:  %s\n", archive);
    for (size_t i = 0; i < all->count; i++) {
        const struct zip_entry *e = &all->list[i];
        const char *why;
        if (!asked_for(e->name)) continue;
        if (testing) {
            why = zip_unpack(fd, e, to_nowhere, NULL);
            if (!quiet) printf("    testing: %-22s   %s\n", shown(e->name), why ? why : "OK");
            if (why) problem(2, why, shown(e->name));
        } else if (to_stdout) {
            int out = STDOUT_FILENO;
            fflush(stdout);
            if ((why = zip_unpack(fd, e, to_descriptor, &out))) problem(2, why, shown(e->name));
        } else extract(fd, e);
    }
    if (testing && quiet < 2) printf(worst ? "At least one error was detected in %s.\n" : "No errors detected in compressed data of %s.\n", archive);
    finish();
}

static _Noreturn void usage(FILE *to, int status)
{
    fprintf(to, "usage: unzip [-jlnopqtuvf] ARCHIVE.zip [MEMBER...] [-x MEMBER...] [-d DIR]\n");
    exit(status);
}

static void add(char ***list, size_t *count, char *text)
{
    *list = archive_allocate(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] = text;
}

int unzip_main(int argc, char *argv[])
{
    char *archive = NULL;
    int leaving_out = 0, info = !strcmp(archive_tool, "zipinfo");
    into = "";
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (word[0] != '-' || !word[1]) {
            if (!archive) archive = word;
            else if (leaving_out) add(&left_out, &left_out_count, word);
            else add(&wanted, &wanted_count, word);
            continue;
        }
        for (char *p = word + 1; *p; p++) {
            switch (*p) {
            case 'd':
                into = p[1] ? p + 1 : i + 1 < argc ? argv[++i] : (usage(stderr, 10), "");
                p += strlen(p) - 1;
                leaving_out = 0;
                break;
            case 'x': leaving_out = 1; break;
            case 'o': overwrite = 1; break;
            case 'n': never = 1; break;
            case 'q': quiet++; break;
            case 'j': flat = 1; break;
            case 't': testing = 1; break;
            case 'l': listing = 1; break;
            case 'v': listing = verbose = 1; break;
            case 'p': case 'c': to_stdout = 1; break;
            case 'u': update = 1; break;
            case 'f': freshen = 1; break;
            case 'Z': info = 1; break;
            case '1': names_only = 1; break;
            case 'a': case 'b': case 'C': case 'L': case 'X': case 'K': case ':': case 'D': case 'U': case 'W': case 'P': case 'M': case 's':
                archive_fail(10, "-%c is not supported here", *p);
            case 'h': usage(stdout, 0);
            default: usage(stderr, 10);
            }
        }
    }
    if (!archive) usage(stderr, 10);
    if (info && !names_only) listing = verbose = 1;
    seen = archive_allocate(NULL, wanted_count + 1);
    memset(seen, 0, wanted_count + 1);
    struct stat st;
    int fd = agentsh_open(archive, O_RDONLY);
    if (fd < 0 && errno == ENOENT) {
        char *longer = archive_allocate(NULL, strlen(archive) + 5);
        sprintf(longer, "%s.zip", archive);
        fd = agentsh_open(longer, O_RDONLY);
        if (fd >= 0) archive = longer;
    }
    if (fd < 0 || agentsh_fstat(fd, &st) || S_ISDIR(st.st_mode))
        return fprintf(stderr, "unzip:  cannot find or open %s, %s.zip or %s.ZIP.\n", archive, archive, archive), 9;
    struct zip_directory all = {0};
    const char *why = zip_read_directory(fd, &all);
    if (why) return fprintf(stderr, "unzip:  %s is not a zip file that can be read: %s\n", archive, why), 9;
    while (*into && strlen(into) > 1 && into[strlen(into) - 1] == '/') into = strndup(into, strlen(into) - 1);
    if (*into && !listing && !testing && !to_stdout && agentsh_stat(into, &st) && agentsh_mkdir(into, 0777))
        return fprintf(stderr, "checkdir:  cannot create extraction directory: %s\n           %s\n", into, strerror(errno)), 2;
    if (names_only) {
        for (size_t i = 0; i < all.count; i++)
            if (asked_for(all.list[i].name)) puts(shown(all.list[i].name));
    } else if (listing) list(&all, archive);
    else each(fd, &all, archive);
    for (size_t i = 0; i < wanted_count; i++) {
        if (seen[i]) continue;
        fprintf(stderr, "caution: filename not matched:  %s\n", wanted[i]);
        if (worst < 11) worst = 11;
    }
    return worst;
}
