/* printf, as bash's own: %b, %q, %(...)T, and escapes of Unicode. */
#define _GNU_SOURCE
#include "basic.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The value of up to most digits of a base; moves past them, and says how many there were. */
static unsigned long digits(const char **at, int most, int base, int *count)
{
    unsigned long value = 0;
    for (*count = 0; *count < most; ++*count, ++*at) {
        int c = **at, digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
        if (digit >= base) break;
        value = value * (unsigned)base + (unsigned)digit;
    }
    return value;
}

static size_t put_utf8(char *to, unsigned long c)
{
    if (c < 0x80) {
        *to = (char)c;
        return 1;
    }
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (int i = more; i >= 0; i--, c >>= 6) to[i] = (char)(i ? 0x80 | (c & 0x3F) : lead[more] | c);
    return (size_t)more + 1;
}

/* The code of a first character. */
static long long code_of(const char *s)
{
    unsigned char c = (unsigned char)*s;
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
    long long code = more == 3 ? c & 7 : more == 2 ? c & 15 : more ? c & 31 : c;
    for (int i = 1; i <= more; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) return c;
        code = code << 6 | ((unsigned char)s[i] & 0x3F);
    }
    return code;
}

/* What the escape at *at, behind its backslash, stands for; -1 for \c of %b. In an argument octal ones begin with 0. */
static int unescape(const char **at, char out[4], int argument)
{
    static const char names[] = "abeEfnrtv\\", values[] = "\a\b\033\033\f\n\r\t\v\\";
    const char *start = *at, *known = *start ? strchr(names, *start) : NULL;
    int count, kind = *start;
    if (known) {
        ++*at;
        *out = values[known - names];
        return 1;
    }
    if (kind >= '0' && kind <= '7') {
        *out = (char)digits(at, argument && kind == '0' ? 4 : 3, 8, &count);
        return 1;
    }
    if (!argument && (kind == '"' || kind == '\'' || kind == '?')) {
        ++*at;
        *out = (char)kind;
        return 1;
    }
    if (kind == 'c' && argument) return -1;
    if (kind == 'x' || kind == 'u' || kind == 'U') {
        ++*at;
        unsigned long value = digits(at, kind == 'x' ? 2 : kind == 'u' ? 4 : 8, 16, &count);
        if (count && kind == 'x') *out = (char)value;
        if (count) return kind == 'x' ? 1 : (int)put_utf8(out, value & 0x1FFFFF);
        tool_warn("missing hex digit for \\%c", kind);
        *at = start;
    }
    *out = '\\';
    return 1;
}

/* An argument's escapes put in place; 0 when a \c ends all output. */
static int expand(const char *text, char **out, size_t *len)
{
    *out = tool_allocate(NULL, strlen(text) + 4);
    for (*len = 0; *text;) {
        if (*text != '\\') {
            (*out)[(*len)++] = *text++;
            continue;
        }
        text++;
        int n = unescape(&text, *out + *len, 1);
        if (n < 0) return 0;
        *len += (size_t)n;
    }
    return 1;
}

/* Text as a shell reads it back. */
static char *quoted(const char *text)
{
    char *out = tool_allocate(NULL, 4 * strlen(text) + 4), *to = out;
    int controls = 0;
    for (const char *p = text; *p; p++) controls |= (unsigned char)*p < 32 || *p == 127;
    if (!*text) return strcpy(out, "''");
    if (controls) {
        to = stpcpy(to, "$'");
        for (; *text; text++) {
            static const char from[] = "\a\b\033\f\n\r\t\v", letters[] = "abEfnrtv";
            const char *known = strchr(from, *text);
            if (known) *to++ = '\\', *to++ = letters[known - from];
            else if ((unsigned char)*text < 32 || *text == 127) to += sprintf(to, "\\%03o", (unsigned char)*text);
            else {
                if (*text == '\'' || *text == '\\') *to++ = '\\';
                *to++ = *text;
            }
        }
        strcpy(to, "'");
        return out;
    }
    for (const char *p = text; *p; p++) {
        int first = p == text;
        if (strchr(" !\"$&'()*,;<>?[\\]^`{|}", *p) || (*p == '#' && first) || (*p == '~' && (first || p[-1] == '=' || p[-1] == ':'))) *to++ = '\\';
        *to++ = *p;
    }
    *to = 0;
    return out;
}

static void bad_number(const char *text, const char *end, int err)
{
    if (err == ERANGE) tool_warn("%s: Numerical result out of range", text);
    else if (*end || end == text) tool_warn("%s: invalid number", text);
}

static long long integer(const char *text, int is_signed)
{
    if (*text == '"' || *text == '\'') return code_of(text + 1);
    char *end = (char *)text;
    if (!*text) return 0;
    errno = 0;
    long long n = is_signed || *text == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
    bad_number(text, end, errno);
    return n;
}

static long double real(const char *text)
{
    if (*text == '"' || *text == '\'') return (long double)code_of(text + 1);
    char *end = (char *)text;
    if (!*text) return 0;
    errno = 0;
    long double n = strtold(text, &end);
    bad_number(text, end, errno);
    return n;
}

struct arguments {
    char **at;
    int used;
};

static const char *next(struct arguments *a)
{
    if (!*a->at) return NULL;
    a->used = 1;
    return *a->at++;
}

/* A width or precision: digits, or an argument. */
static int amount(const char **f, struct arguments *a, int *negative)
{
    long long n = 0;
    if (**f == '*') {
        ++*f;
        const char *text = next(a);
        n = text ? integer(text, 1) : 0;
    } else
        for (; **f >= '0' && **f <= '9'; ++*f) n = n > INT_MAX ? n : n * 10 + (**f - '0');
    if (n > INT_MAX || n < -INT_MAX) tool_fail("a width of %lld is too large", n);
    *negative = n < 0;
    return (int)(n < 0 ? -n : n);
}

static void put_text(const char *text, size_t len, const char *flags, int width, int precision)
{
    if (precision >= 0 && (size_t)precision < len) len = (size_t)precision;
    int pad = (size_t)width > len ? width - (int)len : 0, left = strchr(flags, '-') != NULL;
    for (int i = 0; !left && i < pad; i++) putchar(' ');
    fwrite(text, 1, len, stdout);
    for (int i = 0; left && i < pad; i++) putchar(' ');
}

static void put_time(const char *format, size_t len, const char *text, const char *flags, int width, int precision)
{
    char pattern[256], out[1024];
    if (len >= sizeof(pattern)) tool_fail("the format of a time is too long");
    memcpy(pattern, format, len);
    pattern[len] = 0;
    long long n = text ? integer(text, 1) : -1;
    time_t when = n == -1 || n == -2 ? time(NULL) : (time_t)n;
    size_t got = strftime(out, sizeof(out), len ? pattern : "%H:%M:%S", gmtime(&when));
    put_text(out, got, flags, width, precision);
}

/* One conversion, behind its percent sign; 0 when a \c of %b ends all output. */
static int convert(const char **at, struct arguments *a)
{
    const char *f = *at;
    char flags[8] = "", spec[40];
    for (size_t n = 0; *f && strchr("-+ #0'", *f); f++)
        if (n + 1 < sizeof(flags) && !strchr(flags, *f)) flags[n++] = *f, flags[n] = 0;
    int negative, width = amount(&f, a, &negative), precision = -1;
    if (negative && strlen(flags) + 1 < sizeof(flags)) strcat(flags, "-");
    if (*f == '.') {
        f++;
        precision = amount(&f, a, &negative);
        if (negative) precision = -1;
    }
    if (*f == '(') {
        const char *close = strstr(f, ")T");
        if (!close) tool_fail("`(': missing )T");
        put_time(f + 1, (size_t)(close - f - 1), next(a), flags, width, precision);
        *at = close + 2;
        return 1;
    }
    while (*f && strchr("hlLjzt", *f)) f++;
    int kind = *f;
    if (!kind) tool_fail("`%s': missing format character", *at - 1);
    *at = f + 1;
    if (!strchr("bcdiouxXfFeEgGaAqsQ", kind)) tool_fail("`%c': invalid format character", kind);
    const char *text = next(a);
    if (!text) text = "";
    if (kind == 's') put_text(text, strlen(text), flags, width, precision);
    else if (kind == 'c') put_text(text, 1, flags, width, -1);
    else if (kind == 'q' || kind == 'Q') {
        char *q = quoted(text);
        put_text(q, strlen(q), flags, width, precision);
        free(q);
    } else if (kind == 'b') {
        char *out;
        size_t len;
        int go_on = expand(text, &out, &len);
        put_text(out, len, flags, width, precision);
        free(out);
        return go_on;
    } else if (strchr("diouxX", kind)) {
        snprintf(spec, sizeof(spec), "%%%s*.*ll%c", flags, kind);
        printf(spec, width, precision, integer(text, kind == 'd' || kind == 'i'));
    } else {
        snprintf(spec, sizeof(spec), "%%%s*.*L%c", flags, kind);
        printf(spec, width, precision, real(text));
    }
    return 1;
}

int printf_main(int argc, char *argv[])
{
    int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
    if (argc <= first) tool_end(2, "usage: printf FORMAT [ARGUMENT...]");
    struct arguments a = {argv + first + 1, 0};
    do {
        a.used = 0;
        for (const char *f = argv[first]; *f;) {
            if (*f == '\\') {
                char out[4];
                f++;
                fwrite(out, 1, (size_t)unescape(&f, out, 0), stdout);
            } else if (*f != '%') putchar(*f++);
            else if (f[1] == '%') putchar('%'), f += 2;
            else if (f++, !convert(&f, &a)) return 0;
        }
    } while (a.used && *a.at);
    return 0;
}
