/* comm, paste: several files, line by line. */
#include "lines_tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

/* -- comm ---------------------------------------------------------------------------------------------------------- */

struct text {
    char *at;
    size_t len, cap;
    int some;
};

enum check { WHEN_UNPAIRED, ALWAYS, NEVER };

static struct {
    struct lines in;
    const char *name;
    struct text now, before;
    int warned;
} sides[2];

static int end_byte = '\n', unpaired;
static enum check check;

static int compare(const struct text *a, const struct text *b)
{
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void check_order(int i, const struct text *before, const struct text *now)
{
    if (check == NEVER || (check == WHEN_UNPAIRED && !unpaired) || sides[i].warned || compare(before, now) <= 0) return;
    tool_warn("file %d is not in sorted order", i + 1);
    if (check == ALWAYS) exit(1);
    sides[i].warned = 1;
}

static void step(int i)
{
    struct text spare = sides[i].before;
    size_t len;
    const char *line = lines_next(&sides[i].in, (char)end_byte, &len);
    if (!line) {
        /* What was not looked at before an unpaired line came is looked at now. */
        if (sides[i].before.some && sides[i].now.some) check_order(i, &sides[i].before, &sides[i].now);
        sides[i].now.some = 0;
        return;
    }
    len -= line[len - 1] == end_byte;
    sides[i].before = sides[i].now;
    if (spare.cap < len + 1) spare.at = tool_allocate(spare.at, spare.cap = 2 * (len + 1));
    memcpy(spare.at, line, len);
    spare.len = len;
    spare.some = 1;
    sides[i].now = spare;
    if (sides[i].before.some) check_order(i, &sides[i].before, &sides[i].now);
}

int comm_main(int argc, char *argv[])
{
    enum { CHECK = 256, NO_CHECK, DELIMITER, TOTAL };
    static const struct option options[] = {{"check-order", 0, 0, CHECK}, {"nocheck-order", 0, 0, NO_CHECK},
                                            {"output-delimiter", 1, 0, DELIMITER}, {"total", 0, 0, TOTAL},
                                            {"zero-terminated", 0, 0, 'z'}, {0, 0, 0, 0}};
    int shown[3] = {1, 1, 1}, total = 0;
    const char *delimiter = "\t";
    size_t delimiter_len = 1;
    for (int c; (c = getopt_long(argc, argv, "123z", options, NULL)) != -1;) switch (c) {
        case '1':
        case '2':
        case '3': shown[c - '1'] = 0; break;
        case 'z': end_byte = 0; break;
        case CHECK: check = ALWAYS; break;
        case NO_CHECK: check = NEVER; break;
        case DELIMITER:
            delimiter = optarg;
            delimiter_len = *optarg ? strlen(optarg) : 1;
            break;
        case TOTAL: total = 1; break;
        default: return 1;
        }
    if (argc - optind < 2) tool_fail(argc == optind ? "missing operand" : "missing operand after '%s'", argv[argc - 1]);
    if (argc - optind > 2) tool_fail("extra operand '%s'", argv[optind + 2]);
    for (int i = 0; i < 2; i++) {
        sides[i].name = argv[optind + i];
        sides[i].in.fd = tool_open(sides[i].name);
        if (sides[i].in.fd < 0) return 1;
        step(i);
    }
    long long counts[3] = {0};
    while (sides[0].now.some || sides[1].now.some) {
        int order = !sides[0].now.some ? 1 : !sides[1].now.some ? -1 : compare(&sides[0].now, &sides[1].now);
        int column = !order ? 2 : order > 0;
        unpaired |= order != 0;
        counts[column]++;
        if (shown[column]) {
            const struct text *line = &sides[order > 0].now;
            if (column && shown[0]) out_bytes(delimiter, delimiter_len);
            if (column == 2 && shown[1]) out_bytes(delimiter, delimiter_len);
            out_bytes(line->at, line->len);
            out_byte((char)end_byte);
        }
        if (order <= 0) step(0);
        if (order >= 0) step(1);
    }
    for (int i = 0; i < 2; i++)
        if (sides[i].in.failed) tool_warn("%s: %s", sides[i].name, strerror(sides[i].in.failed));
    if (total) {
        for (int i = 0; i < 3; i++) {
            char text[24];
            out_bytes(text, (size_t)snprintf(text, sizeof(text), "%lld", counts[i]));
            out_bytes(delimiter, delimiter_len);
        }
        out_bytes("total", 5);
        out_byte((char)end_byte);
    }
    if (sides[0].warned || sides[1].warned) tool_fail("input is not in sorted order");
    return 0;
}

/* -- paste --------------------------------------------------------------------------------------------------------- */

enum { EMPTY = -1 };
static int *delimiters;
static size_t delimiter_count;

static void parse_delimiters(const char *list)
{
    static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
    delimiters = tool_allocate(NULL, (strlen(list) + 1) * sizeof(*delimiters));
    for (const char *p = list; *p; p++) {
        int byte = (unsigned char)*p;
        if (*p == '\\') {
            if (!*++p) tool_fail("delimiter list ends with an unescaped backslash: %s", list);
            const char *hit = strchr(letters, *p);
            byte = *p == '0' ? EMPTY : hit ? bytes[hit - letters] : (unsigned char)*p;
        }
        delimiters[delimiter_count++] = byte;
    }
    if (!delimiter_count) delimiters[delimiter_count++] = EMPTY;
}

static void put_delimiter(struct text *row, size_t i)
{
    int byte = delimiters[i % delimiter_count];
    if (byte != EMPTY) row->at[row->len++] = (char)byte;
}

/* A line, without its end, behind what is there; room for a delimiter is kept. 0 where there is none. */
static int add_line(struct text *row, struct lines *in)
{
    size_t len;
    const char *line = lines_next(in, (char)end_byte, &len);
    if (!line) return 0;
    len -= line[len - 1] == end_byte;
    if (row->len + len + 2 > row->cap) row->at = tool_allocate(row->at, row->cap = 2 * (row->len + len + 2));
    memcpy(row->at + row->len, line, len);
    row->len += len;
    return 1;
}

static void paste_each(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        struct lines in = {.fd = tool_open(names[i])};
        struct text row = {.at = tool_allocate(NULL, 64), .cap = 64};
        if (in.fd < 0) continue;
        for (size_t n = 0; lines_more(&in); n++) {
            row.len = 0;
            if (n) put_delimiter(&row, n - 1);
            add_line(&row, &in);
            out_bytes(row.at, row.len);
        }
        out_byte((char)end_byte);
        free(row.at);
        tool_close(&in, names[i]);
    }
}

static void paste_side_by_side(char **names, int count)
{
    struct lines *inputs = tool_allocate(NULL, (size_t)count * sizeof(*inputs)), standard = {.fd = STDIN_FILENO};
    memset(inputs, 0, (size_t)count * sizeof(*inputs));
    for (int i = 0; i < count; i++)
        if ((inputs[i].fd = tool_open(names[i])) < 0) exit(1);
    struct text row = {0};
    for (;;) {
        int any = 0;
        row.len = 0;
        for (int i = 0; i < count; i++) {
            if (row.len + 2 > row.cap) row.at = tool_allocate(row.at, row.cap = 2 * (row.len + 64));
            if (i) put_delimiter(&row, (size_t)i - 1);
            any |= add_line(&row, inputs[i].fd == STDIN_FILENO ? &standard : &inputs[i]);
        }
        if (!any) break;
        out_bytes(row.at, row.len);
        out_byte((char)end_byte);
    }
    for (int i = 0; i < count; i++) tool_close(&inputs[i], names[i]);
}

int paste_main(int argc, char *argv[])
{
    static const struct option options[] = {{"delimiters", 1, 0, 'd'}, {"serial", 0, 0, 's'}, {"zero-terminated", 0, 0, 'z'}, {0, 0, 0, 0}};
    int serial = 0;
    const char *list = "\t";
    for (int c; (c = getopt_long(argc, argv, "d:sz", options, NULL)) != -1;) switch (c) {
        case 'd': list = optarg; break;
        case 's': serial = 1; break;
        case 'z': end_byte = 0; break;
        default: return 1;
        }
    parse_delimiters(list);
    char **names = tool_operands(argc, argv);
    int count = optind < argc ? argc - optind : 1;
    if (serial) paste_each(names, count);
    else paste_side_by_side(names, count);
    return 0;
}
