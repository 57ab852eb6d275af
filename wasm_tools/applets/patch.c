/* patch: apply what diff wrote. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "patch.h"
#include "patch_file.h"

struct options opt = {.strip = -1, .fuzz = 2, .suffix = ".orig"};

_Noreturn void patch_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("patch: **** ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

void *patch_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) patch_fail("out of memory");
    return p;
}

/* The content of a file, "-" for standard input; NULL (errno) where it cannot be read. */
char *patch_read_file(const char *name, size_t *len)
{
    size_t cap = 1 << 16;
    *len = 0;
    int fd = STDIN_FILENO;
    if (strcmp(name, "-") && (fd = agentsh_open(name, O_RDONLY)) < 0) return NULL;
    char *content = patch_allocate(NULL, cap);
    for (ssize_t got = 1; got > 0; *len += (size_t)got) {
        if (*len == cap) content = patch_allocate(content, cap *= 2);
        if ((got = read(fd, content + *len, cap - *len)) < 0) {
            free(content);
            return NULL;
        }
    }
    if (fd != STDIN_FILENO) agentsh_close(fd);
    return content;
}

/* A patch whose own lines end with CR LF was sent through something that made them so. */
static void strip_cr(char *text, size_t *len, struct reader *r)
{
    const char *newline = memchr(text, '\n', *len), *header = *len > 4 ? memmem(text, *len, "\n+++ ", 5) : NULL;
    if (opt.binary || !newline || !header) return;
    const char *end = memchr(header + 1, '\n', (size_t)(text + *len - header - 1));
    if (!end || end[-1] != '\r') return;
    size_t to = 0;
    for (size_t i = 0; i < *len; i++)
        if (text[i] != '\r' || i + 1 == *len || text[i + 1] != '\n') text[to++] = text[i];
    *len = to;
    r->stripped_cr = 1;
}

enum { DRY_RUN = 256, VERBOSE, BINARY, NO_MISMATCH, MISMATCH, REJECT_FORMAT, POSIX, HELP, VERSION, REFUSED };

static const struct option long_options[] = {
    {"backup", 0, 0, 'b'}, {"backup-if-mismatch", 0, 0, MISMATCH}, {"batch", 0, 0, 't'}, {"binary", 0, 0, BINARY}, {"context", 0, 0, 'c'},
    {"directory", 1, 0, 'd'}, {"dry-run", 0, 0, DRY_RUN}, {"ed", 0, 0, 'e'}, {"force", 0, 0, 'f'}, {"forward", 0, 0, 'N'}, {"fuzz", 1, 0, 'F'},
    {"help", 0, 0, HELP}, {"ifdef", 1, 0, 'D'}, {"ignore-whitespace", 0, 0, 'l'}, {"input", 1, 0, 'i'}, {"merge", 2, 0, REFUSED},
    {"no-backup-if-mismatch", 0, 0, NO_MISMATCH}, {"normal", 0, 0, 'n'}, {"output", 1, 0, 'o'}, {"posix", 0, 0, POSIX}, {"quiet", 0, 0, 's'},
    {"reject-file", 1, 0, 'r'}, {"reject-format", 1, 0, REJECT_FORMAT}, {"remove-empty-files", 0, 0, 'E'}, {"reverse", 0, 0, 'R'},
    {"silent", 0, 0, 's'}, {"strip", 1, 0, 'p'}, {"suffix", 1, 0, 'z'}, {"unified", 0, 0, 'u'}, {"verbose", 0, 0, VERBOSE},
    {"version", 0, 0, VERSION}, {0, 0, 0, 0},
};

static const char usage[] = "usage: patch [-bcEflNnRstu] [-d DIR] [-F LINES] [-i PATCH] [-o FILE] [-p NUM] [-r FILE] [-z SUFFIX]\n"
                            "             [--dry-run] [--binary] [--verbose] [FILE [PATCH]]\n";

static int number(const char *text, const char *what)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > 10000) patch_fail("%s %s is not a number", what, text);
    return (int)n;
}

static const char *input, *directory;

static void parse(int argc, char *argv[], struct reader *r)
{
    for (int c; (c = getopt_long(argc, argv, "bcd:D:eEfF:i:lnNo:p:r:RstTuvz:Z", long_options, NULL)) != -1;) switch (c) {
        case 'b': opt.backup = 1; break;
        case 'c': r->only = CONTEXT; break;
        case 'd': directory = optarg; break;
        case 'E': opt.remove_empty = 1; break;
        case 'f': opt.force = 1; break;
        case 'F': opt.fuzz = number(optarg, "fuzz factor"); break;
        case 'i': input = optarg; break;
        case 'l': opt.loose = 1; break;
        case 'n': r->only = NORMAL; break;
        case 'N': opt.forward = 1; break;
        case 'o': opt.output = optarg; break;
        case 'p': opt.strip = number(optarg, "strip count"); break;
        case 'r': opt.reject = optarg; break;
        case 'R': opt.reverse = 1; break;
        case 's': opt.silent = 1; break;
        case 't': opt.batch = 1; break;
        case 'u': r->only = UNIFIED; break;
        case 'z': opt.suffix = optarg; break;
        case DRY_RUN: opt.dry_run = 1; break;
        case VERBOSE: opt.verbose = 1; break;
        case BINARY: opt.binary = 1; break;
        case NO_MISMATCH: opt.no_mismatch_backup = 1; break;
        case POSIX: opt.no_mismatch_backup = 1; break;
        case MISMATCH: opt.no_mismatch_backup = 0; break;
        case REJECT_FORMAT:
            if (strcmp(optarg, "context") && strcmp(optarg, "unified")) patch_fail("unknown reject format %s", optarg);
            opt.reject_format = *optarg == 'c' ? CONTEXT : UNIFIED;
            break;
        case 'v':
        case VERSION: puts("patch (agentsh userland)"); exit(0);
        case HELP: fputs(usage, stdout); exit(0);
        case '?': fputs(usage, stderr); exit(2);
        default: patch_fail("%s is not supported here", c == 'e' ? "an ed script (-e)" : c == 'D' ? "-D" : c == REFUSED ? "--merge" : "setting times (-T, -Z)");
        }
}

int main(int argc, char *argv[])
{
    struct reader r = {.line = 1};
    agentsh_want_modes = 1;
    parse(argc, argv, &r);
    const char *target = optind < argc ? argv[optind++] : NULL;
    if (optind < argc) input = argv[optind++];
    if (optind < argc) patch_fail("%s: extra operand", argv[optind]);
    /* The patch is named from where the command was started, unlike what it changes. */
    size_t len;
    char *text = patch_read_file(input ? input : "-", &len);
    if (!text) patch_fail("Can't open patch file %s : %s", input, strerror(errno));
    if (directory && chdir(directory)) patch_fail("Can't change to directory %s : %s", directory, strerror(errno));
    strip_cr(text, &len, &r);
    r.at = text, r.end = text + len;
    int status = 0, any = 0;
    for (struct change c; patch_next(&r, &c); any = 1) {
        if (r.stripped_cr && !any && !opt.silent) puts("(Stripping trailing CRs from patch; use --binary to disable.)");
        int result = file_patch(&c, target);
        if (result > status) status = result;
    }
    if (len && !any) patch_fail("Only garbage was found in the patch input.");
    if (fflush(stdout) || ferror(stdout)) patch_fail("write error: %s", strerror(errno));
    return status;
}
