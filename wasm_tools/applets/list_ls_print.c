/* ls: entries in the format that is wanted. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "list_ls.h"

struct timespec ls_time(const struct item *i)
{
    return ls.which_time == 'a' ? i->st.st_atim : ls.which_time == 'c' ? i->st.st_ctim : i->st.st_mtim;
}
static char mark_of(mode_t mode)
{
    if (S_ISDIR(mode)) return ls.mark ? '/' : 0;
    if (ls.mark < FILE_TYPE) return 0;
    if (S_ISLNK(mode)) return '@';
    if (S_ISFIFO(mode)) return '|';
    return ls.mark == CLASSIFY && S_ISREG(mode) && (mode & 0111) ? '*' : 0;
}

mode_t ls_mode(const struct item *i)
{
    if (i->st.st_mode) return i->st.st_mode;
    return i->type == DT_DIR ? S_IFDIR : i->type == DT_LNK ? S_IFLNK : S_IFREG;
}

static const char *shown(const struct item *i)
{
    const char *text = list_quoted(i->name, ls.quoting);
    if (ls.question)
        for (char *p = (char *)(uintptr_t)text; *p; p++)
            if ((unsigned char)*p < 32 || *p == 127) *p = '?';
    return text;
}

static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void size_text(char *text, size_t cap, unsigned long long size)
{
    if (ls.human) list_human(text, cap, size, ls.human);
    else snprintf(text, cap, "%llu", size);
}

static void blocks_text(char *text, size_t cap, unsigned long long count)
{
    if (ls.human) list_human(text, cap, count * 512, ls.human);
    else snprintf(text, cap, "%llu", (count + 1) / 2);
}

static void put_time(const struct item *i)
{
    static time_t now;
    if (!now) now = time(NULL);
    struct timespec at = ls_time(i);
    struct tm tm;
    char text[256];
    gmtime_r(&at.tv_sec, &tm);
    int old = now - at.tv_sec > 15778476 || at.tv_sec > now;
    const char *style = ls.time_style;
    if (!strncmp(style, "posix-", 6)) style = "locale";
    if (!strcmp(style, "full-iso")) {
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        printf("%s.%09ld +0000 ", text, at.tv_nsec);
        return;
    }
    const char *form = !strcmp(style, "long-iso") ? "%Y-%m-%d %H:%M" : !strcmp(style, "iso") ? (old ? "%Y-%m-%d " : "%m-%d %H:%M")
                       : old ? "%b %e  %Y" : "%b %e %H:%M";
    char own[200];
    if (*style == '+') {
        /* Two lines: for what is old, and for what is new. */
        const char *second = strchr(style, '\n');
        snprintf(own, sizeof(own), "%.*s", second ? (int)(second - style - 1) : (int)strlen(style + 1), style + 1);
        if (second && !old) snprintf(own, sizeof(own), "%s", second + 1);
        form = own;
        if (!*own) {
            putchar(' ');
            return;
        }
        if (!strcmp(own, "%s")) {
            printf("%lld ", (long long)at.tv_sec);
            return;
        }
    }
    strftime(text, sizeof(text), form, &tm);
    printf("%s ", text);
}

static void put_name(const struct item *i)
{
    fputs(shown(i), stdout);
    if (i->target) {
        if (ls.format == LONG) {
            fputs(" -> ", stdout);
            fputs(list_quoted(i->target, ls.quoting), stdout);
            char m = i->broken ? 0 : mark_of(i->target_mode);
            if (m) putchar(m);
        }
        return;
    }
    char m = mark_of(ls_mode(i));
    if (m) putchar(m);
}

static void put_long(const struct item *list, size_t count)
{
    int links_width = 0, size_width = 0, blocks_width = 0, inode_width = 0;
    char text[64];
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)list[i].st.st_nlink);
        if (n > links_width) links_width = n;
        size_text(text, sizeof(text), (unsigned long long)list[i].st.st_size);
        if ((n = (int)strlen(text)) > size_width) size_width = n;
        blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
        if ((n = (int)strlen(text)) > blocks_width) blocks_width = n;
        n = snprintf(text, sizeof(text), "%llu", (unsigned long long)list[i].st.st_ino);
        if (n > inode_width) inode_width = n;
    }
    for (size_t i = 0; i < count; i++) {
        char mode[11];
        if (ls.inode) printf("%*llu ", inode_width, (unsigned long long)list[i].st.st_ino);
        if (ls.blocks) {
            blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
            printf("%*s ", blocks_width, text);
        }
        list_mode_text(mode, list[i].st.st_mode);
        size_text(text, sizeof(text), (unsigned long long)list[i].st.st_size);
        const char *who = ls.numeric ? "1000" : "agent";
        printf("%s %*llu ", mode, links_width, (unsigned long long)list[i].st.st_nlink);
        if (!ls.no_owner) printf("%s ", who);
        if (!ls.no_group) printf("%s ", who);
        printf("%*s ", size_width, text);
        put_time(&list[i]);
        put_name(&list[i]);
        putchar('\n');
    }
}

/* What is written for an entry in columns. */
static char *cell(const struct item *i, int blocks_width)
{
    char *text = list_allocate(NULL, 4 * strlen(i->name) + 96), number[64];
    size_t n = 0;
    text[0] = 0;
    if (ls.inode) n += (size_t)sprintf(text + n, "%llu ", (unsigned long long)i->st.st_ino);
    if (ls.blocks) {
        blocks_text(number, sizeof(number), (unsigned long long)i->st.st_blocks);
        n += (size_t)sprintf(text + n, "%*s ", blocks_width, number);
    }
    n += (size_t)sprintf(text + n, "%s", shown(i));
    char m = mark_of(ls_mode(i));
    if (m) text[n++] = m;
    text[n] = 0;
    return text;
}

static void indent(int from, int to)
{
    while (from < to) {
        if (to / 8 > (from + 1) / 8) {
            putchar('\t');
            from += 8 - from % 8;
        } else {
            putchar(' ');
            from++;
        }
    }
}

static void put_cells(char **cells, size_t count)
{
    if (ls.format == SINGLE) {
        for (size_t i = 0; i < count; i++) puts(cells[i]);
        return;
    }
    if (ls.format == COMMAS) {
        int at = 0;
        for (size_t i = 0; i < count; i++) {
            int n = width_of(cells[i]), last = i + 1 == count;
            if (i && at + n + 2 > ls.width && ls.width) putchar('\n'), at = 0;
            else if (i) putchar(' '), at++;
            printf("%s%s", cells[i], last ? "" : ",");
            at += n + 1;
        }
        if (count) putchar('\n');
        return;
    }
    size_t columns = count;
    int *widths = list_allocate(NULL, (count + 1) * sizeof(*widths));
    for (; columns > 1; columns--) {
        size_t rows = (count + columns - 1) / columns;
        int total = 0;
        memset(widths, 0, columns * sizeof(*widths));
        for (size_t i = 0; i < count; i++) {
            size_t c = ls.format == COLUMNS ? i / rows : i % columns;
            int n = width_of(cells[i]) + (c + 1 < columns ? 2 : 0);
            if (n > widths[c]) widths[c] = n;
        }
        for (size_t c = 0; c < columns; c++) total += widths[c];
        if (!ls.width || total < ls.width) break;
    }
    size_t rows = count ? (count + columns - 1) / columns : 0;
    for (size_t r = 0; r < rows; r++) {
        int at = 0, start = 0;
        for (size_t c = 0; c < columns; c++) {
            size_t i = ls.format == COLUMNS ? c * rows + r : r * columns + c;
            if (i >= count) break;
            if (c) indent(at, start);
            fputs(cells[i], stdout);
            at = start + width_of(cells[i]);
            start += widths[c];
        }
        putchar('\n');
    }
    free(widths);
}

void ls_put(const struct item *list, size_t count, int total)
{
    char text[64];
    int blocks_width = 0;
    unsigned long long sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (unsigned long long)list[i].st.st_blocks;
        blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
        if ((int)strlen(text) > blocks_width) blocks_width = (int)strlen(text);
    }
    if (total && (ls.format == LONG || ls.blocks)) {
        blocks_text(text, sizeof(text), sum);
        printf("total %s\n", text);
    }
    if (ls.format == LONG) return put_long(list, count);
    char **cells = list_allocate(NULL, (count + 1) * sizeof(*cells));
    for (size_t i = 0; i < count; i++) cells[i] = cell(&list[i], blocks_width);
    put_cells(cells, count);
    for (size_t i = 0; i < count; i++) free(cells[i]);
    free(cells);
}
