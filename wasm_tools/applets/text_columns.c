/* cut, tr. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "out.h"
#include "text.h"

struct range {
    size_t from, to;
};

static struct range *ranges;
static size_t range_count;

static int by_start(const void *a, const void *b)
{
    size_t x = ((const struct range *)a)->from, y = ((const struct range *)b)->from;
    return x < y ? -1 : x > y;
}

static void parse_list(const char *list)
{
    const char *p = list;
    do {
        char *end;
        struct range r = {1, SIZE_MAX};
        int some = 0;
        if (isdigit((unsigned char)*p)) r.from = r.to = strtoul(p, &end, 10), p = end, some = 1;
        if (*p == '-') {
            p++;
            r.to = SIZE_MAX;
            if (isdigit((unsigned char)*p)) r.to = strtoul(p, &end, 10), p = end, some = 1;
        }
        if (!some || (*p && *p != ',' && *p != ' ')) tool_fail("invalid field value '%s'", list);
        if (!r.from) tool_fail("fields and positions are numbered from 1");
        if (r.to < r.from) tool_fail("invalid decreasing range");
        ranges = tool_allocate(ranges, (range_count + 1) * sizeof(*ranges));
        ranges[range_count++] = r;
    } while (*p++);
    qsort(ranges, range_count, sizeof(*ranges), by_start);
}

static int complement, only_delimited, between_given;
static char delimiter = '\t', end = '\n';
static const char *between;
static size_t between_len;

/* Ranges are in the order of their beginnings: *at is the first that may still have the number, which only grows. */
static int chosen(size_t n, size_t *at)
{
    while (*at < range_count && ranges[*at].to < n) ++*at;
    for (size_t i = *at; i < range_count && ranges[i].from <= n; i++)
        if (n <= ranges[i].to) return !complement;
    return complement;
}

static void cut_fields(const char *line, size_t len)
{
    const char *stop = memchr(line, delimiter, len), *line_stop = line + len;
    if (!stop) {
        if (only_delimited) return;
        out_bytes(line, len);
    } else {
        int some = 0;
        size_t at = 0;
        for (size_t field = 1;; field++) {
            if (chosen(field, &at)) {
                if (some++) out_bytes(between, between_len);
                out_bytes(line, (size_t)(stop - line));
            }
            /* Behind the last range there is nothing more to find. */
            if (stop == line_stop || (!complement && at == range_count)) break;
            line = stop + 1;
            stop = memchr(line, delimiter, (size_t)(line_stop - line));
            if (!stop) stop = line_stop;
        }
    }
    out_byte(end);
}

/* As GNU's: characters are bytes. */
static void cut_bytes(const char *line, size_t len)
{
    int gap = 0, some = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        int start = 0;
        for (size_t k = 0; between_given && k < range_count; k++) start |= ranges[k].from == i + 1;
        if (!chosen(i + 1, &at)) {
            gap = 1;
            if (!complement && at == range_count) break;
            continue;
        }
        if (between_given && some && (gap || start)) out_bytes(between, between_len);
        gap = 0;
        some = 1;
        out_byte(line[i]);
    }
    out_byte(end);
}

int cut_main(int argc, char *argv[])
{
    enum { COMPLEMENT = 256, OUTPUT };
    static const struct option options[] = {
        {"bytes", 1, 0, 'b'}, {"characters", 1, 0, 'c'}, {"complement", 0, 0, COMPLEMENT}, {"delimiter", 1, 0, 'd'},
        {"fields", 1, 0, 'f'}, {"only-delimited", 0, 0, 's'}, {"output-delimiter", 1, 0, OUTPUT},
        {"zero-terminated", 0, 0, 'z'}, {0, 0, 0, 0},
    };
    int mode = 0;
    for (int c; (c = getopt_long(argc, argv, "b:c:d:f:nsz", options, NULL)) != -1;) {
        switch (c) {
        case 'b':
        case 'c':
        case 'f':
            if (mode) tool_fail("only one list may be specified");
            mode = c;
            parse_list(optarg);
            break;
        case 'd':
            if (strlen(optarg) > 1) tool_fail("the delimiter must be a single character");
            delimiter = *optarg;
            break;
        case 'n': break;
        case 's': only_delimited = 1; break;
        case 'z': end = 0; break;
        case COMPLEMENT: complement = 1; break;
        case OUTPUT: between = optarg, between_len = strlen(optarg), between_given = 1; break;
        default: return 1;
        }
    }
    if (!mode) tool_fail("you must specify a list of bytes, characters, or fields");
    static char *standard_input[] = {"-", NULL};
    if (!between_given) between = &delimiter, between_len = 1;
    for (char **file = optind < argc ? argv + optind : standard_input; *file; file++) {
        int fd = tool_open(*file);
        if (fd < 0) continue;
        struct lines in = {.fd = fd};
        size_t len;
        for (char *line; (line = lines_next(&in, end, &len));) {
            len -= line[len - 1] == end;
            if (mode == 'f') cut_fields(line, len);
            else cut_bytes(line, len);
        }
        if (in.failed) {
            errno = in.failed;
            text_complain(*file);
        }
        lines_free(&in);
        text_close(fd);
    }
    if (out_flush()) tool_fail("write error: %s", strerror(errno));
    return 0;
}

struct set {
    unsigned char *at;
    size_t len;
    size_t fill; /* where [x*] stands, plus one: as long as the other set needs */
    unsigned char fill_byte;
    int upper, lower; /* [:upper:], [:lower:] among it */
};

static void set_put(struct set *s, int byte)
{
    s->at = tool_allocate(s->at, s->len + 1);
    s->at[s->len++] = (unsigned char)byte;
}

static int set_byte(const char **p)
{
    static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
    if (**p != '\\' || !(*p)[1]) return (unsigned char)*(*p)++;
    (*p)++;
    if (**p >= '0' && **p <= '7') {
        int value = 0;
        for (int i = 0; i < 3 && **p >= '0' && **p <= '7' && value * 8 + (**p - '0') < 256; i++) value = value * 8 + (*(*p)++ - '0');
        return value;
    }
    const char *hit = strchr(letters, **p);
    int value = hit ? (unsigned char)bytes[hit - letters] : (unsigned char)**p;
    (*p)++;
    return value;
}

static struct set parse_set(const char *text)
{
    static const struct {
        const char *name;
        int (*is)(int);
    } classes[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl}, {"digit", isdigit},
                   {"graph", isgraph}, {"lower", islower}, {"print", isprint}, {"punct", ispunct}, {"space", isspace},
                   {"upper", isupper}, {"xdigit", isxdigit}};
    struct set s = {0};
    for (const char *p = text; *p;) {
        const char *close;
        if (p[0] == '[' && p[1] == ':' && (close = strstr(p + 2, ":]"))) {
            size_t i = 0;
            for (; i < sizeof(classes) / sizeof(*classes); i++)
                if (strlen(classes[i].name) == (size_t)(close - p - 2) && !strncmp(classes[i].name, p + 2, (size_t)(close - p - 2))) break;
            if (i == sizeof(classes) / sizeof(*classes)) tool_fail("invalid character class '%.*s'", (int)(close - p - 2), p + 2);
            s.upper |= classes[i].is == isupper;
            s.lower |= classes[i].is == islower;
            for (int c = 0; c < 256; c++)
                if (c < 128 && classes[i].is(c)) set_put(&s, c);
            p = close + 2;
            continue;
        }
        if (p[0] == '[' && p[1] == '=' && p[2] && p[3] == '=' && p[4] == ']') {
            set_put(&s, (unsigned char)p[2]);
            p += 5;
            continue;
        }
        const char *q = p + 1;
        if (p[0] == '[' && *q) {
            int byte = set_byte(&q);
            if (*q == '*') {
                char *end;
                long count = strtol(q + 1, &end, q[1] == '0' ? 8 : 10);
                if (*end == ']') {
                    if (count) while (count--) set_put(&s, byte);
                    else s.fill = s.len + 1, s.fill_byte = (unsigned char)byte;
                    p = end + 1;
                    continue;
                }
            }
        }
        int first = set_byte(&p);
        if (p[0] == '-' && p[1]) {
            p++;
            int last = set_byte(&p);
            if (last < first) tool_fail("range-endpoints of '%c-%c' are in reverse collating sequence order", first, last);
            for (; first <= last; first++) set_put(&s, first);
        } else set_put(&s, first);
    }
    return s;
}

int tr_main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"complement", 0, 0, 'c'}, {"delete", 0, 0, 'd'}, {"squeeze-repeats", 0, 0, 's'}, {"truncate-set1", 0, 0, 't'}, {0, 0, 0, 0},
    };
    int complement = 0, delete = 0, squeeze = 0, truncate = 0;
    for (int c; (c = getopt_long(argc, argv, "+cCdst", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
        case 'C': complement = 1; break;
        case 'd': delete = 1; break;
        case 's': squeeze = 1; break;
        case 't': truncate = 1; break;
        default: return 1;
        }
    }
    int sets = argc - optind;
    if (!sets) tool_fail("missing operand");
    if (sets > 2) tool_fail("extra operand '%s'", argv[optind + 2]);
    if (sets == 1 && (delete ? squeeze : !squeeze)) tool_fail("missing operand after '%s'", argv[optind]);
    if (sets == 2 && delete && !squeeze) tool_fail("extra operand '%s'", argv[optind + 1]);
    struct set a = parse_set(argv[optind]), b = {0};
    if (sets == 2) b = parse_set(argv[optind + 1]);
    if (complement) {
        char member[256] = {0};
        for (size_t i = 0; i < a.len; i++) member[a.at[i]] = 1;
        a.len = 0;
        for (int c = 0; c < 256; c++)
            if (!member[c]) set_put(&a, c);
    }
    unsigned char map[256], deleted[256] = {0}, squeezed[256] = {0};
    for (int c = 0; c < 256; c++) map[c] = (unsigned char)c;
    int translate = sets == 2 && !delete;
    if (translate) {
        if (b.fill) {
            size_t more = a.len > b.len ? a.len - b.len : 0, at = b.fill - 1, tail = b.len - at;
            b.at = tool_allocate(b.at, b.len + more);
            memmove(b.at + at + more, b.at + at, tail);
            memset(b.at + at, b.fill_byte, more);
            b.len += more;
        }
        if (!b.len && !truncate) tool_fail("when not truncating set1, string2 must be non-empty");
        if (truncate && a.len > b.len) a.len = b.len;
        for (size_t i = 0; i < a.len; i++) map[a.at[i]] = b.at[i < b.len ? i : b.len - 1];
    } else if (delete)
        for (size_t i = 0; i < a.len; i++) deleted[a.at[i]] = 1;
    if (squeeze) {
        const struct set *s = sets == 2 ? &b : &a;
        for (size_t i = 0; i < s->len; i++) squeezed[s->at[i]] = 1;
    }
    static char buffer[1 << 16];
    int last = -1;
    for (ssize_t n; (n = text_read(STDIN_FILENO, buffer, sizeof(buffer), "read error")) > 0;) {
        size_t out = 0;
        for (ssize_t i = 0; i < n; i++) {
            unsigned char c = map[(unsigned char)buffer[i]];
            if (deleted[(unsigned char)buffer[i]]) continue;
            if (squeezed[c] && c == last) continue;
            last = c;
            buffer[out++] = (char)c;
        }
        if (fwrite(buffer, 1, out, stdout) != out) break;
    }
    return 0;
}
