/* column: lines into columns, or a table. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "table.h"

/* How many columns a text takes on a terminal. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if ((*p & 0xC0) == 0x80) continue;
        /* East Asian scripts and pictures take two. */
        unsigned long c = *p;
        if (*p >= 0xF0) c = (unsigned long)(*p & 7) << 18 | (unsigned long)(p[1] & 63) << 12;
        else if (*p >= 0xE0) c = (unsigned long)(*p & 15) << 12 | (unsigned long)(p[1] & 63) << 6;
        n += 1 + ((c >= 0x1100 && c < 0x1160) || (c >= 0x2E80 && c < 0xA4D0 && c != 0x303F) || (c >= 0xAC00 && c < 0xD7A4) ||
                  (c >= 0xF900 && c < 0xFB00) || (c >= 0xFE30 && c < 0xFE70) || (c >= 0xFF00 && c < 0xFF61) || (c >= 0x1F300 && c < 0x1FB00));
    }
    return n;
}

static void spaces(size_t n)
{
    while (n--) putchar(' ');
}

static void table(const struct lines *all, const char *separators, const char *between, const char *names, const char *right, long limit)
{
    struct row {
        char **cells;
        size_t count;
    } *rows = tool_allocate(NULL, (all->count + 1) * sizeof(*rows));
    size_t count = 0, columns = 0;
    for (size_t i = 0; i < all->count + (names != NULL); i++) {
        char *text = names && !i ? strdup(names) : all->list[i - (names != NULL)].at;
        const char *marks = names && !i ? "," : separators ? separators : " \t";
        struct row *r = &rows[count];
        *r = (struct row){0};
        int blank = !separators && !(names && !i);
        char *p = text;
        if (blank) p += strspn(p, marks);
        while (*p || (!blank && r->count)) {
            r->cells = tool_allocate(r->cells, (r->count + 1) * sizeof(*r->cells));
            r->cells[r->count++] = p;
            if (limit && (long)r->count == limit) break;
            p += strcspn(p, marks);
            if (!*p) break;
            *p++ = 0;
            if (blank) p += strspn(p, marks);
            else if (!*p) {
                r->cells = tool_allocate(r->cells, (r->count + 1) * sizeof(*r->cells));
                r->cells[r->count++] = p;
                break;
            }
        }
        if (r->count > columns) columns = r->count;
        if (r->count) count++;
    }
    size_t *widths = tool_allocate(NULL, columns * sizeof(*widths));
    memset(widths, 0, columns * sizeof(*widths));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++)
            if (width_of(rows[i].cells[k]) > widths[k]) widths[k] = width_of(rows[i].cells[k]);
    char *to_right = tool_allocate(NULL, columns + 1);
    memset(to_right, 0, columns + 1);
    for (const char *p = right; p && *p; p += *p == ',') {
        char *end;
        long k = strtol(p, &end, 10);
        for (size_t c = 0; end == p && names && c < rows[0].count; c++)
            if (!strncmp(rows[0].cells[c], p, strcspn(p, ",")) && !rows[0].cells[c][strcspn(p, ",")]) k = (long)c + 1;
        if (k >= 1 && (size_t)k <= columns) to_right[k - 1] = 1;
        p += strcspn(p, ",");
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < columns; k++) {
            const char *cell = k < rows[i].count ? rows[i].cells[k] : "";
            int last = k + 1 == columns;
            if (to_right[k]) spaces(widths[k] - width_of(cell));
            fputs(cell, stdout);
            if (!last && !to_right[k]) spaces(widths[k] - width_of(cell));
            if (!last) fputs(between, stdout);
        }
        putchar('\n');
    }
}

static void fill(const struct lines *all, size_t width, int rows_first)
{
    size_t longest = 0;
    for (size_t i = 0; i < all->count; i++)
        if (width_of(all->list[i].at) > longest) longest = width_of(all->list[i].at);
    size_t step = (longest + 8) & ~(size_t)7;
    if (step >= width || !all->count) {
        for (size_t i = 0; i < all->count; i++) puts(all->list[i].at);
        return;
    }
    size_t columns = width / step, rows = (all->count + columns - 1) / columns;
    if (!rows_first) columns = (all->count + rows - 1) / rows;
    for (size_t r = 0; r < rows; r++) {
        size_t at = 0;
        for (size_t c = 0; c < columns; c++) {
            size_t i = rows_first ? r * columns + c : c * rows + r, next = rows_first ? i + 1 : i + rows;
            if (i >= all->count) break;
            fputs(all->list[i].at, stdout);
            at += width_of(all->list[i].at);
            if (next >= all->count || c + 1 == columns) break;
            for (; at < (c + 1) * step; at = (at + 8) & ~(size_t)7) putchar('\t');
        }
        putchar('\n');
    }
}

int column_main(int argc, char *argv[])
{
    static const struct option longs[] = {{"table", 0, 0, 't'}, {"separator", 1, 0, 's'}, {"output-separator", 1, 0, 'o'},
        {"output-width", 1, 0, 'c'}, {"fillrows", 0, 0, 'x'}, {"table-columns", 1, 0, 'N'}, {"table-right", 1, 0, 'R'},
        {"table-columns-limit", 1, 0, 'l'}, {"keep-empty-lines", 0, 0, 'L'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    int c, as_table = 0, rows_first = 0, keep = 0;
    long limit = 0;
    size_t width = 80;
    const char *separators = NULL, *between = "  ", *names = NULL, *right = NULL;
    while ((c = getopt_long(argc, argv, "c:hl:LnN:o:R:s:tx", longs, NULL)) != -1) {
        switch (c) {
        case 'c': width = (size_t)table_number(optarg, "columns argument"); break;
        case 'l': limit = (long)table_number(optarg, "columns limit argument"); break;
        case 'L': keep = 1; break;
        case 'n': case 'e': break;
        case 'N': names = optarg; break;
        case 'o': between = optarg; break;
        case 'R': right = optarg; break;
        case 's': separators = optarg; break;
        case 't': as_table = 1; break;
        case 'x': rows_first = 1; break;
        case 'h': puts("usage: column [-t] [-s CHARS] [-o TEXT] [-N NAMES] [-R COLUMNS] [-c WIDTH] [-x] [FILE...]"); return 0;
        default: return 1;
        }
    }
    struct lines read = {0}, all = {0};
    if (optind == argc) table_read(&read, "-", '\n');
    for (int i = optind; i < argc; i++) table_read(&read, argv[i], '\n');
    for (size_t i = 0; i < read.count; i++) {
        if (!keep && read.list[i].at[strspn(read.list[i].at, " \t\r\v\f")] == 0) continue;
        table_add(&all, read.list[i].at, read.list[i].len);
    }
    if (as_table || names) table(&all, separators, between, names, right, limit);
    else fill(&all, width, rows_first);
    return 0;
}
