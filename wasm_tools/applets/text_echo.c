/* echo, as bash's own: -n, -e and -E in any combination; any other word is text. */
#include "text.h"

#include <stdio.h>
#include <string.h>

/* The value of up to most digits of a base, a power of two; moves past them, and says how many there were. */
static unsigned long digits(const char **at, int most, unsigned base, int *count)
{
    unsigned long value = 0;
    for (*count = 0; *count < most; ++*count, ++*at) {
        int c = **at, digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
        if ((unsigned)digit >= base) break;
        value = value * base + digit;
    }
    return value;
}

static void put_utf8(unsigned long c)
{
    if (c < 0x80) {
        putchar((int)c);
        return;
    }
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    putchar((int)(lead[more] | c >> 6 * more));
    while (more--) putchar((int)(0x80 | (c >> 6 * more & 0x3F)));
}

/* Print with escapes; 0 when \c ends all output. */
static int put_escaped(const char *s)
{
    static const char names[] = "abeEfnrtv\\", values[] = "\a\b\033\033\f\n\r\t\v\\";
    while (*s) {
        if (*s != '\\' || !s[1]) {
            putchar(*s++);
            continue;
        }
        const char *letter = s++, *known = strchr(names, *s);
        int kind = *s++, count;
        if (kind == 'c') return 0;
        if (known) putchar(values[known - names]);
        else if (kind == '0') putchar((int)(digits(&s, 3, 8, &count) & 0xFF));
        else if (kind == 'x' || kind == 'u' || kind == 'U') {
            unsigned long value = digits(&s, kind == 'x' ? 2 : kind == 'u' ? 4 : 8, 16, &count);
            if (!count) fwrite(letter, 1, 2, stdout);
            else if (kind == 'x') putchar((int)value);
            else put_utf8(value & 0x1FFFFF);
        } else fwrite(letter, 1, 2, stdout);
    }
    return 1;
}

int echo_main(int argc, char *argv[])
{
    int newline = 1, escapes = 0, i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && !argv[i][1 + strspn(argv[i] + 1, "neE")]; i++)
        for (const char *flag = argv[i] + 1; *flag; flag++) {
            if (*flag == 'n') newline = 0;
            else escapes = *flag == 'e';
        }
    for (int first = i; i < argc; i++) {
        if (i > first) putchar(' ');
        if (!escapes) fputs(argv[i], stdout);
        else if (!put_escaped(argv[i])) return 0;
    }
    if (newline) putchar('\n');
    return 0;
}
