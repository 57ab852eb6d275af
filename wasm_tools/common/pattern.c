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

/* A Perl bracket expression for POSIX: the classes that Perl writes with a backslash. */
static void perl_bracket(struct text *out, const char *s, const char *stop)
{
    int dash = 0, caret = 0, close = 0;
    puts_(out, "[");
    s++;
    if (s < stop && *s == '^') put(out, s++, 1);
    /* POSIX takes these three literally in certain places alone: first, last, anywhere but first. */
    struct text body = {0};
    put(&body, "", 0);
    for (; s < stop - 1; s++) {
        if (*s != '\\' || s + 1 >= stop - 1) {
            if (*s == '[' && s + 1 < stop && s[1] == ':') {
                const char *e = strstr(s, ":]");
                if (e && e + 2 <= stop) {
                    put(&body, s, (size_t)(e + 2 - s));
                    s = e + 1;
                    continue;
                }
            }
            put(&body, s, 1);
            continue;
        }
        s++;
        switch (*s) {
        case 'd': puts_(&body, "0-9"); break;
        case 'w': puts_(&body, "[:alnum:]_"); break;
        case 's': puts_(&body, "[:space:]"); break;
        case 't': puts_(&body, "\t"); break;
        case 'n': puts_(&body, "\n"); break;
        case 'r': puts_(&body, "\r"); break;
        case '-': dash = 1; break;
        case '^': caret = 1; break;
        case ']': close = 1; break;
        case 'D':
        case 'W':
        case 'S': pattern_fail("-P: \\%c inside [] is not supported here", *s); break;
        default: put(&body, s, 1);
        }
    }
    if (close) puts_(out, "]");
    put(out, body.at, body.len);
    if (caret) puts_(out, "^");
    if (dash) puts_(out, "-");
    puts_(out, "]");
    free(body.at);
}

/* Whether a pattern looks at what stands before a place: \\b and its like. */
int pattern_looks_back(const char *text)
{
    for (; *text; text++)
        if (*text == '\\' && *++text && strchr("bB<>", *text)) return 1;
    return 0;
}

static const char *group_end(const char *s, const char *end)
{
    int depth = 0;
    for (; s < end; s++) {
        if (*s == '\\') s++;
        else if (*s == '[') s = bracket_end(s, end) - 1;
        else if (*s == '(') depth++;
        else if (*s == ')' && --depth == 0) return s + 1;
    }
    return end;
}

static char *perl(const char *text, size_t len, int extents, int *cflags, int *from_group, int *to_group, int *backrefs)
{
    struct text out = {0};
    const char *s = text, *end = text + len;
    int groups = 0;
    put(&out, "", 0);
    if (len >= 4 && !strncmp(s, "(?i)", 4)) *cflags |= REG_ICASE, s += 4;
    /* \K: what stands before it becomes the first group. A group more moves back references: refuse both together. */
    const char *keep = NULL;
    for (const char *p = s; p + 1 < end; p++) {
        if (*p == '[') p = bracket_end(p, end) - 1;
        else if (*p == '\\') {
            if (p[1] == 'K') keep = p;
            p++;
        }
    }
    if (keep) puts_(&out, "("), groups = *from_group = 1;
    for (; s < end; s++) {
        if (s == keep) {
            puts_(&out, ")");
            s++;
            continue;
        }
        if (*s == '[') {
            const char *stop = bracket_end(s, end);
            /* In Perl a backslash escapes inside brackets too. */
            for (const char *p = s + 1; p < end; p++) {
                if (*p == '\\') p++;
                else if (*p == '[' && p + 1 < end && p[1] == ':' && strstr(p, ":]")) p = strstr(p, ":]") + 1;
                else if (*p == ']' && p > s + 1 && !(p == s + 2 && s[1] == '^')) {
                    stop = p + 1;
                    break;
                }
            }
            perl_bracket(&out, s, stop);
            s = stop - 1;
        } else if (*s == '\\' && s + 1 < end) {
            s++;
            switch (*s) {
            case 'd': puts_(&out, "[0-9]"); break;
            case 'D': puts_(&out, "[^0-9]"); break;
            case 'h': puts_(&out, "[[:blank:]]"); break;
            case 'R':
            case 'n': puts_(&out, "\n"); break;
            case 't': puts_(&out, "\t"); break;
            case 'r': puts_(&out, "\r"); break;
            case 'f': puts_(&out, "\f"); break;
            case 'A': puts_(&out, "^"); break;
            case 'z':
            case 'Z': puts_(&out, "$"); break;
            case 'w':
            case 'W':
            case 's':
            case 'S':
            case 'b':
            case 'B': put(&out, s - 1, 2); break;
            default:
                if (isdigit((unsigned char)*s)) {
                    *backrefs = 1;
                    if (groups && keep) pattern_fail("-P: \\K together with back references is not supported here");
                    put(&out, s - 1, 2);
                } else if (isalpha((unsigned char)*s)) {
                    pattern_fail("-P: \\%c is not supported here", *s);
                } else put(&out, s - 1, 2);
            }
        } else if (*s == '(' && s + 2 < end && s[1] == '?') {
            const char *stop = group_end(s, end);
            if (s[2] == ':') {
                puts_(&out, "(");
                groups++;
                s += 2;
            } else if (!strncmp(s, "(?<=", 4) && out.len == 0 && !keep) {
                puts_(&out, "(");
                put(&out, s + 4, (size_t)(stop - s - 4));
                *from_group = ++groups;
                s = stop - 1;
            } else if (!strncmp(s, "(?=", 3) && stop == end) {
                puts_(&out, "(");
                put(&out, s + 3, (size_t)(stop - s - 3));
                *to_group = ++groups;
                s = stop - 1;
            } else pattern_fail("-P: this use of (?%c is not supported here", s[2]);
        } else if (*s == '(') {
            groups++;
            put(&out, s, 1);
        } else if (strchr("*+?}", *s) && s + 1 < end && (s[1] == '?' || s[1] == '+')) {
            /* Lazy or possessive: which lines match is the same, what of them is not. */
            if (extents && s[1] == '?') pattern_fail("-P: lazy quantifiers together with -o are not supported here");
            put(&out, s, 1);
            s++;
        } else put(&out, s, 1);
    }
    return out.at;
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

char *pattern_translate(enum syntax syntax, const char *text, size_t len, int extents, int *cflags, int *from_group,
                        int *to_group, int *backrefs)
{
    if (syntax == PERL) return perl(text, len, extents, cflags, from_group, to_group, backrefs);
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
