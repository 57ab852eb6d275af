/* expand, unexpand. */
#include "lines_tools.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>

enum { TAB = 8 };

static size_t *stops;
static size_t stop_count, every = TAB;

static void parse_stops(const char *text)
{
    for (const char *p = text; *p;) {
        char *rest;
        if (*p == ',' || *p == ' ') {
            p++;
            continue;
        }
        if (!isdigit((unsigned char)*p)) tool_fail("tab size contains invalid character(s): '%s'", p);
        unsigned long n = strtoul(p, &rest, 10);
        if (!n) tool_fail("tab size cannot be 0");
        if (stop_count && n <= stops[stop_count - 1]) tool_fail("tab sizes must be ascending");
        stops = tool_allocate(stops, (stop_count + 1) * sizeof(*stops));
        stops[stop_count++] = n;
        p = rest;
    }
}

static void settle_stops(void)
{
    if (stop_count != 1) return;
    every = stops[0];
    stop_count = 0;
}

/* The stop behind a column; *none where the list has no more. */
static size_t next_stop(size_t column, int *none)
{
    *none = 0;
    if (!stop_count) return column + (every - column % every);
    for (size_t i = 0; i < stop_count; i++)
        if (stops[i] > column) return stops[i];
    *none = 1;
    return column + 1;
}

int expand_main(int argc, char *argv[])
{
    static const struct option options[] = {{"initial", 0, 0, 'i'}, {"tabs", 1, 0, 't'}, {0, 0, 0, 0}};
    int initial = 0;
    char digits[64] = "";
    for (int c; (c = getopt_long(argc, argv, "0123456789,it:", options, NULL)) != -1;) {
        if (c == 'i') initial = 1;
        else if (c == 't') parse_stops(optarg);
        else if ((c == ',' || isdigit(c)) && strlen(digits) + 1 < sizeof(digits)) digits[strlen(digits)] = (char)c;
        else return 1;
    }
    parse_stops(digits);
    settle_stops();
    for (char **name = tool_operands(argc, argv); *name; name++) {
        struct lines in = {.fd = tool_open(*name)};
        if (in.fd < 0) continue;
        size_t len;
        for (const char *line; (line = lines_next(&in, '\n', &len));) {
            size_t column = 0;
            int convert = 1;
            for (size_t i = 0; i < len; i++) {
                char c = line[i];
                if (convert && c == '\t') {
                    int none;
                    for (size_t stop = next_stop(column, &none); column < stop; column++) out_byte(' ');
                    continue;
                }
                if (c == '\b') column -= column > 0;
                else column++;
                convert &= !initial || c == ' ' || c == '\t';
                out_byte(c);
            }
        }
        tool_close(&in, *name);
    }
    return 0;
}

static void unexpand_line(const char *line, size_t len, int whole)
{
    static char *pending;
    static size_t cap;
    size_t count = 0, column = 0;
    int convert = 1, one_before_stop = 0, blank_before = 1;
    if (cap < len + 1) pending = tool_allocate(pending, cap = 2 * (len + 1));
    for (size_t i = 0; i < len; i++) {
        char c = line[i];
        if (convert) {
            int blank = c == ' ' || c == '\t';
            if (blank) {
                int none;
                size_t stop = next_stop(column, &none);
                if (none) convert = 0;
                else if (c == '\t') {
                    column = stop;
                    if (count) pending[0] = '\t';
                    count = one_before_stop ? 1 : 0;
                } else if (++column, blank_before && column == stop) {
                    pending[0] = c = '\t';
                    count = one_before_stop ? 1 : 0;
                } else {
                    one_before_stop |= column == stop;
                    pending[count++] = c;
                    blank_before = 1;
                    continue;
                }
            } else if (c == '\b') column -= column > 0;
            else column++;
            if (count) {
                if (count > 1 && one_before_stop) pending[0] = '\t';
                out_bytes(pending, count);
                count = 0;
                one_before_stop = 0;
            }
            blank_before = blank;
            convert &= whole || blank;
        }
        out_byte(c);
    }
    out_bytes(pending, count);
}

int unexpand_main(int argc, char *argv[])
{
    enum { FIRST_ONLY = 256 };
    static const struct option options[] = {{"all", 0, 0, 'a'}, {"first-only", 0, 0, FIRST_ONLY}, {"tabs", 1, 0, 't'}, {0, 0, 0, 0}};
    int whole = 0, first_only = 0;
    for (int c; (c = getopt_long(argc, argv, "at:", options, NULL)) != -1;) switch (c) {
        case 'a': whole = 1; break;
        case FIRST_ONLY: first_only = 1; break;
        case 't':
            whole = 1;
            parse_stops(optarg);
            break;
        default: return 1;
        }
    settle_stops();
    for (char **name = tool_operands(argc, argv); *name; name++) {
        struct lines in = {.fd = tool_open(*name)};
        if (in.fd < 0) continue;
        size_t len;
        for (const char *line; (line = lines_next(&in, '\n', &len));) unexpand_line(line, len, whole && !first_only);
        tool_close(&in, *name);
    }
    return 0;
}
