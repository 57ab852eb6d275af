/* gzip, gunzip, zcat; bzip2, bunzip2, bzcat. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "archive.h"

static enum format format;
static int decompress, to_stdout, force, keep, listing, testing, recursive, verbose, quiet, no_name, level;
static const char *suffix;
static long long listed_in, listed_out;
static int listed;

enum { LOUD = 256, HELP, VERSION, RSYNCABLE };
static const struct option long_options[] = {
    {"stdout", 0, 0, 'c'}, {"to-stdout", 0, 0, 'c'}, {"decompress", 0, 0, 'd'}, {"uncompress", 0, 0, 'd'},
    {"compress", 0, 0, 'z'}, {"force", 0, 0, 'f'}, {"keep", 0, 0, 'k'}, {"list", 0, 0, 'l'}, {"no-name", 0, 0, 'n'},
    {"name", 0, 0, 'N'}, {"quiet", 0, 0, 'q'}, {"recursive", 0, 0, 'r'}, {"suffix", 1, 0, 'S'}, {"test", 0, 0, 't'},
    {"verbose", 0, 0, 'v'}, {"fast", 0, 0, '1'}, {"best", 0, 0, '9'}, {"small", 0, 0, 's'},
    {"rsyncable", 0, 0, RSYNCABLE}, {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {0, 0, 0, 0},
};
static const char usage[] = "usage: %s [-cdfklnqrtv] [-1..-9] [-S SUFFIX] [FILE...]\n";

static const struct {
    const char *name, *becomes;
} endings[] = {{".tgz", ".tar"}, {".taz", ".tar"}, {".tbz2", ".tar"}, {".tbz", ".tar"}};

/* The name of what a compressed file holds, or NULL when its name has no ending that we know. */
static char *plain_name(const char *name)
{
    size_t len = strlen(name), n = strlen(suffix);
    char *out = archive_copy(name);
    if (len > n && !strcmp(name + len - n, suffix)) return out[len - n] = 0, out;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        n = strlen(endings[i].name);
        if ((endings[i].name[2] == 'b') != (format == FORMAT_BZIP2)) continue;
        if (len > n && !strcasecmp(name + len - n, endings[i].name)) return strcpy(out + len - n, endings[i].becomes), out;
    }
    free(out);
    return NULL;
}

/* Everything from fd to out (-1: nowhere); -1 when the data is damaged. */
static int expand(int fd, int out, const char *name, long long *in, long long *made)
{
    struct source *s = source_open(fd, format, name);
    if (source_problem(s) && to_stdout && force && !testing) {
        /* -cdf passes on what is not compressed. */
        source_close(s);
        lseek(fd, 0, SEEK_SET);
        s = source_open(fd, FORMAT_PLAIN, name);
    }
    char *buf = archive_allocate(NULL, ARCHIVE_CHUNK);
    ssize_t n;
    *made = 0;
    while ((n = source_read(s, buf, ARCHIVE_CHUNK)) > 0) {
        if (out >= 0) archive_write(out, buf, (size_t)n, "stdout");
        *made += n;
    }
    if (n < 0) archive_complain(1, "%s: %s", name, source_problem(s));
    *in = source_taken(s);
    source_close(s);
    free(buf);
    return n < 0 ? -1 : 0;
}

static void compress_to(int fd, int out, const char *name, const char *stored, time_t mtime, long long *in)
{
    struct sink *s = sink_open(out, format, level, name, stored, mtime);
    char *buf = archive_allocate(NULL, ARCHIVE_CHUNK);
    ssize_t n;
    *in = 0;
    while ((n = read(fd, buf, ARCHIVE_CHUNK)) > 0) sink_write(s, buf, (size_t)n), *in += n;
    if (n < 0) archive_fail(1, "%s: %s", name, strerror(errno));
    sink_close(s);
    free(buf);
}

static double ratio(long long in, long long out)
{
    return in ? 100.0 * (double)(in - out) / (double)in : 0;
}

static void list(const char *name, int fd)
{
    long long in, made;
    struct stat st;
    if (expand(fd, -1, name, &in, &made)) return;
    if (!agentsh_fstat(fd, &st) && S_ISREG(st.st_mode)) in = st.st_size;
    char *plain = plain_name(name);
    if (!listed++ && !quiet) printf("%19s %19s  ratio uncompressed_name\n", "compressed", "uncompressed");
    /* Header and trailer are not counted against the data. */
    printf("%19lld %19lld %5.1f%% %s\n", in, made, ratio(made, in - 18 - (long long)strlen(plain ? plain : "") - 1),
           plain ? plain : name);
    listed_in += in;
    listed_out += made;
    free(plain);
}

static void one(const char *name);

static void below(const char *name)
{
    DIR *d = opendir(name);
    if (!d) return archive_complain(1, "%s: %s", name, strerror(errno));
    char **names = NULL;
    size_t count = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char *path = archive_allocate(NULL, strlen(name) + strlen(e->d_name) + 2);
        sprintf(path, "%s/%s", name, e->d_name);
        names = archive_allocate(names, (count + 1) * sizeof(*names));
        names[count++] = path;
    }
    closedir(d);
    for (size_t i = 0; i < count; i++) one(names[i]), free(names[i]);
    free(names);
}

static void standard_input(void)
{
    long long in, made;
    if (listing) return list("stdin", STDIN_FILENO);
    if (decompress) expand(STDIN_FILENO, testing ? -1 : STDOUT_FILENO, "stdin", &in, &made);
    else compress_to(STDIN_FILENO, STDOUT_FILENO, "stdin", NULL, 0, &in);
}

static void one(const char *given)
{
    if (!strcmp(given, "-")) return standard_input();
    struct stat st;
    char *name = archive_copy(given), *target = NULL;
    /* As gzip does, a file that is not there is looked for with the suffix. */
    if (decompress && agentsh_stat(name, &st) && errno == ENOENT) {
        char *longer = archive_allocate(NULL, strlen(name) + strlen(suffix) + 1);
        sprintf(longer, "%s%s", name, suffix);
        if (!agentsh_stat(longer, &st)) free(name), name = longer;
        else if (strlen(name) < strlen(suffix) || strcmp(name + strlen(name) - strlen(suffix), suffix))
            return archive_complain(1, "%s: No such file or directory", longer);
    }
    if (agentsh_lstat(name, &st)) return archive_complain(1, "%s: %s", name, strerror(errno));
    if (S_ISLNK(st.st_mode) && !to_stdout && !force && !testing && !listing)
        return archive_complain(1, "%s: Too many levels of symbolic links", name);
    agentsh_stat(name, &st);
    if (S_ISDIR(st.st_mode)) {
        if (recursive) return below(name);
        return archive_complain(2, "%s is a directory -- ignored", name);
    }
    int fd = agentsh_open(name, O_RDONLY);
    if (fd < 0) return archive_complain(1, "%s: %s", name, strerror(errno));
    if (listing) {
        list(name, fd);
        agentsh_close(fd);
        return;
    }
    int out = testing ? -1 : STDOUT_FILENO, failed = 0;
    if (!to_stdout && !testing) {
        if (decompress) {
            target = plain_name(name);
            if (!target) archive_complain(2, "%s: unknown suffix -- ignored", name);
        } else if ((target = plain_name(name)) && !force) {
            archive_complain(2, "%s already has %s suffix -- unchanged", name, strrchr(name, '.'));
            free(target);
            target = NULL;
        } else {
            free(target);
            target = archive_allocate(NULL, strlen(name) + strlen(suffix) + 1);
            sprintf(target, "%s%s", name, suffix);
        }
        struct stat there;
        if (target && !force && !agentsh_lstat(target, &there)) {
            archive_complain(2, "%s already exists;	not overwritten", target);
            free(target);
            target = NULL;
        }
        out = target ? place_create(target) : -1;
        if (target && out < 0) archive_complain(1, "%s: %s", target, strerror(errno));
        if (out < 0) {
            agentsh_close(fd);
            return;
        }
    }
    const char *slash = strrchr(name, '/');
    long long in = 0, made = 0;
    if (decompress) failed = expand(fd, out, name, &in, &made);
    else {
        compress_to(fd, out, name, no_name ? NULL : slash ? slash + 1 : name, no_name ? 0 : st.st_mtim.tv_sec, &made);
        if (target) in = lseek(out, 0, SEEK_CUR);
    }
    agentsh_close(fd);
    if (verbose && testing && !failed) fprintf(stderr, "%s:\t OK\n", name);
    else if (verbose && !failed)
        fprintf(stderr, target ? "%s:\t%5.1f%% -- %s %s\n" : "%s:\t%5.1f%%\n", name, ratio(made, in - 18),
                keep ? "created" : "replaced with", target ? target : "");
    if (!target) return;
    agentsh_close(out);
    if (failed) unlink(target);
    else {
        place_finish(target, st.st_mode & 0777, st.st_mtim, 0);
        if (!keep && unlink(name)) archive_complain(1, "%s: %s", name, strerror(errno));
    }
    free(target);
    free(name);
}

int gzip_main(int argc, char *argv[])
{
    int c;
    int bzip = strchr(archive_tool, 'b') != NULL;
    format = bzip ? FORMAT_BZIP2 : FORMAT_GZIP;
    level = bzip ? 9 : 6;
    suffix = bzip ? ".bz2" : ".gz";
    if (!strcmp(archive_tool, "zcat") || !strcmp(archive_tool, "bzcat")) decompress = to_stdout = 1;
    if (!strcmp(archive_tool, "gunzip") || !strcmp(archive_tool, "bunzip2")) decompress = 1;
    while ((c = getopt_long(argc, argv, "123456789cdfhklLnNqrsS:tvVz", long_options, NULL)) != -1) {
        switch (c) {
        case 'c': to_stdout = 1; break;
        case 'd': decompress = 1; break;
        case 'z': decompress = 0; break;
        case 'f': force = 1; break;
        case 'k': keep = 1; break;
        case 'l': listing = decompress = 1; break;
        case 'n': no_name = 1; break;
        case 'N': no_name = 0; break;
        case 'q': quiet = 1; break;
        case 'r': recursive = 1; break;
        case 's':
        case RSYNCABLE: break;
        case 'S': suffix = optarg; break;
        case 't': testing = decompress = 1; break;
        case 'v': verbose = 1; break;
        case 'V':
        case VERSION: printf("%s (agentsh userland)\n", archive_tool); return 0;
        case 'h':
        case HELP: printf(usage, archive_tool); return 0;
        default:
            if (c >= '1' && c <= '9') level = c - '0';
            else return fprintf(stderr, usage, archive_tool), 1;
        }
    }
    if (listing && bzip) archive_fail(1, "-l is not supported for bzip2 files");
    if (optind == argc) standard_input();
    for (int i = optind; i < argc; i++) one(argv[i]);
    if (listed > 1 && !quiet)
        printf("%19lld %19lld %5.1f%% (totals)\n", listed_in, listed_out, ratio(listed_out, listed_in));
    return 0;
}
