/* uniq: lines that repeat. */
#include "basic.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "out.h"

enum between { NONE, PREPEND, SEPARATE, APPEND, BOTH };

struct line {
    const char *at; /* in the reader's buffer, until the next line is read; or a copy */
    char *copy;
    size_t cap, len;
};

static int counts, fold, end = '\n';
static int show_single = 1, show_first = 1, show_later;
static enum between repeated, grouping;
static long long skip_fields, skip_characters, most = LLONG_MAX;

enum { GROUP = 256 };

static const struct option long_options[] = {
    {"all-repeated", 2, 0, 'D'}, {"check-chars", 1, 0, 'w'}, {"count", 0, 0, 'c'}, {"group", 2, 0, GROUP}, {"ignore-case", 0, 0, 'i'},
    {"repeated", 0, 0, 'd'}, {"skip-chars", 1, 0, 's'}, {"skip-fields", 1, 0, 'f'}, {"unique", 0, 0, 'u'}, {"zero-terminated", 0, 0, 'z'}, {0, 0, 0, 0},
};

static int next_line(struct lines *in, struct line *line)
{
    size_t len;
    const char *at = lines_next(in, (char)end, &len);
    if (!at) return 0;
    line->at = at;
    line->len = len - (at[len - 1] == end);
    return 1;
}

/* Keep a line past the next one. */
static void keep(struct line *last, const struct line *line)
{
    if (last->cap < line->len) last->copy = tool_allocate(last->copy, last->cap = 2 * line->len);
    if (line->len) memcpy(last->copy, line->at, line->len);
    last->at = last->copy;
    last->len = line->len;
}

/* Where the part begins that is compared, and its length in *len. */
static const char *key(const struct line *line, size_t *len)
{
    size_t i = 0;
    for (long long n = 0; n < skip_fields && i < line->len; n++) {
        while (i < line->len && (isblank((unsigned char)line->at[i]) || line->at[i] == '\n')) i++;
        while (i < line->len && !isblank((unsigned char)line->at[i]) && line->at[i] != '\n') i++;
    }
    i = skip_characters > (long long)(line->len - i) ? line->len : i + (size_t)skip_characters;
    *len = line->len - i;
    if ((long long)*len > most) *len = (size_t)most;
    return line->at + i;
}

static int same(const struct line *a, const struct line *b)
{
    size_t n, m;
    const char *x = key(a, &n), *y = key(b, &m);
    if (n != m) return 0;
    if (!fold) return !memcmp(x, y, n);
    for (size_t i = 0; i < n; i++)
        if (toupper((unsigned char)x[i]) != toupper((unsigned char)y[i])) return 0;
    return 1;
}

static void put(const struct line *line)
{
    out_bytes(line->at, line->len);
    out_byte((char)end);
}

static void put_chosen(const struct line *line, int later, long long repeats)
{
    if (!(!repeats ? show_single : later ? show_later : show_first)) return;
    if (counts) {
        char text[32];
        out_bytes(text, (size_t)snprintf(text, sizeof(text), "%7lld ", repeats + 1));
    }
    put(line);
}

static void all_groups(struct lines *in, struct line *last, struct line *line)
{
    int any = 0;
    while (next_line(in, line)) {
        int opens = !any || !same(line, last);
        if (opens && (grouping == PREPEND || grouping == BOTH || (any && grouping))) out_byte((char)end);
        if (opens || grouping) put(line);
        if (opens || grouping) keep(last, line);
        any = 1;
    }
    if (any && (grouping == APPEND || grouping == BOTH)) out_byte((char)end);
}

static void chosen(struct lines *in, struct line *last, struct line *line)
{
    long long repeats = 0;
    int first = 1;
    if (!next_line(in, line)) return;
    keep(last, line);
    while (next_line(in, line)) {
        int again = same(line, last);
        repeats += again;
        if (repeated) {
            if (!again) first &= !repeats;
            else if (repeats == 1 && (repeated == PREPEND || (repeated == SEPARATE && !first))) out_byte((char)end);
        }
        if (again && !show_later) continue;
        put_chosen(last, again, repeats);
        keep(last, line);
        if (!again) repeats = 0;
    }
    put_chosen(last, 0, repeats);
}

static enum between choice(const char *text, const char *option, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (*names[i] && !strncmp(names[i], text, strlen(text))) return (enum between)i;
    tool_fail("invalid argument '%s' for '%s'", text, option);
}

int uniq_main(int argc, char *argv[])
{
    static const char *const repeats[] = {"none", "prepend", "separate", NULL}, *const groups[] = {"", "prepend", "separate", "append", "both", NULL};
    int chose = 0, old_fields = 0;
    for (int c; (c = getopt_long(argc, argv, "0123456789cdDf:is:uw:z", long_options, NULL)) != -1;) switch (c) {
        case 'c': counts = chose = 1; break;
        case 'd': show_single = 0, chose = 1; break;
        case 'D':
            show_single = 0, show_later = chose = 1;
            repeated = optarg ? choice(optarg, "--all-repeated", repeats) : NONE;
            break;
        case GROUP: grouping = optarg ? choice(optarg, "--group", groups) : SEPARATE; break;
        case 'f': skip_fields = basic_size(optarg, "number of fields to skip"), old_fields = 0; break;
        case 'i': fold = 1; break;
        case 's': skip_characters = basic_size(optarg, "number of bytes to skip"); break;
        case 'u': show_first = 0, chose = 1; break;
        case 'w': most = basic_size(optarg, "number of bytes to compare"); break;
        case 'z': end = 0; break;
        default:
            if (c < '0' || c > '9') tool_fail("usage: uniq [-cdDiuz] [-f FIELDS] [-s BYTES] [-w BYTES] [--group] [INPUT [OUTPUT]]");
            skip_fields = (old_fields ? skip_fields * 10 : 0) + (c - '0');
            if (skip_fields > INT_MAX) skip_fields = INT_MAX;
            old_fields = 1;
        }
    if (grouping && chose) tool_fail("--group is mutually exclusive with -c/-d/-D/-u");
    if (counts && show_later) tool_fail("printing all duplicated lines and repeat counts is meaningless");
    if (argc - optind > 2) tool_fail("extra operand '%s'", argv[optind + 2]);
    FILE *file = basic_open(optind < argc ? argv[optind] : "-");
    if (!file) return 1;
    if (optind + 1 < argc && strcmp(argv[optind + 1], "-")) {
        int fd = agentsh_open(argv[optind + 1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (fd < 0) tool_fail("%s: %s", argv[optind + 1], strerror(errno));
        out_to(fd);
    }
    struct lines in = {.fd = fileno(file)};
    struct line last = {0}, line = {0};
    if (show_single && show_first && !counts) all_groups(&in, &last, &line);
    else chosen(&in, &last, &line);
    if (out_flush()) tool_fail("write error: %s", strerror(errno));
    if (in.failed) tool_fail("read error: %s", strerror(in.failed));
    return 0;
}
