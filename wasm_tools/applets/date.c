/* date and touch: what has to do with times. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agentsh.h"
#include "dates.h"

static const char *tool;
static int status;

static _Noreturn void fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", tool);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* A field: padded with what its flags say, or with pad. */
static void put_number(long long n, int width, char pad, char flag, int wanted)
{
    if (flag == '-') width = 0;
    else if (flag == '_') pad = ' ';
    else if (flag == '0' || flag == '+') pad = '0';
    if (wanted >= 0 && flag != '-') width = wanted;
    if (pad == '0') printf(n < 0 ? "-%0*lld" : "%0*lld", n < 0 ? width - 1 : width, n < 0 ? -n : n);
    else printf("%*lld", width, n);
}

static void put_text(const char *text, char flag, int upper, int wanted)
{
    int len = (int)strlen(text);
    for (; len < wanted; wanted--) putchar(flag == '0' ? '0' : ' ');
    for (; *text; text++)
        putchar(upper == 1 ? toupper((unsigned char)*text) : upper == 2 ? tolower((unsigned char)*text) : *text);
}

static void show(const char *format, struct timespec at)
{
    struct tm tm;
    if (!gmtime_r(&at.tv_sec, &tm)) fail("time is out of range");
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            putchar(*p);
            continue;
        }
        const char *start = p++;
        char flag = 0, text[64];
        int upper = 0, swap = 0, wanted = -1, colons = 0;
        for (; *p && strchr("-_0^#+", *p); p++) {
            if (*p == '^') upper = 1;
            else if (*p == '#') swap = 1;
            else flag = *p;
        }
        if (isdigit((unsigned char)*p)) wanted = (int)strtol(p, (char **)&p, 10);
        if (wanted > 1000) wanted = 1000;
        while (*p == ':') p++, colons++;
        if ((*p == 'E' || *p == 'O') && p[1]) p++;
        if (colons && *p != 'z') {
            fwrite(start, 1, (size_t)(p - start) + (*p != 0), stdout);
            if (!*p) return;
            continue;
        }
        int hour12 = tm.tm_hour % 12 ? tm.tm_hour % 12 : 12, year = tm.tm_year + 1900;
        switch (*p) {
        case '%': putchar('%'); break;
        case 'n': putchar('\n'); break;
        case 't': putchar('\t'); break;
        case 'Y': put_number(year, flag == '_' ? 4 : 4, '0', flag, wanted); break;
        case 'C': put_number(year / 100, 2, '0', flag, wanted); break;
        case 'y': put_number(year % 100, 2, '0', flag, wanted); break;
        case 'm': put_number(tm.tm_mon + 1, 2, '0', flag, wanted); break;
        case 'd': put_number(tm.tm_mday, 2, '0', flag, wanted); break;
        case 'e': put_number(tm.tm_mday, 2, ' ', flag, wanted); break;
        case 'H': put_number(tm.tm_hour, 2, '0', flag, wanted); break;
        case 'k': put_number(tm.tm_hour, 2, ' ', flag, wanted); break;
        case 'I': put_number(hour12, 2, '0', flag, wanted); break;
        case 'l': put_number(hour12, 2, ' ', flag, wanted); break;
        case 'M': put_number(tm.tm_min, 2, '0', flag, wanted); break;
        case 'S': put_number(tm.tm_sec, 2, '0', flag, wanted); break;
        case 'j': put_number(tm.tm_yday + 1, 3, '0', flag, wanted); break;
        case 'u': put_number(tm.tm_wday ? tm.tm_wday : 7, 1, '0', flag, wanted); break;
        case 'w': put_number(tm.tm_wday, 1, '0', flag, wanted); break;
        case 'q': put_number(tm.tm_mon / 3 + 1, 1, '0', flag, wanted); break;
        case 's': put_number(at.tv_sec, 1, '0', flag, wanted); break;
        case 'N': {
            snprintf(text, sizeof(text), "%09ld", at.tv_nsec);
            int n = wanted > 0 ? wanted : 9;
            if (flag == '-') {
                int last = 9;
                while (last > 1 && text[last - 1] == '0') last--;
                n = last;
            }
            printf("%.*s", n < 9 ? n : 9, text);
            for (; n > 9; n--) putchar('0');
            break;
        }
        case 'U': case 'W': case 'V': case 'G': case 'g': {
            char one[3] = {'%', *p, 0};
            strftime(text, sizeof(text), one, &tm);
            put_number(atoi(text), *p == 'G' ? 4 : 2, '0', flag, wanted);
            break;
        }
        case 'z': {
            static const char *const forms[] = {"+0000", "+00:00", "+00:00:00", "+00"};
            put_text(forms[colons < 4 ? colons : 3], flag, 0, wanted);
            break;
        }
        case 'Z': put_text("UTC", flag, swap ? 2 : upper, wanted); break;
        case 'p': put_text(tm.tm_hour < 12 ? "AM" : "PM", flag, swap ? 2 : upper, wanted); break;
        case 'P': put_text(tm.tm_hour < 12 ? "am" : "pm", flag, upper, wanted); break;
        case 'a': case 'A': case 'b': case 'B': case 'h': {
            char one[3] = {'%', *p, 0};
            strftime(text, sizeof(text), one, &tm);
            put_text(text, flag, swap ? 1 : upper, wanted);
            break;
        }
        case 'D': case 'x': strftime(text, sizeof(text), "%m/%d/%y", &tm); put_text(text, flag, upper, wanted); break;
        case 'T': case 'X': strftime(text, sizeof(text), "%H:%M:%S", &tm); put_text(text, flag, upper, wanted); break;
        case 'R': strftime(text, sizeof(text), "%H:%M", &tm); put_text(text, flag, upper, wanted); break;
        case 'r': strftime(text, sizeof(text), "%I:%M:%S %p", &tm); put_text(text, flag, upper, wanted); break;
        case 'F': strftime(text, sizeof(text), "%Y-%m-%d", &tm); put_text(text, flag, upper, wanted); break;
        case 'c': strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm); put_text(text, flag, upper, wanted); break;
        case 0: fwrite(start, 1, (size_t)(p - start), stdout); return;
        default: fwrite(start, 1, (size_t)(p - start) + 1, stdout);
        }
    }
}

static const char *iso_format(const char *what)
{
    if (!what || !strcmp(what, "date")) return "%Y-%m-%d";
    if (!strcmp(what, "hours")) return "%Y-%m-%dT%H%:z";
    if (!strcmp(what, "minutes")) return "%Y-%m-%dT%H:%M%:z";
    if (!strcmp(what, "seconds")) return "%Y-%m-%dT%H:%M:%S%:z";
    if (!strcmp(what, "ns")) return "%Y-%m-%dT%H:%M:%S,%N%:z";
    fail("invalid argument '%s' for '--iso-8601'", what);
}

static void one(const char *text, const char *format, struct timespec now)
{
    struct timespec at;
    if (!date_parse(text, now, &at)) {
        fflush(stdout);
        fprintf(stderr, "date: invalid date '%s'\n", text);
        status = 1;
        return;
    }
    show(format, at);
    putchar('\n');
}

static int date_main(int argc, char *argv[])
{
    enum { RFC_3339 = 256, HELP, VERSION, DEBUG };
    static const struct option longs[] = {{"date", 1, 0, 'd'}, {"file", 1, 0, 'f'}, {"iso-8601", 2, 0, 'I'}, {"reference", 1, 0, 'r'},
        {"rfc-email", 0, 0, 'R'}, {"rfc-2822", 0, 0, 'R'}, {"rfc-822", 0, 0, 'R'}, {"rfc-3339", 1, 0, RFC_3339}, {"set", 1, 0, 's'},
        {"utc", 0, 0, 'u'}, {"universal", 0, 0, 'u'}, {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {"debug", 0, 0, DEBUG}, {0, 0, 0, 0}};
    const char *format = NULL, *text = NULL, *file = NULL;
    struct timespec now, at;
    int c, reference = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    at = now;
    while ((c = getopt_long(argc, argv, "d:f:I::r:Rs:u", longs, NULL)) != -1) {
        switch (c) {
        case 'd': text = optarg; break;
        case 'f': file = optarg; break;
        case 'I': format = iso_format(optarg); break;
        case 'R': format = "%a, %d %b %Y %H:%M:%S %z"; break;
        case RFC_3339:
            format = !strcmp(optarg, "date") ? "%Y-%m-%d" : !strcmp(optarg, "seconds") ? "%Y-%m-%d %H:%M:%S%:z"
                     : !strcmp(optarg, "ns") ? "%Y-%m-%d %H:%M:%S.%N%:z" : NULL;
            if (!format) fail("invalid argument '%s' for '--rfc-3339'", optarg);
            break;
        case 'r': {
            struct stat st;
            if (agentsh_stat(optarg, &st)) fail("%s: %s", optarg, strerror(errno));
            at = st.st_mtim;
            reference = 1;
            break;
        }
        case 's': fail("the clock cannot be set here");
        case 'u': case DEBUG: break;
        case HELP: puts("usage: date [-u] [-d DATE | -r FILE | -f FILE] [-R | -I[FMT] | +FORMAT]"); return 0;
        case VERSION: puts("date (agentsh userland)"); return 0;
        default: fputs("Try 'date --help' for more information.\n", stderr); return 1;
        }
    }
    if ((text != NULL) + (file != NULL) + reference > 1) fail("the options to specify dates for printing are mutually exclusive");
    if (optind < argc) {
        if (argv[optind][0] != '+') {
            if (text || file || reference) fail("the argument '%s' lacks a leading '+'", argv[optind]);
            fail("invalid date '%s': the clock cannot be set here; a format begins with '+'", argv[optind]);
        }
        if (format) fail("multiple output formats specified");
        format = argv[optind] + 1;
        if (optind + 1 < argc) fail("extra operand '%s'", argv[optind + 1]);
    }
    if (!format) format = "%a %b %e %H:%M:%S %Z %Y";
    if (file) {
        FILE *in = strcmp(file, "-") ? agentsh_fopen(file, "r") : stdin;
        if (!in) fail("%s: %s", file, strerror(errno));
        char *line = NULL;
        size_t cap = 0;
        for (ssize_t n; (n = getline(&line, &cap, in)) > 0;) {
            if (line[n - 1] == '\n') line[n - 1] = 0;
            one(line, format, now);
        }
        if (ferror(in)) fail("%s: %s", file, strerror(errno));
    } else if (text) one(text, format, now);
    else {
        show(format, at);
        putchar('\n');
    }
    return status;
}

/* [[CC]YY]MMDDhhmm[.ss] */
static int stamp(const char *text, struct timespec now, struct timespec *out)
{
    size_t len = strspn(text, "0123456789");
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    int year = tm.tm_year + 1900;
    const char *p = text;
    if ((len != 8 && len != 10 && len != 12) || (text[len] && (text[len] != '.' || strlen(text + len) != 3))) return 0;
#define TWO(p) (((p)[0] - '0') * 10 + ((p)[1] - '0'))
    if (len == 12) year = TWO(p) * 100 + TWO(p + 2), p += 4;
    else if (len == 10) year = TWO(p) + (TWO(p) < 69 ? 2000 : 1900), p += 2;
    tm = (struct tm){.tm_year = year - 1900, .tm_mon = TWO(p) - 1, .tm_mday = TWO(p + 2), .tm_hour = TWO(p + 4),
                     .tm_min = TWO(p + 6), .tm_sec = text[len] ? TWO(text + len + 1) : 0};
#undef TWO
    if (tm.tm_mon > 11 || tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return 0;
    *out = (struct timespec){.tv_sec = timegm(&tm)};
    return 1;
}

static int touch_main(int argc, char *argv[])
{
    enum { TIME = 256, HELP, VERSION };
    static const struct option longs[] = {{"date", 1, 0, 'd'}, {"reference", 1, 0, 'r'}, {"no-create", 0, 0, 'c'}, {"time", 1, 0, TIME},
        {"no-dereference", 0, 0, 'h'}, {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {0, 0, 0, 0}};
    int c, create = 1, what = 0, links = 0, given = 0;
    const char *text = NULL;
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    times[0] = times[1] = (struct timespec){.tv_nsec = UTIME_NOW};
    while ((c = getopt_long(argc, argv, "acd:fhmr:t:", longs, NULL)) != -1) {
        switch (c) {
        case 'a': what |= 1; break;
        case 'm': what |= 2; break;
        case TIME:
            if (!strcmp(optarg, "modify") || !strcmp(optarg, "mtime")) what |= 2;
            else if (!strcmp(optarg, "access") || !strcmp(optarg, "atime") || !strcmp(optarg, "use")) what |= 1;
            else fail("invalid argument '%s' for '--time'", optarg);
            break;
        case 'c': create = 0; break;
        case 'f': break;
        case 'h': links = 1; create = 0; break;
        case 'd': text = optarg; break;
        case 'r': {
            struct stat st;
            if (links ? agentsh_lstat(optarg, &st) : agentsh_stat(optarg, &st)) fail("failed to get attributes of '%s': %s", optarg, strerror(errno));
            times[0] = st.st_atim, times[1] = st.st_mtim, given = 1;
            break;
        }
        case 't':
            if (!stamp(optarg, now, &times[1])) fail("invalid date format '%s'", optarg);
            times[0] = times[1], given = 1;
            break;
        case HELP: puts("usage: touch [-acmh] [-d DATE | -t STAMP | -r FILE] FILE..."); return 0;
        case VERSION: puts("touch (agentsh userland)"); return 0;
        default: fputs("Try 'touch --help' for more information.\n", stderr); return 1;
        }
    }
    if (text) {
        /* With -r too, the date is seen from the file's time. */
        for (int i = 0; i < 2; i++)
            if (!date_parse(text, given ? times[i] : now, &times[i])) fail("invalid date format '%s'", text);
    }
    if (optind == argc) {
        fputs("touch: missing file operand\n", stderr);
        return 1;
    }
    if (what == 1) times[1].tv_nsec = UTIME_OMIT;
    if (what == 2) times[0].tv_nsec = UTIME_OMIT;
    for (int i = optind; i < argc; i++) {
        struct stat st;
        int missing = links ? agentsh_lstat(argv[i], &st) : agentsh_stat(argv[i], &st);
        if (missing && errno == ENOENT && !create) continue;
        if (missing) {
            int fd = agentsh_open(argv[i], O_WRONLY | O_CREAT, 0666);
            if (fd < 0) {
                fprintf(stderr, "touch: cannot touch '%s': %s\n", argv[i], strerror(errno));
                status = 1;
                continue;
            }
            agentsh_close(fd);
        }
        if (utimensat(AT_FDCWD, argv[i], times, links ? AT_SYMLINK_NOFOLLOW : 0)) {
            fprintf(stderr, "touch: setting times of '%s': %s\n", argv[i], strerror(errno));
            status = 1;
        }
    }
    return status;
}

int main(int argc, char *argv[])
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    tool = slash ? slash + 1 : argc ? argv[0] : "";
    int result = !strcmp(tool, "touch") ? touch_main(argc, argv) : date_main(argc, argv);
    return fflush(stdout) || ferror(stdout) ? 1 : result;
}
