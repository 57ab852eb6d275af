/* Changes as people and patch read them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diff.h"

struct change {
    int a, a_len, b, b_len; /* first lines, from 0, and how many */
};

static int blank(const struct side *s, int from, int len)
{
    for (int i = from; i < from + len; i++)
        for (size_t k = 0; k < s->lines[i].len; k++)
            if (!opt.ignore_all_space || !isspace((unsigned char)s->lines[i].at[k])) return 0;
    return 1;
}

/* Every change, in order; those of blank lines alone are left out where that is asked for. */
static struct change *changes(const struct side *a, const struct side *b, int *count)
{
    int cap = 64, n = 0;
    struct change *all = diff_allocate((size_t)cap * sizeof(*all));
    for (int i = 0, j = 0; i < a->count || j < b->count; i++, j++) {
        int i0 = i, j0 = j;
        while (i < a->count && a->changed[i]) i++;
        while (j < b->count && b->changed[j]) j++;
        if (i == i0 && j == j0) continue;
        if (opt.ignore_blank_lines && blank(a, i0, i - i0) && blank(b, j0, j - j0)) continue;
        if (n == cap) {
            all = realloc(all, (size_t)(cap *= 2) * sizeof(*all));
            if (!all) diff_fail("out of memory");
        }
        all[n++] = (struct change){i0, i - i0, j0, j - j0};
    }
    *count = n;
    return all;
}

static void print_line(const char *mark, const struct side *s, int i)
{
    fputs(mark, stdout);
    fwrite(s->lines[i].at, 1, s->lines[i].len, stdout);
    putchar('\n');
    if (s->no_newline && i == s->count - 1) puts("\\ No newline at end of file");
}

static void print_range(int first, int len)
{
    if (len > 1) printf("%d,%d", first + 1, first + len);
    else printf("%d", len ? first + 1 : first);
}

static void print_plain(const struct side *a, const struct side *b, const struct change *c)
{
    print_range(c->a, c->a_len);
    putchar(!c->a_len ? 'a' : !c->b_len ? 'd' : 'c');
    print_range(c->b, c->b_len);
    putchar('\n');
    for (int i = c->a; i < c->a + c->a_len; i++) print_line("< ", a, i);
    if (c->a_len && c->b_len) puts("---");
    for (int i = c->b; i < c->b + c->b_len; i++) print_line("> ", b, i);
}

static void print_header(const char *mark, const struct side *s, const char *label)
{
    if (label) {
        printf("%s %s\n", mark, label);
        return;
    }
    char when[64];
    time_t seconds = s->absent ? 0 : s->st.st_mtim.tv_sec;
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime(&seconds));
    printf("%s %s\t%s.%09ld +0000\n", mark, s->name, when, s->absent ? 0 : (long)s->st.st_mtim.tv_nsec);
}

static void print_unified_range(int first, int len)
{
    if (len == 1) printf("%d", first + 1);
    else printf("%d,%d", len ? first + 1 : first, len);
}

static void print_hunk(const struct side *a, const struct side *b, const struct change *c, int count)
{
    int before = c->a < opt.context ? c->a : opt.context;
    if (c->b < before) before = c->b;
    const struct change *last = c + count - 1;
    int after = a->count - (last->a + last->a_len);
    if (after > opt.context) after = opt.context;
    int a0 = c->a - before, b0 = c->b - before;
    int a_len = last->a + last->a_len + after - a0, b_len = last->b + last->b_len + after - b0;
    printf("@@ -");
    print_unified_range(a0, a_len);
    printf(" +");
    print_unified_range(b0, b_len);
    puts(" @@");
    int at = a0;
    for (int k = 0; k < count; k++) {
        for (; at < c[k].a; at++) print_line(" ", a, at);
        for (; at < c[k].a + c[k].a_len; at++) print_line("-", a, at);
        for (int i = c[k].b; i < c[k].b + c[k].b_len; i++) print_line("+", b, i);
    }
    for (; at < a0 + a_len; at++) print_line(" ", a, at);
}

int diff_print(const struct side *a, const struct side *b, const char *heading)
{
    int count;
    struct change *all = changes(a, b, &count);
    if (count && opt.brief) printf("Files %s and %s differ\n", a->name, b->name);
    else if (count) {
        if (heading) puts(heading);
        if (opt.unified) {
            print_header("---", a, opt.labels[0]);
            print_header("+++", b, opt.labels[1] ? opt.labels[1] : NULL);
            for (int first = 0; first < count;) {
                int n = 1;
                while (first + n < count &&
                       all[first + n].a - (all[first + n - 1].a + all[first + n - 1].a_len) <= 2 * opt.context)
                    n++;
                print_hunk(a, b, all + first, n);
                first += n;
            }
        } else
            for (int i = 0; i < count; i++) print_plain(a, b, &all[i]);
    }
    free(all);
    return count > 0;
}
