/* numfmt: numbers with and without units; csplit: a file cut at patterns. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

enum scale { NONE, SI, IEC, IEC_I, AUTO };
static enum scale from = NONE, to = NONE;
static int padding, header, invalid_ok, delimiter = -1, status, decimals = -1;
static char rounding = 'f'; /* from zero */
static const char *suffix, *fields = "1";
static const char units[] = "KMGTPEZY";

static enum scale scale_of(const char *text)
{
    static const char *const names[] = {"none", "si", "iec", "iec-i", "auto"};
    for (int i = 0; i < 5; i++)
        if (!strcmp(names[i], text)) return (enum scale)i;
    tool_fail("invalid argument '%s'", text);
}

static long double round_off(long double v)
{
    switch (rounding) {
    case 'u': return ceill(v);
    case 'd': return floorl(v);
    case 'z': return truncl(v);
    case 'n': return roundl(v);
    default: return v < 0 ? floorl(v) : ceill(v);
    }
}

static void format_number(char *out, size_t cap, long double v, int precision)
{
    if (to == NONE) {
        int places = decimals >= 0 ? decimals : precision;
        long double unit = powl(10, places);
        snprintf(out, cap, "%.*Lf", places, round_off(v * unit) / unit);
        return;
    }
    long double base = to == SI ? 1000 : 1024;
    int power = 0;
    for (; fabsl(v) >= base && power < 8; power++) v /= base;
    int places = decimals >= 0 ? decimals : power && fabsl(v) < 10 ? 1 : 0;
    long double unit = powl(10, places);
    v = round_off(v * unit) / unit;
    if (fabsl(v) >= base && power < 8) v /= base, power++;
    if (decimals < 0) places = power && fabsl(v) < 10 ? 1 : 0;
    snprintf(out, cap, "%.*Lf", places, v);
    if (power) {
        size_t n = strlen(out);
        snprintf(out + n, cap - n, "%c%s", units[power - 1], to == IEC_I ? "i" : "");
    }
}

/* Convert the text of a field; the new text, or NULL when it is no number. */
static char *convert(const char *text, size_t field_width)
{
    static char out[128];
    char number[96], *end;
    size_t blanks = strspn(text, " \t");
    long double v = strtold(text + blanks, &end);
    const char *why = NULL;
    int precision = 0;
    const char *dot = strchr(text + blanks, '.');
    if (dot && dot < end) precision = (int)(end - dot) - 1;
    if (end == text + blanks || strpbrk(text + blanks, "xXnN")) why = "invalid number";
    else if (suffix && strlen(end) >= strlen(suffix) && !strcmp(end + strlen(end) - strlen(suffix), suffix)) end[strlen(end) - strlen(suffix)] = 0;
    if (!why && *end) {
        const char *at = strchr(units, *end == 'k' ? 'K' : *end);
        if (from == NONE) why = at ? "rejecting suffix in input" : "invalid suffix in input";
        else if (!at) why = "invalid suffix in input";
        else {
            int binary = from == IEC || from == IEC_I || (from == AUTO && end[1] == 'i');
            if ((from == IEC_I && end[1] != 'i') || (end[1] && !(end[1] == 'i' && !end[2] && binary && from != IEC))) why = "invalid suffix in input";
            v *= powl(binary ? 1024 : 1000, (int)(at - units) + 1);
            precision = 0;
        }
    }
    if (why) {
        if (!invalid_ok) {
            fflush(stdout);
            fprintf(stderr, "numfmt: %s: '%s'%s\n", why, text, from == NONE && strstr(why, "rejecting") ? " (consider using --from)" : "");
        }
        return NULL;
    }
    format_number(number, sizeof(number) - 1, v, precision);
    if (suffix) strncat(number, suffix, sizeof(number) - strlen(number) - 1);
    int width = padding ? padding : field_width ? (int)field_width : 0;
    snprintf(out, sizeof(out), "%*s", width, number);
    return out;
}

static int in_fields(long n)
{
    for (const char *p = fields; *p;) {
        char *end;
        if (*p == '-' && !p[1]) return 1;
        long low = *p == '-' ? 1 : strtol(p, &end, 10), high = low;
        if (*p == '-') end = (char *)p;
        if (*end == '-') {
            p = end + 1;
            high = *p && *p != ',' ? strtol(p, &end, 10) : 1L << 30;
            if (high == 1L << 30) end = (char *)p;
        }
        if (n >= low && n <= high) return 1;
        p = end + (*end == ',');
        if (*end && *end != ',') tool_fail("invalid field value '%s'", fields);
    }
    return 0;
}

static void line(char *text, int end)
{
    long n = 0;
    for (char *p = text; *p || !n;) {
        char *start = p;
        if (delimiter < 0) p += strspn(p, " \t");
        p += delimiter < 0 ? strcspn(p, " \t") : strcspn(p, (char[2]){(char)delimiter, 0});
        char kept = *p;
        *p = 0;
        n++;
        char *now = NULL;
        if (in_fields(n)) {
            size_t blanks = delimiter < 0 ? strspn(start, " \t") : 0;
            char *copy = strdup(start);
            now = convert(copy, n > 1 && delimiter < 0 && blanks ? strlen(start) : blanks ? strlen(start) : 0);
            if (!now && !invalid_ok) {
                fflush(stdout);
                exit(2);
            }
            if (!now) status = invalid_ok ? status : 2;
            if (now && blanks && n > 1 && *now != ' ' && strlen(now) >= strlen(start)) putchar(' ');
            free(copy);
        }
        fputs(now ? now : start, stdout);
        if (!kept) break;
        *p = kept;
        if (delimiter >= 0) {
            putchar(delimiter);
            p++;
        }
    }
    putchar(end);
}

int numfmt_main(int argc, char *argv[])
{
    enum { FROM = 256, TO, PADDING, GROUPING, HEADER, SUFFIX, ROUND, FIELD, INVALID, FORMAT, FROM_UNIT, TO_UNIT, HELP };
    static const struct option longs[] = {{"from", 1, 0, FROM}, {"to", 1, 0, TO}, {"padding", 1, 0, PADDING}, {"grouping", 0, 0, GROUPING},
        {"header", 2, 0, HEADER}, {"suffix", 1, 0, SUFFIX}, {"round", 1, 0, ROUND}, {"field", 1, 0, FIELD}, {"invalid", 1, 0, INVALID},
        {"format", 1, 0, FORMAT}, {"delimiter", 1, 0, 'd'}, {"help", 0, 0, HELP}, {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "d:", longs, NULL)) != -1) {
        switch (c) {
        case FROM: from = scale_of(optarg); break;
        case TO: to = scale_of(optarg); break;
        case PADDING: padding = atoi(optarg); break;
        case GROUPING: break; /* the C locale has none */
        case HEADER: header = optarg ? (int)table_number(optarg, "header value") : 1; break;
        case SUFFIX: suffix = optarg; break;
        case ROUND: {
            static const char *const names[] = {"up", "down", "from-zero", "towards-zero", "nearest"};
            rounding = 0;
            for (int i = 0; i < 5; i++)
                if (!strcmp(names[i], optarg)) rounding = "udfzn"[i];
            if (!rounding) tool_fail("invalid argument '%s' for '--round'", optarg);
            break;
        }
        case FIELD: fields = optarg; break;
        case INVALID: invalid_ok = !strcmp(optarg, "ignore") || !strcmp(optarg, "warn"); break;
        case FORMAT: {
            char *end;
            const char *p = optarg[0] == '%' ? optarg + 1 : tool_allocate(NULL, 1);
            if (optarg[0] != '%') tool_fail("format '%s' is not supported here: only %%[WIDTH][.DIGITS]f", optarg);
            if (*p == '\'') p++;
            padding = (int)strtol(p, &end, 10);
            if (*end == '.') decimals = (int)strtol(end + 1, &end, 10);
            if (strcmp(end, "f")) tool_fail("format '%s' is not supported here: only %%[WIDTH][.DIGITS]f", optarg);
            break;
        }
        case 'd': delimiter = (unsigned char)*optarg; break;
        case HELP: puts("usage: numfmt [--from=UNIT] [--to=UNIT] [--field=N] [-d CHAR] [--padding=N] [--suffix=TEXT] [--round=HOW] [NUMBER...]"); return 0;
        default: fputs("Try 'numfmt --help' for more information.\n", stderr); return 1;
        }
    }
    if (optind < argc)
        for (int i = optind; i < argc; i++) line(argv[i], '\n');
    else {
        char *text = NULL;
        size_t cap = 0;
        for (long n = 0; table_line(stdin, &text, &cap, '\n') >= 0; n++)
            if (n < header) puts(text);
            else line(text, '\n');
    }
    return status;
}

static const char *piece_prefix = "xx", *piece_format;
static int digits = 2, quiet, keep, drop_empty;
static long piece;
static struct lines text;

static void piece_name(char *name, size_t cap, long n)
{
    size_t len = (size_t)snprintf(name, cap, "%s", piece_prefix);
    if (piece_format) snprintf(name + len, cap - len, piece_format, (int)n);
    else snprintf(name + len, cap - len, "%0*ld", digits, n);
}

static _Noreturn void give_up(const char *what, const char *where)
{
    char name[4096];
    fflush(stdout);
    fprintf(stderr, "csplit: %s: %s\n", where, what);
    for (long n = 0; !keep && n < piece; n++) {
        piece_name(name, sizeof(name), n);
        unlink(name);
    }
    exit(1);
}

static void write_piece(size_t begin, size_t end)
{
    char name[4096];
    long long size = 0;
    if (drop_empty && begin >= end) return;
    piece_name(name, sizeof(name), piece);
    FILE *out = agentsh_fopen(name, "w");
    if (!out) give_up(strerror(errno), name);
    piece++;
    for (size_t i = begin; i < end; i++) {
        fwrite(text.list[i].at, 1, text.list[i].len, out);
        putc('\n', out);
        size += (long long)text.list[i].len + 1;
    }
    if (fclose(out)) give_up(strerror(errno), name);
    if (!quiet) printf("%lld\n", size);
}

int csplit_main(int argc, char *argv[])
{
    static const struct option longs[] = {{"prefix", 1, 0, 'f'}, {"suffix-format", 1, 0, 'b'}, {"digits", 1, 0, 'n'}, {"quiet", 0, 0, 's'},
        {"silent", 0, 0, 's'}, {"keep-files", 0, 0, 'k'}, {"elide-empty-files", 0, 0, 'z'}, {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "b:f:kn:qsz", longs, NULL)) != -1) {
        switch (c) {
        case 'b': {
            /* One conversion of an integer, nothing else: the text becomes a format. */
            const char *p = strchr(optarg, '%');
            size_t flags = p ? 1 + strspn(p + 1, "0123456789-+ #") : 0;
            if (!p || !p[flags] || !strchr("diuoxX", p[flags]) || flags > 6 || strchr(p + flags, '%')) tool_fail("invalid suffix format '%s'", optarg);
            piece_format = optarg;
            break;
        }
        case 'f': piece_prefix = optarg; break;
        case 'k': keep = 1; break;
        case 'n': digits = (int)table_number(optarg, "number"); break;
        case 'q': case 's': quiet = 1; break;
        case 'z': drop_empty = 1; break;
        default: fputs("usage: csplit [-ksz] [-f PREFIX] [-b FORMAT] [-n DIGITS] FILE PATTERN...\n", stderr); return 1;
        }
    }
    if (argc - optind < 2) tool_fail("missing operand");
    table_read(&text, argv[optind], '\n');
    size_t at = 0;
    int fresh = 1; /* the line at may end a piece: nothing matched there yet */
    for (int i = optind + 1; i < argc; i++) {
        const char *p = argv[i];
        long times = 0;
        int endless = 0;
        if (i + 1 < argc && argv[i + 1][0] == '{') {
            endless = argv[i + 1][1] == '*';
            times = endless ? 0 : strtol(argv[i + 1] + 1, NULL, 10);
        }
        if (*p == '{') continue;
        regex_t regex;
        long number = 0, offset = 0;
        int skip = *p == '%', matching = *p == '/' || skip;
        if (matching) {
            const char *end = strrchr(p + 1, *p);
            if (!end) give_up("closing delimiter is missing", p);
            char *source = strndup(p + 1, (size_t)(end - p - 1));
            if (regcomp(&regex, source, 0)) give_up("invalid regular expression", p);
            free(source);
            offset = strtol(end + 1, NULL, 10);
        } else if ((number = strtol(p, NULL, 10)) < 1) give_up("invalid pattern", p);
        for (long turn = 0; turn <= times || endless; turn++) {
            size_t found;
            if (matching) {
                found = at + !fresh;
                while (found < text.count && regexec(&regex, text.list[found].at, 0, NULL, 0)) found++;
                if (found >= text.count) {
                    if (endless) break;
                    write_piece(at, text.count);
                    give_up(turn ? "match not found on repetition" : "match not found", p);
                }
                found = (size_t)((long)found + offset);
                fresh = 0;
            } else {
                found = (size_t)(number * (turn + 1)) - 1;
                if (found > text.count || found < at) {
                    if (endless) break;
                    write_piece(at, text.count);
                    give_up("line number out of range", p);
                }
            }
            if (!skip) write_piece(at, found);
            at = found;
        }
    }
    write_piece(at, text.count);
    return 0;
}
