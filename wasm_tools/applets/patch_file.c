/* What a change does to its file: which file that is, its hunks one after the other, and what is left in the tree. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "patch_file.h"

static FILE *talk; /* standard output, or standard error where the result itself goes there */

static int components(const char *name)
{
    int n = 1;
    for (const char *p = name; *p; p++) n += *p == '/' && p[1] && p[1] != '/';
    return n;
}

/* Of two names the better one: fewer directories, then a shorter last name, then shorter; the first of equals. */
static char *better(char *a, char *b)
{
    if (!a || !b) return a ? a : b;
    int n = components(a), m = components(b);
    if (n != m) return n < m ? a : b;
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
    size_t base_a = strlen(x ? x + 1 : a), base_b = strlen(y ? y + 1 : b);
    if (base_a != base_b) return base_a < base_b ? a : b;
    return strlen(b) < strlen(a) ? b : a;
}

static int exists(const char *name)
{
    struct stat st;
    return name && !agentsh_lstat(name, &st);
}

/* The file that a change is of, or NULL. */
static char *choose(const struct change *c)
{
    char *names[] = {c->old_name ? patch_strip_name(c->old_name, opt.strip) : NULL, c->new_name ? patch_strip_name(c->new_name, opt.strip) : NULL,
                     c->index_name ? patch_strip_name(c->index_name, opt.strip) : NULL};
    if (c->git && (c->rename_from || c->copy_from)) {
        const char *from = c->rename_from ? c->rename_from : c->copy_from;
        if (opt.reverse && c->rename_to) from = c->rename_to;
        int strip = opt.strip > 0 ? opt.strip - 1 : opt.strip; /* these lines have no a/ and b/ */
        return patch_strip_name(from, strip);
    }
    char *found = NULL, *made = NULL;
    for (int i = 0; i < 3; i++)
        if (exists(names[i])) found = better(found, names[i]);
    if (found) return found;
    int creates = opt.reverse ? c->deletes : c->creates;
    for (int i = 0; i < 3; i++) made = better(made, names[i]);
    return creates || (c->git && !c->count) ? made : NULL;
}

static void make_parents(const char *name)
{
    char *path = strdup(name);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        if (agentsh_mkdir(path, 0777) && errno != EEXIST) patch_fail("Can't create directory %s : %s", path, strerror(errno));
        *p = '/';
    }
    free(path);
}

static void remove_parents(const char *name)
{
    char *path = strdup(name);
    for (char *p; (p = strrchr(path, '/')) && p > path;) {
        *p = 0;
        if (rmdir(path)) break;
    }
    free(path);
}

static void write_file(const char *name, const char *content, size_t len, int mode)
{
    if (!strcmp(name, "-")) {
        fwrite(content, 1, len, stdout);
        return;
    }
    make_parents(name);
    char *temporary;
    if (asprintf(&temporary, "%s.patch-new", name) < 0) patch_fail("out of memory");
    int fd = agentsh_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode ? mode : 0666);
    if (fd < 0) patch_fail("Can't create file %s : %s", temporary, strerror(errno));
    for (size_t done = 0; done < len;) {
        ssize_t n = agentsh_write(fd, content + done, len - done);
        if (n < 0) {
            int err = errno;
            agentsh_unlinkat(AT_FDCWD, temporary, 0);
            patch_fail("write error: %s", strerror(err));
        }
        done += (size_t)n;
    }
    agentsh_close(fd);
    if (mode && agentsh_chmod(temporary, (mode_t)mode)) patch_fail("Can't set permissions on file %s : %s", temporary, strerror(errno));
    if (rename(temporary, name)) {
        int err = errno;
        agentsh_unlinkat(AT_FDCWD, temporary, 0);
        patch_fail("Can't rename file %s to %s : %s", temporary, name, strerror(err));
    }
    free(temporary);
}

struct result {
    char *content;
    size_t len, cap;
};

static void append(struct result *to, const char *at, size_t len)
{
    if (to->len + len > to->cap) {
        to->cap = 2 * (to->len + len) + 4096;
        to->content = patch_allocate(to->content, to->cap);
    }
    memcpy(to->content + to->len, at, len);
    to->len += len;
}

struct work {
    struct change *change;
    const char *name;
    struct text *lines;
    long count, frozen, drift, grown; /* lines passed; where hunks were found away from where they should be; lines gained */
    struct result result;
    int failed, mismatch, skip, reversed;
    FILE *rejects;
    char *rejected;
    size_t rejected_len;
};

/* A name as it is shown: in quotes where a shell would want them. */
static const char *shown(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+,:@%^-";
    if (!name[strspn(name, plain)]) return name;
    char *quoted = patch_allocate(NULL, 4 * strlen(name) + 3), *to = quoted;
    *to++ = '\'';
    for (; *name; name++) {
        if (*name == '\'') to = stpcpy(to, "'\\''");
        else *to++ = *name;
    }
    strcpy(to, "'");
    return quoted;
}

/* A header line of the rejects: the name as it was looked for, and the date that stood behind it. */
static void print_header(FILE *out, const char *mark, const char *name, const char *stamp)
{
    char *stripped = name ? patch_strip_name(name, opt.strip) : NULL;
    const char *date = stamp ? strchr(stamp, '\t') : NULL;
    fprintf(out, "%s %s%s", mark, stripped ? shown(stripped) : "/dev/null", date ? date : "\n");
}

static void reject(struct work *w, const struct hunk *h)
{
    struct change *c = w->change;
    enum format format = opt.reject_format ? opt.reject_format : c->format;
    if (!w->rejects) {
        if (!(w->rejects = open_memstream(&w->rejected, &w->rejected_len))) patch_fail("out of memory");
        int swapped = opt.reverse != w->reversed;
        const char *first = format == UNIFIED ? "---" : "***", *second = format == UNIFIED ? "+++" : "---";
        print_header(w->rejects, first, swapped ? c->new_name : c->old_name, swapped ? c->new_stamp : c->old_stamp);
        print_header(w->rejects, second, swapped ? c->old_name : c->new_name, swapped ? c->old_stamp : c->new_stamp);
    }
    patch_print_hunk(w->rejects, h, format, w->grown);
}

/* Whether a first hunk that does not fit is one that was applied already, and what comes of it; 1 to go on with it. */
static int try_reversed(struct work *w, struct hunk *h, int fuzz, long *where)
{
    struct change *c = w->change;
    if (opt.force || !h->count) return 0;
    patch_swap(h);
    *where = patch_locate(h, w->lines, w->count, h->old_first + (h->old_count ? 0 : 1), 0, fuzz);
    if (!*where) {
        patch_swap(h);
        return 0;
    }
    const char *what = opt.reverse ? "Unreversed" : "Reversed (or previously applied)";
    if (opt.batch && !opt.forward) {
        if (!opt.silent) fprintf(talk, "%s patch detected!  %s -R.\n", what, opt.reverse ? "Ignoring" : "Assuming");
        for (int i = 1; i < c->count; i++) patch_swap(&c->hunks[i]);
        w->reversed = 1;
        return 1;
    }
    if (opt.forward) fprintf(talk, "%s patch detected!  Skipping patch.\n", what);
    else fprintf(talk, "%s patch detected!  %s -R? [n] \nApply anyway? [n] \nSkipping patch.\n", what, opt.reverse ? "Ignore" : "Assume");
    patch_swap(h);
    *where = 0;
    w->skip = 1;
    return 1;
}

static void apply(struct work *w, int number)
{
    struct hunk *h = &w->change->hunks[number];
    long where = 0, first = h->old_first + (h->old_count ? 0 : 1);
    int fuzz = 0, context = h->before > h->after ? h->before : h->after, most = opt.fuzz < context ? opt.fuzz : context;
    if (!w->skip) {
        for (; fuzz <= most && !where; fuzz++) {
            if ((where = patch_locate(h, w->lines, w->count, first + w->drift, w->frozen, fuzz))) break;
            w->mismatch = 1;
            if (!number && try_reversed(w, h, fuzz, &where)) break;
        }
        first = h->old_first + (h->old_count ? 0 : 1);
    }
    if (!where) {
        if (!w->skip && !opt.silent) fprintf(talk, "Hunk #%d FAILED at %ld.\n", number + 1, first + w->grown);
        reject(w, h);
        w->failed++;
        return;
    }
    long offset = where - first - w->drift;
    w->drift += offset;
    for (; w->frozen < where - 1; w->frozen++) append(&w->result, w->lines[w->frozen].at, w->lines[w->frozen].len);
    for (int i = 0; i < h->count; i++) {
        if (h->marks[i] == '+') {
            /* A line can only follow one that ended. */
            if (w->result.len && w->result.content[w->result.len - 1] != '\n') append(&w->result, "\n", 1);
            append(&w->result, h->lines[i].at, h->lines[i].len);
        } else {
            if (h->marks[i] == ' ') append(&w->result, w->lines[w->frozen].at, w->lines[w->frozen].len);
            w->frozen++;
        }
    }
    if (fuzz || offset) w->mismatch = 1;
    long moved = where + w->grown;
    w->grown += h->new_count - h->old_count;
    if (opt.silent || (!opt.verbose && !fuzz && !w->drift)) return;
    fprintf(talk, "Hunk #%d succeeded at %ld", number + 1, moved);
    if (fuzz) fprintf(talk, " with fuzz %d", fuzz);
    if (w->drift) fprintf(talk, " (offset %ld line%s)", w->drift, w->drift == 1 ? "" : "s");
    fputs(".\n", talk);
}

/* No file to patch: say so as people know it. */
static int not_found(const struct change *c)
{
    fprintf(talk, "can't find file to patch at input line %ld\n", c->header_line);
    fputs(opt.strip < 0 ? "Perhaps you should have used the -p or --strip option?\n" : "Perhaps you used the wrong -p or --strip option?\n", talk);
    if (c->intro_end > c->intro) {
        fputs("The text leading up to this was:\n--------------------------\n", talk);
        for (const char *at = c->intro; at < c->intro_end;) {
            const char *end = memchr(at, '\n', (size_t)(c->intro_end - at));
            end = end ? end + 1 : c->intro_end;
            fputc('|', talk);
            fwrite(at, 1, (size_t)(end - at), talk);
            at = end;
        }
        fputs("--------------------------\n", talk);
    }
    fputs("File to patch: \nSkip this patch? [y] \nSkipping patch.\n", talk);
    if (c->count) fprintf(talk, "%d out of %d hunk%s ignored\n", c->count, c->count, c->count == 1 ? "" : "s");
    return 1;
}

static void keep_backup(const char *name, const char *content, size_t len, int mode)
{
    char *backup;
    if (asprintf(&backup, "%s%s", name, opt.suffix) < 0) patch_fail("out of memory");
    write_file(backup, content, len, mode);
    free(backup);
}

/* Say how many hunks were left, and keep them. */
static void finish_rejects(struct work *w, const char *out_name)
{
    const struct change *c = w->change;
    fprintf(talk, "%d out of %d hunk%s %s", w->failed, c->count, c->count == 1 ? "" : "s", w->skip ? "ignored" : "FAILED");
    char *name = NULL;
    if (!opt.dry_run && w->rejects && !(opt.reject && !strcmp(opt.reject, "-"))) {
        if (opt.reject ? !(name = strdup(opt.reject)) : asprintf(&name, "%s.rej", out_name) < 0) patch_fail("out of memory");
        fprintf(talk, " -- saving rejects to file %s", shown(name));
    }
    fputc('\n', talk);
    if (w->rejects) fclose(w->rejects);
    if (name) write_file(name, w->rejected, w->rejected_len, 0);
    free(name);
    free(w->rejected);
}

int file_patch(struct change *c, const char *target)
{
    talk = opt.output && !strcmp(opt.output, "-") ? stderr : stdout;
    char *name = target ? strdup(target) : choose(c);
    if (!name) return not_found(c);
    for (int i = 0; i < c->count && opt.reverse; i++) patch_swap(&c->hunks[i]);
    int creates = opt.reverse ? c->deletes : c->creates, deletes = opt.reverse ? c->creates : c->deletes;
    struct work w = {.change = c, .name = name};
    struct stat st;
    int there = !agentsh_lstat(name, &st);
    if (there && !S_ISREG(st.st_mode)) {
        fprintf(talk, "File %s is not a regular file -- refusing to patch\n", shown(name));
        for (int i = 0; i < c->count; i++) reject(&w, &c->hunks[i]);
        w.failed = c->count, w.skip = 1;
        if (c->count) finish_rejects(&w, name);
        return 1;
    }
    if (!there && c->git && !creates && !c->count) return not_found(c);
    if (there && creates == 2 && st.st_size && !target) {
        fprintf(talk, "The next patch would create the file %s,\nwhich already exists!  %s\n", shown(name),
                opt.forward ? "Skipping patch." : "Assume -R? [n] \nApply anyway? [n] \nSkipping patch.");
        w.failed = c->count, w.skip = 1;
        if (c->count) finish_rejects(&w, name);
        return 1;
    }
    int strip = opt.strip > 0 ? opt.strip - 1 : opt.strip;
    const char *to = opt.reverse && c->rename_from ? c->rename_from : c->rename_to;
    char *renamed = to && !target ? patch_strip_name(to, strip) : NULL;
    if (to && !target && !renamed) return not_found(c);
    const char *out_name = opt.output ? opt.output : renamed ? renamed : name;
    if (!opt.silent) {
        fprintf(talk, "%s file %s", opt.dry_run ? "checking" : "patching", shown(out_name));
        if (opt.output) fprintf(talk, " (read from %s)", shown(name));
        else if (renamed) fprintf(talk, " (%s from %s)", c->copy_from ? "copied" : "renamed", shown(name));
        fputc('\n', talk);
    }
    if (c->trouble) patch_fail("%s", c->trouble);
    size_t len = 0;
    char *content = there ? patch_read_file(name, &len) : patch_allocate(NULL, 1);
    if (!content) patch_fail("Can't open file %s : %s", name, strerror(errno));
    w.lines = patch_split(content, len, &w.count);
    for (int i = 0; i < c->count; i++) apply(&w, i);
    for (; w.frozen < w.count; w.frozen++) append(&w.result, w.lines[w.frozen].at, w.lines[w.frozen].len);
    int status = w.failed > 0, mode = there ? (int)(st.st_mode & 0777) : 0, wanted = opt.reverse ? c->old_mode : c->new_mode;
    if (w.reversed) deletes = opt.reverse ? c->deletes : c->creates;
    int changed = w.result.len != len || (len && memcmp(w.result.content, content, len)) || (!there && c->count > w.failed) || renamed || (wanted && wanted != mode) || (creates && !there);
    if (!opt.dry_run && (!w.skip || opt.output)) {
        if ((opt.backup || (w.mismatch && !opt.no_mismatch_backup)) && !opt.output && there) keep_backup(name, content, len, mode);
        int gone = !w.result.len && (deletes == 2 || (opt.remove_empty && deletes)) && !opt.output && !w.failed;
        if (gone && there) {
            if (agentsh_unlinkat(AT_FDCWD, name, 0)) patch_fail("Can't remove file %s : %s", name, strerror(errno));
            remove_parents(name);
        } else if ((changed || opt.output) && !gone) {
            write_file(out_name, w.result.content ? w.result.content : "", w.result.len, wanted ? wanted : mode);
            if (renamed && !c->copy_from && !opt.output) {
                if (agentsh_unlinkat(AT_FDCWD, name, 0)) patch_fail("Can't remove file %s : %s", name, strerror(errno));
                remove_parents(name);
            }
        }
    }
    if (deletes == 2 && w.result.len && !w.failed && !opt.output && c->count) {
        fprintf(talk, "Not deleting file %s as content differs from patch\n", shown(name));
        status = 1;
    }
    if (w.failed) finish_rejects(&w, out_name);
    free(w.lines);
    free(w.result.content);
    free(content);
    return status;
}
