/* expr: arithmetic, comparisons and strings, counted in characters of UTF-8. */
#include "basic.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

static char **word; /* the next one */

struct value {
    char *text;
};

static struct value text_value(const char *at, size_t len)
{
    struct value v = {tool_allocate(NULL, len + 1)};
    memcpy(v.text, at, len);
    v.text[len] = 0;
    return v;
}

static struct value number_value(long long n)
{
    char text[24];
    return text_value(text, (size_t)snprintf(text, sizeof(text), "%lld", n));
}

static int is_integer(const char *s)
{
    if (*s == '-') s++;
    return *s && !s[strspn(s, "0123456789")];
}

/* Nothing, or a zero however it is written. */
static int is_null(const char *s)
{
    if (!*s) return 1;
    if (*s == '-') s++;
    return *s && !s[strspn(s, "0")];
}

static long long to_integer(const char *s)
{
    long long n = 0;
    if (!is_integer(s)) tool_end(2, "non-integer argument");
    for (const char *p = s + (*s == '-'); *p; p++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *p - '0', &n)) tool_end(3, "%s: Numerical result out of range", s);
    if (*s != '-' && __builtin_sub_overflow(0, n, &n)) tool_end(3, "%s: Numerical result out of range", s);
    return n;
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

static const char *skip(const char *s, size_t count)
{
    for (; *s && count; count--)
        do s++;
        while (((unsigned char)*s & 0xC0) == 0x80);
    return s;
}

static struct value match(const char *text, const char *pattern)
{
    int backrefs = 0;
    char *translated = pattern_translate(BASIC, pattern, strlen(pattern), &backrefs);
    /* It holds at the beginning alone. A group around keeps alternatives together, but would move back references. */
    size_t len = strlen(translated);
    char *whole = tool_allocate(NULL, len + 8);
    snprintf(whole, len + 8, backrefs ? "^%s" : "^\\(%s\\)", translated);
    regex_t re;
    int bad = regcomp(&re, whole, 0);
    if (bad) {
        char message[128];
        regerror(bad, &re, message, sizeof(message));
        tool_end(2, "%s", message);
    }
    regmatch_t found[3];
    size_t group = backrefs ? 1 : 2;
    int hit = !regexec(&re, text, 3, found, 0);
    if (re.re_nsub >= group) return hit && found[group].rm_so >= 0 ? text_value(text + found[group].rm_so, (size_t)(found[group].rm_eo - found[group].rm_so)) : text_value("", 0);
    return number_value(hit ? (long long)characters(text, (size_t)found[0].rm_eo) : 0);
}

static struct value either(int live);

static struct value operand(void)
{
    if (!*word) tool_end(2, "syntax error: missing argument after '%s'", word[-1]);
    const char *w = *word++;
    return text_value(w, strlen(w));
}

static int take(const char *what)
{
    if (!*word || strcmp(*word, what)) return 0;
    word++;
    return 1;
}

static struct value primary(int live)
{
    if (take("+")) return operand();
    if (take("(")) {
        struct value v = either(live);
        if (!*word) tool_end(2, "syntax error: expecting ')' after '%s'", word[-1]);
        if (!take(")")) tool_end(2, "syntax error: expecting ')' instead of '%s'", *word);
        return v;
    }
    if (*word && !strcmp(*word, ")")) tool_end(2, "syntax error: unexpected ')'");
    if (take("length")) {
        struct value v = primary(live);
        return number_value((long long)characters(v.text, strlen(v.text)));
    }
    if (take("match")) {
        struct value text = primary(live), pattern = primary(live);
        return live ? match(text.text, pattern.text) : text;
    }
    if (take("index")) {
        struct value text = primary(live), set = primary(live);
        long long place = 0, found = 0;
        for (const char *p = text.text; *p && !found;) {
            const char *end = skip(p, 1);
            place++;
            for (const char *q = set.text; *q && !found; q = skip(q, 1))
                if (!strncmp(p, q, (size_t)(end - p))) found = place;
            p = end;
        }
        return number_value(found);
    }
    if (take("substr")) {
        struct value text = primary(live), from = primary(live), count = primary(live);
        if (!is_integer(from.text) || !is_integer(count.text)) return text_value("", 0);
        long long first = to_integer(from.text), many = to_integer(count.text);
        if (first < 1 || many < 1) return text_value("", 0);
        const char *start = skip(text.text, (size_t)(first - 1)), *end = skip(start, (size_t)many);
        return text_value(start, (size_t)(end - start));
    }
    return operand();
}

static struct value matching(int live)
{
    struct value v = primary(live);
    while (take(":")) {
        struct value pattern = primary(live);
        if (live) v = match(v.text, pattern.text);
    }
    return v;
}

static struct value product(int live)
{
    struct value v = matching(live);
    for (int op; (op = take("*") ? '*' : take("/") ? '/' : take("%") ? '%' : 0);) {
        struct value right = matching(live);
        if (!live) continue;
        long long a = to_integer(v.text), b = to_integer(right.text), n = 0;
        if (op != '*' && !b) tool_end(2, "division by zero");
        if (op == '*' ? __builtin_mul_overflow(a, b, &n) : b == -1 && op == '/' && __builtin_sub_overflow(0, a, &n)) tool_end(3, "Numerical result out of range");
        v = number_value(op == '*' ? n : b == -1 ? (op == '/' ? n : 0) : op == '/' ? a / b : a % b);
    }
    return v;
}

static struct value sum(int live)
{
    struct value v = product(live);
    for (int op; (op = take("+") ? '+' : take("-") ? '-' : 0);) {
        struct value right = product(live);
        if (!live) continue;
        long long a = to_integer(v.text), b = to_integer(right.text), n;
        if (op == '+' ? __builtin_add_overflow(a, b, &n) : __builtin_sub_overflow(a, b, &n)) tool_end(3, "Numerical result out of range");
        v = number_value(n);
    }
    return v;
}

static struct value comparison(int live)
{
    static const char *const names[] = {"<", "<=", "=", "==", "!=", ">=", ">"};
    struct value v = sum(live);
    for (;;) {
        size_t op = 0;
        while (op < 7 && !take(names[op])) op++;
        if (op == 7) return v;
        struct value right = sum(live);
        int order;
        if (is_integer(v.text) && is_integer(right.text)) {
            long long a = to_integer(v.text), b = to_integer(right.text);
            order = (a > b) - (a < b);
        } else order = strcmp(v.text, right.text);
        int truths[] = {order < 0, order <= 0, order == 0, order == 0, order != 0, order >= 0, order > 0};
        v = number_value(truths[op]);
    }
}

static struct value both(int live)
{
    struct value v = comparison(live);
    while (take("&")) {
        struct value right = comparison(live && !is_null(v.text));
        if (is_null(v.text) || is_null(right.text)) v = number_value(0);
    }
    return v;
}

static struct value either(int live)
{
    struct value v = both(live);
    while (take("|")) {
        struct value right = both(live && is_null(v.text));
        if (is_null(v.text)) v = is_null(right.text) ? number_value(0) : right;
    }
    return v;
}

int expr_main(int argc, char *argv[])
{
    pattern_program = "expr";
    pattern_status = 2;
    word = argv + 1;
    if (argc > 1 && !strcmp(*word, "--")) word++;
    if (!*word) tool_end(2, "missing operand");
    struct value v = either(1);
    if (*word) tool_end(2, "syntax error: unexpected argument '%s'", *word);
    puts(v.text);
    return is_null(v.text);
}
