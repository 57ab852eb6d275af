/* Changes as people and patch read them. */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diff.h"
#include "pattern.h"

static regex_t *ignored;
static size_t ignored_count;

void diff_ignore(const char *expression)
{
    ignored = realloc(ignored, (ignored_count + 1) * sizeof(*ignored));
    if (!ignored) diff_fail("out of memory");
    pattern_compile(&ignored[ignored_count++], expression, REG_NOSUB);
}

int diff_ignores(void)
{
    return opt.ignore_blank_lines || ignored_count;
}

static int blank(const struct line *line)
{
    for (size_t k = 0; k < line->len; k++)
        if (!opt.ignore_all_space || !isspace((unsigned char)line->at[k])) return 0;
    return 1;
}

static int is_ignored(const struct line *line)
{
    if (!ignored_count) return 0;
    char *text = diff_allocate(line->len + 1);
    memcpy(text, line->at, line->len);
    text[line->len] = 0;
    int hit = 0;
    for (size_t k = 0; k < ignored_count && !hit; k++) hit = !regexec(&ignored[k], text, 0, NULL, 0);
    free(text);
    return hit;
}

static int idle(const struct side *s, int from, int len)
{
    for (int i = from; i < from + len; i++)
        if (!(opt.ignore_blank_lines && blank(&s->lines[i])) && !is_ignored(&s->lines[i])) return 0;
    return 1;
}

struct change *diff_changes(const struct side *a, const struct side *b, int *count)
{
    int cap = 64, n = 0;
    struct change *all = diff_allocate((size_t)cap * sizeof(*all));
    for (int i = 0, j = 0; i < a->count || j < b->count; i++, j++) {
        int i0 = i, j0 = j;
        while (i < a->count && a->changed[i]) i++;
        while (j < b->count && b->changed[j]) j++;
        if (i == i0 && j == j0) continue;
        if (n == cap) {
            all = realloc(all, (size_t)(cap *= 2) * sizeof(*all));
            if (!all) diff_fail("out of memory");
        }
        all[n] = (struct change){i0, i - i0, j0, j - j0, 0};
        if (diff_ignores()) all[n].idle = idle(a, i0, i - i0) && idle(b, j0, j - j0);
        n++;
    }
    *count = n;
    return all;
}

int diff_hunk(const struct change *all, int first, int count)
{
    int n = 1;
    for (; first + n < count; n++) {
        const struct change *last = &all[first + n - 1], *next = &all[first + n];
        int gap = next->a - (last->a + last->a_len);
        if (next->idle ? gap >= opt.context : gap > 2 * opt.context) break;
    }
    return n;
}

static int worth_telling(const struct change *all, int count)
{
    for (int i = 0; i < count; i++)
        if (!all[i].idle) return 1;
    return 0;
}

void diff_line(const char *mark, const struct side *s, int i)
{
    const struct line *line = &s->lines[i];
    size_t n = strlen(mark);
    if (opt.initial_tab && n) {
        while (n && mark[n - 1] == ' ' && n > 1) n--;
        printf("%.*s\t", (int)n, mark);
    } else fputs(mark, stdout);
    if (!opt.expand_tabs) fwrite(line->at, 1, line->len, stdout);
    else {
        size_t column = 0;
        for (size_t k = 0; k < line->len; k++) {
            if (line->at[k] != '\t') {
                putchar(line->at[k]);
                column += ((unsigned char)line->at[k] & 0xC0) != 0x80;
            } else
                do putchar(' ');
                while (++column % 8);
        }
    }
    putchar('\n');
    if (s->no_newline && i == s->count - 1) puts("\\ No newline at end of file");
}

void diff_range(int first, int len)
{
    if (len > 1) printf("%d,%d", first + 1, first + len);
    else printf("%d", len ? first + 1 : first);
}

void diff_function(const struct side *s, int i)
{
    if (!opt.show_function) return;
    while (--i >= 0) {
        const struct line *line = &s->lines[i];
        unsigned char c = line->len ? (unsigned char)*line->at : 0;
        if (!isalpha(c) && c != '_' && c != '$') continue;
        size_t n = line->len < 40 ? line->len : 40;
        while (n && isspace((unsigned char)line->at[n - 1])) n--;
        printf(" %.*s", (int)n, line->at);
        return;
    }
}

static void print_plain(const struct side *a, const struct side *b, const struct change *c)
{
    diff_range(c->a, c->a_len);
    putchar(!c->a_len ? 'a' : !c->b_len ? 'd' : 'c');
    diff_range(c->b, c->b_len);
    putchar('\n');
    for (int i = c->a; i < c->a + c->a_len; i++) diff_line("< ", a, i);
    if (c->a_len && c->b_len) puts("---");
    for (int i = c->b; i < c->b + c->b_len; i++) diff_line("> ", b, i);
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

struct window diff_window(const struct side *a, const struct change *all, int count)
{
    const struct change *last = &all[count - 1];
    int before = all->a < opt.context ? all->a : opt.context;
    if (all->b < before) before = all->b;
    int after = a->count - (last->a + last->a_len);
    if (after > opt.context) after = opt.context;
    int a0 = all->a - before, b0 = all->b - before;
    return (struct window){a0, last->a + last->a_len + after - a0, b0, last->b + last->b_len + after - b0};
}

static void print_unified(const struct side *a, const struct side *b, const struct change *c, int count)
{
    struct window w = diff_window(a, c, count);
    printf("@@ -");
    print_unified_range(w.a, w.a_len);
    printf(" +");
    print_unified_range(w.b, w.b_len);
    fputs(" @@", stdout);
    diff_function(a, w.a);
    putchar('\n');
    int at = w.a;
    for (int k = 0; k < count; k++) {
        for (; at < c[k].a; at++) diff_line(" ", a, at);
        for (; at < c[k].a + c[k].a_len; at++) diff_line("-", a, at);
        for (int i = c[k].b; i < c[k].b + c[k].b_len; i++) diff_line("+", b, i);
    }
    for (; at < w.a + w.a_len; at++) diff_line(" ", a, at);
}

int diff_print(const struct side *a, const struct side *b, const char *heading)
{
    int count;
    struct change *all = diff_changes(a, b, &count);
    int told = worth_telling(all, count);
    if (told && opt.brief) printf("Files %s and %s differ\n", a->name, b->name);
    if (opt.brief || (!told && opt.format != SIDE_BY_SIDE)) {
        free(all);
        return told;
    }
    if (heading) puts(heading);
    switch (opt.format) {
    case NORMAL:
        for (int i = 0; i < count; i++)
            if (!all[i].idle) print_plain(a, b, &all[i]);
        break;
    case UNIFIED:
    case CONTEXT: {
        int unified = opt.format == UNIFIED;
        print_header(unified ? "---" : "***", a, opt.labels[0]);
        print_header(unified ? "+++" : "---", b, opt.labels[1]);
        for (int first = 0, n; first < count; first += n) {
            n = diff_hunk(all, first, count);
            if (worth_telling(all + first, n)) (unified ? print_unified : diff_print_context)(a, b, all + first, n);
        }
        break;
    }
    case ED: diff_print_ed(b, all, count); break;
    case RCS: diff_print_rcs(b, all, count); break;
    case SIDE_BY_SIDE: diff_print_sides(a, b, all, count); break;
    }
    free(all);
    return told;
}
