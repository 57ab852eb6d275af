/* split: a file in pieces. */
#define _GNU_SOURCE
#include "basic.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum how { LINES, BYTES, LINE_BYTES, CHUNKS, LINE_CHUNKS, ROUND_ROBIN };

static const char *prefix = "x", *extra = "";
static char *digits = "abcdefghijklmnopqrstuvwxyz";
static int width, fixed, from, end = '\n', elide, verbose;
static long long made;

static FILE *piece; /* the one that is being written */

static const struct option long_options[] = {
    {"additional-suffix", 1, 0, 'A'}, {"bytes", 1, 0, 'b'}, {"elide-empty-files", 0, 0, 'e'}, {"filter", 1, 0, 'F'}, {"hex-suffixes", 2, 0, 'x'},
    {"line-bytes", 1, 0, 'C'}, {"lines", 1, 0, 'l'}, {"number", 1, 0, 'n'}, {"numeric-suffixes", 2, 0, 'd'}, {"separator", 1, 0, 't'},
    {"suffix-length", 1, 0, 'a'}, {"unbuffered", 0, 0, 'u'}, {"verbose", 0, 0, 'V'}, {0, 0, 0, 0},
};

/* The name of the n-th piece. Where nothing fixes their length, suffixes grow, and stay in order: yz is followed by zaaa. */
static char *name_of(long long n)
{
    long long base = (long long)strlen(digits), room = 1, lead = 0;
    int len = width ? width : 2;
    n += from;
    for (int i = 0; i < len; i++) room *= base;
    if (!fixed)
        while (n >= room - room / base) {
            n -= room - room / base;
            room *= base;
            len++, lead++;
        }
    else if (n >= room) tool_fail("output file suffixes exhausted");
    char *name;
    if (asprintf(&name, "%s%*s%s", prefix, len + (int)lead, "", extra) < 0) tool_fail("out of memory");
    char *to = name + strlen(prefix);
    for (int i = 0; i < lead; i++) *to++ = digits[base - 1];
    for (int i = len - 1; i >= 0; i--, n /= base) to[i] = digits[n % base];
    return name;
}

static void close_piece(void)
{
    if (piece && fclose(piece)) tool_fail("write error: %s", strerror(errno));
    piece = NULL;
}

static FILE *open_piece(void)
{
    char *name = name_of(made++);
    if (verbose) printf("creating file '%s'\n", name);
    FILE *out = agentsh_fopen(name, "w");
    if (!out) tool_fail("%s: %s", name, strerror(errno));
    free(name);
    return out;
}

static void put(const char *at, size_t len)
{
    if (!piece) piece = open_piece();
    if (fwrite(at, 1, len, piece) != len) tool_fail("write error: %s", strerror(errno));
}

static void by_lines(FILE *in, long long most)
{
    char *line = NULL;
    size_t cap = 0;
    long long count = 0;
    for (ssize_t n; (n = getdelim(&line, &cap, end, in)) > 0;) {
        if (count++ == most) close_piece(), count = 1;
        put(line, (size_t)n);
    }
}

static void by_bytes(FILE *in, long long most)
{
    static char buffer[1 << 16];
    long long left = most;
    for (size_t n; (n = fread(buffer, 1, left < (long long)sizeof(buffer) ? (size_t)left : sizeof(buffer), in)) > 0;) {
        put(buffer, n);
        if (!(left -= (long long)n)) close_piece(), left = most;
    }
}

/* Whole lines while they fit; one that is longer than a piece is cut. */
static void by_line_bytes(FILE *in, long long most)
{
    char *line = NULL;
    size_t cap = 0;
    long long used = 0;
    for (ssize_t n; (n = getdelim(&line, &cap, end, in)) > 0;) {
        if (used && used + n > most) close_piece(), used = 0;
        for (ssize_t at = 0; at < n;) {
            if (used == most) close_piece(), used = 0;
            ssize_t part = n - at < most - used ? n - at : (ssize_t)(most - used);
            put(line + at, (size_t)part);
            at += part, used += part;
        }
    }
}

static char *read_all(FILE *in, size_t *len)
{
    size_t cap = 1 << 16;
    char *all = tool_allocate(NULL, cap);
    *len = 0;
    for (size_t n; (n = fread(all + *len, 1, cap - *len, in)) > 0;)
        if ((*len += n) == cap) all = tool_allocate(all, cap *= 2);
    return all;
}

/* N pieces of about the same size, or the one of them that is asked for, which goes to standard output. */
static void by_number(FILE *in, enum how how, long long count, long long only)
{
    size_t len, at = 0;
    char *all = read_all(in, &len);
    size_t size = len / (size_t)count ? len / (size_t)count : how == CHUNKS ? 1 : 0;
    for (long long i = 0; i < count; i++) {
        size_t stop = i + 1 == count ? len : size * (size_t)(i + 1);
        if (stop > len) stop = len;
        if (how == LINE_CHUNKS && stop < len && stop > 0) {
            /* A line belongs to where it begins. */
            if (stop < at) stop = at;
            else if (all[stop - 1] != end) {
                char *next = memchr(all + stop, end, len - stop);
                stop = next ? (size_t)(next - all) + 1 : len;
            }
        }
        if (only && i + 1 == only) fwrite(all + at, 1, stop - at, stdout);
        if (!only && (stop > at || !elide)) {
            piece = open_piece();
            put(all + at, stop - at);
            close_piece();
        }
        at = stop;
    }
}

static void round_robin(FILE *in, long long count, long long only)
{
    char *line = NULL;
    size_t cap = 0;
    if (count > 4096 && !only) tool_fail("no more than 4096 files can be written at a time here");
    FILE **pieces = tool_allocate(NULL, (size_t)(only ? 1 : count) * sizeof(*pieces));
    for (long long i = 0; !only && i < count; i++) pieces[i] = elide ? NULL : open_piece();
    long long n = 0;
    for (ssize_t len; (len = getdelim(&line, &cap, end, in)) > 0; n++) {
        if (only && n % count + 1 == only) fwrite(line, 1, (size_t)len, stdout);
        if (only) continue;
        if (!pieces[n % count]) pieces[n % count] = open_piece();
        if (fwrite(line, 1, (size_t)len, pieces[n % count]) != (size_t)len) tool_fail("write error: %s", strerror(errno));
    }
    for (long long i = 0; !only && i < count; i++)
        if (pieces[i] && fclose(pieces[i])) tool_fail("write error: %s", strerror(errno));
}

static long long positive(const char *text, const char *what)
{
    long long n = basic_size(text, what);
    if (!n) tool_fail("invalid %s: '%s'", what, text);
    return n;
}

/* "3", "l/3", "r/3", and with the number of one piece between: "l/2/3". */
static enum how parse_number(const char *text, long long *count, long long *only)
{
    enum how how = *text == 'l' && text[1] == '/' ? LINE_CHUNKS : *text == 'r' && text[1] == '/' ? ROUND_ROBIN : CHUNKS;
    if (how != CHUNKS) text += 2;
    const char *slash = strchr(text, '/');
    *count = positive(slash ? slash + 1 : text, "number of chunks");
    *only = 0;
    if (!slash) return how;
    char *first = strndup(text, (size_t)(slash - text));
    *only = positive(first, "chunk number");
    if (*only > *count) tool_fail("invalid chunk number: '%s'", first);
    return how;
}

static void set_start(const char *text, const char *base_digits)
{
    digits = (char *)base_digits;
    if (!text) return;
    char *stop;
    long n = strtol(text, &stop, *(base_digits + 10) ? 16 : 10);
    if (stop == text || *stop || n < 0 || n > 1000000) tool_fail("%s: invalid start value for numerical suffix", text);
    from = (int)n;
    fixed = 1;
}

int split_main(int argc, char *argv[])
{
    enum how how = LINES;
    long long amount = 1000, only = 0, old_lines = -1;
    int chosen = 0;
    for (int c; (c = getopt_long(argc, argv, "0123456789a:b:C:del:n:t:ux", long_options, NULL)) != -1;) {
        if (strchr("bCln", c) && chosen++) tool_fail("cannot split in more than one way");
        switch (c) {
        case 'a': width = (int)positive(optarg, "suffix length"), fixed = 1; break;
        case 'A':
            if (strchr(optarg, '/')) tool_fail("invalid suffix '%s', contains directory separator", optarg);
            extra = optarg;
            break;
        case 'b': how = BYTES, amount = positive(optarg, "number of bytes"); break;
        case 'C': how = LINE_BYTES, amount = positive(optarg, "number of bytes"); break;
        case 'l': amount = positive(optarg, "number of lines"); break;
        case 'n': how = parse_number(optarg, &amount, &only); break;
        case 'd': set_start(optarg, "0123456789"); break;
        case 'x': set_start(optarg, "0123456789abcdef"); break;
        case 'e': elide = 1; break;
        case 't':
            if (strlen(optarg) != 1 && strcmp(optarg, "\\0")) tool_fail("multi-character separator '%s'", optarg);
            end = *optarg == '\\' && optarg[1] ? 0 : (unsigned char)*optarg;
            break;
        case 'u': break;
        case 'V': verbose = 1; break;
        case 'F': tool_fail("--filter cannot start commands here: read the pieces in a loop");
        case '?': tool_fail("usage: split [-de] [-a N] [-b SIZE|-C SIZE|-l LINES|-n CHUNKS] [--additional-suffix=S] [FILE [PREFIX]]");
        default: old_lines = (old_lines < 0 ? 0 : old_lines) * 10 + (c - '0');
        }
    }
    if (old_lines >= 0) {
        if (chosen) tool_fail("cannot split in more than one way");
        if (!old_lines) tool_fail("invalid number of lines: '0'");
        amount = old_lines;
    }
    const char *name = optind < argc ? argv[optind++] : "-";
    if (optind < argc) prefix = argv[optind++];
    if (optind < argc) tool_fail("extra operand '%s'", argv[optind]);
    long long base = (long long)strlen(digits), need = 1;
    if (how >= CHUNKS && !only) {
        /* As many as there will be are known: their names are as long as they have to be. */
        for (long long n = amount - 1 + from; n >= base; n /= base) need++;
        if (width && width < need) tool_fail("the suffix length needs to be at least %lld", need);
        if (!width) width = need > 2 ? (int)need : 2;
        fixed = 1;
    }
    FILE *in = basic_open(name);
    if (!in) return 1;
    if (how == LINES) by_lines(in, amount);
    else if (how == BYTES) by_bytes(in, amount);
    else if (how == LINE_BYTES) by_line_bytes(in, amount);
    else if (how == ROUND_ROBIN) round_robin(in, amount, only);
    else by_number(in, how, amount, only);
    if (ferror(in)) tool_fail("%s: %s", name, strerror(errno));
    close_piece();
    return 0;
}
