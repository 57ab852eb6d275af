/* ls and stat: one module, by the name it is called. */
#include "list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *list_allocate(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (p) return p;
    fputs("out of memory\n", stderr);
    exit(2);
}

void list_mode_text(char text[11], mode_t mode)
{
    static const char bits[] = "rwxrwxrwx";
    text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '-';
    for (int i = 0; i < 9; i++) text[1 + i] = mode & (1u << (8 - i)) ? bits[i] : '-';
    if (mode & 04000) text[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000) text[6] = mode & 010 ? 's' : 'S';
    if (mode & 01000) text[9] = mode & 01 ? 't' : 'T';
    text[10] = 0;
}

void list_human(char *text, size_t cap, unsigned long long size, int base)
{
    static const char units[] = "KMGTPE";
    unsigned long long unit = 1;
    int u = -1;
    while (size / unit >= (unsigned)base && u < 5) unit *= (unsigned)base, u++;
    if (u < 0) {
        snprintf(text, cap, "%llu", size);
        return;
    }
    char letter = base == 1000 && !u ? 'k' : units[u];
    unsigned long long tenths = size / unit * 10 + (size % unit * 10 + unit - 1) / unit;
    if (tenths < 100) snprintf(text, cap, "%llu.%llu%c", tenths / 10, tenths % 10, letter);
    else {
        unsigned long long whole = size / unit + (size % unit != 0);
        if (whole == (unsigned)base && u < 5) snprintf(text, cap, "1.0%c", units[u + 1]);
        else snprintf(text, cap, "%llu%c", whole, letter);
    }
}

const char *list_quoted(const char *name, enum quoting how)
{
    static char *out;
    size_t n = 0;
    out = list_allocate(out, 4 * strlen(name) + 16);
    if (how == LITERAL) return strcpy(out, name);
    if (how == SHELL || how == SHELL_ALWAYS) {
        if (how == SHELL && *name && !strpbrk(name, " \t\n'\"\\$`*?[]|&;<>()!=^~#{}") ) return strcpy(out, name);
        const char *mark = strchr(name, '\'') && !strpbrk(name, "\"$`\\!") ? "\"" : "'";
        out[n++] = *mark;
        for (; *name; name++) {
            if (*name == '\'' && *mark == '\'') n += (size_t)sprintf(out + n, "'\\''");
            else out[n++] = *name;
        }
        out[n++] = *mark;
        out[n] = 0;
        return out;
    }
    if (how == C_STYLE) out[n++] = '"';
    for (; *name; name++) {
        static const char from[] = "\a\b\f\n\r\t\v\\", to[] = "abfnrtv\\";
        const char *at = strchr(from, *name);
        unsigned char c = (unsigned char)*name;
        if (at) out[n++] = '\\', out[n++] = to[at - from];
        else if (c == '"' && how == C_STYLE) out[n++] = '\\', out[n++] = '"';
        else if (c == ' ' && how == ESCAPE) out[n++] = '\\', out[n++] = ' ';
        else if (c < 32 || c == 127) n += (size_t)sprintf(out + n, "\\%03o", c);
        else out[n++] = (char)c;
    }
    if (how == C_STYLE) out[n++] = '"';
    out[n] = 0;
    return out;
}

int main(int argc, char *argv[])
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL, *name = slash ? slash + 1 : argc ? argv[0] : "";
    int status = !strcmp(name, "stat") ? stat_main(argc, argv) : ls_main(argc, argv);
    return fflush(stdout) || ferror(stdout) ? 2 : status;
}
