/* ls: the entries of directories. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "list_ls.h"

struct ls_options ls = {.follow_given = 1, .which_time = 'm', .width = 80, .time_style = "locale"};
static int status, any_header;

static void complain(const char *what, const char *path, int severe)
{
    int error = errno;
    fflush(stdout);
    fprintf(stderr, "ls: cannot %s '%s': %s\n", what, path, strerror(error));
    if (severe > status) status = severe;
}

static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot : "";
}

static int compare(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    int way = ls.backwards ? -1 : 1, by = 0;
    if (ls.directories_first && a->led_to_directory != b->led_to_directory) return b->led_to_directory - a->led_to_directory;
    switch (ls.order) {
    case BY_TIME: {
        struct timespec p = ls_time(a), q = ls_time(b);
        by = p.tv_sec != q.tv_sec ? (p.tv_sec < q.tv_sec ? 1 : -1) : p.tv_nsec != q.tv_nsec ? (p.tv_nsec < q.tv_nsec ? 1 : -1) : 0;
        break;
    }
    case BY_SIZE: by = a->st.st_size != b->st.st_size ? (a->st.st_size < b->st.st_size ? 1 : -1) : 0; break;
    case BY_EXTENSION: by = strcmp(extension(a->name), extension(b->name)); break;
    case BY_VERSION: by = strverscmp(a->name, b->name); break;
    default: break;
    }
    return way * (by ? by : strcmp(a->name, b->name));
}

static int left_out(const char *name)
{
    for (size_t i = 0; i < ls.ignored_count; i++)
        if (!fnmatch(ls.ignored[i], name, FNM_PERIOD)) return 1;
    for (size_t i = 0; i < ls.hidden_count && !ls.all && !ls.almost_all; i++)
        if (!fnmatch(ls.hidden[i], name, FNM_PERIOD)) return 1;
    size_t len = strlen(name);
    if (ls.no_backups && len && name[len - 1] == '~') return 1;
    return *name == '.' && !ls.all && (!ls.almost_all || !strcmp(name, ".") || !strcmp(name, ".."));
}

/* Whether more than a name and its kind must be known. */
static int needs_status(void)
{
    return ls.format == LONG || ls.blocks || ls.order == BY_TIME || ls.order == BY_SIZE || ls.mark == CLASSIFY || ls.directories_first || ls.inode || ls.recursive;
}

static int examine(struct item *i, int through)
{
    int failed = through ? agentsh_stat(i->path, &i->st) : agentsh_lstat(i->path, &i->st);
    if (failed && through && !agentsh_lstat(i->path, &i->st) && S_ISLNK(i->st.st_mode) && !ls.follow) failed = 0;
    if (failed) return -1;
    i->led_to_directory = S_ISDIR(i->st.st_mode);
    if (!S_ISLNK(i->st.st_mode)) return 0;
    struct stat st;
    char target[4096];
    i->broken = agentsh_stat(i->path, &st) != 0;
    i->led_to_directory = !i->broken && S_ISDIR(st.st_mode);
    i->target_mode = i->broken ? 0 : st.st_mode;
    ssize_t n = ls.format == LONG ? agentsh_readlink(i->path, target, sizeof(target) - 1) : -1;
    if (n >= 0) {
        target[n] = 0;
        i->target = strdup(target);
    }
    return 0;
}
static char *joined(const char *directory, const char *name)
{
    size_t n = strlen(directory);
    char *path = list_allocate(NULL, n + strlen(name) + 2);
    sprintf(path, n && directory[n - 1] == '/' ? "%s%s" : "%s/%s", directory, name);
    return path;
}

static void list_directory(const char *path, const char *title, int severe)
{
    int fd = agentsh_open(path, O_RDONLY | O_DIRECTORY);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) return complain("open directory", title, severe);
    struct item *list = NULL;
    size_t count = 0, cap = 0;
    if (title && any_header >= 0) {
        if (any_header++) putchar('\n');
        printf("%s:\n", list_quoted(title, ls.quoting));
    }
    static const char *const dots[] = {".", ".."};
    for (size_t n = 0;; n++) {
        struct dirent *e = NULL;
        const char *name;
        unsigned char type = DT_DIR;
        if (n < 2) name = dots[n];
        else {
            errno = 0;
            if (!(e = readdir(d))) {
                if (errno) complain("read directory", path, 1);
                break;
            }
            name = e->d_name;
            type = e->d_type;
            if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        }
        if (left_out(name)) continue;
        if (count == cap) list = list_allocate(list, (cap = cap ? 2 * cap : 64) * sizeof(*list));
        struct item *i = &list[count];
        *i = (struct item){.name = strdup(name), .path = joined(path, name), .type = type};
        if (needs_status() && examine(i, ls.follow)) {
            /* Above the workspace there is nothing: its root is its own parent. */
            if (!strcmp(name, "..") && count) i->st = list[count - 1].st, i->led_to_directory = 1;
            else complain("access", i->path, 1);
        }
        count++;
    }
    closedir(d);
    if (ls.order != UNSORTED && count) qsort(list, count, sizeof(*list), compare);
    ls_put(list, count, 1);
    for (size_t i = 0; i < count; i++) {
        int directory = S_ISDIR(ls_mode(&list[i])) && strcmp(list[i].name, ".") && strcmp(list[i].name, "..");
        if (ls.recursive && directory) list_directory(list[i].path, list[i].path, 1);
        free(list[i].name);
        free(list[i].path);
        free(list[i].target);
    }
    free(list);
}

static _Noreturn void invalid(const char *value, const char *option)
{
    fprintf(stderr, "ls: invalid argument '%s' for '%s'\n", value, option);
    exit(2);
}

static int choice(const char *value, const char *const names[], const char *option)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], value)) return i;
    invalid(value, option);
}

enum { SORT = 256, TIME, TIME_STYLE, FULL_TIME, DIRECTORIES_FIRST, HIDE, FORMAT, INDICATOR, FILE_TYPES, QUOTING, COLOUR, SI_UNITS, HELP, VERSION,
       BLOCK_SIZE, FOLLOW_GIVEN, SHOW_CONTROL, AUTHOR, ZERO };
static const struct option longs[] = {{"all", 0, 0, 'a'}, {"almost-all", 0, 0, 'A'}, {"author", 0, 0, AUTHOR}, {"escape", 0, 0, 'b'},
    {"block-size", 1, 0, BLOCK_SIZE}, {"ignore-backups", 0, 0, 'B'}, {"color", 2, 0, COLOUR}, {"colour", 2, 0, COLOUR},
    {"directory", 0, 0, 'd'}, {"classify", 2, 0, 'F'}, {"file-type", 0, 0, FILE_TYPES}, {"format", 1, 0, FORMAT}, {"full-time", 0, 0, FULL_TIME},
    {"group-directories-first", 0, 0, DIRECTORIES_FIRST}, {"no-group", 0, 0, 'G'}, {"human-readable", 0, 0, 'h'}, {"si", 0, 0, SI_UNITS},
    {"dereference-command-line", 0, 0, 'H'}, {"dereference-command-line-symlink-to-dir", 0, 0, FOLLOW_GIVEN}, {"hide", 1, 0, HIDE},
    {"indicator-style", 1, 0, INDICATOR}, {"inode", 0, 0, 'i'}, {"ignore", 1, 0, 'I'}, {"kibibytes", 0, 0, 'k'}, {"dereference", 0, 0, 'L'},
    {"numeric-uid-gid", 0, 0, 'n'}, {"literal", 0, 0, 'N'}, {"hide-control-chars", 0, 0, 'q'}, {"show-control-chars", 0, 0, SHOW_CONTROL},
    {"quote-name", 0, 0, 'Q'}, {"quoting-style", 1, 0, QUOTING}, {"reverse", 0, 0, 'r'}, {"recursive", 0, 0, 'R'}, {"size", 0, 0, 's'},
    {"sort", 1, 0, SORT}, {"time", 1, 0, TIME}, {"time-style", 1, 0, TIME_STYLE}, {"width", 1, 0, 'w'}, {"context", 0, 0, 'Z'},
    {"help", 0, 0, HELP}, {"version", 0, 0, VERSION}, {0, 0, 0, 0}};

static void parse(int argc, char *argv[])
{
    static const char *const sorts[] = {"name", "time", "size", "extension", "version", "none", NULL};
    static const char *const formats[] = {"single-column", "long", "vertical", "across", "commas", "verbose", "horizontal", NULL};
    static const enum format format_of[] = {SINGLE, LONG, COLUMNS, ACROSS, COMMAS, LONG, ACROSS};
    static const char *const marks[] = {"none", "slash", "file-type", "classify", NULL};
    static const char *const quotes[] = {"literal", "shell", "shell-always", "c", "escape", "shell-escape", "shell-escape-always", NULL};
    static const enum quoting quote_of[] = {LITERAL, SHELL, SHELL_ALWAYS, C_STYLE, ESCAPE, SHELL, SHELL_ALWAYS};
    static const char *const times[] = {"atime", "access", "use", "ctime", "status", "mtime", "modification", NULL};
    static const char *const when[] = {"never", "no", "none", "auto", "tty", "if-tty", "always", "yes", "force", NULL};
    int c;
    while ((c = getopt_long(argc, argv, "aAbBcCdDfFgGhHiI:klLmnNopqQrRsStTuUvw:xXZ1", longs, NULL)) != -1) {
        switch (c) {
        case 'a': ls.all = 1; break;
        case 'A': ls.almost_all = 1; ls.all = 0; break;
        case 'b': ls.quoting = ESCAPE; break;
        case 'B': ls.no_backups = 1; break;
        case 'c': ls.which_time = 'c'; if (ls.order == BY_NAME && ls.format != LONG) ls.order = BY_TIME; break;
        case 'u': ls.which_time = 'a'; if (ls.order == BY_NAME && ls.format != LONG) ls.order = BY_TIME; break;
        case 'C': ls.format = COLUMNS; break;
        case 'd': ls.itself = 1; break;
        case 'f': ls.all = 1; ls.order = UNSORTED; break;
        case 'F': ls.mark = CLASSIFY; agentsh_want_modes = 1; break;
        case FILE_TYPES: ls.mark = FILE_TYPE; break;
        case 'p': ls.mark = SLASH; break;
        case 'g': ls.format = LONG; ls.no_owner = 1; break;
        case 'o': ls.format = LONG; ls.no_group = 1; break;
        case 'G': ls.no_group = 1; break;
        case 'h': ls.human = 1024; break;
        case SI_UNITS: ls.human = 1000; break;
        case 'H': case FOLLOW_GIVEN: ls.follow_given = 2; break;
        case 'i': ls.inode = 1; break;
        case 'I': if (ls.ignored_count < 64) ls.ignored[ls.ignored_count++] = optarg; break;
        case HIDE: if (ls.hidden_count < 64) ls.hidden[ls.hidden_count++] = optarg; break;
        case 'l': ls.format = LONG; break;
        case 'L': ls.follow = 1; break;
        case 'm': ls.format = COMMAS; break;
        case 'n': ls.format = LONG; ls.numeric = 1; break;
        case 'N': ls.quoting = LITERAL; ls.question = 0; break;
        case 'q': ls.question = 1; break;
        case SHOW_CONTROL: ls.question = 0; break;
        case 'Q': ls.quoting = C_STYLE; break;
        case 'r': ls.backwards = 1; break;
        case 'R': ls.recursive = 1; break;
        case 's': ls.blocks = 1; break;
        case 'S': ls.order = BY_SIZE; break;
        case 't': ls.order = BY_TIME; break;
        case 'U': ls.order = UNSORTED; break;
        case 'v': ls.order = BY_VERSION; break;
        case 'X': ls.order = BY_EXTENSION; break;
        case 'w': ls.width = atoi(optarg); break;
        case 'x': ls.format = ACROSS; break;
        case '1': if (ls.format != LONG) ls.format = SINGLE; break;
        case 'T': case 'k': case AUTHOR: break;
        case 'Z': case 'D': case BLOCK_SIZE: fprintf(stderr, "ls: %s is not supported here\n", argv[optind - 1]); exit(2);
        case SORT: ls.order = (enum order)choice(optarg, sorts, "--sort"); break;
        case FORMAT: ls.format = format_of[choice(optarg, formats, "--format")]; break;
        case INDICATOR: ls.mark = (enum mark)choice(optarg, marks, "--indicator-style"); if (ls.mark == CLASSIFY) agentsh_want_modes = 1; break;
        case QUOTING: ls.quoting = quote_of[choice(optarg, quotes, "--quoting-style")]; break;
        case TIME: ls.which_time = "aaaccmm"[choice(optarg, times, "--time")]; if (ls.order == BY_NAME && ls.format != LONG) ls.order = BY_TIME; break;
        case TIME_STYLE:
            ls.time_style = optarg;
            if (*optarg != '+' && strcmp(optarg, "locale") && strcmp(optarg, "iso") && strcmp(optarg, "long-iso") && strcmp(optarg, "full-iso") && strncmp(optarg, "posix-", 6))
                invalid(optarg, "time style");
            break;
        case FULL_TIME: ls.format = LONG; ls.time_style = "full-iso"; break;
        case DIRECTORIES_FIRST: ls.directories_first = 1; break;
        case COLOUR: /* nothing is coloured: there is no terminal */
            if (optarg) choice(optarg, when, "--color");
            break;
        case HELP: puts("usage: ls [-1aAbBcCdFgGhiIklLmnNopqQrRsStuUvwxX] [--sort=WHAT] [--time-style=STYLE] [--group-directories-first] [FILE...]"); exit(0);
        case VERSION: puts("ls (agentsh userland)"); exit(0);
        default: fputs("Try 'ls --help' for more information.\n", stderr); exit(2);
        }
    }
    if (ls.format == LONG) agentsh_want_modes = 1;
}

int ls_main(int argc, char *argv[])
{
    parse(argc, argv);
    static char here[] = ".", *only[] = {here};
    char **names = optind < argc ? argv + optind : only;
    size_t count = optind < argc ? (size_t)(argc - optind) : 1, file_count = 0, directory_count = 0;
    struct item *files = list_allocate(NULL, count * sizeof(*files)), *directories = list_allocate(NULL, count * sizeof(*directories));
    for (size_t n = 0; n < count; n++) {
        struct item i = {.name = names[n], .path = names[n]};
        /* A link given by name is followed to a directory, but for -l, -d and -F. */
        int through = ls.follow || ls.follow_given == 2;
        if (examine(&i, through)) {
            complain("access", names[n], 2);
            continue;
        }
        int directory = S_ISDIR(i.st.st_mode);
        if (S_ISLNK(i.st.st_mode) && i.led_to_directory && ls.format != LONG && ls.mark != CLASSIFY) directory = 1;
        size_t len = strlen(names[n]);
        if (S_ISLNK(i.st.st_mode) && i.led_to_directory && len && names[n][len - 1] == '/') directory = 1;
        if (directory && ls.itself && S_ISLNK(i.st.st_mode) && names[n][len - 1] == '/') agentsh_stat(names[n], &i.st), i.target = NULL;
        if (directory && !ls.itself) directories[directory_count++] = i;
        else files[file_count++] = i;
    }
    if (ls.order != UNSORTED) {
        if (file_count) qsort(files, file_count, sizeof(*files), compare);
        if (directory_count) qsort(directories, directory_count, sizeof(*directories), compare);
    }
    if (file_count) ls_put(files, file_count, 0);
    if (file_count) any_header = 1;
    int titled = ls.recursive || count > 1;
    for (size_t n = 0; n < directory_count; n++) list_directory(directories[n].path, titled ? directories[n].path : NULL, 2);
    return status;
}
