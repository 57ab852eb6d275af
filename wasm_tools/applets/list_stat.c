/* stat: what is known of a path. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "list.h"

static const char *type_name(const struct stat *st)
{
    mode_t m = st->st_mode;
    return S_ISREG(m) ? (st->st_size ? "regular file" : "regular empty file") : S_ISDIR(m) ? "directory" : S_ISLNK(m) ? "symbolic link"
           : S_ISCHR(m) ? "character special file" : S_ISBLK(m) ? "block special file" : S_ISFIFO(m) ? "fifo" : "socket";
}

static void time_text(char *text, size_t cap, struct timespec at)
{
    struct tm tm;
    gmtime_r(&at.tv_sec, &tm);
    size_t n = strftime(text, cap, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(text + n, cap - n, ".%09ld +0000", at.tv_nsec);
}

static void seconds_text(char *text, size_t cap, struct timespec at, int precision)
{
    if (precision < 0) snprintf(text, cap, "%lld", (long long)at.tv_sec);
    else {
        size_t n = (size_t)snprintf(text, cap, "%lld.%09ld", (long long)at.tv_sec, at.tv_nsec);
        if (precision < 9) text[n - 9 + (size_t)precision - (precision == 0)] = 0;
    }
}

static int escape(const char **at)
{
    const char *p = *at + 1;
    static const char from[] = "abefnrtv\\\"", to[] = "\a\b\033\f\n\r\t\v\\\"";
    const char *known = *p ? strchr(from, *p) : NULL;
    if (known) putchar(to[known - from]);
    else if (*p == 'x' && isxdigit((unsigned char)p[1])) {
        char hex[3] = {p[1], isxdigit((unsigned char)p[2]) ? p[2] : 0, 0};
        putchar((int)strtol(hex, NULL, 16));
        p += strlen(hex);
    } else if (*p >= '0' && *p <= '7') {
        int code = 0;
        for (int i = 0; i < 3 && *p >= '0' && *p <= '7'; i++) code = code * 8 + (*p++ - '0');
        putchar(code);
        p--;
    } else if (!*p) {
        putchar('\\');
        p--;
    } else {
        fflush(stdout);
        fprintf(stderr, "stat: warning: unrecognized escape '\\%c'\n", *p);
        putchar(*p);
    }
    *at = p;
    return 0;
}

static int show(const char *format, const char *name, const struct stat *st, int escapes)
{
    int status = 0;
    for (const char *p = format; *p; p++) {
        if (*p == '\\' && escapes) {
            escape(&p);
            continue;
        }
        if (*p != '%') {
            putchar(*p);
            continue;
        }
        char flags[8], text[8300];
        size_t n = 0;
        int width = 0, precision = -1;
        const char *start = p;
        for (p++; *p && strchr("-+ #0'", *p); p++)
            if (n < sizeof(flags) - 1) flags[n++] = *p;
        flags[n] = 0;
        while (isdigit((unsigned char)*p)) width = width < 4096 ? width * 10 + (*p - '0') : width, p++;
        if (*p == '.') {
            precision = isdigit((unsigned char)p[1]) ? 0 : 9;
            for (p++; isdigit((unsigned char)*p); p++) precision = precision < 4096 ? precision * 10 + (*p - '0') : precision;
        }
        unsigned long long number = 0;
        const char *as = NULL, *shown = text;
        if ((*p == 'H' || *p == 'L') && (p[1] == 'd' || p[1] == 'r')) p++;
        switch (*p) {
        case 'n': shown = name; break;
        case 'N': {
            char target[4096];
            snprintf(text, sizeof(text), "%s", list_quoted(name, SHELL_ALWAYS));
            ssize_t got = S_ISLNK(st->st_mode) ? agentsh_readlink(name, target, sizeof(target) - 1) : -1;
            if (got >= 0) {
                target[got] = 0;
                size_t used = strlen(text);
                snprintf(text + used, sizeof(text) - used, " -> %s", list_quoted(target, SHELL_ALWAYS));
            }
            break;
        }
        case 'a': number = st->st_mode & 07777, as = "o"; break;
        case 'A': {
            char mode[11];
            list_mode_text(mode, st->st_mode);
            strcpy(text, mode);
            break;
        }
        case 'b': number = (unsigned long long)st->st_blocks, as = "u"; break;
        case 'B': number = 512, as = "u"; break;
        case 'd': number = st->st_dev, as = "u"; break;
        case 'D': number = st->st_dev, as = "x"; break;
        case 'f':
            number = st->st_mode & 07777;
            number |= S_ISDIR(st->st_mode) ? 0x4000 : S_ISLNK(st->st_mode) ? 0xa000 : S_ISCHR(st->st_mode) ? 0x2000 : S_ISFIFO(st->st_mode) ? 0x1000 : 0x8000;
            as = "x";
            break;
        case 'F': shown = type_name(st); break;
        case 'g': case 'u': number = 1000, as = "u"; break;
        case 'G': case 'U': shown = "agent"; break;
        case 'h': number = st->st_nlink, as = "u"; break;
        case 'i': number = st->st_ino, as = "u"; break;
        case 'm': shown = AGENTSH_ROOT; break;
        case 'o': number = 4096, as = "u"; break;
        case 's': number = (unsigned long long)st->st_size, as = "u"; break;
        case 't': case 'T': case 'r': case 'R': number = 0, as = "x"; break;
        case 'w': strcpy(text, "-"); break;
        case 'W': strcpy(text, "0"); break;
        case 'x': time_text(text, sizeof(text), st->st_atim); break;
        case 'y': time_text(text, sizeof(text), st->st_mtim); break;
        case 'z': time_text(text, sizeof(text), st->st_ctim); break;
        case 'X': seconds_text(text, sizeof(text), st->st_atim, precision), precision = -1; break;
        case 'Y': seconds_text(text, sizeof(text), st->st_mtim, precision), precision = -1; break;
        case 'Z': seconds_text(text, sizeof(text), st->st_ctim, precision), precision = -1; break;
        case 'C':
            fflush(stdout);
            fprintf(stderr, "stat: failed to get security context of '%s': No data available\n", name);
            status = 1;
            strcpy(text, "?");
            break;
        case '%': putchar('%'); continue;
        case 0: fwrite(start, 1, (size_t)(p - start), stdout); return status;
        default: strcpy(text, "?");
        }
        char form[48];
        if (as) {
            snprintf(form, sizeof(form), precision >= 0 ? "%%%s*.*ll%s" : "%%%s*ll%s", flags, as);
            if (precision >= 0) printf(form, width, precision, number);
            else printf(form, width, number);
            continue;
        }
        for (char *f = flags; *f; f++)
            if (*f != '-') *f = '-' == flags[0] ? '-' : ' ';
        snprintf(form, sizeof(form), precision >= 0 ? "%%%s*.*s" : "%%%s*s", strchr(flags, '-') ? "-" : "");
        if (precision >= 0) printf(form, width, precision, shown);
        else printf(form, width, shown);
    }
    return status;
}

int stat_main(int argc, char *argv[])
{
    enum { PRINTF = 256, HELP, VERSION };
    static const struct option longs[] = {{"dereference", 0, 0, 'L'}, {"file-system", 0, 0, 'f'}, {"format", 1, 0, 'c'}, {"printf", 1, 0, PRINTF},
        {"terse", 0, 0, 't'}, {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {0, 0, 0, 0}};
    const char *format = NULL;
    int c, follow = 0, escapes = 0, terse = 0, status = 0;
    agentsh_want_modes = 1;
    while ((c = getopt_long(argc, argv, "c:fLt", longs, NULL)) != -1) {
        switch (c) {
        case 'c': format = optarg; escapes = 0; break;
        case PRINTF: format = optarg; escapes = 1; break;
        case 'L': follow = 1; break;
        case 't': terse = 1; break;
        case 'f': fputs("stat: -f is not supported here: nothing is told of the file system\n", stderr); return 1;
        case HELP: puts("usage: stat [-L] [-t] [-c FORMAT | --printf=FORMAT] FILE..."); return 0;
        case VERSION: puts("stat (agentsh userland)"); return 0;
        default: fputs("Try 'stat --help' for more information.\n", stderr); return 1;
        }
    }
    if (optind == argc) {
        fputs("stat: missing operand\nTry 'stat --help' for more information.\n", stderr);
        return 1;
    }
    static const char plain[] = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Dh/%dd\tInode: %-11i Links: %h\n"
        "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n Birth: -\n";
    for (int i = optind; i < argc; i++) {
        struct stat st;
        int missing = !strcmp(argv[i], "-") ? agentsh_fstat(STDIN_FILENO, &st) : follow ? agentsh_stat(argv[i], &st) : agentsh_lstat(argv[i], &st);
        if (missing) {
            fflush(stdout);
            fprintf(stderr, "stat: cannot stat '%s': %s\n", argv[i], strerror(errno));
            status = 1;
            continue;
        }
        if (format) {
            status |= show(format, argv[i], &st, escapes);
            if (!escapes) putchar('\n');
        } else if (terse) status |= show("%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z 0 %o\n", argv[i], &st, 0);
        else {
            /* The name as it is, but for a link, which is shown with its target. */
            char *copy = list_allocate(NULL, sizeof(plain) + 1);
            strcpy(copy, plain);
            if (!S_ISLNK(st.st_mode)) copy[8 + 1] = 'n';
            status |= show(copy, argv[i], &st, 0);
            free(copy);
        }
    }
    return status;
}
