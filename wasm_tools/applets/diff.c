/* diff: what changed between two files, or two directories. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"
#include "diff.h"
#include "pattern.h"

struct options opt = {.context = 3, .width = 130};

static char *heading; /* the command with its options, as it comes before each pair of files of two directories */
static char *excluded;
static size_t excluded_len;

_Noreturn void diff_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("diff: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

void *diff_allocate(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) diff_fail("out of memory");
    return p;
}

static int trouble(const char *name)
{
    fflush(stdout);
    fprintf(stderr, "diff: %s: %s\n", name, strerror(errno));
    return 2;
}

static char *join(const char *directory, const char *name)
{
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/') n--;
    char *path = diff_allocate(n + strlen(name) + 2);
    sprintf(path, "%.*s%s%s", (int)n, directory, n && directory[n - 1] == '/' ? "" : "/", name);
    return path;
}

/* Read a side's file; 0, or 2 after a message. */
static int load(struct side *s)
{
    int fd = STDIN_FILENO;
    s->content = diff_allocate(1);
    if (s->absent || !strcmp(s->name, "/dev/null")) return 0;
    if (strcmp(s->name, "-") && (fd = agentsh_open(s->name, O_RDONLY)) < 0) return trouble(s->name);
    if (agentsh_fstat(fd, &s->st)) memset(&s->st, 0, sizeof(s->st));
    size_t cap = 1 << 16;
    s->content = realloc(s->content, cap);
    for (ssize_t got = 1; s->content && got > 0; s->len += (size_t)got) {
        if (s->len == cap) s->content = realloc(s->content, cap *= 2);
        if (!s->content) break;
        if ((got = read(fd, s->content + s->len, cap - s->len)) < 0) return trouble(s->name);
    }
    if (!s->content) diff_fail("%s: too large to hold in memory", s->name);
    if (fd != STDIN_FILENO) agentsh_close(fd);
    return 0;
}

static int compare_files(struct side *a, struct side *b, const char *title)
{
    if (load(a) || load(b)) return 2;
    int status = 0;
    int loose = diff_is_loose() || diff_ignores();
    int equal = a->len == b->len && !memcmp(a->content, b->content, a->len);
    int binary = !opt.text && (memchr(a->content, 0, a->len) || memchr(b->content, 0, b->len));
    if (!equal && binary) {
        if (opt.brief) printf("Files %s and %s differ\n", a->name, b->name);
        else printf("Binary files %s and %s differ\n", a->name, b->name);
        status = 1;
    } else if (!equal && opt.brief && !loose) {
        printf("Files %s and %s differ\n", a->name, b->name);
        status = 1;
    } else if (!equal || (opt.format == SIDE_BY_SIDE && !binary && !opt.brief)) {
        diff_lines(a, b);
        diff_compare(a, b);
        status = diff_print(a, b, title);
        for (int i = 0; status && i < 2 && opt.format == ED && !opt.brief; i++)
            if ((i ? b : a)->no_newline) {
                /* ed ends every line of its text. */
                fflush(stdout);
                fprintf(stderr, "diff: %s: No newline at end of file\n", (i ? b : a)->name);
                status = 2;
            }
        free(a->lines);
        free(b->lines);
        free(a->changed - 1);
        free(b->changed - 1);
    }
    if (!status && opt.report_same) printf("Files %s and %s are identical\n", a->name, b->name);
    free(a->content);
    free(b->content);
    return status;
}

static int is_excluded(const char *name)
{
    for (const char *p = excluded; p < excluded + excluded_len; p += strlen(p) + 1)
        if (!fnmatch(p, name, 0)) return 1;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory, sorted; NULL and errno when it cannot be read. */
static char **names_in(const char *path, size_t *count)
{
    size_t cap = 64;
    char **names = diff_allocate(cap * sizeof(*names));
    *count = 0;
    if (!path) return names;
    DIR *dir = opendir(path);
    if (!dir) return NULL;
    for (struct dirent *e; (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || is_excluded(e->d_name)) continue;
        if (*count == cap) names = realloc(names, (cap *= 2) * sizeof(*names));
        if (!names || !(names[*count] = strdup(e->d_name))) diff_fail("out of memory");
        ++*count;
    }
    closedir(dir);
    qsort(names, *count, sizeof(*names), by_name);
    return names;
}

static int compare_paths(const char *a, const char *b, int depth);

static int compare_directories(const char *a, const char *b, int have_a, int have_b, int depth)
{
    size_t na, nb, i = 0, j = 0;
    char **names_a = names_in(have_a ? a : NULL, &na);
    if (!names_a) return trouble(a);
    char **names_b = names_in(have_b ? b : NULL, &nb);
    if (!names_b) return trouble(b);
    int status = 0;
    if (depth > 200) diff_fail("%s: too deep", a);
    while (i < na || j < nb) {
        int order = i == na ? 1 : j == nb ? -1 : strcmp(names_a[i], names_b[j]);
        const char *name = order <= 0 ? names_a[i] : names_b[j];
        int result = 1;
        if (order && !opt.new_file) printf("Only in %s: %s\n", order < 0 ? a : b, name);
        else {
            char *pa = join(a, name), *pb = join(b, name);
            result = compare_paths(pa, pb, depth + 1);
            free(pa);
            free(pb);
        }
        if (result > status) status = result;
        if (order <= 0) free(names_a[i++]);
        if (order >= 0) free(names_b[j++]);
    }
    free(names_a);
    free(names_b);
    return status;
}

static const char *kind(const struct stat *st)
{
    return S_ISDIR(st->st_mode) ? "directory" : S_ISREG(st->st_mode) ? st->st_size ? "regular file" : "regular empty file"
           : S_ISLNK(st->st_mode) ? "symbolic link" : "special file";
}

static int look(struct side *s, int depth)
{
    if (!strcmp(s->name, "-") || !strcmp(s->name, "/dev/null")) {
        s->st.st_mode = S_IFREG;
        return 0;
    }
    if (!agentsh_stat(s->name, &s->st)) return 0;
    if (errno == ENOENT && opt.new_file && depth) {
        s->absent = 1;
        return 0;
    }
    if (errno == ENOENT && opt.new_file) {
        s->absent = 1;
        return 0;
    }
    return trouble(s->name);
}

static int compare_paths(const char *a, const char *b, int depth)
{
    struct side sa = {.name = a}, sb = {.name = b};
    int bad = look(&sa, depth);
    if (look(&sb, depth) || bad) return 2;
    if (sa.absent && sb.absent) {
        errno = ENOENT;
        trouble(a);
        return trouble(b);
    }
    int da = !sa.absent && S_ISDIR(sa.st.st_mode), db = !sb.absent && S_ISDIR(sb.st.st_mode);
    if ((da || sa.absent) && (db || sb.absent)) {
        if (depth && !opt.recursive) {
            printf("Common subdirectories: %s and %s\n", a, b);
            return 0;
        }
        return compare_directories(a, b, da, db, depth);
    }
    if (da != db && !sa.absent && !sb.absent) {
        if (!depth) {
            /* A file against the one of its name in the directory. */
            const char *file = da ? b : a, *name = strrchr(file, '/');
            char *path = join(da ? a : b, name ? name + 1 : file);
            int status = compare_paths(da ? path : a, da ? b : path, 1 + (heading != NULL) * 0);
            free(path);
            return status;
        }
        printf("File %s is a %s while file %s is a %s\n", a, kind(&sa.st), b, kind(&sb.st));
        return 1;
    }
    char *title = NULL;
    if (depth && heading) {
        title = diff_allocate(strlen(heading) + strlen(a) + strlen(b) + 3);
        sprintf(title, "%s %s %s", heading, a, b);
    }
    int status = compare_files(&sa, &sb, title);
    free(title);
    return status;
}

enum { STRIP_CR = 256, COLOR, HELP, VERSION, PLAIN, IGNORED, LEFT_COLUMN, SUPPRESS };

static const struct option long_options[] = {
    {"brief", 0, 0, 'q'}, {"color", 2, 0, COLOR}, {"exclude", 1, 0, 'x'}, {"expand-tabs", 0, 0, 't'}, {"help", 0, 0, HELP},
    {"ignore-all-space", 0, 0, 'w'}, {"ignore-blank-lines", 0, 0, 'B'}, {"ignore-case", 0, 0, 'i'},
    {"ignore-space-change", 0, 0, 'b'}, {"ignore-trailing-space", 0, 0, 'Z'}, {"label", 1, 0, 'L'}, {"minimal", 0, 0, 'd'},
    {"context", 2, 0, 'c'}, {"ed", 0, 0, 'e'}, {"ignore-matching-lines", 1, 0, 'I'}, {"ignore-tab-expansion", 0, 0, 'E'},
    {"initial-tab", 0, 0, 'T'}, {"left-column", 0, 0, LEFT_COLUMN}, {"rcs", 0, 0, 'n'}, {"suppress-common-lines", 0, 0, SUPPRESS},
    {"width", 1, 0, 'W'}, {"new-file", 0, 0, 'N'}, {"no-dereference", 0, 0, IGNORED}, {"normal", 0, 0, PLAIN}, {"recursive", 0, 0, 'r'},
    {"report-identical-files", 0, 0, 's'}, {"show-c-function", 0, 0, 'p'}, {"side-by-side", 0, 0, 'y'},
    {"speed-large-files", 0, 0, IGNORED}, {"strip-trailing-cr", 0, 0, STRIP_CR}, {"text", 0, 0, 'a'},
    {"unified", 2, 0, 'u'}, {"version", 0, 0, VERSION}, {0, 0, 0, 0},
};

static const char usage[] =
    "usage: diff [-abBcdeEinNpqrstTuwyZ] [-C LINES] [-U LINES] [-I RE] [-L LABEL] [-W COLUMNS] [-x PATTERN] FILE1 FILE2\n";

static int lines(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > INT_MAX) diff_fail("invalid context length '%s'", text);
    return (int)n;
}

int main(int argc, char *argv[])
{
    pattern_program = "diff";
    int c, digits = -1;
    while ((c = getopt_long(argc, argv, "0123456789aBbC:cdEeHI:iL:NnpqrstTU:uW:wx:yZ", long_options, NULL)) != -1) {
        switch (c) {
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            digits = (digits < 0 ? 0 : digits > 1 << 20 ? digits : digits * 10) + (c - '0');
            break;
        case 'a': opt.text = 1; break;
        case 'B': opt.ignore_blank_lines = 1; break;
        case 'b': opt.ignore_space_change = 1; break;
        case 'd':
        case 'H':
        case IGNORED: break;
        case 'p':
            opt.show_function = 1;
            if (opt.format == NORMAL) opt.format = CONTEXT;
            break;
        case PLAIN: opt.format = NORMAL; break;
        case 'e': opt.format = ED; break;
        case 'n': opt.format = RCS; break;
        case 'y': opt.format = SIDE_BY_SIDE; break;
        case 'c':
            opt.format = CONTEXT;
            if (optarg) opt.context = lines(optarg);
            break;
        case 'C':
            opt.format = CONTEXT;
            opt.context = lines(optarg);
            break;
        case 'E': opt.ignore_tabs = 1; break;
        case 'Z': opt.ignore_trailing_space = 1; break;
        case 'I': diff_ignore(optarg); break;
        case 'W':
            if (!(opt.width = lines(optarg))) diff_fail("invalid width '%s'", optarg);
            break;
        case LEFT_COLUMN: opt.left_column = 1; break;
        case SUPPRESS: opt.suppress_common = 1; break;
        case 't': opt.expand_tabs = 1; break;
        case 'T': opt.initial_tab = 1; break;
        case 'i': opt.ignore_case = 1; break;
        case 'L':
            if (opt.label_count == 2) diff_fail("too many file label options");
            opt.labels[opt.label_count++] = optarg;
            break;
        case 'N': opt.new_file = 1; break;
        case 'q': opt.brief = 1; break;
        case 'r': opt.recursive = 1; break;
        case 's': opt.report_same = 1; break;
        case 'u':
            opt.format = UNIFIED;
            if (optarg) opt.context = lines(optarg);
            break;
        case 'U':
            opt.format = UNIFIED;
            opt.context = lines(optarg);
            break;
        case 'w': opt.ignore_all_space = 1; break;
        case 'x': {
            size_t n = strlen(optarg) + 1;
            excluded = realloc(excluded, excluded_len + n);
            if (!excluded) diff_fail("out of memory");
            memcpy(excluded + excluded_len, optarg, n);
            excluded_len += n;
            break;
        }
        case STRIP_CR: opt.strip_cr = 1; break;
        case COLOR:
            if (optarg && !strcmp(optarg, "always")) diff_fail("--color=always is not supported here");
            break;
        case VERSION: puts("diff (agentsh userland)"); return 0;
        case HELP: fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (digits >= 0 && (opt.format == UNIFIED || opt.format == CONTEXT)) opt.context = digits;
    if (argc - optind != 2) {
        fputs(usage, stderr);
        return 2;
    }
    size_t len = 5;
    for (int i = 1; i < argc; i++) len += strlen(argv[i]) + 1;
    heading = diff_allocate(len);
    strcpy(heading, "diff");
    for (int i = 1; i < optind; i++)
        if (strcmp(argv[i], "--")) strcat(strcat(heading, " "), argv[i]);
    int status = compare_paths(argv[optind], argv[optind + 1], 0);
    return fflush(stdout) || ferror(stdout) ? 2 : status;
}
