/* cat, head, tail, wc. */
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

enum { BUFFER = 1 << 16 };
static char buffer[BUFFER];
static char *standard_input[] = {"-", NULL};

static int write_all(const char *s, size_t n)
{
    while (n) {
        ssize_t done = write(STDOUT_FILENO, s, n);
        if (done <= 0) {
            text_complain("write error");
            return 0;
        }
        s += done;
        n -= (size_t)done;
    }
    return 1;
}

int cat_main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"number", 0, 0, 'n'}, {"number-nonblank", 0, 0, 'b'}, {"show-all", 0, 0, 'A'}, {"show-ends", 0, 0, 'E'},
        {"show-nonprinting", 0, 0, 'v'}, {"show-tabs", 0, 0, 'T'}, {"squeeze-blank", 0, 0, 's'}, {0, 0, 0, 0},
    };
    int number = 0, nonblank = 0, ends = 0, tabs = 0, visible = 0, squeeze = 0, c;
    while ((c = getopt_long(argc, argv, "AbeEnstTuv", options, NULL)) != -1) {
        switch (c) {
        case 'A': ends = tabs = visible = 1; break;
        case 'b': nonblank = 1; break;
        case 'e': ends = visible = 1; break;
        case 'E': ends = 1; break;
        case 'n': number = 1; break;
        case 's': squeeze = 1; break;
        case 't': tabs = visible = 1; break;
        case 'T': tabs = 1; break;
        case 'u': break;
        case 'v': visible = 1; break;
        default: return 1;
        }
    }
    int plain = !(number || nonblank || ends || tabs || visible || squeeze);
    int fresh = 1, blanks = 0; /* at a line's start; empty lines just before */
    long long line = 0;
    for (char **file = optind < argc ? argv + optind : standard_input; *file; file++) {
        int fd = text_open(*file);
        ssize_t n;
        if (fd < 0) continue;
        while ((n = text_read(fd, buffer, BUFFER, *file)) > 0) {
            if (plain) {
                if (!write_all(buffer, (size_t)n)) return 1;
                continue;
            }
            for (ssize_t i = 0; i < n; i++) {
                unsigned char b = (unsigned char)buffer[i];
                if (fresh && b == '\n') {
                    if (++blanks > 1 && squeeze) continue;
                } else if (fresh) blanks = 0;
                if (fresh && (nonblank ? b != '\n' : number)) printf("%6lld\t", ++line);
                fresh = b == '\n';
                if (b == '\n') {
                    if (ends) putchar('$');
                    putchar('\n');
                } else if (b == '\t') fputs(tabs ? "^I" : "\t", stdout);
                else if (visible) {
                    if (b >= 128) fputs("M-", stdout), b -= 128;
                    if (b < 32) putchar('^'), putchar(b + 64);
                    else if (b == 127) fputs("^?", stdout);
                    else putchar(b);
                } else putchar(b);
            }
        }
        text_close(fd);
    }
    return 0;
}

/* How a file's part is asked for: of lines or bytes, counted from the front or from the back. */
struct part {
    long long count;
    int bytes, from_other_end;
    char end;
    int quiet, verbose;
};

static void title(const struct part *part, const char *name, int files)
{
    static int shown;
    if (part->quiet || (files < 2 && !part->verbose)) return;
    printf("%s==> %s <==\n", shown++ ? "\n" : "", strcmp(name, "-") ? name : "standard input");
}

static void head_file(const struct part *part, int fd, const char *name)
{
    long long left = part->count;
    ssize_t n;
    if (!part->from_other_end) {
        while (left > 0 && (n = text_read(fd, buffer, part->bytes && left < BUFFER ? (size_t)left : BUFFER, name)) > 0) {
            ssize_t used = n;
            if (part->bytes) left -= n;
            else
                for (used = 0; used < n && left;) left -= buffer[used++] == part->end;
            fwrite(buffer, 1, (size_t)used, stdout);
            /* What is not printed is left to whoever reads the same file next: { head -n1; sort; } < file. */
            if (used < n) lseek(fd, used - n, SEEK_CUR);
        }
        return;
    }
    /* All but the last ones: known when all of it is. */
    char *all = NULL;
    size_t len = 0, cap = 0, out;
    while ((n = text_read(fd, buffer, BUFFER, name)) > 0) {
        if (len + (size_t)n > cap) all = tool_allocate(all, cap = (len + (size_t)n) * 2);
        memcpy(all + len, buffer, (size_t)n);
        len += (size_t)n;
    }
    out = len;
    if (part->bytes) out = (long long)len > left ? len - (size_t)left : 0;
    else
        for (; left && out; left--)
            for (out--; out && all[out - 1] != part->end;) out--;
    fwrite(all, 1, out, stdout);
    free(all);
}

static void tail_file(const struct part *part, int fd, const char *name)
{
    ssize_t n;
    if (part->from_other_end) {
        long long skip = part->count > 0 ? part->count - 1 : 0;
        while ((n = text_read(fd, buffer, BUFFER, name)) > 0) {
            ssize_t at = 0;
            if (part->bytes) {
                at = skip < n ? (ssize_t)skip : n;
                skip -= at;
            } else
                while (at < n && skip) skip -= buffer[at++] == part->end;
            fwrite(buffer + at, 1, (size_t)(n - at), stdout);
        }
        return;
    }
    char *kept = NULL;
    size_t len = 0, cap = 0;
    /* A file can be read from near its end; a stream must be read through. */
    struct stat st;
    if (part->bytes && !agentsh_fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > part->count && lseek(fd, 0, SEEK_CUR) == 0)
        lseek(fd, st.st_size - part->count, SEEK_SET);
    while ((n = text_read(fd, buffer, BUFFER, name)) > 0) {
        if (len + (size_t)n > cap) {
            kept = tool_allocate(kept, cap = (len + (size_t)n) * 2);
        }
        memcpy(kept + len, buffer, (size_t)n);
        len += (size_t)n;
        if (len < 4 * BUFFER && n) continue;
        /* Drop what can no longer be among the last ones, now and then. */
        size_t from = len;
        long long want = part->count;
        if (part->bytes) from = (long long)len > want ? len - (size_t)want : 0;
        else {
            want += kept[len - 1] == part->end;
            while (from && want >= 0) {
                if (kept[from - 1] == part->end && !want--) break;
                from--;
            }
        }
        if (from) memmove(kept, kept + from, len -= from);
    }
    size_t from = len;
    long long want = part->count;
    if (part->bytes) from = (long long)len > want ? len - (size_t)want : 0;
    else if (want && len) {
        if (kept[len - 1] == part->end) from--;
        while (from && (kept[from - 1] != part->end || --want)) from--;
    }
    fwrite(kept + from, 1, len - from, stdout);
    free(kept);
}

static int part_main(int argc, char *argv[], int is_tail)
{
    enum { ZERO = 256 };
    static const struct option options[] = {
        {"bytes", 1, 0, 'c'}, {"lines", 1, 0, 'n'}, {"quiet", 0, 0, 'q'}, {"silent", 0, 0, 'q'}, {"verbose", 0, 0, 'v'},
        {"zero-terminated", 0, 0, 'z'}, {"follow", 2, 0, 'f'}, {"pid", 1, 0, 'p'}, {"sleep-interval", 1, 0, 's'}, {0, 0, 0, 0},
    };
    struct part part = {.count = 10, .end = '\n'};
    const char *count = NULL;
    /* The old way: -5, and for tail +5 too. */
    if (argc > 1 && ((argv[1][0] == '-' && argv[1][1] >= '0' && argv[1][1] <= '9') ||
                     (is_tail && argv[1][0] == '+' && argv[1][1] >= '0' && argv[1][1] <= '9'))) {
        size_t digits = strspn(argv[1] + 1, "0123456789");
        static char old[64];
        snprintf(old, sizeof(old), "%s%.*s", argv[1][0] == '+' ? "+" : "", (int)digits, argv[1] + 1);
        count = old;
        const char *more = argv[1] + 1 + digits;
        if (*more == 'c') part.bytes = 1;
        argv[1] = argv[0];
        argv++, argc--;
    }
    for (int c; (c = getopt_long(argc, argv, "c:n:qvzfFs:p:", options, NULL)) != -1;) {
        switch (c) {
        case 'c': part.bytes = 1, count = optarg; break;
        case 'n': part.bytes = 0, count = optarg; break;
        case 'q': part.quiet = 1, part.verbose = 0; break;
        case 'v': part.verbose = 1, part.quiet = 0; break;
        case 'z': part.end = 0; break;
        case 'f':
        case 'F':
            if (is_tail) tool_fail("-f is not supported here: nothing writes to a file while a command runs");
            return 1;
        case 's':
        case 'p': break;
        default: return 1;
        }
    }
    if (count) {
        char sign = is_tail ? '+' : '-';
        part.from_other_end = *count == sign;
        part.count = text_number(*count == '+' || *count == '-' ? count + 1 : count, part.bytes ? "bytes" : "lines");
    }
    int files = argc - optind;
    for (char **file = files ? argv + optind : standard_input; *file; file++) {
        int fd = text_open(*file);
        if (fd < 0) continue;
        title(&part, *file, files);
        if (is_tail) tail_file(&part, fd, *file);
        else head_file(&part, fd, *file);
        text_close(fd);
    }
    return 0;
}

int head_main(int argc, char *argv[])
{
    return part_main(argc, argv, 0);
}

int tail_main(int argc, char *argv[])
{
    return part_main(argc, argv, 1);
}

struct counts {
    long long lines, words, chars, bytes, longest;
};

static struct {
    int lines, words, chars, bytes, longest;
} show;

static void count_file(int fd, const char *name, struct counts *t)
{
    int in_word = 0;
    long long column = 0;
    ssize_t n;
    mbstate_t state = {0};
    while ((n = text_read(fd, buffer, BUFFER, name)) > 0) {
        t->bytes += n;
        if (!show.words && !show.chars && !show.longest) {
            if (show.lines)
                for (char *p = buffer; (p = memchr(p, '\n', (size_t)(buffer + n - p))); p++) t->lines++;
            continue;
        }
        for (ssize_t i = 0; i < n;) {
            unsigned char b = (unsigned char)buffer[i];
            wchar_t wide = b;
            size_t used = 1;
            int character = 1;
            if (b >= 0x80 || !mbsinit(&state)) {
                used = mbrtowc(&wide, buffer + i, (size_t)(n - i), &state);
                if (used == (size_t)-2) break; /* the rest of it comes with the next bytes */
                if (used == (size_t)-1) {
                    memset(&state, 0, sizeof(state));
                    used = 1;
                    character = 0;
                } else if (!used) used = 1;
            }
            i += (ssize_t)used;
            t->chars += character;
            int space = character && (wide < 128 ? wide == ' ' || (wide >= 9 && wide <= 13) : iswspace((wint_t)wide));
            if (space) in_word = 0;
            else if (character && (wide < 128 ? wide > 32 && wide < 127 : 1) && !in_word) in_word = 1, t->words++;
            if (wide == '\n' || wide == '\r' || wide == '\f') {
                if (column > t->longest) t->longest = column;
                column = 0;
                t->lines += wide == '\n';
            } else if (wide == '\t') column += 8 - column % 8;
            else if (character) {
                int width = wide < 128 ? wide >= 32 && wide < 127 : wcwidth(wide);
                column += width > 0 ? width : 0;
            }
        }
    }
    if (column > t->longest) t->longest = column;
}

static void print_counts(const struct counts *t, const char *name, int width)
{
    const char *gap = "";
    const struct { int wanted; long long value; } columns[] = {
        {show.lines, t->lines}, {show.words, t->words}, {show.chars, t->chars}, {show.bytes, t->bytes}, {show.longest, t->longest}};
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
        if (!columns[i].wanted) continue;
        printf("%s%*lld", gap, width, columns[i].value);
        gap = " ";
    }
    if (name) printf(" %s", name);
    putchar('\n');
}

int wc_main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"bytes", 0, 0, 'c'}, {"chars", 0, 0, 'm'}, {"lines", 0, 0, 'l'}, {"max-line-length", 0, 0, 'L'},
        {"words", 0, 0, 'w'}, {0, 0, 0, 0},
    };
    setlocale(LC_ALL, "C.UTF-8");
    for (int c; (c = getopt_long(argc, argv, "clLmw", options, NULL)) != -1;) {
        switch (c) {
        case 'c': show.bytes = 1; break;
        case 'l': show.lines = 1; break;
        case 'L': show.longest = 1; break;
        case 'm': show.chars = 1; break;
        case 'w': show.words = 1; break;
        default: return 1;
        }
    }
    int kinds = show.lines + show.words + show.chars + show.bytes + show.longest;
    if (!kinds) show.lines = show.words = show.bytes = 1, kinds = 3;
    int files = argc - optind, width = 1;
    char **first = files ? argv + optind : standard_input;
    if (files > 1 || kinds > 1) {
        /* Columns as wide as the size of all regular files; seven for what has no size. */
        long long sum = 0;
        int least = 1;
        for (char **file = first; *file; file++) {
            struct stat st;
            int bad = strcmp(*file, "-") ? agentsh_stat(*file, &st) : agentsh_fstat(STDIN_FILENO, &st);
            if (bad) continue;
            if (S_ISREG(st.st_mode)) sum += st.st_size;
            else least = 7;
        }
        for (width = 1; sum >= 10; sum /= 10) width++;
        if (width < least) width = least;
    }
    struct counts total = {0};
    for (char **file = first; *file; file++) {
        struct counts t = {0};
        int fd = text_open(*file);
        if (fd < 0) continue;
        count_file(fd, *file, &t);
        text_close(fd);
        print_counts(&t, files ? *file : NULL, width);
        total.lines += t.lines, total.words += t.words, total.chars += t.chars, total.bytes += t.bytes;
        if (t.longest > total.longest) total.longest = t.longest;
    }
    if (files > 1) print_counts(&total, "total", width);
    return 0;
}
