/* Strings as people count them: in characters of UTF-8. What is no UTF-8 counts byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awk.h"
#include "extensions.h"

size_t agentsh_char_len(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = *u < 0xc2 ? 1 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : *u < 0xf5 ? 4 : 1;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80) return 1;
    return n;
}

size_t agentsh_chars_to(const char *s, const char *end)
{
    size_t count = 0;
    for (; s < end; count++) s += agentsh_char_len(s);
    return count;
}

size_t agentsh_chars(const char *s)
{
    size_t count = 0;
    for (; *s; count++) s += (unsigned char)*s < 0x80 ? 1 : agentsh_char_len(s);
    return count;
}

static const char *skip(const char *s, size_t count)
{
    while (count-- && *s) s += agentsh_char_len(s);
    return s;
}

/* substr(s, m[, n]), as POSIX rounds it: what lies between m and m + n. */
Cell *substr(Node **a, int unused)
{
    (void)unused;
    Cell *x = execute(a[0]), *y = execute(a[1]), *z = a[2] ? execute(a[2]) : NULL;
    char *s = getsval(x);
    double length = (double)agentsh_chars(s), from = getfval(y), until = length + 1;
    from = from != from ? 1 : __builtin_rint(from);
    if (z) {
        double n = getfval(z);
        until = from + (n != n ? 0 : __builtin_rint(n));
        tempfree(z);
    }
    if (from < 1) from = 1;
    if (until > length + 1) until = length + 1;
    tempfree(y);
    Cell *result = gettemp();
    if (from < until) {
        const char *first = skip(s, (size_t)from - 1), *last = skip(first, (size_t)(until - from));
        size_t n = (size_t)(last - first);
        char *copy = malloc(n + 1);
        if (!copy) FATAL("out of memory in substr");
        memcpy(copy, first, n);
        copy[n] = 0;
        setsval(result, copy);
        free(copy);
    } else {
        setsval(result, "");
    }
    tempfree(x);
    return result;
}

/* %-10.3s: the flags, the width and the precision. */
static void parse(const char *format, int *left, size_t *width, size_t *precision)
{
    *left = 0;
    *width = 0;
    *precision = (size_t)-1;
    for (format++; *format && strchr("-+ #0'", *format); format++)
        if (*format == '-') *left = 1;
    *width = strtoul(format, (char **)&format, 10);
    if (*format == '.') *precision = strtoul(format + 1, NULL, 10);
}

size_t agentsh_width(const char *format)
{
    int left;
    size_t width, precision;
    parse(format, &left, &width, &precision);
    return width;
}

void agentsh_format(char *out, size_t cap, const char *format, const char *s)
{
    int left;
    size_t width, precision;
    parse(format, &left, &width, &precision);
    size_t bytes = precision == (size_t)-1 ? strlen(s) : (size_t)(skip(s, precision) - s);
    size_t chars = agentsh_chars_to(s, s + bytes);
    size_t pad = width > chars ? width - chars : 0;
    if (bytes + pad + 1 > cap) FATAL("huge string in printf");
    if (!left) memset(out, ' ', pad), out += pad;
    memcpy(out, s, bytes);
    out += bytes;
    if (left) memset(out, ' ', pad), out += pad;
    *out = 0;
}

int agentsh_char(char *out, size_t cap, const char *format, Cell *x)
{
    char one[8] = "";
    if (isnum(x) && !isstr(x)) {
        double code = getfval(x);
        if (code < 128 || code > 0x10ffff) return 0;
        int n = wctomb(one, (wchar_t)code);
        one[n > 0 ? n : 0] = 0;
        if (n <= 0) return 0;
    } else {
        const char *s = getsval(x);
        size_t n = *s ? agentsh_char_len(s) : 0;
        memcpy(one, s, n);
        one[n] = 0;
    }
    agentsh_format(out, cap, format, one);
    return 1;
}

char *agentsh_case(const char *s, wint_t (*convert)(wint_t))
{
    char *out = malloc(strlen(s) * 4 + 1), *to = out;
    if (!out) FATAL("out of memory in toupper or tolower");
    while (*s) {
        size_t n = agentsh_char_len(s);
        wchar_t wide;
        int made = -1;
        /* The capital sharp s is not what people mean. */
        if (mbtowc(&wide, s, n) == (int)n && wide != 0xdf) made = wctomb(to, (wchar_t)convert((wint_t)wide));
        if (made > 0) to += made;
        else {
            memcpy(to, s, n);
            to += n;
        }
        s += n;
    }
    *to = 0;
    return out;
}
