/* Numbers to and from text where that takes no long arithmetic, which is what awk mostly meets. The C library goes by
 * 128-bit floating point, which here is done in software. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "extensions.h"

enum { DIGITS = 15, POWERS = 22 };

static int digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As strtod. Up to fifteen digits, of which some may stand behind a point, are a whole number that a double holds
 * exactly, divided by a power of ten that one holds exactly: rounded once (Clinger, 1990). */
double agentsh_strtod(const char *text, char **end)
{
    static const double powers[POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text;
    int negative = *p == '-', digits = 0, behind = 0;
    int64_t whole = 0;
    if (*p == '-' || *p == '+') p++;
    for (; digit(*p) && digits <= DIGITS; p++, digits++) whole = whole * 10 + (*p - '0');
    if (*p == '.')
        for (p++; digit(*p) && digits <= DIGITS; p++, digits++, behind++) whole = whole * 10 + (*p - '0');
    /* None, too many, an exponent, or a word as "0x" and "inf" begin: the C library's to read. */
    if (!digits || digits > DIGITS || digit(*p) || *p == '.' || ((*p | 32) >= 'a' && (*p | 32) <= 'z')) return strtod(text, end);
    if (end) *end = (char *)p;
    double value = (double)whole / powers[behind];
    return negative ? -value : value;
}

/* A whole number, with all of its digits. */
void agentsh_write_integer(char *to, size_t room, double value)
{
    /* The sign of nothing is the C library's to write. */
    if (fabs(value) < 1e15 && value != 0) snprintf(to, room, "%lld", (long long)value);
    else snprintf(to, room, "%.0f", value);
}
