/* grep's matching: over a whole buffer to find lines that may match, then inside a line. */
#define _GNU_SOURCE
#include <ctype.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grep.h"

static locale_t bytes_locale, chars_locale;

static void compile(struct matcher *m, struct pattern *p, enum syntax syntax, const char *text, size_t len)
{
    if (syntax == PERL) {
        p->perl = perl_compile(text, len, m->ignore_case, m->words, m->lines, !m->eol);
        return;
    }
    int cflags = (m->eol ? REG_NEWLINE : 0) | (syntax == BASIC ? 0 : REG_EXTENDED) | (m->ignore_case ? REG_ICASE : 0);
    char *source = pattern_translate(syntax, text, len, &p->backrefs);
    int basic = syntax == BASIC || (syntax == EXTENDED && p->backrefs);
    if (basic) cflags &= ~REG_EXTENDED;
    if (!bytes_locale) {
        bytes_locale = newlocale(LC_ALL_MASK, "C", NULL);
        chars_locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
    }
    for (int wide = 0; wide < 2; wide++) {
        uselocale(wide ? chars_locale : bytes_locale);
        int err = regcomp(wide ? &p->chars : &p->bytes, source, cflags);
        if (err) {
            char why[200];
            regerror(err, &p->bytes, why, sizeof(why));
            grep_fail("%s", why);
        }
        p->looks_back = !p->backrefs && pattern_looks_back(source);
        if (p->looks_back) {
            char *wrapped = malloc(strlen(source) + 16);
            if (!wrapped) grep_fail("out of memory");
            sprintf(wrapped, basic ? "\\(.\\)\\(%s\\)" : "(.)(%s)", source);
            if (regcomp(wide ? &p->chars_after : &p->bytes_after, wrapped, cflags)) p->looks_back = 0;
            free(wrapped);
        }
    }
    p->needed = pattern_needed(!basic, source, &p->needed_len);
    free(source);
}

static void lower(char *to, const char *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        to[i] = (char)(c + ((unsigned char)(c - 'A') < 26) * 32);
    }
}

static int is_ascii(const char *s, size_t len)
{
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++) all |= (unsigned char)s[i];
    return !(all & 0x80);
}

void matcher_add(struct matcher *m, enum syntax syntax, const char *text, size_t len)
{
    if (syntax == PERL && memchr(text, '\n', len)) grep_fail("the -P option only supports a single pattern");
    for (const char *end = text + len;;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        /* A choice between plain texts is several patterns: each is looked for by itself. */
        const char *bar = NULL;
        if (syntax == EXTENDED) {
            size_t got;
            bar = memchr(text, '|', n);
            char *left = bar && bar > text && bar[-1] != '\\' && bar + 1 < text + n
                             ? pattern_literal(syntax, text, (size_t)(bar - text), &got) : NULL;
            if (!left || memchr(text, '(', n) || memchr(text, '[', n)) bar = NULL;
            free(left);
        } else if (syntax == BASIC) {
            size_t got;
            bar = memmem(text, n, "\\|", 2);
            char *left = bar && bar > text && bar[-1] != '\\' && bar + 2 < text + n
                             ? pattern_literal(syntax, text, (size_t)(bar - text), &got) : NULL;
            if (!left || memmem(text, n, "\\(", 2) || memchr(text, '[', n)) bar = NULL;
            free(left);
        }
        size_t part = bar ? (size_t)(bar - text) : n;
        m->list = realloc(m->list, (m->count + 1) * sizeof(*m->list));
        if (!m->list) grep_fail("out of memory");
        struct pattern *p = &m->list[m->count++];
        memset(p, 0, sizeof(*p));
        p->literal = pattern_literal(syntax, text, part, &p->literal_len);
        if (p->literal && m->ignore_case && !is_ascii(p->literal, p->literal_len)) {
            /* Case beyond ASCII is the regular expression's to know; a fixed text is escaped for it. */
            char *quoted = malloc(2 * p->literal_len + 1), *q = quoted;
            if (!quoted) grep_fail("out of memory");
            for (size_t i = 0; i < p->literal_len; i++) {
                if (strchr(".[*^$\\+?{}()|", p->literal[i])) *q++ = '\\';
                *q++ = p->literal[i];
            }
            free(p->literal);
            p->literal = NULL;
            compile(m, p, EXTENDED, quoted, (size_t)(q - quoted));
            free(quoted);
        } else if (!p->literal) compile(m, p, syntax, text, part);
        if (p->literal) {
            p->needed = p->literal;
            p->needed_len = p->literal_len;
        }
        if (m->ignore_case && p->needed) {
            if (is_ascii(p->needed, p->needed_len)) lower(p->needed, p->needed, p->needed_len);
            else p->needed = NULL;
        }
        if (bar) {
            text = bar + (syntax == BASIC ? 2 : 1);
            continue;
        }
        if (!stop) break;
        text = stop + 1;
    }
}

int matcher_certain(const struct matcher *m)
{
    if (m->words || m->lines) return 0;
    for (size_t i = 0; i < m->count; i++)
        if (!m->list[i].literal) return 0;
    return 1;
}

void matcher_buffer(struct matcher *m, char *buffer, char *end)
{
    size_t len = (size_t)(end - buffer);
    m->buffer = buffer;
    m->buffer_end = end;
    int texts = 0, regexes = 0;
    for (size_t i = 0; i < m->count; i++) {
        m->list[i].next = NULL;
        if (m->list[i].needed && m->list[i].needed_len) texts = 1;
        if (!m->list[i].literal) regexes = 1;
    }
    m->ascii = regexes ? is_ascii(buffer, len) : 1;
    if (m->ignore_case && texts) {
        if (len > m->lowered_cap) {
            free(m->lowered);
            m->lowered_cap = len + len / 2;
            m->lowered = malloc(m->lowered_cap);
            if (!m->lowered) grep_fail("out of memory");
        }
        lower(m->lowered, buffer, len);
    }
}

/* The next place at or after from where the pattern may match; the buffer's end when there is none. */
static const char *look(struct matcher *m, struct pattern *p, char *from)
{
    size_t left = (size_t)(m->buffer_end - from);
    if (p->needed) {
        if (!p->needed_len) return from;
        const char *base = m->ignore_case ? m->lowered + (from - m->buffer) : from;
        const char *hit = p->needed_len == 1 ? memchr(base, p->needed[0], left) : memmem(base, left, p->needed, p->needed_len);
        return hit ? from + (hit - base) : m->buffer_end;
    }
    /* Over the whole buffer at once where one reading of it holds for every line. */
    if (p->perl || p->backrefs || !m->ascii || !m->eol) return from;
    regmatch_t at;
    uselocale(bytes_locale);
    char *end = (char *)m->buffer_end, kept = *end;
    *end = 0;
    int miss = regexec(&p->bytes, from, 1, &at, 0);
    *end = kept;
    return miss ? m->buffer_end : from + at.rm_so;
}

const char *matcher_candidate(struct matcher *m, char *from)
{
    const char *first = m->buffer_end;
    for (size_t i = 0; i < m->count; i++) {
        struct pattern *p = &m->list[i];
        if (!p->next || p->next < from) p->next = look(m, p, from);
        if (p->next < first) first = p->next;
    }
    if (first == m->buffer_end) return NULL;
    if (first == from) return from;
    const char *newline = memrchr(from, m->eol, (size_t)(first - from));
    return newline ? newline + 1 : from;
}

static int valid_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        int more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : -1;
        if (more < 0 || i + (size_t)more >= len + (more == 0)) return 0;
        for (int k = 1; k <= more; k++)
            if ((s[i + (size_t)k] & 0xC0) != 0x80) return 0;
        i += (size_t)more + 1;
    }
    return 1;
}

static int is_word(const char *line, size_t len, size_t at)
{
    if (at >= len) return 0;
    unsigned char c = (unsigned char)line[at];
    return isalnum(c) || c == '_' || c >= 0x80;
}

static int whole_words(const char *line, size_t len, const struct span *s)
{
    return !(s->start && is_word(line, len, s->start - 1)) && !is_word(line, len, s->end);
}

/* One pattern in line[at..len): the leftmost match, the longest there. line[len] is 0 for the moment. */
static int try_pattern(struct matcher *m, struct pattern *p, char *line, size_t len, size_t at, int wide, struct span *s)
{
    if (p->literal) {
        char *base = line;
        size_t n = p->literal_len;
        if (!n) {
            *s = (struct span){at, at};
            return 1;
        }
        if (m->ignore_case) base = m->lowered + (line - m->buffer);
        char *hit = len - at < n ? NULL : memmem(base + at, len - at, p->literal, n);
        if (!hit) return 0;
        s->start = (size_t)(hit - base);
        s->end = s->start + n;
        return 1;
    }
    if (p->perl) return perl_search(p->perl, line, len, at, s);
    enum { GROUPS = 3 };
    regmatch_t found[GROUPS];
    uselocale(wide ? chars_locale : bytes_locale);
    if (at && p->looks_back) {
        /* From one character further left, so that what stands before is seen: groups count two more. */
        size_t back = at - 1;
        while (wide && back && ((unsigned char)line[back] & 0xC0) == 0x80) back--;
        if (regexec(wide ? &p->chars_after : &p->bytes_after, line + back, GROUPS, found, back ? REG_NOTBOL : 0)) return 0;
        s->start = back + (size_t)found[2].rm_so;
        s->end = back + (size_t)found[2].rm_eo;
        return 1;
    }
    if (regexec(wide ? &p->chars : &p->bytes, line + at, 1, found, at ? REG_NOTBOL : 0)) return 0;
    s->start = at + (size_t)found[0].rm_so;
    s->end = at + (size_t)found[0].rm_eo;
    return 1;
}

int matcher_line(struct matcher *m, char *line, size_t len, size_t at, struct span *found)
{
    char kept = line[len];
    int any = 0, wide = -1;
    line[len] = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct pattern *p = &m->list[i];
        struct span s;
        size_t from = at;
        if (!p->literal && !p->perl && wide < 0) wide = !m->ascii && !is_ascii(line, len) && valid_utf8(line, len);
        while (from <= len && try_pattern(m, p, line, len, from, wide > 0, &s)) {
            int good = 1;
            if (p->perl) {
                /* -w and -x are part of what was compiled. */
            } else if (m->lines) {
                if (p->literal && s.end - s.start != len && len != 0) {
                    good = 0;
                } else good = s.start == 0 && s.end == len;
                if (!good) break;
            } else if (m->words && !whole_words(line, len, &s)) {
                /* As GNU: a shorter match from the same place, then one further on. */
                good = 0;
                size_t end = s.end;
                while (!p->literal && end > s.start + 1) {
                    struct span shorter;
                    char cut = line[--end];
                    line[end] = 0;
                    int hit = try_pattern(m, p, line, end, s.start, wide > 0, &shorter) && shorter.start == s.start;
                    line[end] = cut;
                    if (!hit) break;
                    end = shorter.end;
                    if (whole_words(line, len, &shorter)) {
                        s = shorter;
                        good = 1;
                        break;
                    }
                }
                if (!good) {
                    from = s.start + 1;
                    continue;
                }
            }
            if (good && (!any || s.start < found->start || (s.start == found->start && s.end > found->end))) *found = s;
            any |= good;
            break;
        }
    }
    line[len] = kept;
    return any;
}
