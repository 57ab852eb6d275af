/* od: bytes as numbers and characters, in as many ways side by side as are asked for. */
#include "dump.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>

enum { MOST_WIDTH = 4096, MOST_TYPES = 32 };

static struct type {
    char kind; /* a c d f o u x */
    size_t size;
    int width, text; /* of a number; whether the bytes are shown as text behind */
    int pad;         /* blanks to spread, so that all types take the same room */
} types[MOST_TYPES];
static size_t type_count;

static int width_of(char kind, size_t size)
{
    int by_size = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
    switch (kind) {
    case 'd': return (int[]){4, 6, 11, 20}[by_size];
    case 'o': return (int[]){3, 6, 11, 22}[by_size];
    case 'u': return (int[]){3, 5, 10, 20}[by_size];
    case 'x': return (int[]){2, 4, 8, 16}[by_size];
    case 'f': return size == 4 ? 15 : 24;
    default: return 3;
    }
}

static void add_type(char kind, size_t size, int text)
{
    if (type_count == MOST_TYPES) tool_fail("too many types");
    types[type_count++] = (struct type){kind, size, width_of(kind, size), text, 0};
}

static void parse_types(const char *text)
{
    for (const char *p = text; *p;) {
        char kind = *p++;
        size_t size = kind == 'f' ? 8 : kind == 'a' || kind == 'c' ? 1 : 4;
        if (!strchr("acdfoux", kind)) tool_fail("invalid character '%c' in type string '%s'", kind, text);
        if (kind != 'a' && kind != 'c') {
            char *end;
            if (isdigit((unsigned char)*p)) size = strtoul(p, &end, 10), p = end;
            else if (kind == 'f' && strchr("FDL", *p) && *p) size = *p++ == 'F' ? 4 : 8;
            else if (kind != 'f' && *p && strchr("CSIL", *p)) size = *p == 'C' ? 1 : *p == 'S' ? 2 : *p == 'I' ? 4 : 8, p++;
            if (kind == 'f' ? size != 4 && size != 8 : size != 1 && size != 2 && size != 4 && size != 8)
                tool_fail("invalid type string '%s': this system doesn't provide a %zu-byte type", text, size);
        }
        int shows = *p == 'z';
        p += shows;
        add_type(kind, size, shows);
    }
}

static void put_named(unsigned char c, int width, int seven_bits)
{
    static const char *const names[] = {"nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs",  "ht",  "nl",
                                        "vt",  "ff",  "cr",  "so",  "si",  "dle", "dc1", "dc2", "dc3", "dc4", "nak",
                                        "syn", "etb", "can", "em",  "sub", "esc", "fs",  "gs",  "rs",  "us",  "sp"};
    static const char escapes[] = "\0000\aa\bb\ff\nn\rr\tt\vv";
    char text[8];
    if (seven_bits) {
        c &= 0x7F;
        if (c < 33) snprintf(text, sizeof(text), "%s", names[c]);
        else snprintf(text, sizeof(text), c == 127 ? "del" : "%c", c);
    } else {
        const char *hit = NULL;
        for (const char *e = escapes; e < escapes + sizeof(escapes) - 1 && !hit; e += 2)
            if ((unsigned char)*e == c) hit = e;
        if (hit) snprintf(text, sizeof(text), "\\%c", hit[1]);
        else snprintf(text, sizeof(text), c >= 32 && c < 127 ? "%c" : "%03o", c);
    }
    tool_print("%*s", width, text);
}

static void put_float(double value, int is_short, int width)
{
    char text[64];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (is_short ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
    }
    tool_print("%*s", width, text);
}

static void put_number(const struct type *t, const unsigned char *at, int width)
{
    uint64_t value = 0;
    for (size_t i = t->size; i-- > 0;) value = value << 8 | at[i];
    if (t->kind == 'a' || t->kind == 'c') put_named(*at, width, t->kind == 'a');
    else if (t->kind == 'f' && t->size == 4) {
        uint32_t raw = (uint32_t)value;
        float number;
        memcpy(&number, &raw, sizeof(number));
        put_float((double)number, 1, width);
    } else if (t->kind == 'f') {
        double number;
        memcpy(&number, &value, sizeof(number));
        put_float(number, 0, width);
    } else if (t->kind == 'd') {
        unsigned unused = 64 - 8 * (unsigned)t->size;
        tool_print("%*lld", width, (long long)((int64_t)(value << unused) >> unused));
    } else if (t->kind == 'u') tool_print("%*llu", width, (unsigned long long)value);
    else {
        char text[32];
        snprintf(text, sizeof(text), t->kind == 'x' ? "%0*llx" : "%0*llo", t->width, (unsigned long long)value);
        tool_print("%*s", width, text);
    }
}

static void put_line(const struct type *t, const unsigned char *block, size_t used, size_t width)
{
    size_t fields = width / t->size, blank = (width - used) / t->size;
    int left = t->pad;
    for (size_t i = fields; i > blank; i--) {
        int next = (int)((size_t)t->pad * (i - 1) / fields);
        put_number(t, block + (fields - i) * t->size, left - next + t->width + 1);
        left = next;
    }
    if (t->text) {
        tool_print("%*s", (int)blank * (t->width + 1) + left, "");
        out_bytes("  >", 3);
        for (size_t i = 0; i < used; i++) out_byte(block[i] >= 32 && block[i] < 127 ? (char)block[i] : '.');
        out_byte('<');
    }
    out_byte('\n');
}

/* The files, one after the other: a block goes on from one to the next. */
static char **names;
static int opened;

static size_t read_on(unsigned char *to, size_t size)
{
    static int fd = -1;
    size_t used = 0;
    for (;;) {
        if (fd < 0) {
            if (!*names) break;
            fd = tool_open(*names++);
            opened |= fd >= 0;
            continue;
        }
        if (used == size) break;
        used += tool_read(fd, to + used, size - used, names[-1]);
        if (used == size) break;
        if (fd != STDIN_FILENO) agentsh_close(fd);
        fd = -1;
    }
    return used;
}

int od_main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"address-radix", 1, 0, 'A'}, {"format", 1, 0, 't'}, {"output-duplicates", 0, 0, 'v'},
        {"read-bytes", 1, 0, 'N'}, {"skip-bytes", 1, 0, 'j'}, {"width", 2, 0, 'w'}, {0, 0, 0, 0}};
    char radix = 'o';
    long long skip = 0, most = -1, asked = 0, address = 0;
    int all = 0;
    for (int c; (c = getopt_long(argc, argv, "A:abcDdeFfHhIij:LlN:OosSt:vw::Xx", options, NULL)) != -1;) switch (c) {
        case 'A':
            radix = *optarg;
            if (!radix || !strchr("doxn", radix)) tool_fail("invalid output address radix '%c'; it must be one character from [doxn]", radix);
            break;
        case 'j': skip = tool_size(optarg, "-j argument"); break;
        case 'N': most = tool_size(optarg, "-N argument"); break;
        case 't': parse_types(optarg); break;
        case 'v': all = 1; break;
        case 'w':
            asked = optarg ? tool_size(optarg, "-w argument") : 32;
            if (!asked || asked > MOST_WIDTH) tool_fail("invalid -w argument '%s'", optarg);
            break;
        case 'a': parse_types("a"); break;
        case 'b': parse_types("o1"); break;
        case 'c': parse_types("c"); break;
        case 'D': parse_types("u4"); break;
        case 'd': parse_types("u2"); break;
        case 'F':
        case 'e': parse_types("f8"); break;
        case 'f': parse_types("f4"); break;
        case 'H':
        case 'X': parse_types("x4"); break;
        case 'h':
        case 'x': parse_types("x2"); break;
        case 'I':
        case 'L':
        case 'l': parse_types("d8"); break;
        case 'i': parse_types("d4"); break;
        case 'O': parse_types("o4"); break;
        case 'o': parse_types("o2"); break;
        case 's': parse_types("d2"); break;
        default: return 1;
        }
    if (!type_count) parse_types("o2");
    size_t multiple = 1, width = 16;
    for (size_t k = 0; k < type_count; k++)
        if (types[k].size > multiple) multiple = types[k].size; /* powers of two */
    if (asked) {
        width = (size_t)asked;
        if (width % multiple) tool_fail("warning: invalid width %zu; using %zu instead", width, multiple);
    }
    int room = 0;
    for (size_t k = 0; k < type_count; k++) {
        int takes = (types[k].width + 1) * (int)(width / types[k].size);
        if (takes > room) room = takes;
    }
    for (size_t k = 0; k < type_count; k++) types[k].pad = room - (types[k].width + 1) * (int)(width / types[k].size);
    static char *standard_input[] = {"-", NULL};
    names = optind < argc ? argv + optind : standard_input;
    unsigned char block[MOST_WIDTH], before[MOST_WIDTH];
    for (size_t want; skip; skip -= (long long)want) {
        want = skip < MOST_WIDTH ? (size_t)skip : MOST_WIDTH;
        if (read_on(block, want) < want) tool_fail("cannot skip past end of combined input");
        address += (long long)want;
    }
    int starred = 0, first = 1;
    for (size_t used = width; used == width; address += (long long)used) {
        size_t want = most >= 0 && most < (long long)width ? (size_t)most : width;
        used = read_on(block, want);
        if (!used) break;
        if (most >= 0) most -= (long long)used;
        memset(block + used, 0, width - used);
        if (!all && !first && used == width && !memcmp(block, before, width)) {
            if (!starred) out_bytes("*\n", 2);
            starred = 1;
            continue;
        }
        starred = first = 0;
        if (radix != 'n') tool_print(radix == 'd' ? "%07lld" : radix == 'x' ? "%06llx" : "%07llo", address);
        for (size_t k = 0; k < type_count; k++) {
            if (k) tool_print("%*s", radix == 'n' ? 0 : radix == 'x' ? 6 : 7, "");
            put_line(&types[k], block, used, width);
        }
        memcpy(before, block, width);
    }
    if (!opened) return 1; /* there was no file at all */
    if (radix != 'n') tool_print(radix == 'd' ? "%07lld\n" : radix == 'x' ? "%06llx\n" : "%07llo\n", address);
    return 0;
}
