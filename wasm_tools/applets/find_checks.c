/* find: what is looked at and done for each entry. */
#define _GNU_SOURCE
#include "find_checks.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

int check_name(const struct test *t, struct entry *e) { return !fnmatch(t->text, e->name, t->letter ? FNM_CASEFOLD : 0); }
int check_path(const struct test *t, struct entry *e) { return !fnmatch(t->text, e->path, t->letter ? FNM_CASEFOLD : 0); }
int check_lname(const struct test *t, struct entry *e)
{
    char target[4096];
    ssize_t n = S_ISLNK(e->st.st_mode) ? agentsh_readlink(e->path, target, sizeof(target) - 1) : -1;
    if (n < 0) return 0;
    target[n] = 0;
    return !fnmatch(t->text, target, t->letter ? FNM_CASEFOLD : 0);
}
int check_regex(const struct test *t, struct entry *e)
{
    regmatch_t m;
    return !regexec(t->regex, e->path, 1, &m, 0) && !m.rm_so && !e->path[m.rm_eo];
}

static char letter_of(mode_t mode)
{
    return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 's';
}
int check_type(const struct test *t, struct entry *e) { return strchr(t->text, letter_of(e->st.st_mode)) != NULL; }
int check_xtype(const struct test *t, struct entry *e)
{
    struct stat st = e->st;
    if (find.follow ? agentsh_lstat(e->path, &st) : agentsh_stat(e->path, &st)) st = e->st;
    return strchr(t->text, letter_of(st.st_mode)) != NULL;
}

static int compare(const struct test *t, long long value)
{
    return t->sign == '+' ? value > t->number : t->sign == '-' ? value < t->number : value == t->number;
}
int check_size(const struct test *t, struct entry *e) { return compare(t, (e->st.st_size + t->unit - 1) / t->unit); }
int check_links(const struct test *t, struct entry *e) { return compare(t, (long long)e->st.st_nlink); }
int check_inode(const struct test *t, struct entry *e) { return compare(t, (long long)e->st.st_ino); }
int check_user(const struct test *t, struct entry *e) { return (void)e, t->number; }

static struct timespec time_of(const struct entry *e, char which)
{
    return which == 'a' ? e->st.st_atim : which == 'c' ? e->st.st_ctim : e->st.st_mtim;
}
int check_age(const struct test *t, struct entry *e)
{
    struct timespec at = time_of(e, t->letter);
    long long past = find.day - (long long)at.tv_sec, unit = t->unit;
    /* Whole units that have gone by; for -mmin +N more than N minutes, not whole ones. */
    if (unit == 60) {
        if (t->sign == '+') return past > t->number * unit;
        if (t->sign == '-') return past < t->number * unit;
        return past > (t->number - 1) * unit && past <= t->number * unit;
    }
    return compare(t, past >= 0 ? past / unit : -((unit - 1 - past) / unit));
}
int check_newer(const struct test *t, struct entry *e)
{
    struct timespec at = time_of(e, t->letter);
    return at.tv_sec != t->number ? at.tv_sec > t->number : at.tv_nsec > t->unit;
}
int check_same_file(const struct test *t, struct entry *e)
{
    return (long long)e->st.st_dev == t->number && (long long)e->st.st_ino == t->unit;
}
int check_perm(const struct test *t, struct entry *e)
{
    mode_t mode = e->st.st_mode & 07777, want = (mode_t)t->number;
    return t->sign == '-' ? (mode & want) == want : t->sign == '/' ? !want || (mode & want) : mode == want;
}
int check_may(const struct test *t, struct entry *e)
{
    struct stat st;
    if (S_ISLNK(e->st.st_mode) && agentsh_stat(e->path, &st)) return 0;
    mode_t mode = S_ISLNK(e->st.st_mode) ? st.st_mode : e->st.st_mode;
    return (mode & (mode_t)t->number) != 0;
}
int check_empty(const struct test *t, struct entry *e)
{
    (void)t;
    if (S_ISREG(e->st.st_mode)) return !e->st.st_size;
    if (!S_ISDIR(e->st.st_mode)) return 0;
    DIR *d = opendir(e->path);
    if (!d) return find_complain(e->path, errno), 0;
    int count = 0;
    for (struct dirent *one; !count && (one = readdir(d));) count += strcmp(one->d_name, ".") && strcmp(one->d_name, "..");
    closedir(d);
    return !count;
}

int check_print(const struct test *t, struct entry *e)
{
    fputs(e->path, t->out);
    putc(t->nul ? 0 : '\n', t->out);
    return 1;
}
int check_print_formatted(const struct test *t, struct entry *e)
{
    find_printf(t->text, e, t->out);
    return 1;
}
int check_prune(const struct test *t, struct entry *e) { return (void)t, (void)e, find.prune = 1; }
int check_quit(const struct test *t, struct entry *e) { return (void)t, (void)e, find.quit = 1; }
int check_delete(const struct test *t, struct entry *e)
{
    (void)t;
    if (!strcmp(e->path, ".")) return 1;
    if (!agentsh_unlinkat(AT_FDCWD, e->path, S_ISDIR(e->st.st_mode) ? AT_REMOVEDIR : 0)) return 1;
    fflush(stdout);
    fprintf(stderr, "find: cannot delete '%s': %s\n", e->path, strerror(errno));
    find.status = 1;
    return 0;
}
