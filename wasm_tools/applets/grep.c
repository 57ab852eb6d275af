/* grep: lines that match. A search below a directory reads many files for one call to the host. */
#define _GNU_SOURCE
#include <dirent.h>
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

struct grep_options grep = {.with_name = -1, .max = -1, .eol = '\n'};
struct matcher grep_matcher = {.eol = '\n'};
int grep_failed, grep_selected;

_Noreturn void grep_fail(const char *format, ...)
{
    va_list args;
    out_flush();
    fputs("grep: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

void grep_complain(const char *name, int err)
{
    grep_failed = 1;
    if (grep.silent) return;
    out_flush();
    fprintf(stderr, "grep: %s: %s\n", name, strerror(err));
}

void *grep_allocate(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (!p) grep_fail("out of memory");
    return p;
}

static int wanted(const char *path, int directory)
{
    const char *name = strrchr(path, '/');
    name = name && name[1] ? name + 1 : path;
    int included = 0, includes = 0;
    for (const char *f = grep.filters; f < grep.filters + grep.filters_len; f += strlen(f) + 1) {
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
    if (!absolute) return grep_complain(path, errno);
    int walk = host_walk_open(absolute, strlen(absolute), 0, grep.filters, grep.filters_len);
    free(absolute);
    if (walk < 0) return grep_complain(path, -walk);
    size_t cap = GREP_BATCH, base = strlen(path);
    char *batch = grep_allocate(NULL, cap + 1), *name = grep_allocate(NULL, base + 1);
    int got;
    int plain = !strcmp(path, "") || path[base - 1] == '/';
    while ((got = host_walk_next(walk, batch, cap)) > 0) {
        for (char *at = batch; at < batch + got;) {
            struct walk_record r;
            memcpy(&r, at, sizeof(r));
            char *content = at + sizeof(r) + r.path_len;
            name = grep_allocate(name, base + r.path_len + 2);
            memcpy(name, path, base);
            if (!plain) name[base] = '/';
            memcpy(name + base + !plain, at + sizeof(r), r.path_len);
            name[base + !plain + r.path_len] = 0;
            if (r.kind == WALK_FILE) {
                char *end = content + r.content_len, kept = *end;
                grep_memory(name, content, r.content_len);
                *end = kept;
            } else if (r.kind == WALK_BIG) {
                search_path(name);
            } else {
                uint32_t err;
                memcpy(&err, content, sizeof(err));
                grep_complain(name, (int)err);
            }
            at = content + r.content_len;
        }
    }
    if (got < 0) grep_complain(path, -got);
    host_walk_close(walk);
    free(batch);
    free(name);
}

/* -R: what links below a directory lead to. above: the directories that we are in, so that no loop is walked. */
struct above {
    const struct above *up;
    dev_t dev;
    ino_t ino;
};

static void search_links(const char *path, const struct above *up)
{
    struct stat st;
    if (agentsh_stat(*path ? path : ".", &st)) return;
    struct above here = {up, st.st_dev, st.st_ino};
    for (const struct above *a = up; a; a = a->up)
        if (a->dev == st.st_dev && a->ino == st.st_ino) return grep_complain(path, ELOOP);
    DIR *d = opendir(*path ? path : ".");
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        if ((e->d_type != DT_DIR && e->d_type != DT_LNK) || !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        size_t base = strlen(path);
        char *name = grep_allocate(NULL, base + strlen(e->d_name) + 2);
        sprintf(name, base && path[base - 1] != '/' ? "%s/%s" : "%s%s", path, e->d_name);
        int missing = e->d_type == DT_LNK && agentsh_stat(name, &st), directory = e->d_type == DT_DIR || (!missing && S_ISDIR(st.st_mode));
        if (missing) grep_complain(name, errno);
        else if (wanted(name, directory)) {
            int loop = 0;
            for (const struct above *a = &here; a && e->d_type == DT_LNK && directory; a = a->up)
                loop |= a->dev == st.st_dev && a->ino == st.st_ino;
            if (loop) grep_complain(name, ELOOP);
            else {
                if (e->d_type == DT_LNK && directory) search_below(name);
                else if (!directory) search_path(name);
                if (directory) search_links(name, &here);
            }
        }
        free(name);
    }
    closedir(d);
}

static void search_path(const char *path)
{
    struct stat st;
    int fd = agentsh_open(path, O_RDONLY);
    if (fd < 0 || agentsh_fstat(fd, &st)) {
        grep_complain(path, errno);
    } else if (S_ISDIR(st.st_mode)) {
        grep_complain(path, EISDIR);
    } else grep_stream(path, fd);
    if (fd >= 0) agentsh_close(fd);
}

static void search_argument(const char *path)
{
    struct stat st;
    if (!strcmp(path, "-")) return grep_stream("(standard input)", STDIN_FILENO);
    if (!strcmp(path, "/dev/null")) return grep_memory(path, (char[1]){0}, 0);
    int directory = !agentsh_stat(path, &st) && S_ISDIR(st.st_mode);
    if (!wanted(path, directory)) return;
    if (directory && grep.recurse) {
        search_below(path);
        if (grep.through_links) search_links(path, NULL);
    }
    else search_path(path);
}

static void add_filter(char kind, const char *pattern)
{
    size_t n = strlen(pattern);
    grep.filters = grep_allocate(grep.filters, grep.filters_len + n + 2);
    grep.filters[grep.filters_len] = kind;
    memcpy(grep.filters + grep.filters_len + 1, pattern, n + 1);
    /* Of a directory's pattern a last slash says nothing more. */
    if (kind == 'd' && n > 1 && pattern[n - 1] == '/') grep.filters[grep.filters_len + n--] = 0;
    grep.filters_len += n + 2;
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
    if (ferror(in)) grep_fail("%s: %s", path, strerror(errno));
    free(line);
    fclose(in);
}

static char *patterns;
static size_t patterns_len;
static int patterns_given;

static void add_patterns(const char *text, size_t len)
{
    patterns = grep_allocate(patterns, patterns_len + len + 2);
    if (patterns_given++) patterns[patterns_len++] = '\n';
    memcpy(patterns + patterns_len, text, len);
    patterns_len += len;
}

static void add_patterns_from(const char *path)
{
    int fd = !strcmp(path, "-") ? STDIN_FILENO : agentsh_open(path, O_RDONLY);
    size_t cap = GREP_CHUNK, used = 0;
    char *text = grep_allocate(NULL, cap);
    ssize_t got = -1;
    while (fd >= 0 && (got = read(fd, text + used, cap - used)) > 0)
        if ((used += (size_t)got) == cap) text = grep_allocate(text, cap *= 2);
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
    {"no-ignore-case", 0, 0, NO_IGNORE_CASE}, {"no-messages", 0, 0, 's'}, {"null", 0, 0, 'Z'}, {"null-data", 0, 0, 'z'},
    {"only-matching", 0, 0, 'o'}, {"perl-regexp", 0, 0, 'P'}, {"quiet", 0, 0, 'q'}, {"recursive", 0, 0, 'r'},
    {"regexp", 1, 0, 'e'}, {"silent", 0, 0, 'q'}, {"text", 0, 0, 'a'}, {"version", 0, 0, VERSION},
    {"with-filename", 0, 0, 'H'}, {"word-regexp", 0, 0, 'w'}, {0, 0, 0, 0},
};

static const char usage[] =
    "usage: grep [-EFGP] [-abcHhiLlnoqRrsvwxZz] [-A N] [-B N] [-C N] [-m N] [-e PATTERN] [-f FILE]\n"
    "            [--include GLOB] [--exclude GLOB] [--exclude-dir GLOB] [PATTERN] [FILE...]\n";

static void parse(int argc, char *argv[])
{
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    if (!strcmp(name, "egrep")) grep.syntax = EXTENDED;
    if (!strcmp(name, "fgrep")) grep.syntax = FIXED;
    if (!strcmp(name, "rgrep")) grep.recurse = 1;
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
        case 'E': grep.syntax = EXTENDED; break;
        case 'F': grep.syntax = FIXED; break;
        case 'G': grep.syntax = BASIC; break;
        case 'P': grep.syntax = PERL; break;
        case 'H': grep.with_name = grep.name_asked = 1; break;
        case 'h': grep.with_name = 0; break;
        case 'I': grep.binary = BINARY_SKIP; break;
        case 'L': grep.names_without = 1, grep.names = 0; break;
        case 'l': grep.names = 1, grep.names_without = 0; break;
        case 'R': grep.recurse = grep.through_links = 1; break;
        case 'r': grep.recurse = 1; break;
        case 'Z': grep.null_name = 1; break;
        case 'a': grep.binary = BINARY_TEXT; break;
        case 'b': grep.byte_offset = 1; break;
        case 'c': grep.count = 1; break;
        case 'd':
            if (!strcmp(optarg, "recurse")) grep.recurse = 1;
            else if (!strcmp(optarg, "skip")) grep_fail("-d skip is not supported here");
            break;
        case 'e': add_patterns(optarg, strlen(optarg)); break;
        case 'f': add_patterns_from(optarg); break;
        case 'y':
        case 'i': grep_matcher.ignore_case = 1; break;
        case NO_IGNORE_CASE: grep_matcher.ignore_case = 0; break;
        case 'm': grep.max = number(optarg, "invalid max count"); break;
        case 'n': grep.number = 1; break;
        case 'o': grep.only = 1; break;
        case 'q': grep.quiet = 1; break;
        case 's': grep.silent = 1; break;
        case 'v': grep.invert = 1; break;
        case 'w': grep_matcher.words = 1; break;
        case 'x': grep_matcher.lines = 1; break;
        case 'z': grep.eol = grep_matcher.eol = 0; break;
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
            if (!strcmp(optarg, "text")) grep.binary = BINARY_TEXT;
            else if (!strcmp(optarg, "without-match")) grep.binary = BINARY_SKIP;
            else if (!strcmp(optarg, "binary")) grep.binary = BINARY_NOTE;
            else grep_fail("invalid argument '%s' for '--binary-files'", optarg);
            break;
        case 'V':
        case VERSION: puts("grep (agentsh userland)"); exit(0);
        case HELP: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    grep.before = before >= 0 ? before : context >= 0 ? context : 0;
    grep.after = after >= 0 ? after : context >= 0 ? context : 0;
    if (grep.only || grep.count || grep.names || grep.names_without || grep.quiet) grep.before = grep.after = 0;
    if (grep.names || grep.names_without) grep.count = 0;
}

int main(int argc, char *argv[])
{
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
    if (patterns_given != 0x10000) matcher_add(&grep_matcher, grep.syntax, patterns, patterns_len);
    int files = argc - optind;
    if (grep.with_name < 0) grep.with_name = files > 1 || (grep.recurse && (files == 0 || files == 1));
    if (grep.recurse && files == 1 && grep.with_name == 1) {
        struct stat st;
        /* A single file needs no name, though -r was given. */
        if (!grep.name_asked && (!strcmp(argv[optind], "-") || (!agentsh_stat(argv[optind], &st) && !S_ISDIR(st.st_mode))))
            grep.with_name = 0;
    }
    if (!files && grep.recurse) {
        search_below("");
        if (grep.through_links) search_links("", NULL);
    }
    else if (!files) search_argument("-");
    for (int i = optind; i < argc; i++) search_argument(argv[i]);
    if (out_flush()) return 2;
    return grep_failed ? 2 : !grep_selected;
}
