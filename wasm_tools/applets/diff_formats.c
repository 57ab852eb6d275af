/* The older formats: with context before unified ones, for ed and RCS, and side by side. */
#include <stdio.h>
#include <string.h>

#include "diff.h"

/* -- with context ------------------------------------------------------------------------------------------------- */

/* One side of a hunk: all of its lines, if one of them changed. */
static void print_context_side(const struct side *s, const struct change *all, int count, int first, int len, int second)
{
    int any = 0;
    for (int k = 0; k < count; k++) any |= (second ? all[k].b_len : all[k].a_len) > 0;
    if (!any) return;
    int k = 0;
    for (int i = first; i < first + len; i++) {
        const struct change *c;
        while (k < count && i >= (second ? all[k].b + all[k].b_len : all[k].a + all[k].a_len)) k++;
        c = k < count && i >= (second ? all[k].b : all[k].a) ? &all[k] : NULL;
        diff_line(!c ? "  " : c->a_len && c->b_len ? "! " : second ? "+ " : "- ", s, i);
    }
}

void diff_print_context(const struct side *a, const struct side *b, const struct change *all, int count)
{
    struct window w = diff_window(a, all, count);
    fputs("***************", stdout);
    diff_function(a, w.a);
    fputs("\n*** ", stdout);
    diff_range(w.a, w.a_len);
    puts(" ****");
    print_context_side(a, all, count, w.a, w.a_len, 0);
    fputs("--- ", stdout);
    diff_range(w.b, w.b_len);
    puts(" ----");
    print_context_side(b, all, count, w.b, w.b_len, 1);
}

/* -- for ed and RCS ------------------------------------------------------------------------------------------------ */

/* From the end to the start, so that no change moves the lines of one to come. */
void diff_print_ed(const struct side *b, const struct change *all, int count)
{
    for (const struct change *c = all + count - 1; c >= all; c--) {
        if (c->idle) continue;
        diff_range(c->a, c->a_len);
        puts(!c->a_len ? "a" : !c->b_len ? "d" : "c");
        int open = c->b_len > 0;
        for (int i = c->b; i < c->b + c->b_len; i++) {
            const struct line *line = &b->lines[i];
            if (!open) puts("a"), open = 1;
            if (line->len == 1 && *line->at == '.') {
                /* A line that would end the text: another, put right behind it. */
                puts("..\n.\ns/.//");
                open = 0;
            } else {
                fwrite(line->at, 1, line->len, stdout);
                putchar('\n');
            }
        }
        if (open) puts(".");
    }
}

void diff_print_rcs(const struct side *b, const struct change *all, int count)
{
    for (const struct change *c = all; c < all + count; c++) {
        if (c->idle) continue;
        if (c->a_len) printf("d%d %d\n", c->a + 1, c->a_len);
        if (!c->b_len) continue;
        printf("a%d %d\n", c->a + c->a_len, c->b_len);
        for (int i = c->b; i < c->b + c->b_len; i++) {
            fwrite(b->lines[i].at, 1, b->lines[i].len, stdout);
            if (!b->no_newline || i < b->count - 1) putchar('\n');
        }
    }
}

/* -- side by side -------------------------------------------------------------------------------------------------- */

enum { TAB = 8, GUTTER = 3 };

static int half, second_column; /* how wide each side is, and where the second begins */

static void set_columns(void)
{
    int tab = opt.expand_tabs ? 1 : TAB, both = tab + GUTTER, width = opt.width;
    int middle = (width >> 1) + (both >> 1) + (width & both & 1), column = middle - middle % tab;
    int left = column - GUTTER, right = width - column;
    half = column <= GUTTER || width <= column ? 0 : left < right ? left : right;
    second_column = half ? column : width;
}

static int move_to(int from, int to)
{
    if (!opt.expand_tabs)
        for (int tab = from + TAB - from % TAB; tab <= to; tab += TAB) {
            putchar('\t');
            from = tab;
        }
    while (from++ < to) putchar(' ');
    return to;
}

/* As much of a line as fits; where it ends. */
static int print_half(const struct line *line, int indent)
{
    int in = 0, out = 0;
    for (size_t i = 0; i < line->len;) {
        unsigned char c = (unsigned char)line->at[i];
        size_t n = 1;
        if (c >= 0xC0)
            while (i + n < line->len && ((unsigned char)line->at[i + n] & 0xC0) == 0x80) n++;
        if (c == '\t') {
            int spaces = TAB - in % TAB;
            if (in == out) {
                int stop = out + spaces;
                if (opt.expand_tabs) {
                    for (stop = stop < half ? stop : half; out < stop; out++) putchar(' ');
                } else if (stop < half) {
                    out = stop;
                    putchar('\t');
                }
            }
            in += spaces;
        } else if (c == '\r') {
            putchar('\r');
            move_to(0, indent);
            in = out = 0;
        } else if (c < ' ' || c == 0x7F) {
            if (in < half) putchar(c);
        } else if (++in <= half) {
            out = in;
            fwrite(line->at + i, 1, n, stdout);
        }
        i += n;
    }
    return out;
}

static int ends(const struct side *s, int i)
{
    return !(s->no_newline && i == s->count - 1);
}

/* A line of each side, -1 for none, and what is between them. */
static void print_pair(const struct side *a, int i, char mark, const struct side *b, int j)
{
    int column = 0, newline = 0;
    if (i >= 0) {
        newline = ends(a, i);
        column = print_half(&a->lines[i], 0);
    }
    if (mark != ' ') {
        column = move_to(column, (half + second_column - 1) / 2) + 1;
        if (mark == '|' && newline != ends(b, j)) mark = newline ? '/' : '\\';
        putchar(mark);
    }
    if (j >= 0) {
        newline |= ends(b, j);
        if (b->lines[j].len) {
            column = move_to(column, second_column);
            print_half(&b->lines[j], column);
        }
    }
    if (newline) putchar('\n');
}

static void print_common(const struct side *a, const struct side *b, int i, int j, int n)
{
    if (opt.suppress_common) return;
    for (int k = 0; k < n; k++) {
        if (opt.left_column) print_pair(a, i + k, '(', b, -1);
        else print_pair(a, i + k, ' ', b, j + k);
    }
}

void diff_print_sides(const struct side *a, const struct side *b, const struct change *all, int count)
{
    set_columns();
    int i = 0, j = 0;
    for (const struct change *c = all; c < all + count; c++) {
        print_common(a, b, i, j, c->a - i);
        int both = c->a_len < c->b_len ? c->a_len : c->b_len;
        for (int k = 0; k < both; k++) print_pair(a, c->a + k, c->idle ? ' ' : '|', b, c->b + k);
        for (int k = both; k < c->b_len; k++) print_pair(a, -1, c->idle ? ')' : '>', b, c->b + k);
        for (int k = both; k < c->a_len; k++) print_pair(a, c->a + k, c->idle ? '(' : '<', b, -1);
        i = c->a + c->a_len;
        j = c->b + c->b_len;
    }
    print_common(a, b, i, j, a->count - i);
}
