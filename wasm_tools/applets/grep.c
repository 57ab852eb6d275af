/* grep: lines that match. A search below a directory reads many files for one call to the host. */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"
#include "grep.h"
#include "walk.h"

enum { CHUNK = 256 * 1024, BATCH = 1024 * 1024 };
enum binary { BINARY_NOTE, BINARY_TEXT, BINARY_SKIP };

static struct {
    enum syntax syntax;
    enum binary binary;
    int recurse, number, invert, only, count, names, names_without, quiet, silent, byte_offset, null_name, name_asked;
    int with_name; /* -1 until we know how many files there are */
    long long max, before, after;
    char *filters; /* --include and its like, as the host takes them */
    size_t filters_len;
} opt = {.with_name = -1, .max = -1};

static struct matcher matcher;
static int failed, selected_any;

_Noreturn void grep_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("grep: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static void complain(const char *name, int err)
{
    failed = 1;
    if (opt.silent) return;
    fflush(stdout);
    fprintf(stderr, "grep: %s: %s\n", name, strerror(err));
}

static void *allocate(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (!p) grep_fail("out of memory");
    return p;
}

/* One file on its way through the search. */
struct file {
    const char *name;
    long long line;       /* number of the line at counted */
    long long offset;     /* of the buffer's first byte in the file */
    const char *counted;  /* where line is the number of */
    const char *printed;  /* end of what was printed last; NULL for nothing yet in this buffer */
    long long selected;   /* lines */
    long long after;      /* lines of context still to print */
    int separate;         /* something was printed before: a gap asks for "--" */
    int binary, done;
};

static long long count_lines(const char *from, const char *to)
{
    long long n = 0;
    while (from < to) {
        /* In runs that a byte counter holds, so that the loop becomes vector code. */
        const char *stop = to - from > 255 ? from + 255 : to;
        unsigned char part = 0;
        for (; from < stop; from++) part = (unsigned char)(part + (*from == '\n'));
        n += part;
    }
    return n;
}

static void prefix(struct file *f, const char *line, char mark)
{
    if (opt.with_name) {
        fputs(f->name, stdout);
        putchar(opt.null_name ? 0 : mark);
    }
    if (opt.number) {
        f->line += count_lines(f->counted, line);
        f->counted = line;
        char text[24], *p = text + sizeof(text);
        *--p = mark;
        for (long long n = f->line; n; n /= 10) *--p = (char)('0' + n % 10);
        fwrite(p, 1, (size_t)(text + sizeof(text) - p), stdout);
    }
}

static void print_line(struct file *f, const char *line, const char *end, char mark)
{
    prefix(f, line, mark);
    if (opt.byte_offset) printf("%lld%c", f->offset + (line - matcher.buffer), mark);
    fwrite(line, 1, (size_t)(end - line), stdout);
    if (end == line || end[-1] != '\n') putchar('\n');
    f->printed = end;
}

static void print_matches(struct file *f, char *line, char *end)
{
    size_t len = (size_t)(end - line) - (end > line && end[-1] == '\n'), at = 0;
    struct span s;
    while (at <= len && matcher_line(&matcher, line, len, at, &s)) {
        if (s.end > s.start) {
            prefix(f, line, ':');
            if (opt.byte_offset) printf("%lld:", f->offset + (line - matcher.buffer) + (long long)s.start);
            fwrite(line + s.start, 1, s.end - s.start, stdout);
            putchar('\n');
        }
        at = s.end > s.start ? s.end : s.end + 1;
    }
    f->printed = end;
}

static char *line_end(char *line, char *end)
{
    char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline + 1 : end;
}

/* Context after a selected line, up to the next one. */
static void print_after(struct file *f, char *from, char *to)
{
    for (; f->after > 0 && from < to; f->after--) {
        char *end = line_end(from, to);
        print_line(f, from, end, '-');
        from = end;
    }
}

/* A line that was asked for. Returns 0 when the file is done with. */
static int select_line(struct file *f, char *start, char *line, char *end)
{
    f->selected++;
    selected_any = 1;
    if (opt.quiet) {
        /* Nothing more can change the answer. */
        fflush(stdout);
        exit(0);
    }
    if (opt.names || opt.names_without) return 0;
    if (!opt.count) {
        if (f->binary) {
            fflush(stdout);
            fprintf(stderr, "grep: %s: binary file matches\n", f->name);
            return 0;
        }
        if (opt.only) {
            if (!opt.invert) print_matches(f, line, end);
        } else {
            char *from = line;
            const char *floor = f->printed ? f->printed : start;
            for (long long n = 0; n < opt.before && from > floor; n++) {
                char *previous = memrchr(floor, '\n', (size_t)(from - 1 - floor));
                from = previous ? previous + 1 : (char *)floor;
            }
            if ((opt.before || opt.after) && f->separate && from != f->printed) puts("--");
            for (; from < line; from = line_end(from, line)) print_line(f, from, line_end(from, line), '-');
            print_line(f, line, end, ':');
            f->separate = 1;
        }
        f->after = opt.after;
    }
    return opt.max < 0 || f->selected < opt.max;
}

/* Search whole lines: start..end, looking from begin; what is before it is context alone. */
static void search(struct file *f, char *start, char *begin, char *end)
{
    char *at = begin;
    int certain = matcher_certain(&matcher);
    struct span s;
    matcher_buffer(&matcher, start, end);
    while (at < end) {
        char *line = at, *stop;
        if (!opt.invert) {
            line = (char *)matcher_candidate(&matcher, at);
            if (!line) break;
            stop = line_end(line, end);
            size_t len = (size_t)(stop - line) - (stop[-1] == '\n');
            if (!certain && !matcher_line(&matcher, line, len, 0, &s)) {
                print_after(f, at, stop);
                at = stop;
                continue;
            }
        } else {
            /* Everything up to the next match is selected. */
            const char *match = matcher_candidate(&matcher, at);
            stop = line_end(at, end);
            if (match == at && (certain || matcher_line(&matcher, at, (size_t)(stop - at) - (stop[-1] == '\n'), 0, &s))) {
                print_after(f, at, stop);
                at = stop;
                continue;
            }
        }
        print_after(f, at, line);
        if (!select_line(f, start, line, stop)) {
            if (opt.max >= 0 && f->selected >= opt.max && !opt.count && !f->binary) print_after(f, stop, end);
            f->done = 1;
            return;
        }
        at = stop;
    }
    print_after(f, at, end);
}

static void finish(struct file *f)
{
    if (opt.count) {
        if (opt.with_name) {
            fputs(f->name, stdout);
            putchar(opt.null_name ? 0 : ':');
        }
        printf("%lld\n", f->selected);
    }
    if (opt.names ? f->selected > 0 : opt.names_without ? f->selected == 0 : 0) {
        fputs(f->name, stdout);
        putchar(opt.null_name ? 0 : '\n');
    }
}

/* Context was printed of an earlier file: "--" stands between files too. */
static int gap;

static struct file new_file(const char *name)
{
    return (struct file){.name = name, .line = 1, .separate = gap};
}

/* A file that lies in memory whole, with a byte to spare behind it. */
static void search_memory(const char *name, char *content, size_t len)
{
    struct file f = new_file(name);
    if (opt.max == 0) {
        finish(&f);
        return;
    }
    if (len && opt.binary != BINARY_TEXT && memchr(content, 0, len)) {
        if (opt.binary == BINARY_SKIP) return;
        f.binary = 1;
        for (char *p = content; (p = memchr(p, 0, (size_t)(content + len - p))); p++) *p = '\n';
    }
    f.counted = content;
    if (len) search(&f, content, content, content + len);
    finish(&f);
    gap |= f.separate;
}

/* A stream, in chunks of whole lines with the context before them. */
static void search_stream(const char *name, int fd)
{
    struct file f = new_file(name);
    size_t cap = CHUNK, used = 0, begin = 0;
    char *buffer = allocate(NULL, cap + 1);
    ssize_t got = 1;
    f.counted = buffer;
    if (opt.max == 0) f.done = 1;
    while (!f.done && got > 0) {
        if (used == cap) {
            char *old = buffer;
            buffer = allocate(buffer, (cap *= 2) + 1);
            if (f.printed) f.printed = buffer + (f.printed - old);
            f.counted = buffer + (f.counted - old);
        }
        got = read(fd, buffer + used, cap - used);
        if (got < 0) {
            complain(name, errno);
            break;
        }
        char *fresh = buffer + used;
        used += (size_t)got;
        if (!f.binary && opt.binary != BINARY_TEXT && got && memchr(fresh, 0, (size_t)got)) {
            if (opt.binary == BINARY_SKIP) {
                free(buffer);
                return;
            }
            f.binary = 1;
        }
        if (f.binary)
            for (char *p = fresh; (p = memchr(p, 0, (size_t)(buffer + used - p))); p++) *p = '\n';
        char *end = buffer + used;
        if (got) {
            char *newline = memrchr(buffer + begin, '\n', used - begin);
            if (!newline) continue;
            end = newline + 1;
        }
        if (end > buffer + begin) search(&f, buffer, buffer + begin, end);
        /* Keep the lines that may be context to come, and the one that is not whole yet. */
        char *keep = end;
        for (long long n = 0; n < opt.before && keep > buffer; n++) {
            char *previous = memrchr(buffer, '\n', (size_t)(keep - 1 - buffer));
            keep = previous ? previous + 1 : buffer;
        }
        if (opt.number) {
            f.line += count_lines(f.counted, keep < f.counted ? f.counted : keep);
            if (keep < f.counted) f.line -= count_lines(keep, f.counted);
        }
        f.counted = buffer;
        f.offset += keep - buffer;
        f.printed = f.printed && f.printed > keep ? buffer + (f.printed - keep) : f.printed ? buffer : NULL;
        if (f.printed == buffer && keep != buffer && f.separate) f.printed = NULL;
        begin = (size_t)(end - keep);
        used -= (size_t)(keep - buffer);
        memmove(buffer, keep, used);
    }
    free(buffer);
    finish(&f);
    gap |= f.separate;
}

static int wanted(const char *path, int directory)
{
    const char *name = strrchr(path, '/');
    name = name && name[1] ? name + 1 : path;
    int included = 0, includes = 0;
    for (const char *f = opt.filters; f < opt.filters + opt.filters_len; f += strlen(f) + 1) {
        int hit = !fnmatch(f + 1, name, 0) || !fnmatch(f + 1, path, 0);
        if (*f == 'd' && directory && hit) return 0;
        if (*f == 'x' && !directory && hit) return 0;
        if (*f == 'i' && !directory) includes = 1, included |= hit;
    }
    return !includes || included;
}

static void search_path(const char *path);

static void search_below(const char *path)
{
    char *absolute = agentsh_abspath(AT_FDCWD, path);
    if (!absolute) return complain(path, errno);
    int walk = host_walk_open(absolute, strlen(absolute), 0, opt.filters, opt.filters_len);
    free(absolute);
    if (walk < 0) return complain(path, -walk);
    size_t cap = BATCH, base = strlen(path);
    char *batch = allocate(NULL, cap + 1), *name = allocate(NULL, base + 1);
    int got;
    int plain = !strcmp(path, "") || path[base - 1] == '/';
    while ((got = host_walk_next(walk, batch, cap)) > 0) {
        for (char *at = batch; at < batch + got;) {
            struct walk_record r;
            memcpy(&r, at, sizeof(r));
            char *content = at + sizeof(r) + r.path_len;
            name = allocate(name, base + r.path_len + 2);
            memcpy(name, path, base);
            if (!plain) name[base] = '/';
            memcpy(name + base + !plain, at + sizeof(r), r.path_len);
            name[base + !plain + r.path_len] = 0;
            if (r.kind == WALK_FILE) {
                char *end = content + r.content_len, kept = *end;
                search_memory(name, content, r.content_len);
                *end = kept;
            } else if (r.kind == WALK_BIG) {
                search_path(name);
            } else {
                uint32_t err;
                memcpy(&err, content, sizeof(err));
                complain(name, (int)err);
            }
            at = content + r.content_len;
        }
    }
    if (got < 0) complain(path, -got);
    host_walk_close(walk);
    free(batch);
    free(name);
}

static void search_path(const char *path)
{
    struct stat st;
    int fd = agentsh_open(path, O_RDONLY);
    if (fd < 0 || agentsh_fstat(fd, &st)) {
        complain(path, errno);
    } else if (S_ISDIR(st.st_mode)) {
        complain(path, EISDIR);
    } else search_stream(path, fd);
    if (fd >= 0) agentsh_close(fd);
}

static void search_argument(const char *path)
{
    struct stat st;
    if (!strcmp(path, "-")) return search_stream("(standard input)", STDIN_FILENO);
    if (!strcmp(path, "/dev/null")) return search_memory(path, (char[1]){0}, 0);
    int directory = !agentsh_stat(path, &st) && S_ISDIR(st.st_mode);
    if (!wanted(path, directory)) return;
    if (directory && opt.recurse) search_below(path);
    else search_path(path);
}

static void add_filter(char kind, const char *pattern)
{
    size_t n = strlen(pattern);
    opt.filters = allocate(opt.filters, opt.filters_len + n + 2);
    opt.filters[opt.filters_len] = kind;
    memcpy(opt.filters + opt.filters_len + 1, pattern, n + 1);
    /* Of a directory's pattern a last slash says nothing more. */
    if (kind == 'd' && n > 1 && pattern[n - 1] == '/') opt.filters[opt.filters_len + n--] = 0;
    opt.filters_len += n + 2;
}

static void add_filters_from(const char *path)
{
    FILE *in = agentsh_fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    if (!in) grep_fail("%s: %s", path, strerror(errno));
    while ((n = getline(&line, &cap, in)) > 0) {
        if (line[n - 1] == '\n') line[n - 1] = 0;
        if (*line) add_filter('x', line);
    }
    free(line);
    fclose(in);
}

static char *patterns;
static size_t patterns_len;
static int patterns_given;

static void add_patterns(const char *text, size_t len)
{
    patterns = allocate(patterns, patterns_len + len + 2);
    if (patterns_given++) patterns[patterns_len++] = '\n';
    memcpy(patterns + patterns_len, text, len);
    patterns_len += len;
}

static void add_patterns_from(const char *path)
{
    int fd = !strcmp(path, "-") ? STDIN_FILENO : agentsh_open(path, O_RDONLY);
    size_t cap = CHUNK, used = 0;
    char *text = allocate(NULL, cap);
    ssize_t got = -1;
    while (fd >= 0 && (got = read(fd, text + used, cap - used)) > 0)
        if ((used += (size_t)got) == cap) text = allocate(text, cap *= 2);
    if (got < 0) grep_fail("%s: %s", path, strerror(errno));
    if (used) add_patterns(text, used - (text[used - 1] == '\n'));
    else patterns_given |= 0x10000; /* an empty file: no pattern at all, nothing matches */
    free(text);
}

static long long number(const char *text, const char *what)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || n < 0) grep_fail("%s: %s", text, what);
    return errno ? LLONG_MAX : n;
}

enum { INCLUDE = 256, EXCLUDE, EXCLUDE_DIR, EXCLUDE_FROM, COLOR, BINARY_FILES, LINE_BUFFERED, NO_IGNORE_CASE, VERSION, HELP };

static const struct option long_options[] = {
    {"after-context", 1, 0, 'A'}, {"basic-regexp", 0, 0, 'G'}, {"before-context", 1, 0, 'B'},
    {"binary-files", 1, 0, BINARY_FILES}, {"byte-offset", 0, 0, 'b'}, {"color", 2, 0, COLOR}, {"colour", 2, 0, COLOR},
    {"context", 1, 0, 'C'}, {"count", 0, 0, 'c'}, {"dereference-recursive", 0, 0, 'R'},
    {"devices", 1, 0, 'D'}, {"directories", 1, 0, 'd'}, {"exclude", 1, 0, EXCLUDE},
    {"exclude-dir", 1, 0, EXCLUDE_DIR}, {"exclude-from", 1, 0, EXCLUDE_FROM}, {"extended-regexp", 0, 0, 'E'},
    {"file", 1, 0, 'f'}, {"files-with-matches", 0, 0, 'l'}, {"files-without-match", 0, 0, 'L'},
    {"fixed-strings", 0, 0, 'F'}, {"help", 0, 0, HELP}, {"ignore-case", 0, 0, 'i'}, {"include", 1, 0, INCLUDE},
    {"invert-match", 0, 0, 'v'}, {"line-buffered", 0, 0, LINE_BUFFERED}, {"line-number", 0, 0, 'n'},
    {"line-regexp", 0, 0, 'x'}, {"max-count", 1, 0, 'm'}, {"no-filename", 0, 0, 'h'},
    {"no-ignore-case", 0, 0, NO_IGNORE_CASE}, {"no-messages", 0, 0, 's'}, {"null", 0, 0, 'Z'},
    {"only-matching", 0, 0, 'o'}, {"perl-regexp", 0, 0, 'P'}, {"quiet", 0, 0, 'q'}, {"recursive", 0, 0, 'r'},
    {"regexp", 1, 0, 'e'}, {"silent", 0, 0, 'q'}, {"text", 0, 0, 'a'}, {"version", 0, 0, VERSION},
    {"with-filename", 0, 0, 'H'}, {"word-regexp", 0, 0, 'w'}, {0, 0, 0, 0},
};

static const char usage[] =
    "usage: grep [-EFGP] [-abcHhiLlnoqRrsvwxZ] [-A N] [-B N] [-C N] [-m N] [-e PATTERN] [-f FILE]\n"
    "            [--include GLOB] [--exclude GLOB] [--exclude-dir GLOB] [PATTERN] [FILE...]\n";

static void parse(int argc, char *argv[])
{
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    if (!strcmp(name, "egrep")) opt.syntax = EXTENDED;
    if (!strcmp(name, "fgrep")) opt.syntax = FIXED;
    if (!strcmp(name, "rgrep")) opt.recurse = 1;
    long long context = -1, before = -1, after = -1;
    int c, digit_index = -1;
    while ((c = getopt_long(argc, argv, "0123456789A:B:C:D:EFGHILPRUVZabcd:e:f:hilm:noqrsuvwxyz", long_options, NULL)) != -1) {
        switch (c) {
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            /* -12 is a context of 12: digits of one argument follow each other. */
            if (digit_index != optind || context < 0) context = 0;
            digit_index = optind;
            context = context * 10 + (c - '0');
            if (context > INT_MAX) context = INT_MAX;
            break;
        case 'A': after = number(optarg, "invalid context length argument"); break;
        case 'B': before = number(optarg, "invalid context length argument"); break;
        case 'C': context = number(optarg, "invalid context length argument"); digit_index = -1; break;
        case 'D': break; /* devices are never in reach */
        case 'E': opt.syntax = EXTENDED; break;
        case 'F': opt.syntax = FIXED; break;
        case 'G': opt.syntax = BASIC; break;
        case 'P': opt.syntax = PERL; break;
        case 'H': opt.with_name = opt.name_asked = 1; break;
        case 'h': opt.with_name = 0; break;
        case 'I': opt.binary = BINARY_SKIP; break;
        case 'L': opt.names_without = 1, opt.names = 0; break;
        case 'l': opt.names = 1, opt.names_without = 0; break;
        case 'R':
        case 'r': opt.recurse = 1; break;
        case 'Z': opt.null_name = 1; break;
        case 'a': opt.binary = BINARY_TEXT; break;
        case 'b': opt.byte_offset = 1; break;
        case 'c': opt.count = 1; break;
        case 'd':
            if (!strcmp(optarg, "recurse")) opt.recurse = 1;
            else if (!strcmp(optarg, "skip")) grep_fail("-d skip is not supported here");
            break;
        case 'e': add_patterns(optarg, strlen(optarg)); break;
        case 'f': add_patterns_from(optarg); break;
        case 'y':
        case 'i': matcher.ignore_case = 1; break;
        case NO_IGNORE_CASE: matcher.ignore_case = 0; break;
        case 'm': opt.max = number(optarg, "invalid max count"); break;
        case 'n': opt.number = 1; break;
        case 'o': opt.only = 1; break;
        case 'q': opt.quiet = 1; break;
        case 's': opt.silent = 1; break;
        case 'v': opt.invert = 1; break;
        case 'w': matcher.words = 1; break;
        case 'x': matcher.lines = 1; break;
        case 'z': grep_fail("-z is not supported here");
        case 'U':
        case 'u':
        case LINE_BUFFERED: break;
        case INCLUDE: add_filter('i', optarg); break;
        case EXCLUDE: add_filter('x', optarg); break;
        case EXCLUDE_DIR: add_filter('d', optarg); break;
        case EXCLUDE_FROM: add_filters_from(optarg); break;
        case COLOR:
            if (optarg && !strcmp(optarg, "always")) grep_fail("--color=always is not supported here");
            break;
        case BINARY_FILES:
            if (!strcmp(optarg, "text")) opt.binary = BINARY_TEXT;
            else if (!strcmp(optarg, "without-match")) opt.binary = BINARY_SKIP;
            else if (!strcmp(optarg, "binary")) opt.binary = BINARY_NOTE;
            else grep_fail("invalid argument '%s' for '--binary-files'", optarg);
            break;
        case 'V':
        case VERSION: puts("grep (agentsh userland)"); exit(0);
        case HELP: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    opt.before = before >= 0 ? before : context >= 0 ? context : 0;
    opt.after = after >= 0 ? after : context >= 0 ? context : 0;
    if (opt.only || opt.count || opt.names || opt.names_without || opt.quiet) opt.before = opt.after = 0;
    if (opt.names || opt.names_without) opt.count = 0;
    matcher.extents = opt.only;
}

int main(int argc, char *argv[])
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    pattern_program = "grep";
    parse(argc, argv);
    if (!patterns_given) {
        if (optind >= argc) {
            fputs(usage, stderr);
            return 2;
        }
        add_patterns(argv[optind], strlen(argv[optind]));
        optind++;
    }
    if (patterns_given != 0x10000) matcher_add(&matcher, opt.syntax, patterns, patterns_len);
    int files = argc - optind;
    if (opt.with_name < 0) opt.with_name = files > 1 || (opt.recurse && (files == 0 || files == 1));
    if (opt.recurse && files == 1 && opt.with_name == 1) {
        struct stat st;
        /* A single file needs no name, though -r was given. */
        if (!opt.name_asked && (!strcmp(argv[optind], "-") || (!agentsh_stat(argv[optind], &st) && !S_ISDIR(st.st_mode))))
            opt.with_name = 0;
    }
    if (!files && opt.recurse) search_below("");
    else if (!files) search_argument("-");
    for (int i = optind; i < argc; i++) search_argument(argv[i]);
    if (fflush(stdout) || ferror(stdout)) return 2;
    return failed ? 2 : !selected_any;
}
