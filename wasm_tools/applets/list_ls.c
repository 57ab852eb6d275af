/* ls: the entries of directories. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "list.h"

enum format { SINGLE, LONG, COLUMNS, ACROSS, COMMAS };
enum order { BY_NAME, BY_TIME, BY_SIZE, BY_EXTENSION, BY_VERSION, UNSORTED };
enum mark { NO_MARK, SLASH, FILE_TYPE, CLASSIFY };

static enum format format = SINGLE;
static enum order order = BY_NAME;
static enum mark mark = NO_MARK;
static enum quoting quoting = LITERAL;
static int all, almost_all, itself, recursive, backwards, human, inode, blocks, numeric, no_owner, no_group, follow, follow_given = 1,
    directories_first, no_backups, which_time = 'm', width = 80, status, question, any_header;
static const char *time_style = "locale";
static const char *ignored[64], *hidden[64];
static size_t ignored_count, hidden_count;

struct item {
    char *name; /* as it is shown */
    char *path;
    struct stat st;
    char *target;
    int broken, led_to_directory;
    mode_t target_mode;
    unsigned char type; /* when nothing more is needed */
};

static void complain(const char *what, const char *path, int severe)
{
    int error = errno;
    fflush(stdout);
    fprintf(stderr, "ls: cannot %s '%s': %s\n", what, path, strerror(error));
    if (severe > status) status = severe;
}

static struct timespec time_of(const struct item *i)
{
    return which_time == 'a' ? i->st.st_atim : which_time == 'c' ? i->st.st_ctim : i->st.st_mtim;
}

static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot : "";
}

static int compare(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    int way = backwards ? -1 : 1, by = 0;
    if (directories_first && a->led_to_directory != b->led_to_directory) return b->led_to_directory - a->led_to_directory;
    switch (order) {
    case BY_TIME: {
        struct timespec p = time_of(a), q = time_of(b);
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
    for (size_t i = 0; i < ignored_count; i++)
        if (!fnmatch(ignored[i], name, FNM_PERIOD)) return 1;
    for (size_t i = 0; i < hidden_count && !all && !almost_all; i++)
        if (!fnmatch(hidden[i], name, FNM_PERIOD)) return 1;
    size_t len = strlen(name);
    if (no_backups && len && name[len - 1] == '~') return 1;
    return *name == '.' && !all && (!almost_all || !strcmp(name, ".") || !strcmp(name, ".."));
}

/* Whether more than a name and its kind must be known. */
static int needs_status(void)
{
    return format == LONG || blocks || order == BY_TIME || order == BY_SIZE || mark == CLASSIFY || directories_first || inode || recursive;
}

static int examine(struct item *i, int through)
{
    int failed = through ? agentsh_stat(i->path, &i->st) : agentsh_lstat(i->path, &i->st);
    if (failed && through && !agentsh_lstat(i->path, &i->st) && S_ISLNK(i->st.st_mode) && !follow) failed = 0;
    if (failed) return -1;
    i->led_to_directory = S_ISDIR(i->st.st_mode);
    if (!S_ISLNK(i->st.st_mode)) return 0;
    struct stat st;
    char target[4096];
    i->broken = agentsh_stat(i->path, &st) != 0;
    i->led_to_directory = !i->broken && S_ISDIR(st.st_mode);
    i->target_mode = i->broken ? 0 : st.st_mode;
    ssize_t n = format == LONG ? agentsh_readlink(i->path, target, sizeof(target) - 1) : -1;
    if (n >= 0) {
        target[n] = 0;
        i->target = strdup(target);
    }
    return 0;
}

static char mark_of(mode_t mode)
{
    if (S_ISDIR(mode)) return mark ? '/' : 0;
    if (mark < FILE_TYPE) return 0;
    if (S_ISLNK(mode)) return '@';
    if (S_ISFIFO(mode)) return '|';
    return mark == CLASSIFY && S_ISREG(mode) && (mode & 0111) ? '*' : 0;
}

static mode_t mode_of(const struct item *i)
{
    if (i->st.st_mode) return i->st.st_mode;
    return i->type == DT_DIR ? S_IFDIR : i->type == DT_LNK ? S_IFLNK : S_IFREG;
}

static const char *shown(const struct item *i)
{
    const char *text = list_quoted(i->name, quoting);
    if (question)
        for (char *p = (char *)(uintptr_t)text; *p; p++)
            if ((unsigned char)*p < 32 || *p == 127) *p = '?';
    return text;
}

static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void size_text(char *text, size_t cap, unsigned long long size)
{
    if (human) list_human(text, cap, size, human);
    else snprintf(text, cap, "%llu", size);
}

static void blocks_text(char *text, size_t cap, unsigned long long count)
{
    if (human) list_human(text, cap, count * 512, human);
    else snprintf(text, cap, "%llu", (count + 1) / 2);
}

static void put_time(const struct item *i)
{
    static time_t now;
    if (!now) now = time(NULL);
    struct timespec at = time_of(i);
    struct tm tm;
    char text[256];
    gmtime_r(&at.tv_sec, &tm);
    int old = now - at.tv_sec > 15778476 || at.tv_sec > now;
    const char *style = time_style;
    if (!strncmp(style, "posix-", 6)) style = "locale";
    if (!strcmp(style, "full-iso")) {
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        printf("%s.%09ld +0000 ", text, at.tv_nsec);
        return;
    }
    const char *form = !strcmp(style, "long-iso") ? "%Y-%m-%d %H:%M" : !strcmp(style, "iso") ? (old ? "%Y-%m-%d " : "%m-%d %H:%M")
                       : old ? "%b %e  %Y" : "%b %e %H:%M";
    char own[200];
    if (*style == '+') {
        /* Two lines: for what is old, and for what is new. */
        const char *second = strchr(style, '\n');
        snprintf(own, sizeof(own), "%.*s", second ? (int)(second - style - 1) : (int)strlen(style + 1), style + 1);
        if (second && !old) snprintf(own, sizeof(own), "%s", second + 1);
        form = own;
        if (!*own) {
            putchar(' ');
            return;
        }
        if (!strcmp(own, "%s")) {
            printf("%lld ", (long long)at.tv_sec);
            return;
        }
    }
    strftime(text, sizeof(text), form, &tm);
    printf("%s ", text);
}

static void put_name(const struct item *i)
{
    fputs(shown(i), stdout);
    if (i->target) {
        if (format == LONG) {
            fputs(" -> ", stdout);
            fputs(list_quoted(i->target, quoting), stdout);
            char m = i->broken ? 0 : mark_of(i->target_mode);
            if (m) putchar(m);
        }
        return;
    }
    char m = mark_of(mode_of(i));
    if (m) putchar(m);
}

static void put_long(const struct item *list, size_t count)
{
    int links_width = 0, size_width = 0, blocks_width = 0, inode_width = 0;
    char text[64];
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)list[i].st.st_nlink);
        if (n > links_width) links_width = n;
        size_text(text, sizeof(text), (unsigned long long)list[i].st.st_size);
        if ((n = (int)strlen(text)) > size_width) size_width = n;
        blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
        if ((n = (int)strlen(text)) > blocks_width) blocks_width = n;
        n = snprintf(text, sizeof(text), "%llu", (unsigned long long)list[i].st.st_ino);
        if (n > inode_width) inode_width = n;
    }
    for (size_t i = 0; i < count; i++) {
        char mode[11];
        if (inode) printf("%*llu ", inode_width, (unsigned long long)list[i].st.st_ino);
        if (blocks) {
            blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
            printf("%*s ", blocks_width, text);
        }
        list_mode_text(mode, list[i].st.st_mode);
        size_text(text, sizeof(text), (unsigned long long)list[i].st.st_size);
        const char *who = numeric ? "1000" : "agent";
        printf("%s %*llu ", mode, links_width, (unsigned long long)list[i].st.st_nlink);
        if (!no_owner) printf("%s ", who);
        if (!no_group) printf("%s ", who);
        printf("%*s ", size_width, text);
        put_time(&list[i]);
        put_name(&list[i]);
        putchar('\n');
    }
}

/* What is written for an entry in columns. */
static char *cell(const struct item *i, int blocks_width)
{
    char *text = list_allocate(NULL, 4 * strlen(i->name) + 96), number[64];
    size_t n = 0;
    text[0] = 0;
    if (inode) n += (size_t)sprintf(text + n, "%llu ", (unsigned long long)i->st.st_ino);
    if (blocks) {
        blocks_text(number, sizeof(number), (unsigned long long)i->st.st_blocks);
        n += (size_t)sprintf(text + n, "%*s ", blocks_width, number);
    }
    n += (size_t)sprintf(text + n, "%s", shown(i));
    char m = mark_of(mode_of(i));
    if (m) text[n++] = m;
    text[n] = 0;
    return text;
}

static void indent(int from, int to)
{
    while (from < to) {
        if (to / 8 > (from + 1) / 8) {
            putchar('\t');
            from += 8 - from % 8;
        } else {
            putchar(' ');
            from++;
        }
    }
}

static void put_cells(char **cells, size_t count)
{
    if (format == SINGLE) {
        for (size_t i = 0; i < count; i++) puts(cells[i]);
        return;
    }
    if (format == COMMAS) {
        int at = 0;
        for (size_t i = 0; i < count; i++) {
            int n = width_of(cells[i]), last = i + 1 == count;
            if (i && at + n + 2 > width && width) putchar('\n'), at = 0;
            else if (i) putchar(' '), at++;
            printf("%s%s", cells[i], last ? "" : ",");
            at += n + 1;
        }
        if (count) putchar('\n');
        return;
    }
    size_t columns = count;
    int *widths = list_allocate(NULL, (count + 1) * sizeof(*widths));
    for (; columns > 1; columns--) {
        size_t rows = (count + columns - 1) / columns;
        int total = 0;
        memset(widths, 0, columns * sizeof(*widths));
        for (size_t i = 0; i < count; i++) {
            size_t c = format == COLUMNS ? i / rows : i % columns;
            int n = width_of(cells[i]) + (c + 1 < columns ? 2 : 0);
            if (n > widths[c]) widths[c] = n;
        }
        for (size_t c = 0; c < columns; c++) total += widths[c];
        if (!width || total < width) break;
    }
    size_t rows = count ? (count + columns - 1) / columns : 0;
    for (size_t r = 0; r < rows; r++) {
        int at = 0, start = 0;
        for (size_t c = 0; c < columns; c++) {
            size_t i = format == COLUMNS ? c * rows + r : r * columns + c;
            if (i >= count) break;
            if (c) indent(at, start);
            fputs(cells[i], stdout);
            at = start + width_of(cells[i]);
            start += widths[c];
        }
        putchar('\n');
    }
    free(widths);
}

static void put(const struct item *list, size_t count, int total)
{
    char text[64];
    int blocks_width = 0;
    unsigned long long sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (unsigned long long)list[i].st.st_blocks;
        blocks_text(text, sizeof(text), (unsigned long long)list[i].st.st_blocks);
        if ((int)strlen(text) > blocks_width) blocks_width = (int)strlen(text);
    }
    if (total && (format == LONG || blocks)) {
        blocks_text(text, sizeof(text), sum);
        printf("total %s\n", text);
    }
    if (format == LONG) return put_long(list, count);
    char **cells = list_allocate(NULL, (count + 1) * sizeof(*cells));
    for (size_t i = 0; i < count; i++) cells[i] = cell(&list[i], blocks_width);
    put_cells(cells, count);
    for (size_t i = 0; i < count; i++) free(cells[i]);
    free(cells);
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
        printf("%s:\n", list_quoted(title, quoting));
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
        if (needs_status() && examine(i, follow)) {
            /* Above the workspace there is nothing: its root is its own parent. */
            if (!strcmp(name, "..") && count) i->st = list[count - 1].st, i->led_to_directory = 1;
            else complain("access", i->path, 1);
        }
        count++;
    }
    closedir(d);
    if (order != UNSORTED && count) qsort(list, count, sizeof(*list), compare);
    put(list, count, 1);
    for (size_t i = 0; i < count; i++) {
        int directory = S_ISDIR(mode_of(&list[i])) && strcmp(list[i].name, ".") && strcmp(list[i].name, "..");
        if (recursive && directory) list_directory(list[i].path, list[i].path, 1);
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
        case 'a': all = 1; break;
        case 'A': almost_all = 1; all = 0; break;
        case 'b': quoting = ESCAPE; break;
        case 'B': no_backups = 1; break;
        case 'c': which_time = 'c'; if (order == BY_NAME && format != LONG) order = BY_TIME; break;
        case 'u': which_time = 'a'; if (order == BY_NAME && format != LONG) order = BY_TIME; break;
        case 'C': format = COLUMNS; break;
        case 'd': itself = 1; break;
        case 'f': all = 1; order = UNSORTED; break;
        case 'F': mark = CLASSIFY; agentsh_want_modes = 1; break;
        case FILE_TYPES: mark = FILE_TYPE; break;
        case 'p': mark = SLASH; break;
        case 'g': format = LONG; no_owner = 1; break;
        case 'o': format = LONG; no_group = 1; break;
        case 'G': no_group = 1; break;
        case 'h': human = 1024; break;
        case SI_UNITS: human = 1000; break;
        case 'H': case FOLLOW_GIVEN: follow_given = 2; break;
        case 'i': inode = 1; break;
        case 'I': if (ignored_count < 64) ignored[ignored_count++] = optarg; break;
        case HIDE: if (hidden_count < 64) hidden[hidden_count++] = optarg; break;
        case 'l': format = LONG; break;
        case 'L': follow = 1; break;
        case 'm': format = COMMAS; break;
        case 'n': format = LONG; numeric = 1; break;
        case 'N': quoting = LITERAL; question = 0; break;
        case 'q': question = 1; break;
        case SHOW_CONTROL: question = 0; break;
        case 'Q': quoting = C_STYLE; break;
        case 'r': backwards = 1; break;
        case 'R': recursive = 1; break;
        case 's': blocks = 1; break;
        case 'S': order = BY_SIZE; break;
        case 't': order = BY_TIME; break;
        case 'U': order = UNSORTED; break;
        case 'v': order = BY_VERSION; break;
        case 'X': order = BY_EXTENSION; break;
        case 'w': width = atoi(optarg); break;
        case 'x': format = ACROSS; break;
        case '1': if (format != LONG) format = SINGLE; break;
        case 'T': case 'k': case AUTHOR: break;
        case 'Z': case 'D': case BLOCK_SIZE: fprintf(stderr, "ls: %s is not supported here\n", argv[optind - 1]); exit(2);
        case SORT: order = (enum order)choice(optarg, sorts, "--sort"); break;
        case FORMAT: format = format_of[choice(optarg, formats, "--format")]; break;
        case INDICATOR: mark = (enum mark)choice(optarg, marks, "--indicator-style"); if (mark == CLASSIFY) agentsh_want_modes = 1; break;
        case QUOTING: quoting = quote_of[choice(optarg, quotes, "--quoting-style")]; break;
        case TIME: which_time = "aaaccmm"[choice(optarg, times, "--time")]; if (order == BY_NAME && format != LONG) order = BY_TIME; break;
        case TIME_STYLE:
            time_style = optarg;
            if (*optarg != '+' && strcmp(optarg, "locale") && strcmp(optarg, "iso") && strcmp(optarg, "long-iso") && strcmp(optarg, "full-iso") && strncmp(optarg, "posix-", 6))
                invalid(optarg, "time style");
            break;
        case FULL_TIME: format = LONG; time_style = "full-iso"; break;
        case DIRECTORIES_FIRST: directories_first = 1; break;
        case COLOUR: /* nothing is coloured: there is no terminal */
            if (optarg) choice(optarg, when, "--color");
            break;
        case HELP: puts("usage: ls [-1aAbBcCdFgGhiIklLmnNopqQrRsStuUvwxX] [--sort=WHAT] [--time-style=STYLE] [--group-directories-first] [FILE...]"); exit(0);
        case VERSION: puts("ls (agentsh userland)"); exit(0);
        default: fputs("Try 'ls --help' for more information.\n", stderr); exit(2);
        }
    }
    if (format == LONG) agentsh_want_modes = 1;
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
        int through = follow || follow_given == 2;
        if (examine(&i, through)) {
            complain("access", names[n], 2);
            continue;
        }
        int directory = S_ISDIR(i.st.st_mode);
        if (S_ISLNK(i.st.st_mode) && i.led_to_directory && format != LONG && mark != CLASSIFY) directory = 1;
        size_t len = strlen(names[n]);
        if (S_ISLNK(i.st.st_mode) && i.led_to_directory && len && names[n][len - 1] == '/') directory = 1;
        if (directory && itself && S_ISLNK(i.st.st_mode) && names[n][len - 1] == '/') agentsh_stat(names[n], &i.st), i.target = NULL;
        if (directory && !itself) directories[directory_count++] = i;
        else files[file_count++] = i;
    }
    if (order != UNSORTED) {
        if (file_count) qsort(files, file_count, sizeof(*files), compare);
        if (directory_count) qsort(directories, directory_count, sizeof(*directories), compare);
    }
    if (file_count) put(files, file_count, 0);
    if (file_count) any_header = 1;
    int titled = recursive || count > 1;
    for (size_t n = 0; n < directory_count; n++) list_directory(directories[n].path, titled ? directories[n].path : NULL, 2);
    return status;
}
