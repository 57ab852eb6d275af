/* sed: a script over a stream of lines, or over files in place. */
#include "sed.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct sed_options sed = {.line_length = 70, .end = '\n'};

void sed_fail(int status, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("sed: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(status);
}

void *sed_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) sed_fail(4, "out of memory");
    return p;
}

void text_put(struct text *t, const char *s, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        t->cap = (t->len + n + 1) * 2;
        t->at = sed_allocate(t->at, t->cap);
    }
    if (n) memcpy(t->at + t->len, s, n);
    t->len += n;
    t->at[t->len] = 0;
}

static void add_file(struct text *script, const char *path)
{
    FILE *in = !strcmp(path, "-") ? stdin : agentsh_fopen(path, "r");
    char buffer[4096];
    size_t n;
    if (!in) sed_fail(1, "couldn't open file %s: %s", path, strerror(errno));
    while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0) text_put(script, buffer, n);
    if (in != stdin) fclose(in);
    if (script->len && script->at[script->len - 1] == '\n') script->at[--script->len] = 0;
}

enum { POSIX = 256, HELP, VERSION, FOLLOW, SANDBOX };

static const struct option long_options[] = {
    {"expression", 1, 0, 'e'}, {"file", 1, 0, 'f'}, {"follow-symlinks", 0, 0, FOLLOW}, {"help", 0, 0, HELP},
    {"in-place", 2, 0, 'i'}, {"line-length", 1, 0, 'l'}, {"null-data", 0, 0, 'z'}, {"posix", 0, 0, POSIX},
    {"quiet", 0, 0, 'n'}, {"regexp-extended", 0, 0, 'E'}, {"sandbox", 0, 0, SANDBOX}, {"separate", 0, 0, 's'},
    {"silent", 0, 0, 'n'}, {"unbuffered", 0, 0, 'u'}, {"version", 0, 0, VERSION}, {0, 0, 0, 0},
};

static const char usage[] = "usage: sed [-nEsz] [-i[SUFFIX]] [-e SCRIPT] [-f FILE] [SCRIPT] [FILE...]\n";

int main(int argc, char *argv[])
{
    struct text script = {0};
    int c, given = 0;
    pattern_program = "sed";
    pattern_status = 1;
    setlocale(LC_ALL, "C.UTF-8");
    text_put(&script, "", 0);
    while ((c = getopt_long(argc, argv, "bnEri::e:f:l:suz", long_options, NULL)) != -1) {
        switch (c) {
        case 'b':
        case 'u':
        case POSIX:
        case SANDBOX: break;
        case 'n': sed.quiet = 1; break;
        case 'E':
        case 'r': sed.extended = 1; break;
        case FOLLOW: sed.follow = 1; break;
        case 'i':
            sed.in_place = sed.separate = 1;
            sed.suffix = optarg;
            break;
        case 'e':
            if (given++) text_put(&script, "\n", 1);
            text_put(&script, optarg, strlen(optarg));
            break;
        case 'f':
            if (given++) text_put(&script, "\n", 1);
            add_file(&script, optarg);
            break;
        case 'l': sed.line_length = atoi(optarg); break;
        case 's': sed.separate = 1; break;
        case 'z': sed.end = 0; break;
        case VERSION: puts("sed (agentsh userland)"); return 0;
        case HELP: fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 1;
        }
    }
    if (!given) {
        if (optind >= argc) {
            fputs(usage, stderr);
            return 1;
        }
        text_put(&script, argv[optind], strlen(argv[optind]));
        optind++;
    }
    struct command *program = sed_parse(&script);
    static char *standard_input[] = {"-", NULL};
    return sed_run(program, optind < argc ? argv + optind : standard_input);
}
