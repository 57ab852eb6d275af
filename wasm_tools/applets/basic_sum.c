/* md5sum, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum, b2sum; and sum, BSD's and System V's. */
#include "basic.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "basic_blake.h"
#include "basic_digest.h"

static const struct digest_kind *kind; /* NULL for b2sum */
static size_t size = 64;               /* of the digest */
static int tag, mark = ' ', end = '\n', quiet, status_only, ignore_missing, strict, warn;

/* The digest of a file in hexadecimal; 0 after a message where it cannot be read, or is to be left out. */
static int digest_of(const char *name, size_t length, char *hex, int *missing)
{
    static unsigned char buffer[1 << 16];
    unsigned char out[64];
    struct digest d;
    struct blake b;
    struct stat st;
    if (missing && (*missing = agentsh_stat(name, &st) && errno == ENOENT)) return 0;
    FILE *in = basic_open(name);
    if (!in) return 0;
    if (kind) digest_begin(&d, kind);
    else blake_begin(&b, length);
    for (size_t n; (n = fread(buffer, 1, sizeof(buffer), in)) > 0;) {
        if (kind) digest_add(&d, buffer, n);
        else blake_add(&b, buffer, n);
    }
    int ok = !ferror(in);
    if (!ok) tool_warn("%s: %s", name, strerror(errno));
    if (in != stdin) fclose(in);
    if (kind) digest_end(&d, out);
    else blake_end(&b, out);
    for (size_t i = 0; i < length; i++) sprintf(hex + 2 * i, "%02x", out[i]);
    return ok;
}

/* A name as it stands in a list: with a backslash before the line where it has one, or an end of a line. */
static void print_name(const char *name)
{
    for (; *name; name++) {
        if (end && *name == '\\') fputs("\\\\", stdout);
        else if (end && *name == '\n') fputs("\\n", stdout);
        else if (end && *name == '\r') fputs("\\r", stdout);
        else putchar(*name);
    }
}

static void restore_name(char *name)
{
    char *to = name;
    for (; *name; name++) {
        if (*name != '\\' || !name[1]) *to++ = *name;
        else *to++ = *++name == 'n' ? '\n' : *name == 'r' ? '\r' : *name;
    }
    *to = 0;
}

/* The digest and the name that a line of a list has; 0 where it is none. */
static int parse(char *line, char **digest, size_t *length, char **name)
{
    int escaped = *line == '\\';
    line += escaped;
    const char *wanted = kind ? kind->tag : "BLAKE2b";
    size_t n = strlen(wanted);
    *length = size;
    if (!strncmp(line, wanted, n)) {
        char *at = line + n, *close;
        if (!kind && *at == '-') *length = strtoul(at + 1, &at, 10) / 8;
        if (strncmp(at, " (", 2) || !(close = strrchr(at, ')')) || strncmp(close, ") = ", 4)) return 0;
        *close = 0;
        *name = at + 2;
        *digest = close + 4;
        if (strlen(*digest) != strspn(*digest, "0123456789abcdefABCDEF")) return 0;
    } else {
        size_t digits = strspn(line, "0123456789abcdefABCDEF");
        if (line[digits] != ' ' || !line[digits + 1] || !strchr(" *", line[digits + 1]) || !line[digits + 2]) return 0;
        *digest = line;
        *name = line + digits + 2;
        line[digits] = 0;
        if (!kind) *length = digits / 2;
    }
    for (char *p = *digest; *p; p++) *p = (char)tolower((unsigned char)*p);
    if (escaped) restore_name(*name);
    return *length && *length <= 64 && strlen(*digest) == 2 * *length;
}

static void counted(long n, const char *one, const char *many)
{
    if (n && !status_only) fprintf(stderr, "%s: WARNING: %ld %s\n", tool_name, n, n == 1 ? one : many);
}

/* Check the digests that a list has. */
static void check(const char *list)
{
    char *line = NULL, hex[129], *digest, *name;
    size_t cap = 0, length;
    const char *shown = strcmp(list, "-") ? list : "'standard input'";
    long number = 0, lines = 0, wrong = 0, failed = 0, unread = 0, matched = 0;
    FILE *in = basic_open(list);
    if (!in) return;
    for (ssize_t n; number++, (n = getline(&line, &cap, in)) > 0;) {
        if (*line == '#') continue;
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
        if (!parse(line, &digest, &length, &name)) {
            wrong++;
            if (warn) fprintf(stderr, "%s: %s: %ld: improperly formatted %s checksum line\n", tool_name, shown, number, kind ? kind->tag : "BLAKE2b");
            continue;
        }
        lines++;
        int missing = 0;
        if (!digest_of(name, length, hex, ignore_missing ? &missing : NULL)) {
            if (missing) continue;
            unread++;
            if (status_only) continue;
            print_name(name);
            puts(": FAILED open or read");
            continue;
        }
        int same = !strcmp(hex, digest);
        if (same) matched++;
        else failed++;
        if (status_only || (same && quiet)) continue;
        print_name(name);
        puts(same ? ": OK" : ": FAILED");
    }
    if (ferror(in)) tool_warn("%s: %s", list, strerror(errno));
    if (in != stdin) fclose(in);
    fflush(stdout);
    if (!lines) {
        tool_warn("%s: no properly formatted checksum lines found", shown);
        return;
    }
    counted(wrong, "line is improperly formatted", "lines are improperly formatted");
    counted(unread, "listed file could not be read", "listed files could not be read");
    counted(failed, "computed checksum did NOT match", "computed checksums did NOT match");
    if (ignore_missing && !matched) tool_warn("%s: no file was verified", shown);
    if (failed || unread || (strict && wrong)) tool_status = 1;
}

static int sums(int argc, char *argv[])
{
    enum { TAG = 256, QUIET, STATUS, IGNORE_MISSING, STRICT };
    static const struct option options[] = {
        {"binary", 0, 0, 'b'}, {"check", 0, 0, 'c'}, {"ignore-missing", 0, 0, IGNORE_MISSING}, {"length", 1, 0, 'l'}, {"quiet", 0, 0, QUIET},
        {"status", 0, 0, STATUS}, {"strict", 0, 0, STRICT}, {"tag", 0, 0, TAG}, {"text", 0, 0, 't'}, {"warn", 0, 0, 'w'}, {"zero", 0, 0, 'z'}, {0, 0, 0, 0}};
    int checking = 0, only_checking = 0;
    if (kind) size = kind->size;
    for (int c; (c = getopt_long(argc, argv, kind ? "bctwz" : "bcl:twz", options, NULL)) != -1;) switch (c) {
        case 'b': mark = '*'; break;
        case 't': mark = ' '; break;
        case 'c': checking = 1; break;
        case 'w': warn = only_checking = 1; break;
        case 'z': end = 0; break;
        case TAG: tag = 1; break;
        case QUIET: quiet = only_checking = 1; break;
        case STATUS: status_only = only_checking = 1; break;
        case IGNORE_MISSING: ignore_missing = only_checking = 1; break;
        case STRICT: strict = only_checking = 1; break;
        case 'l':
            if (!kind) {
                long long bits = basic_size(optarg, "length");
                if (bits % 8 || bits > 512) tool_fail("invalid length: '%s'", optarg);
                size = bits ? (size_t)bits / 8 : 64;
                break;
            } /* fall through */
        default: tool_fail("usage: %s [-bctwz] [--tag] [--quiet] [--status] [--ignore-missing] [--strict] [FILE...]", tool_name);
        }
    if (only_checking && !checking) tool_fail("the options for checking are meaningful only with --check");
    if (tag && checking) tool_fail("the --tag option is meaningless when verifying checksums");
    static char *standard_input[] = {"-", NULL};
    char hex[129];
    for (char **name = optind < argc ? argv + optind : standard_input; *name; name++) {
        if (checking) check(*name);
        else if (digest_of(*name, size, hex, NULL)) {
            if (end && (*name)[strcspn(*name, "\\\n\r")]) putchar('\\');
            if (!tag) printf("%s %c", hex, mark);
            else if (kind || size == 64) printf("%s (", kind ? kind->tag : "BLAKE2b");
            else printf("BLAKE2b-%zu (", size * 8);
            print_name(*name);
            if (tag) printf(") = %s", hex);
            putchar(end);
        }
    }
    return 0;
}

int digest_main(int argc, char *argv[])
{
    for (kind = digest_kinds; kind->tool && strcmp(kind->tool, tool_name); kind++) {}
    return sums(argc, argv);
}

int b2sum_main(int argc, char *argv[])
{
    return sums(argc, argv);
}

int sum_main(int argc, char *argv[])
{
    static const struct option options[] = {{"sysv", 0, 0, 's'}, {0, 0, 0, 0}};
    int sysv = 0;
    for (int c; (c = getopt_long(argc, argv, "rs", options, NULL)) != -1;) {
        if (c != 'r' && c != 's') tool_fail("usage: sum [-rs] [FILE...]");
        sysv = c == 's';
    }
    static char *standard_input[] = {"-", NULL};
    int named = optind < argc;
    for (char **name = named ? argv + optind : standard_input; *name; name++) {
        FILE *in = basic_open(*name);
        uint64_t bytes = 0;
        uint32_t total = 0;
        if (!in) continue;
        for (int c; (c = getc(in)) != EOF; bytes++) {
            if (sysv) total += (uint32_t)c;
            else total = ((total >> 1) + ((total & 1) << 15) + (uint32_t)c) & 0xFFFF;
        }
        if (ferror(in)) tool_warn("%s: %s", *name, strerror(errno));
        if (in != stdin) fclose(in);
        if (sysv) {
            uint32_t folded = (total & 0xFFFF) + (total >> 16);
            folded = (folded & 0xFFFF) + (folded >> 16);
            printf("%u %llu", folded, (unsigned long long)(bytes + 511) / 512);
        } else printf("%05u %5llu", total, (unsigned long long)(bytes + 1023) / 1024);
        if (named) printf(" %s", *name);
        putchar('\n');
    }
    return 0;
}
