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

enum order { BYTES, NUMERIC, GENERAL, HUMAN, MONTH, VERSION, RANDOM };

struct how {
    enum order order;
    int blanks, blanks_end, dictionary, fold, printable, reverse, any;
};

struct key {
    size_t field, chr, end_field, end_chr; /* from 1; end_field 0: to the line's end; end_chr 0: the whole field */
    struct how how;
};

struct line {
    const char *at;
    uint32_t len;
    const char *key; /* the first key's text */
    uint32_t key_len;
};

static struct key *keys;
static size_t key_count;
static struct how global;
static int unique, stable, separator = -1, check, merge;
static char end_byte = '\n';
static uint64_t salt;

_Noreturn static void fail(const char *format, ...)
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
    if (!p) fail("out of memory");
    return p;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Where field number n starts. */
static const char *field_start(const char *p, const char *end, size_t n)
{
    while (--n && p < end) {
        if (separator >= 0) {
            while (p < end && *p != (char)separator) p++;
            if (p < end) p++;
        } else {
            while (p < end && is_blank(*p)) p++;
            while (p < end && !is_blank(*p)) p++;
        }
    }
    return p;
}

static const char *field_end(const char *p, const char *end)
{
    if (separator >= 0) {
        while (p < end && *p != (char)separator) p++;
    } else {
        while (p < end && is_blank(*p)) p++;
        while (p < end && !is_blank(*p)) p++;
    }
    return p;
}

static void find_key(const struct key *k, const char *line, size_t len, const char **start, size_t *length)
{
    const char *end = line + len, *from = field_start(line, end, k->field), *to = end;
    if (k->how.blanks)
        while (from < end && is_blank(*from)) from++;
    from = (size_t)(end - from) > k->chr - 1 ? from + (k->chr - 1) : end;
    if (k->end_field) {
        to = field_start(line, end, k->end_field);
        if (k->end_chr) {
            if (k->how.blanks_end)
                while (to < end && is_blank(*to)) to++;
            to = (size_t)(end - to) > k->end_chr ? to + k->end_chr : end;
        } else to = field_end(to, end);
    }
    *start = from;
    *length = to > from ? (size_t)(to - from) : 0;
}

struct number {
    int negative, zero;
    const char *whole, *fraction;
    size_t whole_len, fraction_len;
    const char *after;
};

static struct number parse_number(const char *p, const char *end)
{
    struct number n = {0};
    while (p < end && is_blank(*p)) p++;
    if (p < end && *p == '-') n.negative = 1, p++;
    while (p < end && *p == '0') p++;
    n.whole = p;
    while (p < end && isdigit((unsigned char)*p)) p++;
    n.whole_len = (size_t)(p - n.whole);
    if (p < end && *p == '.') {
        n.fraction = ++p;
        while (p < end && isdigit((unsigned char)*p)) p++;
        n.fraction_len = (size_t)(p - n.fraction);
        while (n.fraction_len && n.fraction[n.fraction_len - 1] == '0') n.fraction_len--;
    }
    n.after = p;
    n.zero = !n.whole_len && !n.fraction_len;
    return n;
}

static int compare_numbers(const struct number *a, const struct number *b)
{
    int na = a->negative && !a->zero, nb = b->negative && !b->zero;
    if (a->zero && b->zero) return 0;
    if (na != nb) return na ? -1 : 1;
    int order = 0;
    if (a->whole_len != b->whole_len) order = a->whole_len < b->whole_len ? -1 : 1;
    else order = memcmp(a->whole, b->whole, a->whole_len);
    if (!order) {
        size_t n = a->fraction_len < b->fraction_len ? a->fraction_len : b->fraction_len;
        order = n ? memcmp(a->fraction, b->fraction, n) : 0;
        if (!order) order = (a->fraction_len > b->fraction_len) - (a->fraction_len < b->fraction_len);
    }
    return na ? -order : order;
}

static int unit(const struct number *n, const char *end)
{
    static const char units[] = "KMGTPEZY";
    char c = n->after < end ? *n->after : 0;
    const char *at = c == 'k' ? units : c ? strchr(units, c) : NULL;
    int rank = at ? (int)(at - units) + 1 : 0;
    return n->zero ? 0 : n->negative ? -rank : rank;
}

static int month(const char *p, const char *end)
{
    static const char names[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    while (p < end && is_blank(*p)) p++;
    if (end - p < 3) return 0;
    for (int m = 0; m < 12; m++)
        if (!strncasecmp(p, names + 3 * m, 3)) return m + 1;
    return 0;
}

/* Letters before everything else, a tilde before the end. */
static int version_rank(const char *p, const char *end)
{
    if (p == end || isdigit((unsigned char)*p)) return 0;
    if (isalpha((unsigned char)*p)) return (unsigned char)*p;
    return *p == '~' ? -1 : (unsigned char)*p + 256;
}

static int compare_versions(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while (a < a_end || b < b_end) {
        while ((a < a_end && !isdigit((unsigned char)*a)) || (b < b_end && !isdigit((unsigned char)*b))) {
            int order = version_rank(a, a_end) - version_rank(b, b_end);
            if (order) return order;
            a += a < a_end;
            b += b < b_end;
        }
        while (a < a_end && *a == '0') a++;
        while (b < b_end && *b == '0') b++;
        int first = 0;
        while (a < a_end && b < b_end && isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            if (!first) first = *a - *b;
            a++, b++;
        }
        if (a < a_end && isdigit((unsigned char)*a)) return 1;
        if (b < b_end && isdigit((unsigned char)*b)) return -1;
        if (first) return first;
    }
    return 0;
}

static uint64_t mix(const char *p, size_t len)
{
    uint64_t h = salt ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
    h ^= h >> 29;
    return h * 0x9E3779B97F4A7C15u;
}

static int compare_text(const struct how *how, const char *a, size_t na, const char *b, size_t nb)
{
    if (!how->fold && !how->dictionary && !how->printable) {
        int order = memcmp(a, b, na < nb ? na : nb);
        return order ? order : (na > nb) - (na < nb);
    }
    const char *a_end = a + na, *b_end = b + nb;
    for (;; a++, b++) {
#define LEFT_OUT(c) \
    ((how->dictionary && !isalnum((unsigned char)(c)) && !is_blank(c)) || (how->printable && !isprint((unsigned char)(c))))
        while (a < a_end && LEFT_OUT(*a)) a++;
        while (b < b_end && LEFT_OUT(*b)) b++;
        if (a == a_end || b == b_end) return (a < a_end) - (b < b_end);
        int order = how->fold ? toupper((unsigned char)*a) - toupper((unsigned char)*b) : (unsigned char)*a - (unsigned char)*b;
        if (order) return order;
    }
}

static int compare_keys(const struct how *how, const char *a, size_t na, const char *b, size_t nb)
{
    int order = 0;
    switch (how->order) {
    case BYTES: order = compare_text(how, a, na, b, nb); break;
    case NUMERIC:
    case HUMAN: {
        struct number x = parse_number(a, a + na), y = parse_number(b, b + nb);
        if (how->order == HUMAN) order = unit(&x, a + na) - unit(&y, b + nb);
        if (!order) order = compare_numbers(&x, &y);
        break;
    }
    case GENERAL: {
        char x[128], y[128], *xe, *ye;
        snprintf(x, sizeof(x), "%.*s", (int)(na < 120 ? na : 120), a);
        snprintf(y, sizeof(y), "%.*s", (int)(nb < 120 ? nb : 120), b);
        double p = strtod(x, &xe), q = strtod(y, &ye);
        if (xe == x || ye == y) order = (xe != x) - (ye != y);
        else order = p < q ? -1 : p > q ? 1 : p == q ? 0 : (p == p) - (q == q);
        break;
    }
    case MONTH: order = month(a, a + na) - month(b, b + nb); break;
    case VERSION: order = compare_versions(a, a + na, b, b + nb); break;
    case RANDOM: {
        uint64_t x = mix(a, na), y = mix(b, nb);
        order = x < y ? -1 : x > y;
        break;
    }
    }
    return how->reverse ? -order : order;
}

static int compare(const struct line *a, const struct line *b)
{
    int order = 0;
    if (key_count) {
        order = compare_keys(&keys[0].how, a->key, a->key_len, b->key, b->key_len);
        for (size_t i = 1; !order && i < key_count; i++) {
            const char *x, *y;
            size_t nx, ny;
            find_key(&keys[i], a->at, a->len, &x, &nx);
            find_key(&keys[i], b->at, b->len, &y, &ny);
            order = compare_keys(&keys[i].how, x, nx, y, ny);
        }
    } else order = compare_keys(&global, a->key, a->key_len, b->key, b->key_len);
    if (order || unique || stable) return order;
    /* The whole lines decide, in the order that was asked for of all. */
    order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    if (!order) order = (a->len > b->len) - (a->len < b->len);
    return global.reverse ? -order : order;
}

static void sort_lines(struct line *lines, struct line *spare, size_t n)
{
    if (n < 12) {
        for (size_t i = 1; i < n; i++) {
            struct line x = lines[i];
            size_t j = i;
            for (; j && compare(&lines[j - 1], &x) > 0; j--) lines[j] = lines[j - 1];
            lines[j] = x;
        }
        return;
    }
    size_t half = n / 2;
    sort_lines(lines, spare, half);
    sort_lines(lines + half, spare, n - half);
    if (compare(&lines[half - 1], &lines[half]) <= 0) return;
    memcpy(spare, lines, half * sizeof(*lines));
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        lines[k] = j < n && compare(&spare[i], &lines[j]) > 0 ? lines[j++] : spare[i++];
}

static char *content;
static size_t content_len, content_cap;

static void read_input(const char *name)
{
    int fd = !strcmp(name, "-") ? STDIN_FILENO : agentsh_open(name, O_RDONLY);
    if (fd < 0) fail("cannot read: %s: %s", name, strerror(errno));
    for (ssize_t got = 1; got > 0; content_len += (size_t)got) {
        if (content_cap - content_len < 2) content = allocate(content, content_cap = content_cap ? content_cap * 2 : 1 << 16);
        got = read(fd, content + content_len, content_cap - content_len - 1);
        if (got < 0) fail("read failed: %s: %s", name, strerror(errno));
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
        *line = (struct line){at, (uint32_t)(stop - at), at, (uint32_t)(stop - at)};
        if (key_count) {
            size_t len;
            find_key(&keys[0], line->at, line->len, &line->key, &len);
            line->key_len = (uint32_t)len;
        } else if (global.blanks) {
            while (line->key_len && is_blank(*line->key)) line->key++, line->key_len--;
        }
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
    if (!isdigit((unsigned char)**p)) fail("invalid number at field start: '%s'", spec);
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
    if (!k.field || !k.chr) fail("field number is zero: '%s'", spec);
    while (*p && *p != ',')
        if (!apply(&k.how, *p++, 0)) fail("stray character in field spec: '%s'", spec);
    if (*p == ',') {
        p++;
        k.end_field = key_number(&p, spec);
        if (!k.end_field) fail("field number is zero: '%s'", spec);
        if (*p == '.') p++, k.end_chr = key_number(&p, spec);
        while (*p)
            if (!apply(&k.how, *p++, 1)) fail("stray character in field spec: '%s'", spec);
    }
    keys = allocate(keys, (key_count + 1) * sizeof(*keys));
    keys[key_count++] = k;
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
            if (at[r] < ends[r] && (best == runs || compare(&lines[at[best]], &lines[at[r]]) > 0)) best = r;
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
        case 's': stable = 1; break;
        case 'S':
        case 'T':
        case DEBUG:
        case PARALLEL: break;
        case 't':
            if (!strcmp(optarg, "\\0")) separator = 0;
            else if (strlen(optarg) != 1) fail(*optarg ? "multi-character tab '%s'" : "empty tab", optarg);
            else separator = (unsigned char)*optarg;
            break;
        case 'u': unique = 1; break;
        case 'z': end_byte = 0; break;
        case FILES_FROM: fail("--files0-from is not supported here");
        case SHOW_VERSION: puts("sort (agentsh userland)"); return 0;
        case HELP: fputs(usage, stdout); return 0;
        case '?': fputs(usage, stderr); return 2;
        default: apply(&global, (char)c, 0);
        }
    }
    for (size_t i = 0; i < key_count; i++)
        if (!keys[i].how.any) keys[i].how = global, keys[i].how.blanks_end = global.blanks;
    getentropy(&salt, sizeof(salt));
    int files = argc - optind;
    if (check && files > 1) fail("extra operand '%s' not allowed with -c", argv[optind + 1]);
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
            int order = compare(&lines[i - 1], &lines[i]);
            if (order < 0 || (order == 0 && !unique)) continue;
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
        sort_lines(lines, spare, n);
        free(spare);
    }
    /* The output may be one of the inputs: it is opened now that all of them are read. */
    int fd = STDOUT_FILENO;
    if (output && (fd = agentsh_open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0)
        fail("open failed: %s: %s", output, strerror(errno));
    FILE *out = fd == STDOUT_FILENO ? stdout : fdopen(fd, "w");
    if (!out) fail("out of memory");
    setvbuf(out, NULL, _IOFBF, 1 << 16);
    for (size_t i = 0, last = 0; i < n; i++) {
        if (unique && i && !compare(&lines[last], &lines[i])) continue;
        last = i;
        fwrite(lines[i].at, 1, lines[i].len + 1, out);
    }
    if (fflush(out) || ferror(out)) fail("write failed: %s: %s", output ? output : "standard output", strerror(errno));
    return 0;
}
