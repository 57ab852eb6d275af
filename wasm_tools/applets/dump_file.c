/* file: what is in a file, in the words that people know. The kinds that turn up in a workspace; not the thousands that
 * libmagic knows. */
#include "dump.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>

#include "dump_kinds.h"

enum { LOOKED_AT = 1 << 20, VERY_LONG = 300 };

/* -- text ---------------------------------------------------------------------------------------------------------- */

enum encoding { ASCII, UTF8, UTF8_MARKED, UTF16_LITTLE, UTF16_BIG, LATIN, BINARY };

static const struct {
    const char *words, *charset;
} encodings[] = {{"ASCII text", "us-ascii"},
                 {"Unicode text, UTF-8 text", "utf-8"},
                 {"Unicode text, UTF-8 (with BOM) text", "utf-8"},
                 {"Unicode text, UTF-16, little-endian text", "utf-16le"},
                 {"Unicode text, UTF-16, big-endian text", "utf-16be"},
                 {"ISO-8859 text", "iso-8859-1"},
                 {"data", "binary"}};

/* Control characters that texts have: bell to return, escape. */
static int in_texts(unsigned char c)
{
    return (c >= 7 && c <= 13) || c == 27 || (c >= 32 && c != 127);
}

static enum encoding encoding_of(const unsigned char *s, size_t n, int cut)
{
    if (n >= 2 && s[0] == 0xFF && s[1] == 0xFE) return UTF16_LITTLE;
    if (n >= 2 && s[0] == 0xFE && s[1] == 0xFF) return UTF16_BIG;
    int high = 0, latin = 1, utf8 = 1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x80) {
            if (!in_texts(s[i])) return BINARY;
            continue;
        }
        high = 1;
        latin &= s[i] >= 0xA0;
    }
    if (!high) return ASCII;
    for (size_t i = 0; i < n && utf8;) {
        unsigned char c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 9;
        if (more == 9) utf8 = 0;
        else if (i + more >= n) {
            utf8 = cut && more; /* what was not read may be its end */
            break;
        }
        for (size_t k = 1; k <= more && utf8; k++) utf8 = (s[i + k] & 0xC0) == 0x80;
        i += more + 1;
    }
    if (utf8) return n >= 3 && !memcmp(s, "\xEF\xBB\xBF", 3) ? UTF8_MARKED : UTF8;
    return latin ? LATIN : BINARY;
}

/* ", with ..." for what is unusual about a text's lines. */
static void describe_lines(char *to, size_t room, const unsigned char *s, size_t n, enum encoding e)
{
    size_t lf = 0, crlf = 0, cr = 0, longest = 0, run = 0;
    int escapes = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n') lf++;
        else if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') crlf++, i++;
        else if (s[i] == '\r') cr++;
        else {
            escapes |= s[i] == 27;
            if (++run > longest) longest = run;
            continue;
        }
        run = 0;
    }
    size_t used = 0;
#define ADD(...) used += (size_t)snprintf(to + used, room - used, __VA_ARGS__)
    *to = 0;
    if (longest > VERY_LONG && e < UTF16_LITTLE) ADD(", with very long lines (%zu)", longest);
    if (!lf && !crlf && !cr) ADD(", with no line terminators");
    else if (crlf || cr) {
        const char *between = "";
        ADD(", with ");
        if (crlf) ADD("CRLF"), between = ", ";
        if (cr) ADD("%sCR", between), between = ", ";
        if (lf) ADD("%sLF", between);
        ADD(" line terminators");
    }
    if (escapes) ADD(", with escape sequences");
#undef ADD
}

/* -- one file ------------------------------------------------------------------------------------------------------ */

static struct {
    int brief, mime_type, mime_encoding, follow, no_pad, zero;
    const char *separator;
} opt = {.separator = ":"};

static void tell(const char *words, const char *mime, const char *charset)
{
    if (opt.mime_type && opt.mime_encoding) tool_print("%s; charset=%s\n", mime, charset);
    else if (opt.mime_type) tool_print("%s\n", mime);
    else if (opt.mime_encoding) tool_print("%s\n", charset);
    else tool_print("%s\n", words);
}

static void look_into(const char *name)
{
    int fd = !strcmp(name, "-") ? STDIN_FILENO : agentsh_open(name, O_RDONLY);
    if (fd < 0) {
        tool_print("cannot open `%s' (%s)\n", name, strerror(errno));
        return;
    }
    static unsigned char content[LOOKED_AT + 1];
    size_t n = tool_read(fd, content, LOOKED_AT, name);
    if (fd != STDIN_FILENO) agentsh_close(fd);
    content[n] = 0;
    if (!n) {
        tell("empty", "inode/x-empty", "binary");
        return;
    }
    struct kind kind = {0};
    if (kind_of_binary(content, n, &kind)) {
        tell(kind.words, kind.mime, "binary");
        return;
    }
    enum encoding e = encoding_of(content, n, n == LOOKED_AT);
    if (e == BINARY) {
        tell("data", "application/octet-stream", "binary");
        return;
    }
    char lines[128], words[512];
    describe_lines(lines, sizeof(lines), content, n, e);
    if (!kind_of_text((const char *)content, n, &kind)) {
        snprintf(words, sizeof(words), "%s%s", encodings[e].words, lines);
        kind.mime = "text/plain";
    } else if (kind.alone) snprintf(words, sizeof(words), "%s", kind.words);
    else snprintf(words, sizeof(words), "%s, %s%s%s", kind.words, encodings[e].words, kind.executable ? " executable" : "", lines);
    tell(words, kind.mime, encodings[e].charset);
}

static void describe(const char *name)
{
    struct stat st;
    char words[512];
    if (!strcmp(name, "-")) {
        look_into(name);
        return;
    }
    if (opt.follow ? agentsh_stat(name, &st) : agentsh_lstat(name, &st)) {
        tool_print("cannot open `%s' (%s)\n", name, strerror(errno));
        return;
    }
    if (S_ISDIR(st.st_mode)) tell("directory", "inode/directory", "binary");
    else if (S_ISLNK(st.st_mode)) {
        char target[300];
        struct stat there;
        ssize_t n = agentsh_readlink(name, target, sizeof(target) - 1);
        target[n < 0 ? 0 : n] = 0;
        snprintf(words, sizeof(words), "%ssymbolic link to %s", agentsh_stat(name, &there) ? "broken " : "", target);
        tell(words, "inode/symlink", "binary");
    } else if (S_ISREG(st.st_mode)) look_into(name);
    else tell("fifo (named pipe)", "inode/fifo", "binary");
}

static size_t width_of(const char *name)
{
    size_t n = 0;
    for (; *name; name++) n += ((unsigned char)*name & 0xC0) != 0x80;
    return n;
}

int file_main(int argc, char *argv[])
{
    enum { MIME_TYPE = 256, MIME_ENCODING };
    static const struct option options[] = {{"brief", 0, 0, 'b'}, {"dereference", 0, 0, 'L'}, {"files-from", 1, 0, 'f'}, {"mime", 0, 0, 'i'},
                                            {"mime-encoding", 0, 0, MIME_ENCODING}, {"mime-type", 0, 0, MIME_TYPE},
                                            {"no-dereference", 0, 0, 'h'}, {"no-pad", 0, 0, 'N'}, {"print0", 0, 0, '0'},
                                            {"separator", 1, 0, 'F'}, {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "0bF:hiLNsk", options, NULL)) != -1;) switch (c) {
        case '0': opt.zero = 1; break;
        case 'b': opt.brief = 1; break;
        case 'F': opt.separator = optarg; break;
        case 'h': opt.follow = 0; break;
        case 'i': opt.mime_type = opt.mime_encoding = 1; break;
        case MIME_TYPE: opt.mime_type = 1; break;
        case MIME_ENCODING: opt.mime_encoding = 1; break;
        case 'L': opt.follow = 1; break;
        case 'N': opt.no_pad = 1; break;
        case 'k':
        case 's': break;
        default: return 1;
        }
    if (optind == argc) tool_fail("usage: file [-bhiLN0] [-F SEPARATOR] [--mime-type] [--mime-encoding] FILE...");
    size_t widest = 0;
    for (int i = optind; i < argc; i++)
        if (width_of(argv[i]) > widest) widest = width_of(argv[i]);
    for (int i = optind; i < argc; i++) {
        if (!opt.brief) {
            const char *shown = strcmp(argv[i], "-") ? argv[i] : "/dev/stdin";
            out_bytes(shown, strlen(shown));
            if (opt.zero) out_byte(0);
            out_bytes(opt.separator, strlen(opt.separator));
            out_byte(' ');
            for (size_t n = width_of(argv[i]); !opt.no_pad && n < widest; n++) out_byte(' ');
        }
        describe(argv[i]);
    }
    return 0;
}
