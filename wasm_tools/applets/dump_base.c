/* base32, base64 (RFC 4648). */
#include "dump.h"

#include <getopt.h>

static const char alphabet_64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Three bytes are four digits of six bits; five bytes are eight digits of five. */
static const char *alphabet;
static size_t bytes_in_group, digits_in_group;
static unsigned bits;

static void encode(int fd, const char *name, long long wrap)
{
    unsigned char block[30 * 1024];
    long long column = 0;
    int any = 0;
    for (size_t got; (got = tool_read(fd, block, sizeof(block), name));) {
        any = 1;
        for (size_t at = 0; at < got; at += bytes_in_group) {
            size_t n = got - at < bytes_in_group ? got - at : bytes_in_group;
            unsigned long long group = 0;
            for (size_t i = 0; i < bytes_in_group; i++) group = group << 8 | (i < n ? block[at + i] : 0);
            size_t used = (n * 8 + bits - 1) / bits;
            for (size_t i = 0; i < digits_in_group; i++) {
                unsigned shift = (unsigned)(digits_in_group - 1 - i) * bits;
                out_byte(i < used ? alphabet[group >> shift & ((1u << bits) - 1)] : '=');
                if (wrap && ++column == wrap) {
                    out_byte('\n');
                    column = 0;
                }
            }
        }
    }
    if (any && wrap && column) out_byte('\n');
}

static void decode(int fd, const char *name, int ignore)
{
    signed char values[256];
    memset(values, -1, sizeof(values));
    for (int i = 0; alphabet[i]; i++) values[(unsigned char)alphabet[i]] = (signed char)i;
    unsigned char block[64 * 1024];
    unsigned long long group = 0;
    size_t digits = 0, padding = 0;
    for (size_t got; (got = tool_read(fd, block, sizeof(block), name));)
        for (size_t i = 0; i < got; i++) {
            int value = values[block[i]];
            if (block[i] == '\n') continue;
            if (block[i] == '=' && digits + padding && (digits || padding)) {
                padding++;
                value = 0;
            } else if (value < 0) {
                if (ignore) continue;
                goto invalid;
            } else if (padding) goto invalid; /* digits behind the end of a group */
            else digits++;
            group = group << bits | (unsigned)value;
            if (digits + padding < digits_in_group) continue;
            size_t bytes = digits * bits / 8;
            /* So many digits as a number of bytes has, and no bit set beyond them. */
            if (!digits || (bytes * 8 + bits - 1) / bits != digits) goto invalid;
            for (size_t k = 0; k < bytes; k++) out_byte((char)(group >> 8 * (bytes_in_group - 1 - k)));
            group = 0;
            digits = padding = 0;
        }
    if (!digits && !padding) return;
invalid:
    /* What is whole of the group that broke off is written all the same, as GNU's does. */
    if (digits > 1) {
        size_t whole = digits * bits / 8;
        group <<= bits * (digits_in_group - digits - padding);
        for (size_t k = 0; k < whole; k++) out_byte((char)(group >> 8 * (bytes_in_group - 1 - k)));
    }
    tool_fail("invalid input");
}

int base_main(int argc, char *argv[])
{
    static const struct option options[] = {{"decode", 0, 0, 'd'}, {"ignore-garbage", 0, 0, 'i'}, {"wrap", 1, 0, 'w'}, {0, 0, 0, 0}};
    int is_64 = !strcmp(tool_name, "base64"), decodes = 0, ignore = 0;
    long long wrap = 76;
    alphabet = is_64 ? alphabet_64 : alphabet_32;
    bits = is_64 ? 6 : 5;
    bytes_in_group = is_64 ? 3 : 5;
    digits_in_group = is_64 ? 4 : 8;
    for (int c; (c = getopt_long(argc, argv, "dDiw:", options, NULL)) != -1;) switch (c) {
        case 'D':
        case 'd': decodes = 1; break;
        case 'i': ignore = 1; break;
        case 'w': wrap = tool_size(optarg, "wrap size"); break;
        default: return 1;
        }
    if (argc - optind > 1) tool_fail("extra operand '%s'", argv[optind + 1]);
    const char *name = optind < argc ? argv[optind] : "-";
    int fd = tool_open(name);
    if (fd < 0) return 1;
    if (decodes) decode(fd, name, ignore);
    else encode(fd, name, wrap);
    return 0;
}
