/* Where hunks belong: at the line they name, near it, or with less of their context; and how they are printed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "patch.h"

void patch_swap(struct hunk *h)
{
    long first = h->old_first, count = h->old_count;
    h->old_first = h->new_first, h->old_count = h->new_count;
    h->new_first = first, h->new_count = count;
    for (int i = 0; i < h->count; i++)
        if (h->marks[i] != ' ') h->marks[i] = h->marks[i] == '-' ? '+' : '-';
    /* What goes comes before what comes, in every run of changes. */
    for (int i = 0; i < h->count;) {
        int end = i;
        while (end < h->count && h->marks[end] != ' ') end++;
        if (end == i) {
            i++;
            continue;
        }
        struct text *lines = patch_allocate(NULL, (size_t)(end - i) * sizeof(*lines));
        int to = 0, gone = 0;
        for (int k = i; k < end; k++)
            if (h->marks[k] == '-') lines[to++] = h->lines[k], gone++;
        for (int k = i; k < end; k++)
            if (h->marks[k] == '+') lines[to++] = h->lines[k];
        memcpy(h->lines + i, lines, (size_t)(end - i) * sizeof(*lines));
        memset(h->marks + i, '-', (size_t)gone);
        memset(h->marks + i + gone, '+', (size_t)(end - i - gone));
        free(lines);
        i = end;
    }
}

struct text *patch_split(const char *content, size_t len, long *count)
{
    long cap = 256;
    struct text *lines = patch_allocate(NULL, (size_t)cap * sizeof(*lines));
    *count = 0;
    for (const char *at = content, *end = at + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (*count == cap) lines = patch_allocate(lines, (size_t)(cap *= 2) * sizeof(*lines));
        size_t n = (size_t)((newline ? newline + 1 : end) - at);
        lines[(*count)++] = (struct text){at, n};
        at += n;
    }
    return lines;
}

/* Equal but for runs of blanks. */
static int loosely_same(const char *a, const char *a_end, const char *b, const char *b_end)
{
    for (;;) {
        int blank_a = 0, blank_b = 0;
        while (a < a_end && isspace((unsigned char)*a)) a++, blank_a = 1;
        while (b < b_end && isspace((unsigned char)*b)) b++, blank_b = 1;
        if (a == a_end || b == b_end) return a == a_end && b == b_end;
        if (blank_a != blank_b || *a++ != *b++) return 0;
    }
}

static int same(const struct text *a, const struct text *b)
{
    size_t n = a->len, m = b->len;
    if (opt.loose) return loosely_same(a->at, a->at + n, b->at, b->at + m);
    return n == m && !memcmp(a->at, b->at, n);
}

/* Whether the old lines are at this one, but for the first and last of them. */
static int matches(const struct hunk *h, const struct text *lines, long at, int skip_first, int skip_last)
{
    long k = 0;
    for (int i = 0; i < h->count; i++) {
        if (h->marks[i] == '+') continue;
        if (k >= skip_first && k < h->old_count - skip_last && !same(&h->lines[i], &lines[at - 1 + k])) return 0;
        k++;
    }
    return 1;
}

long patch_locate(const struct hunk *h, const struct text *lines, long count, long guess, long frozen, int fuzz)
{
    long most_up = count - h->old_count - guess + 1, most_down = guess - frozen - 1;
    int context = h->before > h->after ? h->before : h->after;
    int skip_first = fuzz + h->before - context, skip_last = fuzz + h->after - context;
    if (!h->old_count) return guess < 0 || guess > count + 1 ? 0 : guess; /* nothing to look for */
    if (guess < 1 && most_down < 0) most_down = 0;
    /* Less context at one end than at the other: there the file begins, or ends. */
    if (skip_first < 0 && h->old_first <= 1) {
        if (skip_last < 0 && h->old_count != count) return 0;
        return frozen == 0 && h->old_count <= count && matches(h, lines, 1, 0, skip_last < 0 ? 0 : skip_last) ? 1 : 0;
    }
    if (skip_first < 0) skip_first = 0;
    if (skip_last < 0) {
        long at = count - h->old_count + 1;
        return at > frozen && at >= 1 && matches(h, lines, at, skip_first, 0) ? at : 0;
    }
    long most = most_up > most_down ? most_up : most_down;
    for (long offset = 0; offset <= most; offset++) {
        if (offset <= most_up && guess + offset > frozen && guess + offset >= 1 && matches(h, lines, guess + offset, skip_first, skip_last)) return guess + offset;
        if (offset && offset <= most_down && guess - offset >= 1 && guess - offset + h->old_count - 1 <= count &&
            matches(h, lines, guess - offset, skip_first, skip_last))
            return guess - offset;
    }
    return 0;
}

static void print_line(FILE *out, const char *mark, const struct text *line)
{
    fputs(mark, out);
    fwrite(line->at, 1, line->len, out);
    if (!line->len || line->at[line->len - 1] != '\n') fputs("\n\\ No newline at end of file\n", out);
}

static void print_range(FILE *out, long first, long count)
{
    if (count == 1) fprintf(out, "%ld", first);
    else fprintf(out, "%ld,%ld", first, count);
}

/* One half of a hunk of a context diff. */
static void print_half(FILE *out, const struct hunk *h, long first, long count, int own, const char *edge, int normal)
{
    fprintf(out, "%.3s %ld", edge, first);
    if (count > 1) fprintf(out, ",%ld", first + count - 1);
    if (normal && own == '-') fputs("\n", out);
    else fprintf(out, " %s\n", edge);
    int any = 0;
    for (int i = 0; i < h->count; i++) any |= h->marks[i] == own;
    if (!any) return;
    for (int i = 0; i < h->count; i++) {
        if (h->marks[i] != ' ' && h->marks[i] != own) continue;
        int from = i, to = i, both = 0;
        while (from > 0 && h->marks[from - 1] != ' ') from--;
        while (to < h->count && h->marks[to] != ' ') to++;
        for (int k = from; k < to && !normal; k++) both |= h->marks[k] != own;
        char mark[3] = {h->marks[i] == ' ' ? ' ' : both ? '!' : (char)own, ' ', 0};
        print_line(out, mark, &h->lines[i]);
    }
}

void patch_print_hunk(FILE *out, const struct hunk *h, enum format format, long moved)
{
    if (format == UNIFIED) {
        fputs("@@ -", out);
        print_range(out, h->old_first + moved, h->old_count);
        fputs(" +", out);
        print_range(out, h->new_first + moved, h->new_count);
        fputs(" @@\n", out);
        for (int i = 0; i < h->count; i++) print_line(out, (char[2]){h->marks[i], 0}, &h->lines[i]);
        return;
    }
    fputs("***************\n", out);
    print_half(out, h, h->old_first + moved, h->old_count, '-', "****", format == NORMAL);
    print_half(out, h, h->new_first + moved, h->new_count, '+', format == NORMAL ? "-----" : "----", format == NORMAL);
}

char *patch_strip_name(const char *name, int strip)
{
    const char *at = name;
    if (!strcmp(name, "/dev/null")) return NULL;
    if (strip < 0) {
        const char *slash = strrchr(name, '/');
        at = slash ? slash + 1 : name;
    } else
        for (; strip; strip--) {
            const char *slash = strchr(at, '/');
            if (!slash) return NULL;
            for (at = slash; *at == '/'; at++) {}
        }
    if (!*at || *at == '/') return NULL;
    for (const char *p = at; *p;) { /* never out of the directory */
        size_t n = strcspn(p, "/");
        if (n == 2 && !memcmp(p, "..", 2)) return NULL;
        for (p += n; *p == '/'; p++) {}
    }
    return strdup(at);
}
