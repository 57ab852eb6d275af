/* The s and y commands of a sed script, read. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sed_parse.h"

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
            else if ((byte = sed_escaped(s, stop, &used)) >= 0) {
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
            sed_wrong(why);
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

void sed_take_substitution(struct command *c)
{
    if (src.at >= src.end || *src.at == '\n' || *src.at == '\\') sed_wrong("unterminated `s' command");
    char delimiter = *src.at++;
    /* Flags come last, but the pattern is compiled with them. */
    const char *start = src.at;
    struct text pattern = sed_delimited(delimiter, 1), replacement = sed_delimited(delimiter, 0);
    (void)start;
    int flags = 0;
    c->nth = 0;
    for (;; src.at++) {
        if (src.at < src.end && *src.at == 'g') c->global = 1;
        else if (src.at < src.end && *src.at == 'p') c->print = 1;
        else if (src.at < src.end && (*src.at == 'i' || *src.at == 'I')) flags |= REG_ICASE;
        else if (src.at < src.end && (*src.at == 'm' || *src.at == 'M')) flags |= REG_NEWLINE;
        else if (src.at < src.end && isdigit((unsigned char)*src.at)) {
            c->nth = (int)sed_number();
            if (!c->nth) sed_wrong("number option to `s' command may not be zero");
            src.at--;
        } else if (src.at < src.end && *src.at == 'e') sed_wrong("the flag e of `s' runs commands: it is not in this sandbox");
        else break;
    }
    if (src.at < src.end && *src.at == 'w') {
        src.at++;
        struct text path = sed_rest_of_line();
        c->output = sed_output(path.at);
    }
    c->regex = sed_compile(&pattern, flags);
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

void sed_take_map(struct command *c)
{
    if (src.at >= src.end) sed_wrong("unterminated `y' command");
    char delimiter = *src.at++;
    struct text sides[2];
    for (int i = 0; i < 2; i++) {
        struct text raw = sed_delimited(delimiter, 0);
        sides[i] = (struct text){0};
        text_put(&sides[i], "", 0);
        for (const char *s = raw.at, *stop = s + raw.len; s < stop; s++) {
            size_t used;
            int byte = *s == '\\' && s + 1 < stop ? sed_escaped(s + 1, stop, &used) : -1;
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
    if (a < a_end || b < b_end) sed_wrong("strings for `y' command are different lengths");
}
