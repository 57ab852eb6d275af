/* A sed script, read. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sed.h"

static const char *script, *at, *end;

_Noreturn static void wrong(const char *why)
{
    sed_fail(1, "-e expression #1, char %d: %s", (int)(at - script), why);
}

static void skip_blanks(void)
{
    while (at < end && (*at == ' ' || *at == '\t')) at++;
}

static void skip_space(void)
{
    while (at < end && (isspace((unsigned char)*at) || *at == ';')) at++;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* The byte that an escape like \t stands for, or -1; *used is its length after the backslash. */
static int escaped(const char *s, const char *stop, size_t *used)
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

/* Everything up to an unescaped delimiter, which is passed. In brackets of a regular expression it is no delimiter. */
static struct text delimited(char delimiter, int regex)
{
    struct text out = {0};
    text_put(&out, "", 0);
    for (; at < end && *at != delimiter; at++) {
        if (*at == '\\' && at + 1 < end) {
            at++;
            /* The delimiter with a backslash is itself; what it would mean otherwise is lost, but for a newline. */
            if (*at == delimiter && !(regex && strchr("(){}|+?", delimiter))) {
                if (regex && strchr("*.[]^$", delimiter)) text_put(&out, "\\", 1);
            } else if (regex && *at == '\n') {
            } else text_put(&out, "\\", 1);
            text_put(&out, at, 1);
        } else if (*at == '[' && regex) {
            const char *s = at + 1;
            if (s < end && *s == '^') s++;
            if (s < end && *s == ']') s++;
            while (s < end && *s != ']') {
                if (*s == '[' && s + 1 < end && strchr(".:=", s[1])) {
                    const char *stop = s + 2;
                    while (stop + 1 < end && !(stop[0] == s[1] && stop[1] == ']')) stop++;
                    if (stop + 1 < end) s = stop + 1;
                }
                s++;
            }
            if (s >= end) {
                text_put(&out, at, 1);
                continue;
            }
            /* \n and its like mean themselves in brackets too. */
            for (; at < s; at++) {
                size_t used;
                int byte = *at == '\\' && strchr("nt", at[1]) ? escaped(at + 1, s, &used) : -1;
                char c = (char)byte;
                text_put(&out, byte >= 0 ? &c : at, 1);
                if (byte >= 0) at++;
            }
            text_put(&out, at, 1);
        } else text_put(&out, at, 1);
    }
    if (at >= end) wrong(regex ? "unterminated address regex" : "unterminated `s' command");
    at++;
    return out;
}

static struct regex *compile(struct text *pattern, int flags)
{
    if (!pattern->len) return NULL;
    /* Escapes for bytes first: the C library has other ideas of some. */
    struct text plain = {0};
    text_put(&plain, "", 0);
    for (const char *s = pattern->at, *stop = s + pattern->len; s < stop; s++) {
        size_t used;
        int byte = *s == '\\' && s + 1 < stop ? escaped(s + 1, stop, &used) : -1;
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
    int from = 0, to = 0, backrefs = 0, cflags = flags;
    char *source = pattern_translate(sed.extended ? EXTENDED : BASIC, plain.at, plain.len, 1, &cflags, &from, &to, &backrefs);
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
        wrong(why);
    }
    free(source);
    free(plain.at);
    free(pattern->at);
    return r;
}

static long long take_number(void)
{
    long long n = 0;
    while (at < end && isdigit((unsigned char)*at)) n = n < 1LL << 52 ? n * 10 + (*at - '0') : n, at++;
    return n;
}

static int take_address(struct address *a, int second)
{
    if (at >= end) return 0;
    if (isdigit((unsigned char)*at)) {
        a->kind = LINE;
        a->first = take_number();
        skip_blanks();
        if (at < end && *at == '~' && !second) {
            at++;
            a->kind = STEP;
            a->step = take_number();
        }
    } else if (*at == '$') {
        a->kind = LAST;
        at++;
    } else if (second && (*at == '+' || *at == '~') && at + 1 < end && isdigit((unsigned char)at[1])) {
        a->kind = *at++ == '+' ? PLUS : MULTIPLE;
        a->first = take_number();
    } else if (*at == '/' || (*at == '\\' && at + 1 < end)) {
        int flags = 0;
        if (*at == '\\') at++;
        char delimiter = *at++;
        struct text pattern = delimited(delimiter, 1);
        for (;; at++) {
            if (at < end && *at == 'I') flags |= REG_ICASE;
            else if (at < end && *at == 'M') flags |= REG_NEWLINE;
            else break;
        }
        a->kind = REGEX;
        a->regex = compile(&pattern, flags);
    } else return 0;
    return 1;
}

static void take_replacement(struct command *c, const struct text *r)
{
    struct text run = {0};
    text_put(&run, "", 0);
    for (const char *s = r->at, *stop = s + r->len; s <= stop; s++) {
        struct piece piece = {.group = -1};
        int cut = s == stop;
        if (!cut && *s == '&') piece.group = 0, cut = 1;
        else if (!cut && *s == '\\' && s + 1 < stop) {
            size_t used;
            int byte;
            s++;
            if (isdigit((unsigned char)*s)) piece.group = *s - '0', cut = 1;
            else if (strchr("LUElu", *s)) piece.change = *s, cut = 1;
            else if ((byte = escaped(s, stop, &used)) >= 0) {
                char one = (char)byte;
                text_put(&run, &one, 1);
                s += used - 1;
                continue;
            } else {
                text_put(&run, s, 1);
                continue;
            }
        }
        if (!cut) {
            text_put(&run, s, 1);
            continue;
        }
        if (piece.group > (c->regex ? c->regex->groups : 9)) {
            char why[64];
            snprintf(why, sizeof(why), "invalid reference \\%d on `s' command's RHS", piece.group);
            wrong(why);
        }
        piece.text = run.at;
        piece.len = run.len;
        run = (struct text){0};
        text_put(&run, "", 0);
        c->pieces = sed_allocate(c->pieces, (size_t)(c->piece_count + 1) * sizeof(*c->pieces));
        c->pieces[c->piece_count++] = piece;
    }
    free(run.at);
}

static struct text rest_of_line(void)
{
    struct text out = {0};
    text_put(&out, "", 0);
    skip_blanks();
    while (at < end && *at != '\n') text_put(&out, at++, 1);
    return out;
}

static void take_substitution(struct command *c)
{
    if (at >= end || *at == '\n' || *at == '\\') wrong("unterminated `s' command");
    char delimiter = *at++;
    /* Flags come last, but the pattern is compiled with them. */
    const char *start = at;
    struct text pattern = delimited(delimiter, 1), replacement = delimited(delimiter, 0);
    (void)start;
    int flags = 0;
    c->nth = 0;
    for (;; at++) {
        if (at < end && *at == 'g') c->global = 1;
        else if (at < end && *at == 'p') c->print = 1;
        else if (at < end && (*at == 'i' || *at == 'I')) flags |= REG_ICASE;
        else if (at < end && (*at == 'm' || *at == 'M')) flags |= REG_NEWLINE;
        else if (at < end && isdigit((unsigned char)*at)) {
            c->nth = (int)take_number();
            if (!c->nth) wrong("number option to `s' command may not be zero");
            at--;
        } else if (at < end && *at == 'e') wrong("the flag e of `s' runs commands: it is not in this sandbox");
        else break;
    }
    if (at < end && *at == 'w') {
        at++;
        struct text path = rest_of_line();
        c->output = sed_output(path.at);
    }
    c->regex = compile(&pattern, flags);
    take_replacement(c, &replacement);
    free(replacement.at);
}

static size_t character(const char *s, const char *stop)
{
    size_t n = 1;
    if ((unsigned char)*s >= 0xC0)
        while (s + n < stop && ((unsigned char)s[n] & 0xC0) == 0x80 && n < 4) n++;
    return n;
}

static void take_map(struct command *c)
{
    if (at >= end) wrong("unterminated `y' command");
    char delimiter = *at++;
    struct text sides[2];
    for (int i = 0; i < 2; i++) {
        struct text raw = delimited(delimiter, 0);
        sides[i] = (struct text){0};
        text_put(&sides[i], "", 0);
        for (const char *s = raw.at, *stop = s + raw.len; s < stop; s++) {
            size_t used;
            int byte = *s == '\\' && s + 1 < stop ? escaped(s + 1, stop, &used) : -1;
            char one = (char)byte;
            if (byte >= 0) s += used;
            else if (*s == '\\' && s + 1 < stop) one = *++s;
            else one = *s;
            text_put(&sides[i], &one, 1);
        }
        free(raw.at);
    }
    c->map = sed_allocate(NULL, 256);
    for (int i = 0; i < 256; i++) c->map[i] = (unsigned char)i;
    const char *a = sides[0].at, *a_end = a + sides[0].len, *b = sides[1].at, *b_end = b + sides[1].len;
    while (a < a_end && b < b_end) {
        size_t na = character(a, a_end), nb = character(b, b_end);
        if (na == 1 && nb == 1) c->map[(unsigned char)*a] = (unsigned char)*b;
        else {
            c->wide = sed_allocate(c->wide, (size_t)(c->wide_count + 1) * sizeof(*c->wide));
            memset(&c->wide[c->wide_count], 0, sizeof(*c->wide));
            memcpy(c->wide[c->wide_count].from, a, na);
            memcpy(c->wide[c->wide_count++].to, b, nb);
        }
        a += na, b += nb;
    }
    if (a < a_end || b < b_end) wrong("strings for `y' command are different lengths");
}

/* The text of a, i and c: the GNU one-liner, or lines that go on behind a backslash. */
static void take_text(struct command *c)
{
    skip_blanks();
    if (at >= end) wrong("expected \\ after `a', `c' or `i'");
    if (*at == '\\') {
        at++;
        skip_blanks();
        if (at < end && *at == '\n') at++;
    }
    text_put(&c->text, "", 0);
    for (; at < end && *at != '\n'; at++) {
        if (*at == '\\' && at + 1 < end) {
            at++;
            size_t used;
            int byte = *at == '\n' ? -1 : c->text.len ? escaped(at, end, &used) : -1;
            char one = (char)byte;
            if (byte >= 0) {
                text_put(&c->text, &one, 1);
                at += used - 1;
                continue;
            }
        }
        text_put(&c->text, at, 1);
    }
    text_put(&c->text, "\n", 1);
}

static void take_label(struct command *c, int definition)
{
    skip_blanks();
    text_put(&c->text, "", 0);
    while (at < end && *at != '\n' && (definition || (*at != ';' && *at != '}'))) text_put(&c->text, at++, 1);
    while (c->text.len && isspace((unsigned char)c->text.at[c->text.len - 1])) c->text.at[--c->text.len] = 0;
    if (definition) {
        char *stop = strchr(c->text.at, ';');
        if (stop) {
            at -= c->text.len - (size_t)(stop - c->text.at);
            c->text.len = (size_t)(stop - c->text.at);
            *stop = 0;
        }
        if (!c->text.len) wrong("\":\" lacks a label");
    }
}

static void end_command(void)
{
    skip_blanks();
    if (at < end && *at == '#') return;
    if (at < end && *at != ';' && *at != '\n' && *at != '}') wrong("extra characters after command");
}

struct command *sed_parse(const struct text *source)
{
    enum { DEPTH = 256 };
    struct command *first = NULL, **link = &first, *blocks[DEPTH];
    int depth = 0;
    script = at = source->at;
    end = at + source->len;
    if (source->len >= 2 && !strncmp(script, "#n", 2) && (source->len == 2 || script[2] == '\n')) sed.quiet = 1;
    for (;;) {
        skip_space();
        if (at >= end) break;
        if (*at == '#') {
            while (at < end && *at != '\n') at++;
            continue;
        }
        struct command *c = sed_allocate(NULL, sizeof(*c));
        memset(c, 0, sizeof(*c));
        if (take_address(&c->from, 0)) {
            skip_blanks();
            if (at < end && *at == ',') {
                at++;
                skip_blanks();
                if (!take_address(&c->to, 1)) wrong("unexpected `,'");
            }
            if (c->from.kind == LINE && !c->from.first && c->to.kind != REGEX) wrong("invalid usage of line address 0");
        }
        skip_blanks();
        while (at < end && *at == '!') {
            c->negated = 1;
            at++;
            skip_blanks();
        }
        if (at >= end) wrong("missing command");
        c->name = *at++;
        *link = c;
        link = &c->next;
        switch (c->name) {
        case '{':
            if (depth == DEPTH) wrong("blocks too deep");
            blocks[depth++] = c;
            break;
        case '}':
            if (!depth) wrong("unexpected `}'");
            if (c->from.kind != NONE) wrong("} doesn't want any addresses");
            blocks[--depth]->target = c;
            end_command();
            break;
        case 'a':
        case 'i':
        case 'c': take_text(c); break;
        case ':':
            if (c->from.kind != NONE) wrong(": doesn't want any addresses");
            take_label(c, 1);
            break;
        case 'b':
        case 't':
        case 'T':
            take_label(c, 0);
            end_command();
            break;
        case 's':
            take_substitution(c);
            end_command();
            break;
        case 'y':
            take_map(c);
            end_command();
            break;
        case 'r':
        case 'R':
            c->text = rest_of_line();
            if (!c->text.len) wrong("missing filename in r/R/w/W commands");
            break;
        case 'w':
        case 'W':
            c->text = rest_of_line();
            if (!c->text.len) wrong("missing filename in r/R/w/W commands");
            c->output = sed_output(c->text.at);
            break;
        case 'q':
        case 'Q':
        case 'l':
            skip_blanks();
            c->number = at < end && isdigit((unsigned char)*at) ? take_number() : -1;
            end_command();
            break;
        case 'e': wrong("the command `e' runs commands: it is not in this sandbox");
        case 'v': rest_of_line(); break;
        case '=': case 'd': case 'D': case 'F': case 'g': case 'G': case 'h': case 'H': case 'n': case 'N': case 'p':
        case 'P': case 'x': case 'z': end_command(); break;
        default: {
            char why[40];
            snprintf(why, sizeof(why), "unknown command: `%c'", c->name);
            wrong(why);
        }
        }
    }
    if (depth) wrong("unmatched `{'");
    for (struct command *c = first; c; c = c->next) {
        if (!c->name || !strchr("btT", c->name) || !c->text.len) continue;
        for (struct command *l = first; l && !c->target; l = l->next)
            if (l->name == ':' && !strcmp(l->text.at, c->text.at)) c->target = l;
        if (!c->target) sed_fail(1, "-e expression #1, char %d: can't find label for jump to `%s'", (int)source->len, c->text.at);
    }
    return first;
}
