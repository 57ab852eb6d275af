/* What is known by its first bytes, and by what is written in it. */
#define _GNU_SOURCE
#include "dump_kinds.h"

#include <ctype.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint32_t big(const unsigned char *s)
{
    return (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
}

static uint32_t little(const unsigned char *s)
{
    return (uint32_t)s[3] << 24 | (uint32_t)s[2] << 16 | (uint32_t)s[1] << 8 | s[0];
}

#define SAY(...) snprintf(kind->words, sizeof(kind->words), __VA_ARGS__)
#define BEGINS(text) (n >= sizeof(text) - 1 && !memcmp(s, text, sizeof(text) - 1))

/* -- by the first bytes -------------------------------------------------------------------------------------------- */

static int picture(const unsigned char *s, size_t n, struct kind *kind)
{
    if (BEGINS("\x89PNG\r\n\x1a\n")) {
        static const char *const colours[] = {"grayscale", "", "RGB", "colormap", "gray+alpha", "", "RGBA"};
        kind->mime = "image/png";
        if (n < 29) SAY("PNG image data");
        else SAY("PNG image data, %u x %u, %d-bit%s%s, %sinterlaced", big(s + 16), big(s + 20), s[24],
                 s[25] == 2 || s[25] == 6 ? "/color " : " ", s[25] < 7 ? colours[s[25]] : "", s[28] ? "" : "non-");
        return 1;
    }
    if (BEGINS("GIF87a") || BEGINS("GIF89a")) {
        kind->mime = "image/gif";
        if (n < 10) SAY("GIF image data");
        else SAY("GIF image data, version %.3s, %d x %d", s + 3, s[6] | s[7] << 8, s[8] | s[9] << 8);
        return 1;
    }
    if (BEGINS("\xFF\xD8\xFF")) {
        kind->mime = "image/jpeg";
        SAY("JPEG image data%s", n > 10 && !memcmp(s + 6, "JFIF", 4) ? ", JFIF standard" : "");
        return 1;
    }
    if (n > 12 && BEGINS("RIFF") && !memcmp(s + 8, "WEBP", 4)) {
        kind->mime = "image/webp";
        SAY("RIFF (little-endian) data, Web/P image");
        return 1;
    }
    return 0;
}

static int packed(const unsigned char *s, size_t n, struct kind *kind)
{
    if (BEGINS("\x1F\x8B")) {
        kind->mime = "application/gzip";
        char when[64] = "";
        uint32_t seconds = n > 8 ? little(s + 4) : 0;
        if (seconds) {
            time_t t = (time_t)seconds;
            strftime(when, sizeof(when), ", last modified: %a %b %e %H:%M:%S %Y", gmtime(&t));
        }
        SAY("gzip compressed data%s%s, original size modulo 2^32 %u", when, n > 9 && s[9] == 3 ? ", from Unix" : "",
            n > 8 ? little(s + n - 4) : 0);
    } else if (BEGINS("BZh")) {
        kind->mime = "application/x-bzip2";
        SAY("bzip2 compressed data, block size = %c00k", n > 3 ? s[3] : '9');
    } else if (BEGINS("\xFD"
                      "7zXZ\0")) {
        kind->mime = "application/x-xz";
        int check = n > 7 ? s[7] & 15 : 0;
        SAY("XZ compressed data, checksum %s", check == 4 ? "CRC64" : check == 1 ? "CRC32" : check == 10 ? "SHA-256" : "NONE");
    } else if (BEGINS("\x28\xB5\x2F\xFD")) {
        kind->mime = "application/zstd";
        SAY("Zstandard compressed data (v0.8+)");
    } else if (BEGINS("PK\3\4")) {
        kind->mime = "application/zip";
        int method = n > 9 ? s[8] | s[9] << 8 : 0, version = n > 5 ? s[4] : 20;
        SAY("Zip archive data, at least v%d.%d to extract, compression method=%s", version / 10, version % 10,
            method == 8 ? "deflate" : method == 0 ? "store" : "other");
    } else if (BEGINS("PK\5\6")) {
        kind->mime = "application/zip";
        SAY("Zip archive data (empty)");
    } else if (BEGINS("7z\xBC\xAF\x27\x1C")) {
        kind->mime = "application/x-7z-compressed";
        SAY("7-zip archive data");
    } else if (n > 262 && !memcmp(s + 257, "ustar", 5)) {
        kind->mime = "application/x-tar";
        SAY("POSIX tar archive%s", s[262] ? " (GNU)" : "");
    } else return 0;
    return 1;
}

static int program(const unsigned char *s, size_t n, struct kind *kind)
{
    if (BEGINS("\x7F"
               "ELF") && n > 20) {
        static const char *const types[] = {"", "relocatable", "executable", "shared object", "core file"};
        int type = s[16], machine = s[18] | s[19] << 8;
        kind->mime = type == 1 ? "application/x-object" : type == 2 ? "application/x-executable" : type == 4 ? "application/x-coredump" : "application/x-sharedlib";
        SAY("ELF %d-bit %s %s, %s, version %d (SYSV)", s[4] == 2 ? 64 : 32, s[5] == 2 ? "MSB" : "LSB", type < 5 ? types[type] : "file",
            machine == 62 ? "x86-64" : machine == 183 ? "ARM aarch64" : machine == 3 ? "Intel 80386" : machine == 40 ? "ARM" : machine == 243 ? "UCB RISC-V" : "unknown machine",
            s[6]);
    } else if (BEGINS("\0asm") && n >= 8) {
        kind->mime = "application/wasm";
        SAY("WebAssembly (wasm) binary module version 0x%x%s", little(s + 4), little(s + 4) == 1 ? " (MVP)" : "");
    } else if (BEGINS("MZ")) {
        kind->mime = "application/x-dosexec";
        SAY("MS-DOS executable");
    } else if (n > 4 && s[2] == '\r' && s[3] == '\n' && (s[0] | s[1] << 8) > 3000 && (s[0] | s[1] << 8) < 4000) {
        kind->mime = "application/x-bytecode.python";
        SAY("Byte-compiled Python module");
    } else return 0;
    return 1;
}

int kind_of_binary(const unsigned char *s, size_t n, struct kind *kind)
{
    if (picture(s, n, kind) || packed(s, n, kind) || program(s, n, kind)) return 1;
    if (BEGINS("%PDF-")) {
        kind->mime = "application/pdf";
        SAY("PDF document, version %.3s", s + 5);
    } else if (BEGINS("SQLite format 3")) {
        kind->mime = "application/vnd.sqlite3";
        if (n < 100) SAY("SQLite 3.x database");
        else SAY("SQLite 3.x database, last written using SQLite version %u, file counter %u, database pages %u, cookie 0x%x, schema %u, %s, version-valid-for %u",
                 big(s + 96), big(s + 24), big(s + 28), big(s + 40), big(s + 44),
                 big(s + 56) == 2 ? "UTF-16 little endian" : big(s + 56) == 3 ? "UTF-16 big endian" : "UTF-8", big(s + 92));
    } else return 0;
    return 1;
}

/* -- by what is written -------------------------------------------------------------------------------------------- */

static int has(const char *s, const char *expression)
{
    regex_t re;
    if (regcomp(&re, expression, REG_EXTENDED | REG_NEWLINE | REG_NOSUB)) return 0;
    int hit = !regexec(&re, s, 0, NULL, 0);
    regfree(&re);
    return hit;
}

/* "#!": the interpreter is known by the last part of its name. */
static void script(const char *s, struct kind *kind)
{
    static const struct {
        const char *name, *words, *mime;
        int alone; /* nothing follows, not even the encoding */
    } known[] = {{"sh", "POSIX shell script", "text/x-shellscript", 0},
                 {"dash", "POSIX shell script", "text/x-shellscript", 0},
                 {"bash", "Bourne-Again shell script", "text/x-shellscript", 0},
                 {"zsh", "Paul Falstad's zsh script", "text/x-shellscript", 0},
                 {"python", "Python script", "text/x-script.python", 0},
                 {"python3", "Python script", "text/x-script.python", 0},
                 {"python2", "Python script", "text/x-script.python", 0},
                 {"perl", "Perl script text executable", "text/x-perl", 1},
                 {"ruby", "Ruby script", "text/x-ruby", 0},
                 {"node", "Node.js script executable", "application/javascript", 2},
                 {"lua", "Lua script", "text/x-lua", 0},
                 {"awk", "awk script", "text/x-awk", 0}};
    s += 2;
    while (*s == ' ') s++;
    size_t whole = strcspn(s, "\n\r");
    while (whole && isspace((unsigned char)s[whole - 1])) whole--;
    size_t path = strcspn(s, " \t\n\r"), at = path;
    while (at && s[at - 1] != '/') at--;
    const char *name = s + at;
    size_t n = path - at;
    if (n == 3 && !memcmp(name, "env", 3)) {
        name = s + path;
        while (*name == ' ') name++;
        if (!strncmp(name, "-S ", 3)) name += 3;
        n = strcspn(name, " \t\n\r");
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strlen(known[i].name) == n && !memcmp(known[i].name, name, n)) {
            SAY("%s", known[i].words);
            kind->mime = known[i].mime;
            kind->alone = known[i].alone == 1;
            kind->executable = !known[i].alone;
            return;
        }
    SAY("a %.*s script", (int)(whole < 200 ? whole : 200), s);
    kind->mime = "text/plain";
    kind->executable = 1;
}

/* Whether a text is one value of JSON's that is an object or an array: brackets match, and strings end. */
static int is_json(const char *s)
{
    char open[512];
    size_t depth = 0;
    int last = 0, any = 0;
    for (; *s; s++) {
        if (isspace((unsigned char)*s)) continue;
        if (any && !depth) return 0;
        if (*s == '"') {
            for (s++; *s && *s != '"'; s++)
                if (*s == '\\' && !*++s) return 0;
            if (!*s) return 0;
            if (!depth) return 0;
        } else if (*s == '{' || *s == '[') {
            if (depth == sizeof(open)) return 0;
            open[depth++] = *s;
            any = 1;
        } else if (*s == '}' || *s == ']') {
            if (!depth || open[--depth] != (*s == '}' ? '{' : '[') || last == ',' || last == ':') return 0;
        } else if (*s == ',' || *s == ':') {
            if (!depth || (*s == ':' && open[depth - 1] != '{') || last == ',' || last == ':' || last == '{' || last == '[') return 0;
        } else if (!depth || !(isdigit((unsigned char)*s) || strchr("-+.eEtrufalsn", *s))) return 0;
        last = *s;
    }
    return any && !depth;
}

/* Whether there are at least two lines, all with as many commas, and some. */
static int is_csv(const char *s)
{
    long fields = -1, commas = 0, lines = 0;
    int quoted = 0;
    for (; *s; s++) {
        if (*s == '"') quoted = !quoted;
        else if (*s == ',' && !quoted) commas++;
        else if (*s == '\n' && !quoted) {
            if (!commas || (fields >= 0 && commas != fields)) return 0;
            fields = commas;
            commas = 0;
            if (++lines == 10) return 1;
        }
    }
    return lines >= 2 && !commas;
}

int kind_of_text(const char *s, size_t n, struct kind *kind)
{
    if (BEGINS("#!")) {
        script(s, kind);
        return 1;
    }
    const char *first = s + strspn(s, " \t\r\n");
    if ((*first == '{' || *first == '[') && is_json(s)) {
        kind->mime = "application/json";
        kind->alone = 1;
        SAY("JSON text data");
    } else if (!strncmp(first, "<?xml", 5)) {
        kind->mime = "text/xml";
        SAY("XML 1.0 document");
    } else if (!strncasecmp(first, "<!doctype html", 14) || !strncasecmp(first, "<html", 5)) {
        kind->mime = "text/html";
        SAY("HTML document");
    } else if (BEGINS("-----BEGIN CERTIFICATE")) {
        kind->mime = "text/plain";
        kind->alone = 1;
        SAY("PEM certificate");
    } else if (BEGINS("-----BEGIN ") && has(s, "^-----BEGIN ([A-Z]+ )?PRIVATE KEY")) {
        kind->mime = "text/plain";
        kind->alone = 1;
        SAY("PEM %sprivate key", BEGINS("-----BEGIN RSA") ? "RSA " : BEGINS("-----BEGIN EC ") ? "EC " : "");
    } else if (BEGINS("diff ") || has(s, "^--- .*\n\\+\\+\\+ ")) {
        kind->mime = "text/x-diff";
        SAY("unified diff output");
    } else if (has(s, "^[ \t]{0,50}def {1,50}[a-zA-Z_]{1,100}[a-zA-Z0-9_]* {0,50}\\(.{0,255}\\)( ->.*)?:$|^from[ \t]+[A-Za-z0-9_.]+[ \t]+import|^class {1,50}[a-zA-Z_0-9]+.*:$")) {
        kind->mime = "text/x-script.python";
        kind->executable = 1;
        SAY("Python script");
    } else if (has(s, "^#[ \t]*include[ \t]*[<\"]")) {
        kind->mime = "text/x-c";
        SAY("C source");
    } else if (is_csv(s)) {
        kind->mime = "text/csv";
        kind->alone = 1;
        SAY("CSV text");
    } else if (has(s, "^all:|^\\.PHONY:")) {
        kind->mime = "text/x-makefile";
        SAY("makefile script");
    } else return 0;
    return 1;
}
