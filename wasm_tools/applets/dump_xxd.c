/* xxd: a hexadecimal dump, and back. */
#include "dump.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

enum style { NORMAL, PLAIN, BITS, INCLUDE };
enum { MOST_COLUMNS = 256 };

static int upper;
static long columns = -1, group = -1;

static void put_byte(unsigned char byte)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    out_byte(digits[byte >> 4]);
    out_byte(digits[byte & 15]);
}

static void put_row(const unsigned char *row, size_t n, long long offset, enum style style, int little)
{
    tool_print("%08llx:", offset);
    size_t width = style == BITS ? 8 : 2, step = group ? (size_t)group : (size_t)columns;
    for (size_t i = 0; i < (size_t)columns; i++) {
        if (i % step == 0) out_byte(' ');
        size_t at = little ? i / step * step + (step - 1 - i % step) : i;
        if (at >= n) {
            for (size_t k = 0; k < width; k++) out_byte(' ');
            continue;
        }
        if (style != BITS) put_byte(row[at]);
        else
            for (int bit = 7; bit >= 0; bit--) out_byte((char)('0' + (row[at] >> bit & 1)));
    }
    out_bytes("  ", 2);
    for (size_t i = 0; i < n; i++) out_byte(row[i] >= 32 && row[i] < 127 ? (char)row[i] : '.');
    out_byte('\n');
}

static int value_of(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits wherever they stand; what is none is passed over. */
static void read_plain(FILE *in)
{
    int high = -1;
    for (int c; (c = getc(in)) != EOF;) {
        int value = value_of(c);
        if (value < 0) continue;
        if (high < 0) high = value;
        else {
            out_byte((char)(high << 4 | value));
            high = -1;
        }
    }
}

/* Rows with an offset before them: what they leave out is filled with noughts, as a file has it that is not written there. */
static void read_rows(FILE *in, long long shift)
{
    char *line = NULL;
    size_t cap = 0;
    long long at = 0;
    while (getline(&line, &cap, in) > 0) {
        char *p = line;
        while (isspace((unsigned char)*p)) p++;
        if (value_of((unsigned char)*p) < 0) continue;
        long long offset = strtoll(p, &p, 16) + shift;
        if (*p == ':') p++;
        if (offset < at) tool_fail("sorry, cannot seek backwards.");
        for (; at < offset; at++) out_byte(0);
        for (int blanks = 0, n = 0; n < MOST_COLUMNS && *p; n++) {
            /* Two blanks end the digits: text follows. */
            for (blanks = 0; *p == ' ' || *p == '\t'; p++) blanks++;
            if (blanks > 1 && n) break;
            int high = value_of((unsigned char)p[0]), low = high < 0 ? -1 : value_of((unsigned char)p[1]);
            if (low < 0) break;
            out_byte((char)(high << 4 | low));
            at++;
            p += 2;
        }
    }
    free(line);
}

static void put_include(int fd, const char *name, long long most)
{
    unsigned char byte;
    long long n = 0;
    int named = strcmp(name, "-") != 0;
    char variable[256];
    snprintf(variable, sizeof(variable), "%s%s", isdigit((unsigned char)*name) ? "__" : "", name);
    for (char *p = variable; *p; p++)
        if (!isalnum((unsigned char)*p)) *p = '_';
    if (named) tool_print("unsigned char %s[] = {\n", variable);
    for (; (most < 0 || n < most) && tool_read(fd, &byte, 1, name); n++) {
        out_bytes(n % columns ? ", " : n ? ",\n  " : "  ", n % columns ? 2 : n ? 4 : 2);
        out_bytes(upper ? "0X" : "0x", 2);
        put_byte(byte);
    }
    if (n) out_byte('\n');
    if (named) tool_print("};\nunsigned int %s_len = %lld;\n", variable, n);
}

int xxd_main(int argc, char *argv[])
{
    enum style style = NORMAL;
    int reverse = 0, little = 0, squeeze = 0;
    long long skip = 0, most = -1, shift = 0;
    static const struct option options[] = {{"bits", 0, 0, 'b'}, {"cols", 1, 0, 'c'}, {"groupsize", 1, 0, 'g'}, {"include", 0, 0, 'i'},
                                            {"len", 1, 0, 'l'}, {"offset", 1, 0, 'o'}, {"plain", 0, 0, 'p'}, {"postscript", 0, 0, 'p'},
                                            {"ps", 0, 0, 'p'}, {"revert", 0, 0, 'r'}, {"reverse", 0, 0, 'r'}, {"seek", 1, 0, 's'},
                                            {"uppercase", 0, 0, 'u'}, {"autoskip", 0, 0, 'a'}, {0, 0, 0, 0}};
    for (int c; (c = getopt_long_only(argc, argv, "abc:eg:il:o:prs:u", options, NULL)) != -1;) switch (c) {
        case 'a': squeeze = 1; break;
        case 'b': style = BITS; break;
        case 'c': columns = (long)tool_size(optarg, "number of columns"); break;
        case 'e': little = 1; break;
        case 'g': group = (long)tool_size(optarg, "group size"); break;
        case 'i': style = INCLUDE; break;
        case 'l': most = tool_size(optarg, "length"); break;
        case 'o': shift = tool_size(optarg, "offset"); break;
        case 'p': style = PLAIN; break;
        case 'r': reverse = 1; break;
        case 's': skip = tool_size(*optarg == '+' ? optarg + 1 : optarg, "seek offset"); break;
        case 'u': upper = 1; break;
        default: return 1;
        }
    if (columns < 0 || (!columns && style != PLAIN)) columns = style == PLAIN ? 30 : style == BITS ? 6 : style == INCLUDE ? 12 : 16;
    if (columns > MOST_COLUMNS && style != PLAIN) tool_fail("invalid number of columns (max. %d)", MOST_COLUMNS);
    if (group < 0 || group > columns) group = group > columns ? columns : style == BITS ? 1 : little ? 4 : 2;
    const char *name = optind < argc ? argv[optind] : "-";
    int fd = tool_open(name);
    if (fd < 0) exit(2);
    if (optind + 1 < argc && strcmp(argv[optind + 1], "-")) {
        int to = agentsh_open(argv[optind + 1], O_WRONLY | O_CREAT | (reverse ? 0 : O_TRUNC), 0666);
        if (to < 0) {
            tool_warn("%s: %s", argv[optind + 1], strerror(errno));
            return 3;
        }
        out_to(to);
    }
    if (reverse) {
        FILE *in = fd == STDIN_FILENO ? stdin : agentsh_buffered(fdopen(fd, "r"));
        if (!in) tool_fail("out of memory");
        if (style == PLAIN) read_plain(in);
        else read_rows(in, skip);
        return 0;
    }
    unsigned char row[MOST_COLUMNS];
    for (long long left = skip; left > 0;) {
        size_t got = tool_read(fd, row, left < (long long)sizeof(row) ? (size_t)left : sizeof(row), name);
        if (!got) tool_fail("sorry, cannot seek.");
        left -= (long long)got;
    }
    if (style == INCLUDE) {
        put_include(fd, name, most);
        return 0;
    }
    long long offset = skip + shift, column = 0;
    int noughts = 0;
    for (;;) {
        size_t want = style == PLAIN ? sizeof(row) : (size_t)columns;
        if (most >= 0 && (long long)want > most) want = (size_t)most;
        size_t got = want ? tool_read(fd, row, want, name) : 0;
        if (!got) break;
        if (most >= 0) most -= (long long)got;
        if (style == PLAIN) {
            for (size_t i = 0; i < got; i++) {
                put_byte(row[i]);
                if (columns && ++column == columns) {
                    out_byte('\n');
                    column = 0;
                }
            }
            if (!columns) column = 1;
            continue;
        }
        int empty = squeeze && got == (size_t)columns;
        for (size_t i = 0; i < got && empty; i++) empty = !row[i];
        noughts = empty ? noughts + 1 : 0;
        if (noughts == 2) out_bytes("*\n", 2);
        if (noughts < 2) put_row(row, got, offset, style, little);
        offset += (long long)got;
    }
    if (style == PLAIN && column) out_byte('\n');
    return 0;
}
