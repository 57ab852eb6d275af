/* sort: lines in order, by bytes or by keys. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"
#include "out.h"
#include "sort.h"

struct key *sort_keys;
size_t sort_key_count;
struct how sort_global;
int sort_unique, sort_stable, sort_separator = -1;
uint64_t sort_salt;
static int check, merge;
static char end_byte = '\n';

_Noreturn void sort_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("sort: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static void *allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) sort_fail("out of memory");
    return p;
}

typedef int compare(const struct line *, const struct line *);

/* Inlined into sort_all once for each order: a call through a pointer costs more than most comparisons. */
static inline __attribute__((always_inline)) void insert_lines(struct line *lines, size_t n, compare *order)
{
    for (size_t i = 1; i < n; i++) {
        struct line x = lines[i];
        size_t j = i;
        for (; j && order(&lines[j - 1], &x) > 0; j--) lines[j] = lines[j - 1];
        lines[j] = x;
    }
}

static inline __attribute__((always_inline)) void merge_halves(struct line *lines, struct line *spare, size_t half, size_t n, compare *order)
{
    if (order(&lines[half - 1], &lines[half]) <= 0) return;
    memcpy(spare, lines, half * sizeof(*lines));
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        lines[k] = j < n && order(&spare[i], &lines[j]) > 0 ? lines[j++] : spare[i++];
}

static void sort_plainly(struct line *lines, struct line *spare, size_t n)
{
    if (n < 12) {
        insert_lines(lines, n, sort_compare_plain);
        return;
    }
    sort_plainly(lines, spare, n / 2);
    sort_plainly(lines + n / 2, spare, n - n / 2);
    merge_halves(lines, spare, n / 2, n, sort_compare_plain);
}

static void sort_lines(struct line *lines, struct line *spare, size_t n)
{
    if (n < 12) {
        insert_lines(lines, n, sort_compare);
        return;
    }
    sort_lines(lines, spare, n / 2);
    sort_lines(lines + n / 2, spare, n - n / 2);
    merge_halves(lines, spare, n / 2, n, sort_compare);
}

static char *content;
static size_t content_len, content_cap;

static void read_input(const char *name)
{
    int fd = !strcmp(name, "-") ? STDIN_FILENO : agentsh_open(name, O_RDONLY);
    if (fd < 0) sort_fail("cannot read: %s: %s", name, strerror(errno));
    for (ssize_t got = 1; got > 0; content_len += (size_t)got) {
        if (content_cap - content_len < 2) content = allocate(content, content_cap = content_cap ? content_cap * 2 : 1 << 16);
        got = read(fd, content + content_len, content_cap - content_len - 1);
        if (got < 0) sort_fail("read failed: %s: %s", name, strerror(errno));
    }
    if (content_len && content[content_len - 1] != end_byte) content[content_len++] = end_byte;
    if (fd != STDIN_FILENO) agentsh_close(fd);
}

static struct line *split(size_t *count)
{
    size_t cap = 1024, n = 0;
    struct line *lines = allocate(NULL, cap * sizeof(*lines));
    for (const char *at = content, *end = content + content_len; at < end;) {
        const char *stop = memchr(at, end_byte, (size_t)(end - at));
        if (n == cap) lines = allocate(lines, (cap *= 2) * sizeof(*lines));
        struct line *line = &lines[n++];
        *line = (struct line){at, (uint32_t)(stop - at), at, (uint32_t)(stop - at), 0};
        if (sort_key_count) {
            size_t len;
            sort_find_key(&sort_keys[0], line->at, line->len, &line->key, &len);
            line->key_len = (uint32_t)len;
        } else if (sort_global.blanks) {
            while (line->key_len && sort_is_blank(*line->key)) line->key++, line->key_len--;
        }
        line->rank = sort_rank(line->key, line->key_len);
        at = stop + 1;
    }
    *count = n;
    return lines;
}

static int apply(struct how *how, char c, int end)
{
    how->any = 1;
    switch (c) {
    case 'b': *(end ? &how->blanks_end : &how->blanks) = 1; return 1;
    case 'd': how->dictionary = 1; return 1;
    case 'f': how->fold = 1; return 1;
    case 'g': how->order = GENERAL; return 1;
    case 'h': how->order = HUMAN; return 1;
    case 'i': how->printable = 1; return 1;
    case 'M': how->order = MONTH; return 1;
    case 'n': how->order = NUMERIC; return 1;
    case 'R': how->order = RANDOM; return 1;
    case 'r': how->reverse = 1; return 1;
    case 'V': how->order = VERSION; return 1;
    default: return 0;
    }
}

static size_t key_number(const char **p, const char *spec)
{
    char *end;
    if (!isdigit((unsigned char)**p)) sort_fail("invalid number at field start: '%s'", spec);
    unsigned long n = strtoul(*p, &end, 10);
    *p = end;
    return n;
}

static void add_key(const char *spec)
{
    struct key k = {.chr = 1};
    const char *p = spec;
    k.field = key_number(&p, spec);
    if (*p == '.') p++, k.chr = key_number(&p, spec);
    if (!k.field || !k.chr) sort_fail("field number is zero: '%s'", spec);
    while (*p && *p != ',')
        if (!apply(&k.how, *p++, 0)) sort_fail("stray character in field spec: '%s'", spec);
    if (*p == ',') {
        p++;
        k.end_field = key_number(&p, spec);
        if (!k.end_field) sort_fail("field number is zero: '%s'", spec);
        if (*p == '.') p++, k.end_chr = key_number(&p, spec);
        while (*p)
            if (!apply(&k.how, *p++, 1)) sort_fail("stray character in field spec: '%s'", spec);
    }
    sort_keys = allocate(sort_keys, (sort_key_count + 1) * sizeof(*sort_keys));
    sort_keys[sort_key_count++] = k;
}

enum { PARALLEL = 256, HELP, SHOW_VERSION, FILES_FROM, DEBUG };

static const struct option long_options[] = {
    {"batch-size", 1, 0, PARALLEL}, {"buffer-size", 1, 0, 'S'}, {"check", 2, 0, 'c'}, {"debug", 0, 0, DEBUG},
    {"dictionary-order", 0, 0, 'd'}, {"field-separator", 1, 0, 't'}, {"files0-from", 1, 0, FILES_FROM},
    {"general-numeric-sort", 0, 0, 'g'}, {"help", 0, 0, HELP}, {"human-numeric-sort", 0, 0, 'h'},
    {"ignore-case", 0, 0, 'f'}, {"ignore-leading-blanks", 0, 0, 'b'}, {"ignore-nonprinting", 0, 0, 'i'},
    {"key", 1, 0, 'k'}, {"merge", 0, 0, 'm'}, {"month-sort", 0, 0, 'M'}, {"numeric-sort", 0, 0, 'n'},
    {"output", 1, 0, 'o'}, {"parallel", 1, 0, PARALLEL}, {"random-sort", 0, 0, 'R'}, {"reverse", 0, 0, 'r'},
    {"stable", 0, 0, 's'}, {"temporary-directory", 1, 0, 'T'}, {"unique", 0, 0, 'u'}, {"version", 0, 0, SHOW_VERSION},
    {"version-sort", 0, 0, 'V'}, {"zero-terminated", 0, 0, 'z'}, {0, 0, 0, 0},
};

static const char usage[] = "usage: sort [-bcCdfghiMmnRrsuVz] [-k KEY] [-t CHAR] [-o FILE] [FILE...]\n";

/* Merge: take the least of the inputs' first lines again and again; the inputs' own order stays. */
static void merge_runs(struct line *lines, size_t n, const size_t *ends, size_t runs)
{
    struct line *result = allocate(NULL, n * sizeof(*result));
    size_t *at = allocate(NULL, runs * sizeof(*at));
    for (size_t r = 0; r < runs; r++) at[r] = r ? ends[r - 1] : 0;
    for (size_t k = 0; k < n; k++) {
        size_t best = runs;
        for (size_t r = 0; r < runs; r++)
            if (at[r] < ends[r] && (best == runs || sort_compare(&lines[at[best]], &lines[at[r]]) > 0)) best = r;
        result[k] = lines[at[best]++];
    }
    memcpy(lines, result, n * sizeof(*lines));
    free(result);
    free(at);
}

int main(int argc, char *argv[])
{
    const char *output = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "bcCdfghik:mMno:RrS:sT:t:uVz", long_options, NULL)) != -1) {
        switch (c) {
        case 'c': check = optarg && (!strcmp(optarg, "quiet") || !strcmp(optarg, "silent")) ? 2 : 1; break;
        case 'C': check = 2; break;
        case 'k': add_key(optarg); break;
        case 'm': merge = 1; break;
        case 'o': output = optarg; break;
        case 's': sort_stable = 1; break;
        case 'S':
        case 'T':
        case DEBUG:
        case PARALLEL: break;
        case 't':
            if (!strcmp(optarg, "\\0")) sort_separator = 0;
            else if (strlen(optarg) != 1) sort_fail(*optarg ? "multi-character tab '%s'" : "empty tab", optarg);
            else sort_separator = (unsigned char)*optarg;
            break;
        case 'u': sort_unique = 1; break;
        case 'z': end_byte = 0; break;
        case FILES_FROM: sort_fail("--files0-from is not supported here");
        case SHOW_VERSION: puts("sort (agentsh userland)"); return 0;
        case HELP: fputs(usage, stdout); return 0;
        case '?': fputs(usage, stderr); return 2;
        default: apply(&sort_global, (char)c, 0);
        }
    }
    for (size_t i = 0; i < sort_key_count; i++)
        if (!sort_keys[i].how.any) sort_keys[i].how = sort_global, sort_keys[i].how.blanks_end = sort_global.blanks;
    getentropy(&sort_salt, sizeof(sort_salt));
    int files = argc - optind;
    if (check && files > 1) sort_fail("extra operand '%s' not allowed with -c", argv[optind + 1]);
    size_t *marks = allocate(NULL, (size_t)(files ? files : 1) * sizeof(*marks));
    if (!files) {
        read_input("-");
        marks[0] = content_len;
    }
    for (int i = 0; i < files; i++) {
        read_input(argv[optind + i]);
        marks[i] = content_len;
    }
    size_t n;
    struct line *lines = split(&n);
    if (check) {
        for (size_t i = 1; i < n; i++) {
            int order = sort_compare(&lines[i - 1], &lines[i]);
            if (order < 0 || (order == 0 && !sort_unique)) continue;
            if (check == 1)
                fprintf(stderr, "sort: %s:%zu: disorder: %.*s\n", files ? argv[optind] : "-", i + 1, (int)lines[i].len, lines[i].at);
            return 1;
        }
        return 0;
    }
    if (merge) {
        size_t runs = (size_t)(files ? files : 1), line = 0;
        for (size_t r = 0; r < runs; r++) {
            while (line < n && lines[line].at < content + marks[r]) line++;
            marks[r] = line;
        }
        merge_runs(lines, n, marks, runs);
    } else {
        struct line *spare = allocate(NULL, (n / 2 + 1) * sizeof(*spare));
        (sort_plain() ? sort_plainly : sort_lines)(lines, spare, n);
        free(spare);
    }
    /* The output may be one of the inputs: it is opened now that all of them are read. */
    int fd = STDOUT_FILENO;
    if (output && (fd = agentsh_open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0)
        sort_fail("open failed: %s: %s", output, strerror(errno));
    out_to(fd);
    for (size_t i = 0, last = 0; i < n; i++) {
        if (sort_unique && i && !sort_compare(&lines[last], &lines[i])) continue;
        last = i;
        out_bytes(lines[i].at, lines[i].len + 1);
    }
    if (out_flush()) sort_fail("write failed: %s: %s", output ? output : "standard output", strerror(errno));
    return 0;
}
