/* A sed script, read. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sed_parse.h"

struct sed_source src;

_Noreturn void sed_wrong(const char *why)
{
    sed_fail(1, "-e expression #1, char %d: %s", (int)(src.at - src.script), why);
}

void sed_skip_blanks(void)
{
    while (src.at < src.end && (*src.at == ' ' || *src.at == '\t')) src.at++;
}

static void skip_space(void)
{
    while (src.at < src.end && (isspace((unsigned char)*src.at) || *src.at == ';')) src.at++;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

int sed_escaped(const char *s, const char *stop, size_t *used)
{
    static const char letters[] = "afnrtv", bytes[] = "\a\f\n\r\t\v";
    const char *hit = *s ? strchr(letters, *s) : NULL;
    *used = 1;
    if (hit) return bytes[hit - letters];
    if (*s == 'x' && stop - s > 1 && hex_digit(s[1]) >= 0) {
        int value = hex_digit(s[1]);
        *used = 2;
        if (stop - s > 2 && hex_digit(s[2]) >= 0) value = value * 16 + hex_digit(s[2]), *used = 3;
        return value;
    }
    if ((*s == 'o' || *s == 'd') && stop - s > 3 && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
        isdigit((unsigned char)s[3])) {
        *used = 4;
        int base = *s == 'o' ? 8 : 10;
        return ((s[1] - '0') * base * base + (s[2] - '0') * base + s[3] - '0') & 255;
    }
    return -1;
}

struct text sed_delimited(char delimiter, int regex)
{
    struct text out = {0};
    text_put(&out, "", 0);
    for (; src.at < src.end && *src.at != delimiter; src.at++) {
        if (*src.at == '\\' && src.at + 1 < src.end) {
            src.at++;
            /* The delimiter with a backslash is itself; what it would mean otherwise is lost, but for a newline. */
            if (*src.at == delimiter && !(regex && strchr("(){}|+?", delimiter))) {
                if (regex && strchr("*.[]^$", delimiter)) text_put(&out, "\\", 1);
            } else if (regex && *src.at == '\n') {
            } else text_put(&out, "\\", 1);
            text_put(&out, src.at, 1);
        } else if (*src.at == '[' && regex) {
            const char *s = src.at + 1;
            if (s < src.end && *s == '^') s++;
            if (s < src.end && *s == ']') s++;
            while (s < src.end && *s != ']') {
                if (*s == '[' && s + 1 < src.end && strchr(".:=", s[1])) {
                    const char *stop = s + 2;
                    while (stop + 1 < src.end && !(stop[0] == s[1] && stop[1] == ']')) stop++;
                    if (stop + 1 < src.end) s = stop + 1;
                }
                s++;
            }
            if (s >= src.end) {
                text_put(&out, src.at, 1);
                continue;
            }
            /* \n and its like mean themselves in brackets too. */
            for (; src.at < s; src.at++) {
                size_t used;
                int byte = *src.at == '\\' && strchr("nt", src.at[1]) ? sed_escaped(src.at + 1, s, &used) : -1;
                char c = (char)byte;
                text_put(&out, byte >= 0 ? &c : src.at, 1);
                if (byte >= 0) src.at++;
            }
            text_put(&out, src.at, 1);
        } else text_put(&out, src.at, 1);
    }
    if (src.at >= src.end) sed_wrong(regex ? "unterminated address regex" : "unterminated `s' command");
    src.at++;
    return out;
}

struct regex *sed_compile(struct text *pattern, int flags)
{
    if (!pattern->len) return NULL;
    /* Escapes for bytes first: the C library has other ideas of some. */
    struct text plain = {0};
    text_put(&plain, "", 0);
    for (const char *s = pattern->at, *stop = s + pattern->len; s < stop; s++) {
        size_t used;
        int byte = *s == '\\' && s + 1 < stop ? sed_escaped(s + 1, stop, &used) : -1;
        if (byte >= 0) {
            char c = (char)byte;
            if (strchr(".[]*^$\\/+?(){}|", c) && c) text_put(&plain, "\\", 1);
            text_put(&plain, &c, 1);
            s += used;
        } else {
            text_put(&plain, s, 1);
            if (*s == '\\' && s + 1 < stop) text_put(&plain, ++s, 1);
        }
    }
    struct regex *r = sed_allocate(NULL, sizeof(*r));
    int backrefs = 0, cflags = flags;
    char *source = pattern_translate(sed.extended ? EXTENDED : BASIC, plain.at, plain.len, &backrefs);
    int basic = !sed.extended || backrefs;
    if (!basic) cflags |= REG_EXTENDED;
    int err = regcomp(&r->plain, source, cflags);
    r->looks_back = !err && !backrefs && pattern_looks_back(source);
    r->groups = err ? 0 : (int)r->plain.re_nsub;
    if (!err && r->looks_back) {
        struct text wrapped = {0};
        text_put(&wrapped, basic ? "\\(.\\)\\(" : "(.)(", basic ? 7 : 4);
        text_put(&wrapped, source, strlen(source));
        text_put(&wrapped, basic ? "\\)" : ")", basic ? 2 : 1);
        err = regcomp(&r->after, wrapped.at, cflags);
        free(wrapped.at);
    }
    if (err) {
        char why[200];
        regerror(err, &r->plain, why, sizeof(why));
        sed_wrong(why);
    }
    r->literal = r->needed = NULL;
    if (!(flags & REG_ICASE)) {
        r->literal = pattern_literal(sed.extended ? EXTENDED : BASIC, plain.at, plain.len, &r->literal_len);
        if (!r->literal) r->needed = pattern_needed(!basic, source, &r->needed_len);
    }
    free(source);
    free(plain.at);
    free(pattern->at);
    return r;
}

long long sed_number(void)
{
    long long n = 0;
    while (src.at < src.end && isdigit((unsigned char)*src.at)) n = n < 1LL << 52 ? n * 10 + (*src.at - '0') : n, src.at++;
    return n;
}

static int take_address(struct address *a, int second)
{
    if (src.at >= src.end) return 0;
    if (isdigit((unsigned char)*src.at)) {
        a->kind = LINE;
        a->first = sed_number();
        sed_skip_blanks();
        if (src.at < src.end && *src.at == '~' && !second) {
            src.at++;
            a->kind = STEP;
            a->step = sed_number();
        }
    } else if (*src.at == '$') {
        a->kind = LAST;
        src.at++;
    } else if (second && (*src.at == '+' || *src.at == '~') && src.at + 1 < src.end && isdigit((unsigned char)src.at[1])) {
        a->kind = *src.at++ == '+' ? PLUS : MULTIPLE;
        a->first = sed_number();
    } else if (*src.at == '/' || (*src.at == '\\' && src.at + 1 < src.end)) {
        int flags = 0;
        if (*src.at == '\\') src.at++;
        char delimiter = *src.at++;
        struct text pattern = sed_delimited(delimiter, 1);
        for (;; src.at++) {
            if (src.at < src.end && *src.at == 'I') flags |= REG_ICASE;
            else if (src.at < src.end && *src.at == 'M') flags |= REG_NEWLINE;
            else break;
        }
        a->kind = REGEX;
        a->regex = sed_compile(&pattern, flags);
    } else return 0;
    return 1;
}
struct text sed_rest_of_line(void)
{
    struct text out = {0};
    text_put(&out, "", 0);
    sed_skip_blanks();
    while (src.at < src.end && *src.at != '\n') text_put(&out, src.at++, 1);
    return out;
}

/* The text of a, i and c: the GNU one-liner, or lines that go on behind a backslash. */
static void take_text(struct command *c)
{
    sed_skip_blanks();
    if (src.at >= src.end) sed_wrong("expected \\ after `a', `c' or `i'");
    if (*src.at == '\\') {
        src.at++;
        sed_skip_blanks();
        if (src.at < src.end && *src.at == '\n') src.at++;
    }
    text_put(&c->text, "", 0);
    for (; src.at < src.end && *src.at != '\n'; src.at++) {
        if (*src.at == '\\' && src.at + 1 < src.end) {
            src.at++;
            size_t used;
            int byte = *src.at == '\n' ? -1 : c->text.len ? sed_escaped(src.at, src.end, &used) : -1;
            char one = (char)byte;
            if (byte >= 0) {
                text_put(&c->text, &one, 1);
                src.at += used - 1;
                continue;
            }
        }
        text_put(&c->text, src.at, 1);
    }
    text_put(&c->text, "\n", 1);
}

static void take_label(struct command *c, int definition)
{
    sed_skip_blanks();
    text_put(&c->text, "", 0);
    while (src.at < src.end && *src.at != '\n' && (definition || (*src.at != ';' && *src.at != '}'))) text_put(&c->text, src.at++, 1);
    while (c->text.len && isspace((unsigned char)c->text.at[c->text.len - 1])) c->text.at[--c->text.len] = 0;
    if (definition) {
        char *stop = strchr(c->text.at, ';');
        if (stop) {
            src.at -= c->text.len - (size_t)(stop - c->text.at);
            c->text.len = (size_t)(stop - c->text.at);
            *stop = 0;
        }
        if (!c->text.len) sed_wrong("\":\" lacks a label");
    }
}

static void end_command(void)
{
    sed_skip_blanks();
    if (src.at < src.end && *src.at == '#') return;
    if (src.at < src.end && *src.at != ';' && *src.at != '\n' && *src.at != '}') sed_wrong("extra characters after command");
}

struct command *sed_parse(const struct text *source)
{
    enum { DEPTH = 256 };
    struct command *first = NULL, **link = &first, *blocks[DEPTH];
    int depth = 0;
    src.script = src.at = source->at;
    src.end = src.at + source->len;
    if (source->len >= 2 && !strncmp(src.script, "#n", 2) && (source->len == 2 || src.script[2] == '\n')) sed.quiet = 1;
    for (;;) {
        skip_space();
        if (src.at >= src.end) break;
        if (*src.at == '#') {
            while (src.at < src.end && *src.at != '\n') src.at++;
            continue;
        }
        struct command *c = sed_allocate(NULL, sizeof(*c));
        memset(c, 0, sizeof(*c));
        if (take_address(&c->from, 0)) {
            sed_skip_blanks();
            if (src.at < src.end && *src.at == ',') {
                src.at++;
                sed_skip_blanks();
                if (!take_address(&c->to, 1)) sed_wrong("unexpected `,'");
            }
            if (c->from.kind == LINE && !c->from.first && c->to.kind != REGEX) sed_wrong("invalid usage of line address 0");
        }
        sed_skip_blanks();
        while (src.at < src.end && *src.at == '!') {
            c->negated = 1;
            src.at++;
            sed_skip_blanks();
        }
        if (src.at >= src.end) sed_wrong("missing command");
        c->name = *src.at++;
        *link = c;
        link = &c->next;
        switch (c->name) {
        case '{':
            if (depth == DEPTH) sed_wrong("blocks too deep");
            blocks[depth++] = c;
            break;
        case '}':
            if (!depth) sed_wrong("unexpected `}'");
            if (c->from.kind != NONE) sed_wrong("} doesn't want any addresses");
            blocks[--depth]->target = c;
            end_command();
            break;
        case 'a':
        case 'i':
        case 'c': take_text(c); break;
        case ':':
            if (c->from.kind != NONE) sed_wrong(": doesn't want any addresses");
            take_label(c, 1);
            break;
        case 'b':
        case 't':
        case 'T':
            take_label(c, 0);
            end_command();
            break;
        case 's':
            sed_take_substitution(c);
            end_command();
            break;
        case 'y':
            sed_take_map(c);
            end_command();
            break;
        case 'r':
        case 'R':
            c->text = sed_rest_of_line();
            if (!c->text.len) sed_wrong("missing filename in r/R/w/W commands");
            break;
        case 'w':
        case 'W':
            c->text = sed_rest_of_line();
            if (!c->text.len) sed_wrong("missing filename in r/R/w/W commands");
            c->output = sed_output(c->text.at);
            break;
        case 'q':
        case 'Q':
        case 'l':
            sed_skip_blanks();
            c->number = src.at < src.end && isdigit((unsigned char)*src.at) ? sed_number() : -1;
            end_command();
            break;
        case 'e': sed_wrong("the command `e' runs commands: it is not in this sandbox");
        case 'v': sed_rest_of_line(); break;
        case '=': case 'd': case 'D': case 'F': case 'g': case 'G': case 'h': case 'H': case 'n': case 'N': case 'p':
        case 'P': case 'x': case 'z': end_command(); break;
        default: {
            char why[40];
            snprintf(why, sizeof(why), "unknown command: `%c'", c->name);
            sed_wrong(why);
        }
        }
    }
    if (depth) sed_wrong("unmatched `{'");
    for (struct command *c = first; c; c = c->next) {
        if (!c->name || !strchr("btT", c->name) || !c->text.len) continue;
        for (struct command *l = first; l && !c->target; l = l->next)
            if (l->name == ':' && !strcmp(l->text.at, c->text.at)) c->target = l;
        if (!c->target) sed_fail(1, "-e expression #1, char %d: can't find label for jump to `%s'", (int)source->len, c->text.at);
    }
    return first;
}
