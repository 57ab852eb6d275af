/* Regular expressions by characters: awk's automata know bytes alone.
 *
 * A pattern is rewritten before it becomes an automaton: "." and "[^...]" take one character of UTF-8, "[é]" becomes a
 * choice, and \s \S \w \W what they stand for. What looks around (\< \> \y \B) is matched by the C library instead. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "awk.h"
#include "extensions.h"

#define LONG "[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf][\x80-\xbf][\x80-\xbf]"
#define SPACES " \\t\\n\\r\\f\\v"

static char *out;
static size_t len, cap;

static void add(const char *s, size_t n)
{
    if (len + n + 1 > cap) {
        cap = (len + n + 1) * 2;
        out = realloc(out, cap);
        if (!out) FATAL("out of memory in a pattern");
    }
    memcpy(out + len, s, n);
    len += n;
    out[len] = 0;
}

static void text(const char *s)
{
    add(s, strlen(s));
}

/* From behind "[" to behind its "]"; the end of the text where there is none. */
static const char *bracket_end(const char *p)
{
    if (*p == '^') p++;
    if (*p == ']') p++;
    for (; *p && *p != ']'; p++) {
        if (*p == '\\' && p[1]) p++;
        else if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
            const char close[] = {p[1], ']', 0}, *q = strstr(p + 2, close);
            if (q) p = q + 1;
        }
    }
    return *p ? p + 1 : p;
}

/* A bracket expression; p is behind "[", end behind "]". */
static void bracket(const char *p, const char *end)
{
    const char *inner = p, *last = end - 1;
    int negated = *p == '^', wide = 0;
    if (negated) inner++;
    for (const char *q = inner; q < last; q++) wide |= (unsigned char)*q >= 0x80;
    if (!wide && !negated) {
        text("[");
        add(p, (size_t)(end - p));
        return;
    }
    if (negated && wide) FATAL("a pattern excludes a character that is not ASCII: %.*s is not supported", (int)(end - p) + 1, p - 1);
    if (negated) {
        text("(");
        text("[");
        add(p, (size_t)(last - p));
        text("\x80-\xff]|" LONG ")");
        return;
    }
    /* The ASCII part as it is, and every other character as a choice. */
    text("(");
    int choices = 0;
    char *ascii = calloc(1, (size_t)(end - p) + 1);
    if (!ascii) FATAL("out of memory in a pattern");
    size_t used = 0;
    for (const char *q = inner; q < last;) {
        size_t n = agentsh_char_len(q);
        if (n == 1) {
            ascii[used++] = *q++;
            continue;
        }
        if ((q + n < last && q[n] == '-' && q + n + 1 < last) || (q > inner && q[-1] == '-' && q - 1 > inner))
            FATAL("a pattern has a range of characters that are not ASCII: %.*s is not supported", (int)(end - p) + 1, p - 1);
        if (choices++) text("|");
        add(q, n);
        q += n;
    }
    if (used) {
        if (choices) text("|");
        text("[");
        add(ascii, used);
        text("]");
    }
    free(ascii);
    text(")");
}

const char *agentsh_pattern(const char *p)
{
    len = 0;
    text("");
    while (*p) {
        if (*p == '\\' && p[1]) {
            switch (p[1]) {
            case 's': text("[" SPACES "]"); break;
            case 'S': text("([^" SPACES "\x80-\xff]|" LONG ")"); break;
            case 'w': text("[[:alnum:]_]"); break;
            case 'W': text("([^[:alnum:]_\x80-\xff]|" LONG ")"); break;
            default: add(p, 2);
            }
            p += 2;
        } else if (*p == '.') {
            text("([^\x80-\xff]|" LONG ")");
            p++;
        } else if (*p == '[') {
            const char *end = bracket_end(p + 1);
            if (!*end && end[-1] != ']') add(p, strlen(p)); /* awk itself says what is wrong */
            else bracket(p + 1, end);
            p = end;
        } else {
            size_t n = agentsh_char_len(p);
            int repeated = n > 1 && p[n] && strchr("*+?{", p[n]);
            if (repeated) text("(");
            add(p, n);
            if (repeated) text(")");
            p += n;
        }
    }
    return out;
}

/* Whether a pattern looks around. */
static int looks_around(const char *p)
{
    for (; *p; p++) {
        if (*p != '\\' || !p[1]) continue;
        if (strchr("<>yB", *++p)) return 1;
    }
    return 0;
}

void *agentsh_compile(const char *pattern)
{
    if (!looks_around(pattern)) return NULL;
    char *copy = strdup(pattern);
    regex_t *re = malloc(sizeof(*re));
    if (!copy || !re) FATAL("out of memory in a pattern");
    for (char *p = copy; *p; p++)
        if (*p == '\\' && p[1] && *++p == 'y') *p = 'b';
    if (regcomp(re, copy, REG_EXTENDED)) FATAL("pattern %s is not supported", pattern);
    free(copy);
    return re;
}

void agentsh_forget(void *compiled)
{
    if (compiled) regfree(compiled);
    free(compiled);
}

int agentsh_matches(const fa *f, const char *s, int not_empty)
{
    regmatch_t m;
    const char *from = s;
    int flags = f->initstat == 2 ? REG_NOTBOL : 0;
    patbeg = s;
    patlen = -1;
    while (!regexec(f->agentsh_re, from, 1, &m, flags)) {
        if (!not_empty || m.rm_eo > m.rm_so) {
            patbeg = from + m.rm_so;
            patlen = (int)(m.rm_eo - m.rm_so);
            return 1;
        }
        if (!from[m.rm_eo]) break;
        from += (size_t)m.rm_eo + agentsh_char_len(from + m.rm_eo);
        flags = REG_NOTBOL;
    }
    return 0;
}

int agentsh_is_unsupported(const char *name)
{
    static const char *const names[] = {"IGNORECASE", "FPAT", "FIELDWIDTHS", "RT", "BEGINFILE", "ENDFILE", "PROCINFO"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(name, names[i])) return 1;
    return 0;
}
