/* tar: its options. Reading is in archive_tar_read.c, writing in archive_tar_write.c. */
#include "archive_tar.h"

#include <errno.h>
#include <getopt.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct tar_options tar = {.recurse = 1, .mtime = -1};
FILE *tar_talk;

static struct {
    regex_t regex;
    char *text;
    int global;
} *transforms;
static size_t transform_count;

static void add_transform(const char *expression)
{
    const char *at = expression + 1;
    if (expression[0] != 's' || !*at) archive_fail(TAR_FATAL, "Invalid transform expression");
    char mark = *at++, *parts[2];
    for (int i = 0; i < 2; i++) {
        char *out = parts[i] = archive_allocate(NULL, strlen(at) + 1);
        while (*at && *at != mark) {
            if (*at == '\\' && at[1]) {
                if (at[1] == mark) at++;
                else *out++ = *at++;
            }
            *out++ = *at++;
        }
        *out = 0;
        if (!*at++) archive_fail(TAR_FATAL, "Invalid transform expression");
    }
    int flags = 0, global = 0;
    for (; *at; at++) {
        if (*at == 'g') global = 1;
        else if (*at == 'i') flags |= REG_ICASE;
        else if (*at == 'x') flags |= REG_EXTENDED;
        else if (!strchr("rRhHsS", *at)) archive_fail(TAR_FATAL, "Unknown flag in transform expression: %c", *at);
    }
    transforms = archive_allocate(transforms, (transform_count + 1) * sizeof(*transforms));
    if (regcomp(&transforms[transform_count].regex, parts[0], flags))
        archive_fail(TAR_FATAL, "Invalid transform expression");
    free(parts[0]);
    transforms[transform_count].text = parts[1];
    transforms[transform_count++].global = global;
}

static void append(char **out, size_t *len, const char *text, size_t n)
{
    *out = archive_allocate(*out, *len + n + 1);
    memcpy(*out + *len, text, n);
    (*out)[*len += n] = 0;
}

char *tar_renamed(const char *name)
{
    char *now = archive_copy(name);
    for (size_t i = 0; i < transform_count; i++) {
        char *out = NULL;
        size_t len = 0, from = 0, all = strlen(now);
        append(&out, &len, "", 0);
        regmatch_t m[10];
        for (int turn = 0; from <= all && (!turn || transforms[i].global); turn++) {
            if (regexec(&transforms[i].regex, now + from, 10, m, from ? REG_NOTBOL : 0)) break;
            append(&out, &len, now + from, (size_t)m[0].rm_so);
            for (const char *t = transforms[i].text; *t; t++) {
                if (*t == '\\' && t[1]) {
                    t++;
                    int g = *t - '0';
                    if (g >= 0 && g <= 9) {
                        if (m[g].rm_so >= 0) append(&out, &len, now + from + m[g].rm_so, (size_t)(m[g].rm_eo - m[g].rm_so));
                    } else append(&out, &len, t, 1);
                } else if (*t == '&') append(&out, &len, now + from + m[0].rm_so, (size_t)(m[0].rm_eo - m[0].rm_so));
                else append(&out, &len, t, 1);
            }
            from += (size_t)m[0].rm_eo;
            if (m[0].rm_eo == m[0].rm_so && from < all) append(&out, &len, now + from++, 1);
            else if (m[0].rm_eo == m[0].rm_so) break;
        }
        if (from < all) append(&out, &len, now + from, all - from);
        free(now);
        now = out;
    }
    return now;
}

int tar_excluded(const char *name)
{
    for (size_t i = 0; i < tar.exclude_count; i++)
        if (name_matches(tar.excludes[i], name, tar.anchored)) return 1;
    return 0;
}

static void add(char ***list, size_t *count, const char *text)
{
    *list = archive_allocate(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] = archive_copy(text);
}

static void add_from(char ***list, size_t *count, const char *path)
{
    FILE *in = strcmp(path, "-") ? agentsh_fopen(path, "r") : stdin;
    if (!in) archive_fail(TAR_FATAL, "%s: Cannot open: %s", path, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    int mark = tar.null_names ? 0 : '\n';
    for (ssize_t n; (n = getdelim(&line, &cap, mark, in)) > 0;) {
        if (line[n - 1] == mark) line[--n] = 0;
        if (n) add(list, count, line);
    }
    if (ferror(in)) archive_fail(TAR_FATAL, "%s: %s", path, strerror(errno));
    free(line);
    if (in != stdin) fclose(in);
}

enum {
    EXCLUDE = 256, STRIP, TRANSFORM, OWNER, GROUP, NUMERIC, NO_RECURSION, WILDCARDS, NO_WILDCARDS, MTIME, SORT, KEEP_OLD,
    SKIP_OLD, IGNORED, IGNORED_VALUE, NULL_NAMES, EXCLUDE_VCS, FORMAT, ANCHORED, NO_ANCHORED, TO_COMMAND, HELP, VERSION,
    NO_PERMISSIONS, ONE_TOP, REFUSED, KEEP_NEWER, RECURSION
};
static const struct option long_options[] = {
    {"create", 0, 0, 'c'}, {"extract", 0, 0, 'x'}, {"get", 0, 0, 'x'}, {"list", 0, 0, 't'}, {"append", 0, 0, 'r'},
    {"update", 0, 0, REFUSED}, {"delete", 0, 0, REFUSED}, {"diff", 0, 0, REFUSED}, {"compare", 0, 0, REFUSED},
    {"file", 1, 0, 'f'}, {"directory", 1, 0, 'C'}, {"gzip", 0, 0, 'z'}, {"gunzip", 0, 0, 'z'}, {"ungzip", 0, 0, 'z'},
    {"bzip2", 0, 0, 'j'}, {"xz", 0, 0, 'J'}, {"auto-compress", 0, 0, 'a'}, {"verbose", 0, 0, 'v'},
    {"to-stdout", 0, 0, 'O'}, {"keep-old-files", 0, 0, 'k'}, {"skip-old-files", 0, 0, SKIP_OLD},
    {"overwrite", 0, 0, IGNORED}, {"unlink-first", 0, 0, IGNORED}, {"touch", 0, 0, 'm'},
    {"preserve-permissions", 0, 0, 'p'}, {"same-permissions", 0, 0, 'p'}, {"no-same-permissions", 0, 0, NO_PERMISSIONS},
    {"same-owner", 0, 0, IGNORED}, {"no-same-owner", 0, 0, IGNORED}, {"dereference", 0, 0, 'h'},
    {"files-from", 1, 0, 'T'}, {"exclude-from", 1, 0, 'X'}, {"exclude", 1, 0, EXCLUDE}, {"exclude-vcs", 0, 0, EXCLUDE_VCS},
    {"strip-components", 1, 0, STRIP}, {"strip", 1, 0, STRIP}, {"transform", 1, 0, TRANSFORM}, {"xform", 1, 0, TRANSFORM},
    {"owner", 1, 0, OWNER}, {"group", 1, 0, GROUP}, {"numeric-owner", 0, 0, NUMERIC},
    {"no-recursion", 0, 0, NO_RECURSION}, {"recursion", 0, 0, RECURSION}, {"wildcards", 0, 0, WILDCARDS},
    {"no-wildcards", 0, 0, NO_WILDCARDS}, {"mtime", 1, 0, MTIME}, {"sort", 1, 0, SORT}, {"null", 0, 0, NULL_NAMES},
    {"format", 1, 0, FORMAT}, {"anchored", 0, 0, ANCHORED}, {"no-anchored", 0, 0, NO_ANCHORED},
    {"absolute-names", 0, 0, 'P'}, {"totals", 0, 0, IGNORED}, {"warning", 1, 0, IGNORED_VALUE},
    {"blocking-factor", 1, 0, IGNORED_VALUE}, {"no-xattrs", 0, 0, IGNORED}, {"no-acls", 0, 0, IGNORED},
    {"no-selinux", 0, 0, IGNORED}, {"force-local", 0, 0, IGNORED}, {"keep-newer-files", 0, 0, KEEP_NEWER},
    {"one-top-level", 2, 0, ONE_TOP}, {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {0, 0, 0, 0},
};

static void set_mode(int mode)
{
    if (tar.mode && tar.mode != mode) archive_fail(TAR_FATAL, "You may not specify more than one '-Acdtrux' option");
    tar.mode = (char)mode;
}

/* "tar xzf a.tgz": a first word without a dash is a bundle whose values follow in order. */
static void spread_bundle(int *argc, char ***argv)
{
    char **old = *argv;
    if (*argc < 2 || old[1][0] == '-' || !old[1][0]) return;
    size_t letters = strlen(old[1]);
    char **now = archive_allocate(NULL, ((size_t)*argc + letters + 2) * sizeof(*now));
    int n = 0, next = 2;
    now[n++] = old[0];
    for (const char *p = old[1]; *p; p++) {
        char *word = archive_allocate(NULL, 3);
        word[0] = '-', word[1] = *p, word[2] = 0;
        now[n++] = word;
        if (!strchr("fCTXbHIKLNVg", *p)) continue;
        if (next >= *argc) archive_fail(TAR_FATAL, "Old option '%c' requires an argument.", *p);
        now[n++] = old[next++];
    }
    while (next < *argc) now[n++] = old[next++];
    now[n] = NULL;
    *argc = n;
    *argv = now;
}

static void exclude_vcs(void)
{
    static const char *const names[] = {".git", ".gitignore", ".gitattributes", ".gitmodules", ".svn", ".hg", ".hgignore",
                                        ".hgtags", ".bzr", ".bzrignore", "CVS", ".cvsignore", "RCS", "SCCS", "_darcs"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) add(&tar.excludes, &tar.exclude_count, names[i]);
}

static void parse(int argc, char *argv[])
{
    int c;
    while ((c = getopt_long(argc, argv, "-ctxrAduf:C:zjJavOkmphT:X:PwBSoUWib:I:ZH:", long_options, NULL)) != -1) {
        switch (c) {
        case 1: add(&tar.names, &tar.name_count, optarg); break;
        case 'c': case 't': case 'x': case 'r': set_mode(c); break;
        case 'f': tar.archive = optarg; break;
        case 'C':
            add(&tar.names, &tar.name_count, "-C");
            add(&tar.names, &tar.name_count, optarg);
            break;
        case 'z': tar.format = FORMAT_GZIP; break;
        case 'j': tar.format = FORMAT_BZIP2; break;
        case 'J': tar.format = FORMAT_XZ; break;
        case 'a': tar.auto_format = 1; break;
        case 'v': tar.verbose++; break;
        case 'O': tar.to_stdout = 1; break;
        case 'k': tar.keep_old = 1; break;
        case SKIP_OLD: tar.skip_old = 1; break;
        case KEEP_NEWER: tar.keep_newer = 1; break;
        case 'm': tar.touch = 1; break;
        case 'p': tar.permissions = 1; break;
        case NO_PERMISSIONS: tar.permissions = 0; break;
        case 'h': tar.dereference = 1; break;
        case 'T': add_from(&tar.names, &tar.name_count, optarg); break;
        case 'X': add_from(&tar.excludes, &tar.exclude_count, optarg); break;
        case EXCLUDE: add(&tar.excludes, &tar.exclude_count, optarg); break;
        case EXCLUDE_VCS: exclude_vcs(); break;
        case STRIP: {
            char *end;
            tar.strip = (int)strtol(optarg, &end, 10);
            if (*end || end == optarg || tar.strip < 0) archive_fail(TAR_FATAL, "%s: Invalid number of elements", optarg);
            break;
        }
        case TRANSFORM: add_transform(optarg); break;
        case OWNER: tar.owner = optarg; break;
        case GROUP: tar.group = optarg; break;
        case NUMERIC: tar.numeric = 1; break;
        case NO_RECURSION: tar.recurse = 0; break;
        case RECURSION: tar.recurse = 1; break;
        case WILDCARDS: tar.wildcards = 1; break;
        case NO_WILDCARDS: tar.wildcards = 0; break;
        case ANCHORED: tar.anchored = 1; break;
        case NO_ANCHORED: tar.anchored = 0; break;
        case NULL_NAMES: tar.null_names = 1; break;
        case MTIME: {
            struct tm tm = {.tm_mday = 1};
            char *end;
            if (*optarg == '@') tar.mtime = strtoll(optarg + 1, &end, 10);
            else {
                end = strptime(optarg, "%Y-%m-%d", &tm);
                if (end && (*end == ' ' || *end == 'T')) end = strptime(end + 1, strlen(end) > 6 ? "%H:%M:%S" : "%H:%M", &tm);
                if (end && (!strcmp(end, "Z") || !strcmp(end, " UTC"))) end = "";
                tar.mtime = timegm(&tm);
            }
            if (!end || *end) archive_fail(TAR_FATAL, "--mtime: '%s' is not @SECONDS or YYYY-MM-DD [HH:MM:SS]", optarg);
            break;
        }
        case SORT:
            if (strcmp(optarg, "name") && strcmp(optarg, "none") && strcmp(optarg, "inode"))
                archive_fail(TAR_FATAL, "Invalid argument '%s' for '--sort'", optarg);
            break; /* names are always sorted */
        case FORMAT:
            if (strcmp(optarg, "gnu") && strcmp(optarg, "ustar") && strcmp(optarg, "pax") && strcmp(optarg, "posix"))
                archive_fail(TAR_FATAL, "Invalid archive format '%s'", optarg);
            break; /* read are all of them; what is written is gnu, which all tars read */
        case 'P': archive_fail(TAR_FATAL, "-P: absolute names are not put back here; they are taken below the directory");
        case 'o': case 'B': case 'U': case 'i': case 'b': case IGNORED: case IGNORED_VALUE: break;
        case HELP: puts("usage: tar -c|-x|-t|-r [-zjvOkmph] [-f ARCHIVE] [-C DIR] [--exclude PATTERN] [NAME...]"); exit(0);
        case VERSION: puts("tar (agentsh userland)"); exit(0);
        case ONE_TOP: archive_fail(TAR_FATAL, "--one-top-level is not supported here: mkdir DIR and use -C DIR");
        case '?': fputs("Try 'tar --help' for more information.\n", stderr); exit(TAR_FATAL);
        default: archive_fail(TAR_FATAL, "%s is not supported here", argv[optind - 1]);
        }
    }
    while (optind < argc) add(&tar.names, &tar.name_count, argv[optind++]);
}

static enum format format_by_name(const char *name)
{
    static const struct {
        const char *end;
        enum format format;
    } known[] = {{".gz", FORMAT_GZIP}, {".tgz", FORMAT_GZIP}, {".taz", FORMAT_GZIP}, {".bz2", FORMAT_BZIP2},
                 {".tbz", FORMAT_BZIP2}, {".tbz2", FORMAT_BZIP2}, {".xz", FORMAT_XZ}, {".txz", FORMAT_XZ}};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        size_t n = strlen(known[i].end);
        if (len > n && !strcmp(name + len - n, known[i].end)) return known[i].format;
    }
    return FORMAT_PLAIN;
}

int tar_main(int argc, char *argv[])
{
    spread_bundle(&argc, &argv);
    parse(argc, argv);
    if (!tar.mode) archive_fail(TAR_FATAL, "You must specify one of the '-ctrx' options");
    int standard = !tar.archive || !strcmp(tar.archive, "-");
    tar_talk = tar.to_stdout || (standard && tar.mode == 'c') ? stderr : stdout;
    if (tar.mode == 'x' || tar.mode == 't') {
        int fd = standard ? STDIN_FILENO : agentsh_open(tar.archive, O_RDONLY);
        if (fd < 0) {
            archive_complain(TAR_FATAL, "%s: Cannot open: %s", tar.archive, strerror(errno));
            archive_fail(TAR_FATAL, "Error is not recoverable: exiting now");
        }
        tar_read(fd);
    } else {
        if (!tar.name_count) archive_fail(TAR_FATAL, "Cowardly refusing to create an empty archive");
        if (tar.auto_format && !standard) tar.format = format_by_name(tar.archive);
        if (tar.format == FORMAT_AUTO) tar.format = FORMAT_PLAIN;
        if (tar.format == FORMAT_XZ) archive_fail(TAR_FATAL, "xz compression is not supported here; use -z or -j");
        if (tar.mode == 'r' && (standard || tar.format != FORMAT_PLAIN)) archive_fail(TAR_FATAL, "Cannot update compressed archives");
        int flags = tar.mode == 'r' ? O_RDWR | O_CREAT : O_WRONLY | O_CREAT | O_TRUNC;
        int fd = standard ? STDOUT_FILENO : agentsh_open(tar.archive, flags, 0666);
        if (fd < 0) archive_fail(TAR_FATAL, "%s: Cannot open: %s", tar.archive, strerror(errno));
        tar_create(fd);
    }
    if (archive_status) fprintf(stderr, "tar: Exiting with failure status due to previous errors\n");
    return archive_status;
}
