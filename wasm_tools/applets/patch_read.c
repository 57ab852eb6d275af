/* Reading patches: unified, context and normal ones, with git's extra lines. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "patch.h"

static int next_line(struct reader *r, struct text *line)
{
    if (r->at >= r->end) return 0;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    line->at = r->at;
    line->len = (size_t)((newline ? newline + 1 : r->end) - r->at);
    r->at += line->len;
    r->line++;
    return 1;
}

static int peek(const struct reader *r, struct text *line)
{
    struct reader copy = *r;
    return next_line(&copy, line);
}

static int starts(const struct text *line, const char *with)
{
    size_t n = strlen(with);
    return line->len >= n && !memcmp(line->at, with, n);
}

static char *copy_text(const char *at, size_t len)
{
    char *copy = patch_allocate(NULL, len + 1);
    memcpy(copy, at, len);
    copy[len] = 0;
    return copy;
}

/* A number at *at, which moves past it; -1 where there is none. */
static long number(const char **at, const char *end)
{
    long n = 0;
    if (*at == end || !isdigit((unsigned char)**at)) return -1;
    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        if (n > 100000000) patch_fail("line number too large");
        n = n * 10 + (**at - '0');
    }
    return n;
}

/* A name in double quotes with C's escapes, as git and diff write odd ones. */
static char *unquoted(const char *at, const char *end)
{
    char *name = patch_allocate(NULL, (size_t)(end - at) + 1), *to = name;
    for (at++; at < end && *at != '"'; at++) {
        if (*at != '\\' || at + 1 >= end) {
            *to++ = *at;
            continue;
        }
        static const char letters[] = "abtnvfr\"\\", values[] = "\a\b\t\n\v\f\r\"\\";
        const char *known = strchr(letters, *++at);
        if (*at >= '0' && *at <= '7') {
            int value = 0, digits = 0;
            for (; digits < 3 && at < end && *at >= '0' && *at <= '7'; digits++, at++) value = value * 8 + (*at - '0');
            at--;
            if (value) *to++ = (char)value;
        } else *to++ = known && *known ? values[known - letters] : *at;
    }
    *to = 0;
    return name;
}

/* The name in a header line: up to a tab, or to a date behind a blank. */
static char *header_name(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (end > at && isspace((unsigned char)end[-1])) end--;
    if (at < end && *at == '"') return unquoted(at, end);
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    if (tab) end = tab;
    else
        for (const char *p = at; p + 11 < end; p++)
            if (*p == ' ' && isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[4]) && p[5] == '-' && p[8] == '-') {
                end = p;
                break;
            }
    return end > at ? copy_text(at, (size_t)(end - at)) : NULL;
}

/* Whether a header says that there is no such file: its name, or a date at the beginning of time. */
static int says_absent(const char *name, const struct text *line)
{
    if (name && !strcmp(name, "/dev/null")) return 2;
    const char *tab = memchr(line->at, '\t', line->len);
    if (!tab) return 0;
    size_t left = (size_t)(line->at + line->len - tab);
    if (left < 20) return 0;
    int utc = memmem(tab, left, "+0000", 5) || !memmem(tab, left, ":00:00", 6);
    return (!memcmp(tab + 1, "1970-01-01 00:00:00", 19) && utc) ? 2 : 0;
}

static void add_line(struct hunk *h, int mark, struct text text)
{
    if (h->count == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 16;
        h->lines = patch_allocate(h->lines, (size_t)h->cap * sizeof(*h->lines));
        h->marks = patch_allocate(h->marks, (size_t)h->cap);
    }
    h->marks[h->count] = (char)mark;
    h->lines[h->count++] = text;
}

static struct hunk *add_hunk(struct change *c)
{
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 8;
        c->hunks = patch_allocate(c->hunks, (size_t)c->cap * sizeof(*c->hunks));
    }
    struct hunk *h = &c->hunks[c->count++];
    memset(h, 0, sizeof(*h));
    return h;
}

static void measure_context(struct hunk *h)
{
    while (h->before < h->count && h->marks[h->before] == ' ') h->before++;
    while (h->after < h->count && h->marks[h->count - 1 - h->after] == ' ') h->after++;
}

/* The patch cannot be read on. That is told when its file has been named. */
static void malformed(struct reader *r, struct change *c, const struct text *line)
{
    static char cut[] = "unexpected end of file in patch";
    if (!line) c->trouble = cut;
    else if (asprintf(&c->trouble, "malformed patch at line %ld: %.*s", r->line - 1, (int)line->len, line->at) < 0) patch_fail("out of memory");
    r->at = r->end;
}

/* What follows "\ No newline at end of file". */
static void drop_newline(struct reader *r, struct text *last)
{
    struct text line;
    if (!peek(r, &line) || line.at[0] != '\\') return;
    next_line(r, &line);
    if (last->len && last->at[last->len - 1] == '\n') last->len--;
}

/* "@@ -1,2 +3,4 @@" */
static int unified_range(const struct text *line, struct hunk *h)
{
    const char *at = line->at + 4, *end = line->at + line->len;
    if (!starts(line, "@@ -")) return 0;
    long *fields[] = {&h->old_first, &h->old_count, &h->new_first, &h->new_count};
    for (int side = 0; side < 2; side++) {
        if ((*fields[2 * side] = number(&at, end)) < 0) return 0;
        *fields[2 * side + 1] = 1;
        if (at < end && *at == ',') {
            at++;
            if ((*fields[2 * side + 1] = number(&at, end)) < 0) return 0;
        }
        if (!side && (end - at < 2 || *at++ != ' ' || *at++ != '+')) return 0;
    }
    return end - at >= 3 && !memcmp(at, " @@", 3);
}

static void read_unified(struct reader *r, struct change *c)
{
    struct text line;
    struct hunk range = {0};
    while (peek(r, &line) && unified_range(&line, &range)) {
        next_line(r, &line);
        struct hunk *h = add_hunk(c);
        *h = range;
        for (long old = h->old_count, new = h->new_count; old || new;) {
            if (!next_line(r, &line)) return malformed(r, c, NULL);
            int mark = line.at[0];
            /* Programs that cut blanks at the end of lines leave an empty line for an empty line of context. */
            struct text body = {line.at + 1, line.len - 1};
            if (mark == '\n') mark = ' ', body = line;
            else if (mark == '\t') mark = ' ', body = line;
            if ((mark == ' ' && (!old-- || !new--)) || (mark == '-' && !old--) || (mark == '+' && !new--) || !strchr(" -+", mark) || !mark)
                return malformed(r, c, &line);
            add_line(h, mark, body);
            drop_newline(r, &h->lines[h->count - 1]);
        }
        measure_context(h);
    }
}

/* One half of a hunk of a context diff: "*** 1,4 ****" and its lines; 0 where it is not there. */
static int read_half(struct reader *r, const char *mark, long *first, long *count, struct hunk *half)
{
    struct text line;
    if (!peek(r, &line) || !starts(&line, mark)) return 0;
    const char *at = line.at + 4, *end = line.at + line.len;
    if ((*first = number(&at, end)) < 0) return 0;
    long last = *first;
    if (at < end && *at == ',') {
        at++;
        if ((last = number(&at, end)) < 0) return 0;
        *count = last - *first + 1;
    } else *count = *first ? 1 : 0;
    next_line(r, &line);
    for (long n = 0; n < *count && peek(r, &line) && line.len >= 2 && strchr(" !+-", line.at[0]) && line.at[0] && line.at[1] == ' '; n++) {
        next_line(r, &line);
        add_line(half, line.at[0], (struct text){line.at + 2, line.len - 2});
        drop_newline(r, &half->lines[half->count - 1]);
    }
    return 1;
}

static void read_context(struct reader *r, struct change *c)
{
    struct text line;
    while (peek(r, &line) && starts(&line, "***************")) {
        next_line(r, &line);
        struct hunk old = {0}, new = {0}, *h = add_hunk(c);
        if (!read_half(r, "*** ", &h->old_first, &h->old_count, &old) || !read_half(r, "--- ", &h->new_first, &h->new_count, &new))
            return malformed(r, c, &line);
        /* A half without a change of its own is left out: its context is the other's. */
        int i = 0, j = 0;
        while (i < old.count || j < new.count) {
            if (i < old.count && old.marks[i] != ' ') add_line(h, '-', old.lines[i++]);
            else if (j < new.count && new.marks[j] != ' ') add_line(h, '+', new.lines[j++]);
            else {
                add_line(h, ' ', i < old.count ? old.lines[i] : new.lines[j]);
                i += i < old.count, j += j < new.count;
            }
        }
        long have_old = 0, have_new = 0;
        for (int k = 0; k < h->count; k++) have_old += h->marks[k] != '+', have_new += h->marks[k] != '-';
        if (have_old != h->old_count || have_new != h->new_count) return malformed(r, c, &line);
        measure_context(h);
        free(old.lines), free(old.marks), free(new.lines), free(new.marks);
    }
}

/* "3,4c5,6" */
static int normal_range(const struct text *line, struct hunk *h, int *kind)
{
    const char *at = line->at, *end = at + line->len;
    long last;
    if ((h->old_first = last = number(&at, end)) < 0) return 0;
    if (at < end && *at == ',') {
        at++;
        if ((last = number(&at, end)) < h->old_first) return 0;
    }
    h->old_count = last - h->old_first + 1;
    if (at == end || !strchr("acd", *at)) return 0;
    *kind = *at++;
    if ((h->new_first = last = number(&at, end)) < 0) return 0;
    if (at < end && *at == ',') {
        at++;
        if ((last = number(&at, end)) < h->new_first) return 0;
    }
    h->new_count = last - h->new_first + 1;
    if (*kind == 'a') h->old_count = 0;
    if (*kind == 'd') h->new_count = 0;
    return at == end || *at == '\n';
}

static void read_normal(struct reader *r, struct change *c)
{
    struct text line;
    struct hunk range = {0};
    for (int kind; peek(r, &line) && normal_range(&line, &range, &kind);) {
        next_line(r, &line);
        struct hunk *h = add_hunk(c);
        *h = range;
        for (int side = 0; side < 2; side++) {
            if (side && kind == 'c' && (!next_line(r, &line) || !starts(&line, "---"))) return malformed(r, c, &line);
            for (long n = side ? h->new_count : h->old_count; n; n--) {
                if (!next_line(r, &line)) return malformed(r, c, NULL);
                if (!starts(&line, side ? "> " : "< ")) return malformed(r, c, &line);
                add_line(h, side ? '+' : '-', (struct text){line.at + 2, line.len - 2});
                drop_newline(r, &h->lines[h->count - 1]);
            }
        }
    }
}

/* git's lines between "diff --git" and the first hunk. */
static void git_line(struct change *c, const struct text *line)
{
    static const struct {
        const char *words;
        int field;
    } known[] = {{"rename from ", 0}, {"rename to ", 1}, {"copy from ", 2}, {"copy to ", 1}, {"old mode ", 3}, {"new mode ", 4},
                 {"new file mode ", 5}, {"deleted file mode ", 6}, {"index ", 7}, {"GIT binary patch", 8}, {"Binary files ", 8}};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!starts(line, known[i].words)) continue;
        const char *at = line->at + strlen(known[i].words), *end = line->at + line->len;
        char *name = header_name(at, end);
        int mode = name && known[i].field >= 3 ? (int)(strtol(name, NULL, 8) & 0777) : 0;
        switch (known[i].field) {
        case 0: c->rename_from = name; break;
        case 1: c->rename_to = name; break;
        case 2: c->copy_from = name; break;
        case 3: c->old_mode = mode; break;
        case 4: c->new_mode = mode; break;
        case 5: c->new_mode = mode, c->creates = 2; break;
        case 6: c->deletes = 2; break;
        case 8: if (starts(line, "GIT")) patch_fail("git binary diffs are not supported."); break;
        default: break;
        }
        return;
    }
}

/* "diff --git a/NAME b/NAME": the names, where they are alike below their first directory. */
static void git_names(struct change *c, const struct text *line)
{
    const char *at = line->at + 11, *end = line->at + line->len;
    while (end > at && isspace((unsigned char)end[-1])) end--;
    for (const char *p = at; p < end; p++) {
        const char *left = memchr(at, '/', (size_t)(p - at)), *right = memchr(p, '/', (size_t)(end - p));
        if (*p != ' ' || !left || !right || p - left != end - right || memcmp(left, right, (size_t)(p - left))) continue;
        c->old_name = copy_text(at, (size_t)(p - at));
        c->new_name = copy_text(p + 1, (size_t)(end - p - 1));
        return;
    }
}

int patch_next(struct reader *r, struct change *c)
{
    struct text line, next;
    memset(c, 0, sizeof(*c));
    c->first_line = r->line;
    c->intro = r->at;
    for (struct reader before = *r; next_line(r, &line); before = *r) {
        struct hunk range;
        int kind;
        c->intro_end = before.at;
        c->header_line = before.line;
        if (c->git && starts(&line, "diff --git ")) { /* the last one had no hunks */
            *r = before;
            return 1;
        }
        if (starts(&line, "diff --git ")) {
            c->git = 1;
            git_names(c, &line);
        } else if (starts(&line, "Index:")) c->index_name = header_name(line.at + 6, line.at + line.len);
        else if (starts(&line, "--- ") && (r->only == NO_DIFF || r->only == UNIFIED) && peek(r, &next) && starts(&next, "+++ ")) {
            c->old_name = header_name(line.at + 4, line.at + line.len);
            c->old_stamp = copy_text(line.at + 4, line.len - 4);
            next_line(r, &next);
            c->new_name = header_name(next.at + 4, next.at + next.len);
            c->new_stamp = copy_text(next.at + 4, next.len - 4);
            if (!c->creates) c->creates = says_absent(c->old_name, &line);
            if (!c->deletes) c->deletes = says_absent(c->new_name, &next);
        } else if (starts(&line, "*** ") && (r->only == NO_DIFF || r->only == CONTEXT) && peek(r, &next) && starts(&next, "--- ")) {
            c->old_name = header_name(line.at + 4, line.at + line.len);
            c->old_stamp = copy_text(line.at + 4, line.len - 4);
            next_line(r, &next);
            c->new_name = header_name(next.at + 4, next.at + next.len);
            c->new_stamp = copy_text(next.at + 4, next.len - 4);
            if (!c->creates) c->creates = says_absent(c->old_name, &line);
            if (!c->deletes) c->deletes = says_absent(c->new_name, &next);
        } else if ((r->only == NO_DIFF || r->only == UNIFIED) && unified_range(&line, &range)) c->format = UNIFIED;
        else if ((r->only == NO_DIFF || r->only == CONTEXT) && starts(&line, "***************") && peek(r, &next) && starts(&next, "*** ")) c->format = CONTEXT;
        else if ((r->only == NO_DIFF || r->only == NORMAL) && normal_range(&line, &range, &kind) && peek(r, &next) && (next.at[0] == '<' || next.at[0] == '>')) c->format = NORMAL;
        else if (c->git) git_line(c, &line);
        if (c->format == NO_DIFF) continue;
        *r = before;
        (c->format == UNIFIED ? read_unified : c->format == CONTEXT ? read_context : read_normal)(r, c);
        const struct hunk *h = &c->hunks[0];
        if (!c->creates && !h->old_first && !h->old_count && c->count == 1) c->creates = 1;
        if (!c->deletes && !h->new_first && !h->new_count && c->count == 1) c->deletes = 1;
        return 1;
    }
    c->intro_end = r->end;
    return c->git && (c->rename_to || c->new_mode || c->creates || c->deletes);
}
