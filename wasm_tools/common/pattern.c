/* Regular expressions as GNU's programs and Perl say them, put for the C library; and what plain text is known of them. */
#include "pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pattern_program = "";
int pattern_status = 2;

static void tell(const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", pattern_program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void pattern_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(format, args);
    exit(pattern_status);
}

static void warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(format, args);
    va_end(args);
}

struct text {
    char *at;
    size_t len, cap;
};

static void put(struct text *t, const char *s, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        t->cap = (t->len + n + 1) * 2;
        t->at = realloc(t->at, t->cap);
        if (!t->at) pattern_fail("out of memory");
    }
    memcpy(t->at + t->len, s, n);
    t->len += n;
    t->at[t->len] = 0;
}

static void puts_(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

/* The end of the bracket expression that starts at s ('['), or end. */
static const char *bracket_end(const char *s, const char *end)
{
    s++;
    if (s < end && *s == '^') s++;
    if (s < end && *s == ']') s++;
    for (; s < end; s++) {
        if (*s == ']') return s + 1;
        if (*s == '[' && s + 1 < end && strchr(".:=", s[1])) {
            char kind = s[1];
            const char *stop = s + 2;
            while (stop + 1 < end && !(stop[0] == kind && stop[1] == ']')) stop++;
            if (stop + 1 < end) s = stop + 1;
        }
    }
    return end;
}

/* Whether an interval ({2}, {2,}, {,3}, {2,3}) starts at s ('{'); its end. */
static const char *interval_end(const char *s, const char *end)
{
    const char *p = s + 1;
    int digits = 0;
    while (p < end && isdigit((unsigned char)*p)) p++, digits++;
    if (p < end && *p == ',') {
        p++;
        while (p < end && isdigit((unsigned char)*p)) p++, digits++;
    }
    return digits && p < end && *p == '}' ? p + 1 : NULL;
}

/* Whether a pattern looks at what stands before a place: \\b and its like. */
int pattern_looks_back(const char *text)
{
    for (; *text; text++)
        if (*text == '\\' && *++text && strchr("bB<>", *text)) return 1;
    return 0;
}

/* The C library has back references in basic expressions alone: the same said as one. */
static char *to_basic(const char *text, size_t len)
{
    struct text out = {0};
    const char *end = text + len;
    put(&out, "", 0);
    for (const char *s = text; s < end; s++) {
        if (*s == '[') {
            const char *stop = bracket_end(s, end);
            put(&out, s, (size_t)(stop - s));
            s = stop - 1;
        } else if (*s == '\\' && s + 1 < end) {
            s++;
            if (!strchr("(){}|+?", *s)) puts_(&out, "\\");
            put(&out, s, 1);
        } else {
            if (strchr("(){}|+?", *s)) puts_(&out, "\\");
            put(&out, s, 1);
        }
    }
    return out.at;
}

char *pattern_translate(enum syntax syntax, const char *text, size_t len, int *backrefs)
{
    struct text out = {0};
    const char *end = text + len;
    int extended = syntax == EXTENDED, atom = 0; /* atom: something stands before that can be repeated */
    put(&out, "", 0);
    for (const char *s = text; s < end; s++) {
        if (*s == '[') {
            const char *stop = bracket_end(s, end);
            put(&out, s, (size_t)(stop - s));
            s = stop - 1;
            atom = 1;
        } else if (*s == '\\') {
            if (s + 1 == end) pattern_fail("Trailing backslash");
            s++;
            if (isdigit((unsigned char)*s) && *s != '0') *backrefs = 1;
            if (*s == '`') puts_(&out, "^");
            else if (*s == '\'') puts_(&out, "$");
            else if (isalnum((unsigned char)*s) && !strchr("wWsSbB123456789", *s)) put(&out, s, 1);
            else put(&out, s - 1, 2);
            atom = !(!extended && strchr("(|", *s));
        } else if (extended && *s == '{') {
            const char *stop = interval_end(s, end);
            if (stop && atom) {
                put(&out, s, (size_t)(stop - s));
                s = stop - 1;
            } else {
                puts_(&out, "\\{");
                atom = 1;
            }
        } else if (extended && strchr("*+?", *s) && !atom) {
            /* Nothing to repeat: GNU says so, and goes on without it. */
            if (s == text) warn("warning: %c at start of expression", *s);
        } else {
            put(&out, s, 1);
            atom = !(extended && strchr("(|^", *s));
        }
    }
    if (extended && *backrefs) {
        char *basic = to_basic(out.at, out.len);
        free(out.at);
        return basic;
    }
    return out.at;
}

void pattern_compile(regex_t *re, const char *basic, int flags)
{
    int backrefs;
    char *source = pattern_translate(BASIC, basic, strlen(basic), &backrefs);
    if (regcomp(re, source, flags)) pattern_fail("%s: invalid regular expression", basic);
    free(source);
}

char *pattern_literal(enum syntax syntax, const char *text, size_t len, size_t *out_len)
{
    struct text out = {0};
    put(&out, "", 0);
    for (const char *s = text, *end = text + len; s < end; s++) {
        if (syntax != FIXED) {
            if (strchr(syntax == BASIC ? ".[*^$" : ".[*^$+?{}()|", *s) && *s) goto no;
            if (*s == '\\') {
                if (s + 1 == end || isalnum((unsigned char)s[1]) || strchr("<>`'", s[1])) goto no;
                if (syntax == BASIC && strchr("(){}|+?", s[1])) goto no;
                s++;
            }
        }
        put(&out, s, 1);
    }
    *out_len = out.len;
    return out.at;
no:
    free(out.at);
    return NULL;
}

char *pattern_needed(int extended, const char *text, size_t *out_len)
{
    struct text run = {0}, best = {0};
    const char *end = text + strlen(text);
    put(&run, "", 0);
    put(&best, "", 0);
    int depth = 0;
    for (const char *s = text; s < end; s++) {
        char literal = 0;
        enum { OTHER, OPEN, CLOSE, OR } kind = OTHER;
        if (*s == '[') s = bracket_end(s, end) - 1;
        else if (extended && *s == '{') {
            while (s + 1 < end && *s != '}') s++;
        } else if (!extended && *s == '\\' && s + 1 < end && s[1] == '{') {
            while (s + 1 < end && *s != '}') s++;
        } else if (*s == '\\' && s + 1 < end) {
            s++;
            if (extended ? !isalnum((unsigned char)*s) && !strchr("<>`'", *s) : !!strchr(".[*^$\\/\"-", *s)) literal = *s;
            else if (!extended && *s == '(') kind = OPEN;
            else if (!extended && *s == ')') kind = CLOSE;
            else if (!extended && *s == '|') kind = OR;
        } else if (extended && *s == '(') kind = OPEN;
        else if (extended && *s == ')') kind = CLOSE;
        else if (extended && *s == '|') kind = OR;
        else if (!strchr(extended ? ".*^$+?{}" : ".*^$", *s)) literal = *s;
        if (kind == OR && depth == 0) {
            best.len = 0;
            break;
        }
        if (kind == OPEN) depth++;
        if (kind == CLOSE) depth--;
        /* What is repeated may be missing; a byte of a longer character is repeated as a whole: drop that too. */
        const char *after = s + 1;
        int repeated = after < end && (strchr(extended ? "*+?{" : "*", *after) ||
                                       (!extended && *after == '\\' && after + 1 < end && strchr("+?{", after[1])));
        if (literal && !depth && !repeated) {
            put(&run, &literal, 1);
            if (s + 1 < end) continue;
        }
        if (literal && repeated)
            while (run.len && (run.at[run.len - 1] & 0x80) && (literal & 0x80)) run.len--;
        if (run.len > best.len) {
            best.len = 0;
            put(&best, run.at, run.len);
        }
        run.len = 0;
    }
    free(run.at);
    if (best.len == 0) {
        free(best.at);
        return NULL;
    }
    best.at[best.len] = 0;
    *out_len = best.len;
    return best.at;
}
