/* seq: numbers, as a format or their digits have it. */
#include "lines_tools.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

struct number {
    double value;
    long long whole;
    int is_whole;  /* digits alone, and few enough for whole */
    int precision; /* digits behind the point */
    int width;     /* characters without what is behind the point */
};

static struct number parse(const char *text)
{
    struct number n = {0};
    char *end;
    errno = 0;
    n.value = strtod(text, &end);
    if (end == text || *end || isnan(n.value)) tool_fail("invalid floating point argument: '%s'", text);
    const char *digits = text;
    while (isspace((unsigned char)*digits) || *digits == '+') digits++;
    const char *point = strchr(digits, '.'), *exponent = digits + strcspn(digits, "eE");
    if (strpbrk(digits, "xX")) exponent = point = NULL;
    n.width = (int)(point ? point - digits : exponent ? exponent - digits : (long)strlen(digits));
    if (point) n.precision = (int)((exponent ? exponent : point + strlen(point)) - point - 1);
    if (point == digits || (point == digits + 1 && *digits == '-')) n.width++; /* a nought is written before the point */
    if (exponent && *exponent) {
        long shift = strtol(exponent + 1, NULL, 10);
        long precision = n.precision - shift;
        if (shift > 0) n.width += (int)shift;
        n.precision = precision > 0 && precision < 1000 ? (int)precision : 0;
    }
    size_t sign = *digits == '-';
    n.is_whole = digits[sign] && strspn(digits + sign, "0123456789") == strlen(digits + sign);
    if (n.is_whole) {
        errno = 0;
        n.whole = strtoll(digits, NULL, 10);
        n.is_whole = !errno && n.whole < LLONG_MAX / 4 && n.whole > LLONG_MIN / 4;
    }
    return n;
}

/* Whether a format has one directive, for a floating point number. */
static void check_format(const char *format)
{
    int directives = 0;
    for (const char *p = format; *p; p++) {
        if (*p != '%') continue;
        if (p[1] == '%') {
            p++;
            continue;
        }
        p++;
        p += strspn(p, "-+#0 '");
        p += strspn(p, "0123456789");
        if (*p == '.') p += 1 + strspn(p + 1, "0123456789");
        if (!*p) tool_fail("format '%s' ends in %%", format);
        if (!strchr("efgaEFGA", *p)) tool_fail("format '%s' has unknown %%%c directive", format, *p);
        if (directives++) tool_fail("format '%s' has too many %% directives", format);
    }
    if (!directives) tool_fail("format '%s' has no %% directive", format);
}

static void put(const char *text, size_t len, const char *separator, int first)
{
    if (!first) out_bytes(separator, strlen(separator));
    out_bytes(text, len);
}

static void count_whole(long long from, long long step, long long last, int width, const char *separator)
{
    char text[64];
    int first = 1;
    for (long long n = from; step > 0 ? n <= last : n >= last; n += step, first = 0)
        put(text, (size_t)snprintf(text, sizeof(text), "%0*lld", width, n), separator, first);
    if (!first) out_byte('\n');
}

static void count(const char *format, double from, double step, double last, const char *separator)
{
    static char text[4096], before[4096];
    int first = 1;
    for (long long i = 0;; i++, first = 0) {
        double n = from + (double)i * step;
        int past = step < 0 ? n < last : n > last;
        int len = snprintf(text, sizeof(text), format, n);
        if (past) {
            /* By rounding alone? As it is written it may be the last, which was asked for. */
            char *number = text + strcspn(text, "+-.0123456789");
            if (first || strtod(number, NULL) != last || !strcmp(text, before)) break;
        }
        put(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1, separator, first);
        strcpy(before, text);
        if (past) {
            first = 0;
            break;
        }
    }
    if (!first) out_byte('\n');
}

int seq_main(int argc, char *argv[])
{
    static const struct option options[] = {{"equal-width", 0, 0, 'w'}, {"format", 1, 0, 'f'}, {"separator", 1, 0, 's'}, {0, 0, 0, 0}};
    const char *format = NULL, *separator = "\n";
    int equal = 0;
    optind = 1;
    while (optind < argc) {
        /* A number below nought is no option. */
        if (argv[optind][0] == '-' && (argv[optind][1] == '.' || isdigit((unsigned char)argv[optind][1]))) break;
        int c = getopt_long(argc, argv, "+f:s:w", options, NULL);
        if (c == -1) break;
        switch (c) {
        case 'f': format = optarg; break;
        case 's': separator = optarg; break;
        case 'w': equal = 1; break;
        default: return 1;
        }
    }
    int given = argc - optind;
    if (!given) tool_fail("missing operand");
    if (given > 3) tool_fail("extra operand '%s'", argv[optind + 3]);
    if (format && equal) tool_fail("format string may not be specified when printing equal width strings");
    if (format) check_format(format);
    struct number from = parse("1"), step = parse("1"), last = parse(argv[argc - 1]);
    if (given > 1) from = parse(argv[optind]);
    if (given > 2) {
        step = parse(argv[optind + 1]);
        if (step.value == 0) tool_fail("invalid Zero increment value: '%s'", argv[optind + 1]);
    }
    if (!format && from.is_whole && step.is_whole && last.is_whole) {
        int width = from.width > last.width ? from.width : last.width;
        count_whole(from.whole, step.whole, last.whole, equal ? width : 0, separator);
        return 0;
    }
    int precision = from.precision > step.precision ? from.precision : step.precision;
    static char own[64];
    if (!format) {
        int width = 0;
        if (equal) {
            int behind = precision ? precision + 1 : 0;
            int a = from.width + behind, b = last.width + behind;
            width = a > b ? a : b;
        }
        snprintf(own, sizeof(own), "%%0%d.%df", width, precision);
        if (!width) snprintf(own, sizeof(own), "%%.%df", precision);
        format = own;
    }
    count(format, from.value, step.value, last.value, separator);
    return 0;
}
