/* nl, rev, tac. */
#define _GNU_SOURCE
#include "lines_tools.h"

#include <getopt.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>

#include "pattern.h"

/* -- nl ------------------------------------------------------------------------------------------------------------ */

enum section { HEADER, BODY, FOOTER };

static struct style {
    char kind; /* a, t, n or p */
    regex_t expression;
} styles[3] = {{.kind = 'n'}, {.kind = 't'}, {.kind = 'n'}};

static void set_style(enum section which, const char *text)
{
    struct style *s = &styles[which];
    if (!strchr("atnp", *text) || !*text || (*text != 'p' && text[1])) tool_fail("invalid numbering style: '%s'", text);
    s->kind = *text;
    if (*text != 'p') return;
    pattern_compile(&s->expression, text + 1, REG_NOSUB);
}

static int is_numbered(const struct style *s, const char *line, size_t len)
{
    switch (s->kind) {
    case 'a': return 1;
    case 't': return len > 0;
    case 'p': return !regexec(&s->expression, line, 0, NULL, 0);
    default: return 0;
    }
}

/* Which section a line begins, if it is made of delimiters alone: three for the header, two, one; else -1. */
static int begins_section(const char *line, size_t len, const char *delimiter, size_t n)
{
    if (!n || !len || len % n || len / n > 3) return -1;
    for (size_t i = 0; i < len; i += n)
        if (memcmp(line + i, delimiter, n)) return -1;
    return 3 - (int)(len / n);
}

int nl_main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"body-numbering", 1, 0, 'b'}, {"footer-numbering", 1, 0, 'f'}, {"header-numbering", 1, 0, 'h'},
        {"join-blank-lines", 1, 0, 'l'}, {"line-increment", 1, 0, 'i'}, {"no-renumber", 0, 0, 'p'},
        {"number-format", 1, 0, 'n'}, {"number-separator", 1, 0, 's'}, {"number-width", 1, 0, 'w'},
        {"section-delimiter", 1, 0, 'd'}, {"starting-line-number", 1, 0, 'v'}, {0, 0, 0, 0}};
    const char *separator = "\t", *delimiter = "\\:", *format = "rn";
    char short_delimiter[3];
    long long first = 1, increment = 1, width = 6, join = 1;
    int renumber = 1;
    for (int c; (c = getopt_long(argc, argv, "b:d:f:h:i:l:n:ps:v:w:", options, NULL)) != -1;) switch (c) {
        case 'b': set_style(BODY, optarg); break;
        case 'f': set_style(FOOTER, optarg); break;
        case 'h': set_style(HEADER, optarg); break;
        case 'd':
            delimiter = optarg;
            if (strlen(optarg) == 1) {
                short_delimiter[0] = *optarg, short_delimiter[1] = ':', short_delimiter[2] = 0;
                delimiter = short_delimiter;
            }
            break;
        case 'i': increment = tool_number(optarg, LLONG_MIN, "line number increment"); break;
        case 'l': join = tool_number(optarg, 1, "line number of blank lines"); break;
        case 'n':
            format = optarg;
            if (strcmp(format, "ln") && strcmp(format, "rn") && strcmp(format, "rz")) tool_fail("invalid line numbering format: '%s'", optarg);
            break;
        case 'p': renumber = 0; break;
        case 's': separator = optarg; break;
        case 'v': first = tool_number(optarg, LLONG_MIN, "starting line number"); break;
        case 'w':
            width = tool_number(optarg, 1, "line number field width");
            if (width > 1000) tool_fail("invalid line number field width: '%s'", optarg);
            break;
        default: return 1;
        }
    size_t n = strlen(delimiter), separator_len = strlen(separator);
    long long number = first, blanks = 0;
    enum section section = BODY;
    for (char **name = tool_operands(argc, argv); *name; name++) {
        struct lines in = {.fd = tool_open(*name)};
        if (in.fd < 0) continue;
        size_t len;
        for (char *line; (line = lines_next(&in, '\n', &len));) {
            int ended = line[len - 1] == '\n';
            len -= (size_t)ended;
            char behind = line[len];
            line[len] = 0;
            int begins = begins_section(line, len, delimiter, n);
            int numbered = begins < 0 && is_numbered(&styles[section], line, len);
            if (begins < 0 && styles[section].kind == 'a' && join > 1 && !len) numbered = ++blanks % join == 0;
            else blanks = 0;
            if (begins >= 0) {
                section = (enum section)begins;
                if (renumber) number = first;
            } else if (numbered) {
                char text[1100];
                int used = snprintf(text, sizeof(text), *format == 'l' ? "%-*lld" : format[1] == 'z' ? "%0*lld" : "%*lld", (int)width, number);
                out_bytes(text, (size_t)used);
                out_bytes(separator, separator_len);
                number += increment;
            } else
                for (size_t i = 0; i < (size_t)width + separator_len; i++) out_byte(' ');
            if (begins < 0) out_bytes(line, len);
            out_byte('\n');
            line[len] = behind;
        }
        tool_close(&in, *name);
    }
    return 0;
}

/* -- rev ----------------------------------------------------------------------------------------------------------- */

int rev_main(int argc, char *argv[])
{
    int end = '\n';
    for (int c; (c = getopt(argc, argv, "0")) != -1;) {
        if (c != '0') return 1;
        end = 0;
    }
    for (char **name = tool_operands(argc, argv); *name; name++) {
        struct lines in = {.fd = tool_open(*name)};
        if (in.fd < 0) continue;
        size_t len;
        for (const char *line; (line = lines_next(&in, (char)end, &len));) {
            int ended = line[len - 1] == end;
            size_t stop = len - (size_t)ended;
            while (stop) {
                /* A character at a time; a byte that belongs to none is one. */
                size_t start = stop - 1;
                while (start && stop - start < 4 && ((unsigned char)line[start] & 0xC0) == 0x80) start--;
                unsigned char lead = (unsigned char)line[start];
                size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
                if (whole != stop - start) start = stop - 1;
                out_bytes(line + start, stop - start);
                stop = start;
            }
            if (ended) out_byte((char)end);
        }
        tool_close(&in, *name);
    }
    return 0;
}

/* -- tac ----------------------------------------------------------------------------------------------------------- */

static int is_expression;
static regex_t expression;
static const char *separator = "\n";
static size_t separator_len = 1;

/* The last separator that ends at or before stop; its length in *len. */
static char *last_separator(char *all, char *stop, size_t *len)
{
    if (is_expression) {
        char kept = *stop;
        *stop = 0;
        char *hit = NULL;
        for (char *at = stop; at-- > all && !hit;) {
            regmatch_t found;
            if (!regexec(&expression, at, 1, &found, at > all ? REG_NOTBOL : 0) && !found.rm_so && found.rm_eo) {
                hit = at;
                *len = (size_t)found.rm_eo;
            }
        }
        *stop = kept;
        return hit;
    }
    *len = separator_len;
    if (separator_len == 1) return memrchr(all, *separator, (size_t)(stop - all));
    for (char *at = stop - separator_len; at >= all; at--)
        if (*at == *separator && !memcmp(at, separator, separator_len)) return at;
    return NULL;
}

static void turn(char *all, size_t size, int before)
{
    char *end = all + size, *stop = end;
    size_t len;
    for (char *hit; (size_t)(stop - all) >= (is_expression ? 1 : separator_len) && (hit = last_separator(all, stop, &len)); stop = hit) {
        char *cut = before ? hit : hit + len;
        if (cut == end && !before) continue;
        out_bytes(cut, (size_t)(end - cut));
        end = cut;
    }
    out_bytes(all, (size_t)(end - all));
}

int tac_main(int argc, char *argv[])
{
    static const struct option options[] = {{"before", 0, 0, 'b'}, {"regex", 0, 0, 'r'}, {"separator", 1, 0, 's'}, {0, 0, 0, 0}};
    int before = 0;
    for (int c; (c = getopt_long(argc, argv, "brs:", options, NULL)) != -1;) switch (c) {
        case 'b': before = 1; break;
        case 'r': is_expression = 1; break;
        case 's':
            separator = optarg;
            separator_len = *optarg ? strlen(optarg) : 1;
            break;
        default: return 1;
        }
    if (is_expression) {
        if (!*separator) tool_fail("separator cannot be empty");
        pattern_compile(&expression, separator, REG_NEWLINE);
    }
    for (char **name = tool_operands(argc, argv); *name; name++) {
        int fd = tool_open(*name);
        if (fd < 0) continue;
        size_t size;
        char *all = tool_read_all(fd, *name, &size);
        turn(all, size, before);
        free(all);
    }
    return 0;
}
