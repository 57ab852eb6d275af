/* find: -printf, and the dates of -newermt. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dates.h"
#include "find.h"

void find_mode_text(char text[11], mode_t mode)
{
    static const char bits[] = "rwxrwxrwx";
    text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '-';
    for (int i = 0; i < 9; i++) text[1 + i] = mode & (1u << (8 - i)) ? bits[i] : '-';
    if (mode & 04000) text[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000) text[6] = mode & 010 ? 's' : 'S';
    if (mode & 01000) text[9] = mode & 01 ? 't' : 'T';
    text[10] = 0;
}

static char letter_of(mode_t mode)
{
    return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 's';
}

/* A time by one letter of strftime's, or find's own. */
static void time_text(char *text, size_t cap, struct timespec at, char letter)
{
    struct tm tm;
    char format[3] = {'%', letter, 0};
    gmtime_r(&at.tv_sec, &tm);
    if (letter == '@') snprintf(text, cap, "%lld.%09ld0", (long long)at.tv_sec, at.tv_nsec);
    else if (letter == '+') {
        size_t n = strftime(text, cap, "%Y-%m-%d+%H:%M:%S", &tm);
        snprintf(text + n, cap - n, ".%09ld0", at.tv_nsec);
    } else if (letter == 'S') snprintf(text, cap, "%02d.%09ld0", tm.tm_sec, at.tv_nsec);
    else if (letter == 'T' || letter == 'X') {
        size_t n = strftime(text, cap, "%H:%M:%S", &tm);
        snprintf(text + n, cap - n, ".%09ld0", at.tv_nsec);
    } else if (letter == 'c') {
        size_t n = strftime(text, cap, "%a %b %e %H:%M:%S", &tm);
        snprintf(text + n, cap - n, ".%09ld0 %d", at.tv_nsec, tm.tm_year + 1900);
    } else strftime(text, cap, format, &tm);
}

static int escape(const char **at, FILE *out)
{
    const char *p = *at + 1;
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    const char *known = *p ? strchr(from, *p) : NULL;
    if (*p == 'c') return 1;
    if (known) putc(to[known - from], out);
    else if (*p >= '0' && *p <= '7') {
        int code = 0;
        for (int i = 0; i < 3 && *p >= '0' && *p <= '7'; i++) code = code * 8 + (*p++ - '0');
        putc(code, out);
        p--;
    } else {
        putc('\\', out);
        if (!*p) p--;
        else putc(*p, out);
    }
    *at = p;
    return 0;
}

void find_printf(const char *format, const struct entry *e, FILE *out)
{
    for (const char *p = format; *p; p++) {
        if (*p == '\\') {
            if (escape(&p, out)) {
                fflush(out);
                return;
            }
            continue;
        }
        if (*p != '%') {
            putc(*p, out);
            continue;
        }
        char spec[32] = "%", text[4200];
        size_t n = 1;
        for (p++; *p && strchr("-+ #0123456789.", *p) && n < sizeof(spec) - 3; p++) spec[n++] = *p;
        spec[n++] = 's';
        spec[n] = 0;
        const char *shown = text;
        long long number = 0;
        int numeric = 0, whole = 0;
        switch (*p) {
        case '%': putc('%', out); continue;
        case 'p': shown = e->path; break;
        case 'f': shown = e->name; break;
        case 'h': {
            const char *slash = strrchr(e->path, '/');
            if (!slash) shown = ".";
            else snprintf(text, sizeof(text), "%.*s", slash == e->path ? 1 : (int)(slash - e->path), e->path);
            break;
        }
        case 'P':
            shown = e->path + e->start_len;
            while (*shown == '/') shown++;
            break;
        case 'H': snprintf(text, sizeof(text), "%.*s", (int)e->start_len, e->start); break;
        case 's': number = e->st.st_size, numeric = 1; break;
        case 'k': number = ((long long)e->st.st_blocks + 1) / 2, numeric = 1; break;
        case 'b': number = (long long)e->st.st_blocks, numeric = 1; break;
        case 'd': number = e->depth, numeric = 1; break;
        case 'n': number = (long long)e->st.st_nlink, numeric = 1; break;
        case 'i': number = (long long)e->st.st_ino, numeric = whole = 1; break;
        case 'D': number = (long long)e->st.st_dev, numeric = 1; break;
        case 'U': case 'G': number = 1000, numeric = 1; break;
        case 'u': case 'g': shown = "agent"; break;
        case 'm': snprintf(text, sizeof(text), "%o", (unsigned)(e->st.st_mode & 07777)); break;
        case 'M': find_mode_text(text, e->st.st_mode); break;
        case 'y': text[0] = letter_of(e->st.st_mode), text[1] = 0; break;
        case 'Y': {
            struct stat st;
            text[0] = !S_ISLNK(e->st.st_mode) ? letter_of(e->st.st_mode) : agentsh_stat(e->path, &st) ? 'N' : letter_of(st.st_mode);
            text[1] = 0;
            break;
        }
        case 'l': case 'L': {
            ssize_t got = S_ISLNK(e->st.st_mode) ? agentsh_readlink(e->path, text + 4, sizeof(text) - 5) : -1;
            text[4 + (got > 0 ? got : 0)] = 0;
            shown = text + 4;
            /* Our own, for -ls. */
            if (*p == 'L' && got >= 0) memcpy(text, " -> ", 4), shown = text;
            break;
        }
        case '~': { /* Our own, for -ls: the year instead of the time when that is long ago. */
            struct tm tm;
            long long past = find.now - (long long)e->st.st_mtim.tv_sec;
            gmtime_r(&e->st.st_mtim.tv_sec, &tm);
            strftime(text, sizeof(text), past > 15778476 || past < 0 ? "%b %e  %Y" : "%b %e %H:%M", &tm);
            break;
        }
        case 'F': shown = "workspace"; break;
        case 'S': snprintf(text, sizeof(text), "%g", e->st.st_size ? 512.0 * (double)e->st.st_blocks / (double)e->st.st_size : 1.0); break;
        case 'a': time_text(text, sizeof(text), e->st.st_atim, 'c'); break;
        case 'c': time_text(text, sizeof(text), e->st.st_ctim, 'c'); break;
        case 't': time_text(text, sizeof(text), e->st.st_mtim, 'c'); break;
        case 'A': case 'C': case 'T': {
            char which = *p;
            if (!p[1]) find_fail("error: %%%c at end of format string", which);
            time_text(text, sizeof(text), which == 'A' ? e->st.st_atim : which == 'C' ? e->st.st_ctim : e->st.st_mtim, *++p);
            break;
        }
        case 0: find_fail("error: %% at end of format string");
        default: find_fail("-printf: %%%c is not supported here", *p);
        }
        if (numeric) snprintf(text, sizeof(text), whole ? "%llu" : "%lld", number);
        fprintf(out, spec, shown);
    }
}

struct timespec find_date(const char *text)
{
    struct timespec at;
    if (!date_parse(text, (struct timespec){.tv_sec = (time_t)find.now}, &at)) find_fail("I cannot figure out how to interpret '%s' as a date or time", text);
    return at;
}
