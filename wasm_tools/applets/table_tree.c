/* tree: a directory as a drawing. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static int all, directories_only, full, sizes, human, directories_first, no_report, plain_art, no_indent, by_time, by_size, backwards, prune, classify, depth_max = -1, status;
static const char *wanted, *ignored;
static long directories, files;

struct child {
    char *name;
    struct stat st;
    int directory, leads_to_directory;
};

static int any_match(const char *patterns, const char *name)
{
    char *copy = strdup(patterns), *rest = copy;
    int hit = 0;
    for (char *p; (p = strsep(&rest, "|"));) hit |= !fnmatch(p, name, 0);
    free(copy);
    return hit;
}

static int order(const void *x, const void *y)
{
    const struct child *a = x, *b = y;
    int way = backwards ? -1 : 1;
    if (directories_first && a->leads_to_directory != b->leads_to_directory) return b->leads_to_directory - a->leads_to_directory;
    if (by_time && a->st.st_mtim.tv_sec != b->st.st_mtim.tv_sec) return way * (a->st.st_mtim.tv_sec < b->st.st_mtim.tv_sec ? -1 : 1);
    if (by_size && a->st.st_size != b->st.st_size) return way * (a->st.st_size > b->st.st_size ? -1 : 1);
    return way * strcmp(a->name, b->name);
}

static struct child *children(const char *path, size_t *count)
{
    struct child *list = NULL;
    *count = 0;
    DIR *d = opendir(path);
    if (!d) return NULL;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || (!all && *e->d_name == '.')) continue;
        char *full_name = tool_allocate(NULL, strlen(path) + strlen(e->d_name) + 2);
        sprintf(full_name, "%s/%s", path, e->d_name);
        struct child c = {.name = strdup(e->d_name)};
        if (agentsh_lstat(full_name, &c.st)) memset(&c.st, 0, sizeof(c.st));
        c.directory = S_ISDIR(c.st.st_mode);
        c.leads_to_directory = c.directory;
        struct stat st;
        if (S_ISLNK(c.st.st_mode)) c.leads_to_directory = !agentsh_stat(full_name, &st) && S_ISDIR(st.st_mode);
        free(full_name);
        if ((ignored && any_match(ignored, c.name)) || (directories_only && !c.leads_to_directory) ||
            (wanted && !c.directory && !any_match(wanted, c.name)))
            continue;
        list = tool_allocate(list, (*count + 1) * sizeof(*list));
        list[(*count)++] = c;
    }
    closedir(d);
    if (*count) qsort(list, *count, sizeof(*list), order);
    return list;
}

/* Whether a directory has a file in it that is shown; for --prune. */
static int has_files(const char *path)
{
    size_t count;
    struct child *list = children(path, &count);
    int found = 0;
    for (size_t i = 0; i < count && !found; i++) {
        if (!list[i].directory) found = 1;
        else {
            char *below = tool_allocate(NULL, strlen(path) + strlen(list[i].name) + 2);
            sprintf(below, "%s/%s", path, list[i].name);
            found = has_files(below);
            free(below);
        }
    }
    return found;
}

static void size_text(char *text, size_t cap, long long n)
{
    if (!human) {
        snprintf(text, cap, "%11lld", n);
        return;
    }
    static const char units[] = " KMGTPE";
    int u = 0;
    double v = (double)n;
    for (; v >= 1024 && u < 6; u++) v /= 1024;
    if (!u) snprintf(text, cap, "%4lld", n);
    else snprintf(text, cap, v < 10 ? "%3.1f%c" : "%3.0f%c", v, units[u]);
}

static void print_name(const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) putchar(*p < 32 || *p == 127 ? '?' : *p);
}

static void draw(const char *path, const char *prefix, int depth)
{
    size_t count;
    struct child *list = children(path, &count);
    for (size_t i = 0; i < count; i++) {
        struct child *c = &list[i];
        char *below = tool_allocate(NULL, strlen(path) + strlen(c->name) + 2), text[32];
        sprintf(below, "%s/%s", path, c->name);
        if (prune && c->directory && !has_files(below)) {
            free(below);
            continue;
        }
        int last = i + 1 == count;
        for (size_t k = i + 1; prune && !last && k < count; k++) {
            /* The last one that is shown, not the last one that is there. */
            char *other = tool_allocate(NULL, strlen(path) + strlen(list[k].name) + 2);
            sprintf(other, "%s/%s", path, list[k].name);
            int shown = !list[k].directory || has_files(other);
            free(other);
            if (shown) break;
            last = k + 1 == count;
        }
        if (!no_indent) {
            fputs(prefix, stdout);
            fputs(plain_art ? (last ? "`-- " : "|-- ") : (last ? "\u2514\u2500\u2500 " : "\u251c\u2500\u2500 "), stdout);
        }
        if (sizes) {
            size_text(text, sizeof(text), c->st.st_size);
            printf("[%s]  ", text);
        }
        print_name(full ? below : c->name);
        struct stat st;
        if (S_ISLNK(c->st.st_mode)) {
            char target[4096];
            ssize_t n = agentsh_readlink(below, target, sizeof(target) - 1);
            target[n > 0 ? n : 0] = 0;
            fputs(" -> ", stdout);
            print_name(target);
            if (agentsh_stat(below, &st)) files++;
            else {
                if (classify && S_ISDIR(st.st_mode)) putchar('/');
                else if (classify && (st.st_mode & 0111)) putchar('*');
                if (S_ISDIR(st.st_mode)) directories++;
                else files++;
            }
        } else {
            if (classify && c->directory) putchar('/');
            else if (classify && (c->st.st_mode & 0111)) putchar('*');
            if (c->directory) directories++;
            else files++;
        }
        putchar('\n');
        if (c->directory && (depth_max < 0 || depth < depth_max)) {
            char *longer = tool_allocate(NULL, strlen(prefix) + 16);
            sprintf(longer, "%s%s", prefix, last ? "    " : plain_art ? "|   " : "\u2502\u00a0\u00a0 ");
            draw(below, longer, depth + 1);
            free(longer);
        }
        free(below);
    }
    free(list);
}

int tree_main(int argc, char *argv[])
{
    enum { DIRS_FIRST = 256, NO_REPORT, CHARSET, PRUNE, HELP, IGNORED, FILE_LIMIT };
    static const struct option longs[] = {{"dirsfirst", 0, 0, DIRS_FIRST}, {"noreport", 0, 0, NO_REPORT}, {"charset", 1, 0, CHARSET},
        {"prune", 0, 0, PRUNE}, {"help", 0, 0, HELP}, {"gitignore", 0, 0, IGNORED}, {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "aACdfFhI:iL:nNP:rstv", longs, NULL)) != -1) {
        switch (c) {
        case 'a': all = 1; break;
        case 'd': directories_only = 1; break;
        case 'f': full = 1; break;
        case 'F': classify = agentsh_want_modes = 1; break;
        case 'h': human = 1; /* fall through */
        case 's': sizes = 1; break;
        case 'i': no_indent = 1; break;
        case 'I': ignored = optarg; break;
        case 'P': wanted = optarg; break;
        case 'L':
            depth_max = (int)table_number(optarg, "level");
            if (depth_max < 1) tool_fail("Invalid level, must be greater than 0.");
            break;
        case 'r': backwards = 1; break;
        case 't': by_time = 1; break;
        case 'A': case 'C': case 'n': case 'N': case 'v': break;
        case DIRS_FIRST: directories_first = 1; break;
        case NO_REPORT: no_report = 1; break;
        case CHARSET: plain_art = strncasecmp(optarg, "utf", 3) != 0; break;
        case PRUNE: prune = 1; break;
        case HELP: puts("usage: tree [-adfFhisrt] [-L LEVEL] [-I PATTERN] [-P PATTERN] [--dirsfirst] [--noreport] [--prune] [DIR...]"); return 0;
        case IGNORED: tool_fail("--gitignore is not supported here; use -I PATTERN");
        default: return 1;
        }
    }
    static char here[] = ".", *only[] = {here};
    char **starts = optind < argc ? argv + optind : only;
    for (int i = 0; i < (optind < argc ? argc - optind : 1); i++) {
        struct stat st;
        size_t len = strlen(starts[i]);
        while (len > 1 && starts[i][len - 1] == '/') starts[i][--len] = 0;
        int bad = agentsh_stat(starts[i], &st) || !S_ISDIR(st.st_mode);
        if (sizes && !bad) {
            char text[32];
            size_text(text, sizeof(text), (long long)st.st_size);
            printf("[%s]  ", text);
        }
        print_name(starts[i]);
        if (bad) {
            puts("  [error opening dir]");
            if (agentsh_stat(starts[i], &st)) status = 2;
            else files++;
            continue;
        }
        if (classify) putchar('/');
        putchar('\n');
        long before = directories + files;
        draw(starts[i], "", 1);
        directories += directories + files > before;
    }
    if (!no_report) {
        printf("\n%ld director%s", directories, directories == 1 ? "y" : "ies");
        if (!directories_only) printf(", %ld file%s", files, files == 1 ? "" : "s");
        putchar('\n');
    }
    return status;
}
