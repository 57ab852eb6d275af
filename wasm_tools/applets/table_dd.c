/* dd: blocks of a file. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"

static long long in_block = 512, out_block = 512, count = -1, skip, seek_to;
static int no_truncate, no_create, exclusive, upper, lower, pad, quiet, full_blocks, count_bytes, skip_bytes, seek_bytes, append;

static long long size_of(const char *text)
{
    long long product = 1;
    for (const char *p = text;;) {
        char *end;
        errno = 0;
        long long n = strtoll(p, &end, 10), unit = 1;
        if (end == p || n < 0 || errno) tool_fail("invalid number: '%s'", text);
        static const char units[] = "KMGTP";
        const char *at = *end ? strchr(units, *end == 'k' ? 'K' : *end) : NULL;
        if (*end == 'c') end++;
        else if (*end == 'w') unit = 2, end++;
        else if (*end == 'b') unit = 512, end++;
        else if (at) {
            int decimal = end[1] == 'B';
            for (const char *u = units; u <= at; u++) unit *= decimal ? 1000 : 1024;
            end += 1 + (decimal ? 1 : end[1] == 'i' && end[2] == 'B' ? 2 : 0);
        }
        if (__builtin_mul_overflow(product, n, &product) || __builtin_mul_overflow(product, unit, &product)) tool_fail("number is too large: '%s'", text);
        if (*end == 'x') p = end + 1;
        else if (*end) tool_fail("invalid number: '%s'", text);
        else return product;
    }
}

static void flags(const char *text, const char *option)
{
    static const struct {
        const char *name;
        int *flag;
    } known[] = {{"notrunc", &no_truncate}, {"nocreat", &no_create}, {"excl", &exclusive}, {"ucase", &upper}, {"lcase", &lower}, {"sync", &pad},
                 {"fullblock", &full_blocks}, {"count_bytes", &count_bytes}, {"skip_bytes", &skip_bytes}, {"seek_bytes", &seek_bytes},
                 {"append", &append}, {"fsync", NULL}, {"fdatasync", NULL}, {"noerror", NULL}};
    char *copy = strdup(text), *rest = copy;
    for (char *word; (word = strsep(&rest, ","));) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(*known) && strcmp(known[i].name, word)) i++;
        if (i == sizeof(known) / sizeof(*known)) tool_fail("invalid %s: '%s'", option, word);
        if (known[i].flag) *known[i].flag = 1;
    }
    free(copy);
}

/* One block, from the file or made up: there are no such devices here. */
static ssize_t take(int fd, int made, char *buffer, size_t len)
{
    if (made == 'z') {
        memset(buffer, 0, len);
        return (ssize_t)len;
    }
    if (made == 'r') {
        for (size_t at = 0; at < len; at += 256)
            if (getentropy(buffer + at, len - at < 256 ? len - at : 256)) return -1;
        return (ssize_t)len;
    }
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, buffer + got, len - got);
        if (n < 0) return -1;
        if (!n) break;
        got += (size_t)n;
        if (!full_blocks && got < len) {
            /* Files come whole; of a pipe a block is what one read gives. */
            struct stat st;
            if (agentsh_fstat(fd, &st) || !S_ISREG(st.st_mode)) break;
        }
    }
    return (ssize_t)got;
}

int dd_main(int argc, char *argv[])
{
    const char *in_name = NULL, *out_name = NULL;
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) tool_fail("unrecognized operand '%s'", argv[i]);
        *value++ = 0;
        const char *key = argv[i];
        if (!strcmp(key, "if")) in_name = value;
        else if (!strcmp(key, "of")) out_name = value;
        else if (!strcmp(key, "bs")) in_block = out_block = size_of(value);
        else if (!strcmp(key, "ibs")) in_block = size_of(value);
        else if (!strcmp(key, "obs")) out_block = size_of(value);
        else if (!strcmp(key, "count")) count = size_of(value), count_bytes |= strchr(value, 'B') != NULL;
        else if (!strcmp(key, "skip") || !strcmp(key, "iseek")) skip = size_of(value);
        else if (!strcmp(key, "seek") || !strcmp(key, "oseek")) seek_to = size_of(value);
        else if (!strcmp(key, "conv")) flags(value, "conversion");
        else if (!strcmp(key, "iflag")) flags(value, "input flag");
        else if (!strcmp(key, "oflag")) flags(value, "output flag");
        else if (!strcmp(key, "status")) {
            if (!strcmp(value, "none")) quiet = 2;
            else if (!strcmp(value, "noxfer")) quiet = 1;
            else if (strcmp(value, "progress")) tool_fail("invalid status level: '%s'", value);
        } else tool_fail("unrecognized operand '%s=%s'", key, value);
    }
    if (in_block < 1 || out_block < 1) tool_fail("invalid number: '0'");
    if (in_block > 64 << 20 || out_block > 64 << 20) tool_fail("blocks of more than 64 MiB are not supported here: use more of them");
    int made = in_name && !strcmp(in_name, "/dev/zero") ? 'z' : in_name && (!strcmp(in_name, "/dev/urandom") || !strcmp(in_name, "/dev/random")) ? 'r' : 0;
    int in = made || !in_name ? STDIN_FILENO : agentsh_open(in_name, O_RDONLY);
    if (in < 0) tool_fail("failed to open '%s': %s", in_name, strerror(errno));
    long long start = seek_bytes ? seek_to : seek_to * out_block, from = skip_bytes ? skip : skip * in_block;
    int out = STDOUT_FILENO;
    if (out_name) {
        out = agentsh_open(out_name, O_WRONLY | (no_create ? 0 : O_CREAT) | (exclusive ? O_EXCL : 0) | (append ? O_APPEND : 0) | (no_truncate || seek_to ? 0 : O_TRUNC), 0666);
        if (out < 0) tool_fail("failed to open '%s': %s", out_name, strerror(errno));
        if (start && !no_truncate && ftruncate(out, start)) tool_fail("failed to truncate '%s': %s", out_name, strerror(errno));
        if (start && lseek(out, start, SEEK_SET) < 0) tool_fail("'%s': cannot seek: %s", out_name, strerror(errno));
    }
    char *buffer = tool_allocate(NULL, (size_t)in_block);
    if (from && !made && lseek(in, from, SEEK_SET) < 0)
        for (long long left = from; left > 0;) {
            ssize_t n = read(in, buffer, (size_t)(left < in_block ? left : in_block));
            if (n <= 0) break;
            left -= n;
        }
    long long whole = 0, part = 0, bytes = 0;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long long left = count; left != 0;) {
        size_t want = count_bytes && count >= 0 && left < in_block ? (size_t)left : (size_t)in_block;
        ssize_t n = take(in, made, buffer, want);
        if (n < 0) {
            struct stat st;
            int error = errno;
            if (!agentsh_fstat(in, &st) && S_ISDIR(st.st_mode)) error = EISDIR;
            tool_fail("error reading '%s': %s", in_name ? in_name : "standard input", strerror(error));
        }
        if (!n) break;
        *(n == in_block ? &whole : &part) += 1;
        if (count >= 0) left -= count_bytes ? n : 1;
        if (pad && n < in_block) memset(buffer + n, 0, (size_t)(in_block - n)), n = (ssize_t)in_block;
        for (ssize_t i = 0; (upper || lower) && i < n; i++)
            buffer[i] = (char)(upper ? toupper((unsigned char)buffer[i]) : tolower((unsigned char)buffer[i]));
        for (ssize_t done = 0; done < n;) {
            ssize_t wrote = agentsh_write(out, buffer + done, (size_t)(n - done));
            if (wrote <= 0) tool_fail("error writing '%s': %s", out_name ? out_name : "standard output", strerror(errno));
            done += wrote;
        }
        bytes += n;
    }
    if (out_name && agentsh_close(out)) tool_fail("error writing '%s': %s", out_name, strerror(errno));
    if (quiet == 2) return 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    fprintf(stderr, "%lld+%lld records in\n%lld+%lld records out\n", whole, part, bytes / out_block, (long long)(bytes % out_block != 0));
    if (!quiet) {
        double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
        fprintf(stderr, "%lld bytes copied, %g s\n", bytes, seconds);
    }
    return 0;
}
