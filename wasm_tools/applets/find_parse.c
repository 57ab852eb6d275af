/* find: the expression, from words to a tree. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "find.h"
#include "find_checks.h"
#include "pattern.h"

static char **words;
static int left;
static int extended; /* what -regextype says */

static const struct test *comma(void);

static int is_and(const struct test *t, struct entry *e) { return t->left->run(t->left, e) && !find.quit && t->right->run(t->right, e); }
static int is_or(const struct test *t, struct entry *e) { return t->left->run(t->left, e) || (!find.quit && t->right->run(t->right, e)); }
static int is_not(const struct test *t, struct entry *e) { return !t->left->run(t->left, e); }
static int both(const struct test *t, struct entry *e)
{
    t->left->run(t->left, e);
    return !find.quit && t->right->run(t->right, e);
}
static int yes(const struct test *t, struct entry *e) { return (void)t, (void)e, 1; }
static int no(const struct test *t, struct entry *e) { return (void)t, (void)e, 0; }

static struct test *node(check run)
{
    struct test *t = find_allocate(sizeof(*t));
    *t = (struct test){.run = run, .out = stdout};
    return t;
}

static const char *value(const char *option)
{
    if (!left) find_fail("missing argument to '%s'", option);
    left--;
    return *words++;
}

static void number(struct test *t, const char *option, const char *text, const char **rest)
{
    const char *at = text;
    char *end;
    if (*at == '+' || *at == '-') t->sign = *at++;
    t->number = strtoll(at, &end, 10);
    if (end == at || (!rest && *end)) find_fail("invalid argument '%s' to '%s'", text, option);
    if (rest) *rest = end;
}

static struct test *size_test(const char *text)
{
    struct test *t = node(check_size);
    const char *rest;
    number(t, "-size", text, &rest);
    static const char units[] = "bcwkMG";
    static const long long sizes[] = {512, 1, 2, 1024, 1024 * 1024, 1024 * 1024 * 1024};
    const char *at = *rest ? strchr(units, *rest) : units;
    if (!at || (*rest && rest[1])) find_fail("invalid argument '%s' to '-size'", text);
    t->unit = sizes[at - units];
    return t;
}

/* Bits of u=rwx,g+x and its like, from nothing. */
static mode_t symbolic(const char *text)
{
    mode_t mode = 0;
    for (const char *at = text; *at;) {
        mode_t who = 0, bits = 0;
        for (; *at && strchr("ugoa", *at); at++) who |= *at == 'u' ? 0700 : *at == 'g' ? 0070 : *at == 'o' ? 0007 : 0777;
        if (!who) who = 0777;
        if (!*at || !strchr("+-=", *at)) find_fail("invalid mode '%s'", text);
        char how = *at++;
        for (; *at && strchr("rwxXst", *at); at++)
            bits |= *at == 'r' ? 0444 & who : *at == 'w' ? 0222 & who : *at == 'x' || *at == 'X' ? 0111 & who
                    : *at == 's' ? (who & 0700 ? 04000u : 0) | (who & 0070 ? 02000u : 0) : 01000;
        if (how == '-') mode &= ~bits;
        else mode |= bits;
        if (*at == ',') at++;
        else if (*at) find_fail("invalid mode '%s'", text);
    }
    return mode;
}

static struct test *perm_test(const char *text)
{
    struct test *t = node(check_perm);
    if (*text == '-' || *text == '/') t->sign = *text++;
    char *end;
    t->number = strtol(text, &end, 8);
    if (*end || end == text) t->number = symbolic(text);
    agentsh_want_modes = 1;
    return t;
}

static struct test *types(check run, const char *text)
{
    struct test *t = node(run);
    for (const char *p = text; *p; p++)
        if (!strchr("fdlcbps", *p) || (p[1] && (*++p != ',' || !p[1])))
            find_fail("Unknown argument to -type: %s", text);
    t->text = text;
    return t;
}

static struct test *regex_test(const char *text, int ignore_case)
{
    struct test *t = node(check_regex);
    int backrefs = 0, flags = ignore_case ? REG_ICASE : 0;
    pattern_program = "find";
    pattern_status = 1;
    /* find's own syntax, Emacs': + and ? repeat, groups and choices take backslashes. */
    char *plain = find_allocate(2 * strlen(text) + 1), *out = plain;
    for (const char *p = text; *p; p++) {
        if (*p == '[') {
            const char *end = p + 1 + (p[1] == '^') ;
            if (*end == ']') end++;
            while (*end && *end != ']') end++;
            while (p < end) *out++ = *p++;
            if (!*p) break;
        } else if (!extended && (*p == '+' || *p == '?')) *out++ = '\\';
        else if (*p == '\\' && p[1]) {
            *out++ = *p++;
            if (!extended && (*p == '+' || *p == '?')) out--; /* literal there, an operator with it in basic ones */
        }
        *out++ = *p;
    }
    *out = 0;
    char *source = pattern_translate(extended ? EXTENDED : BASIC, plain, strlen(plain), &backrefs);
    if (extended && !backrefs) flags |= REG_EXTENDED;
    t->regex = find_allocate(sizeof(regex_t));
    if (regcomp(t->regex, source, flags)) find_fail("invalid regular expression '%s'", text);
    free(source);
    free(plain);
    return t;
}

static void regextype(const char *text)
{
    if (!strcmp(text, "emacs") || !strcmp(text, "findutils-default") || !strcmp(text, "posix-basic") || !strcmp(text, "sed") ||
        !strcmp(text, "grep") || !strcmp(text, "ed") || !strcmp(text, "posix-minimal-basic"))
        extended = 0;
    else if (!strcmp(text, "posix-extended") || !strcmp(text, "egrep") || !strcmp(text, "posix-egrep") || !strcmp(text, "awk") ||
             !strcmp(text, "gnu-awk") || !strcmp(text, "posix-awk"))
        extended = 1;
    else find_fail("Unknown regular expression type '%s'", text);
}

static struct test *newer_test(char which, char how, const char *text)
{
    struct test *t = node(check_newer);
    struct stat st;
    struct timespec at;
    t->letter = which;
    if (how == 't') at = find_date(text);
    else {
        if (find.follow ? agentsh_stat(text, &st) : agentsh_lstat(text, &st)) find_fail("'%s': %s", text, strerror(errno));
        at = how == 'a' ? st.st_atim : how == 'c' ? st.st_ctim : st.st_mtim;
    }
    t->number = at.tv_sec;
    t->unit = at.tv_nsec;
    return t;
}

static struct test *age_test(const char *option, long long unit)
{
    struct test *t = node(check_age);
    number(t, option, value(option), NULL);
    t->letter = option[1];
    t->unit = unit;
    return t;
}

static FILE *file(const char *text)
{
    FILE *out = agentsh_fopen(text, "w");
    if (!out) find_fail("'%s': %s", text, strerror(errno));
    return out;
}

static struct test *action(check run, int nul, const char *where)
{
    struct test *t = node(run);
    t->nul = nul;
    if (where) t->out = file(where);
    find.printed = 1;
    return t;
}

static const struct test *primary(void)
{
    const char *w = value("expression");
#define IS(text) (!strcmp(w, text))
    if (IS("(")) {
        const struct test *inside = comma();
        if (!left || strcmp(*words, ")")) find_fail("invalid expression; I was expecting to find a ')' somewhere but did not see one.");
        words++, left--;
        return inside;
    }
    if (IS("!") || IS("-not")) {
        struct test *t = node(is_not);
        t->left = primary();
        return t;
    }
    struct test *t = NULL;
    int fold = w[0] == '-' && w[1] == 'i';
    if (IS("-name") || IS("-iname")) t = node(check_name), t->text = value(w), t->letter = (char)fold;
    else if (IS("-path") || IS("-ipath") || IS("-wholename") || IS("-iwholename")) t = node(check_path), t->text = value(w), t->letter = (char)fold;
    else if (IS("-lname") || IS("-ilname")) t = node(check_lname), t->text = value(w), t->letter = (char)fold;
    else if (IS("-regex") || IS("-iregex")) t = regex_test(value(w), fold);
    else if (IS("-regextype")) regextype(value(w)), t = node(yes);
    else if (IS("-type")) t = types(check_type, value(w));
    else if (IS("-xtype")) t = types(check_xtype, value(w));
    else if (IS("-size")) t = size_test(value(w));
    else if (IS("-empty")) t = node(check_empty);
    else if (IS("-perm")) t = perm_test(value(w));
    else if (IS("-readable")) t = node(check_may), t->number = 0400;
    else if (IS("-writable")) t = node(check_may), t->number = 0200;
    else if (IS("-executable")) t = node(check_may), t->number = 0111, agentsh_want_modes = 1;
    else if (IS("-mtime") || IS("-atime") || IS("-ctime")) t = age_test(w, 86400);
    else if (IS("-mmin") || IS("-amin") || IS("-cmin")) t = age_test(w, 60);
    else if (IS("-newer") || IS("-anewer") || IS("-cnewer")) t = newer_test(IS("-newer") ? 'm' : w[1], 'm', value(w));
    else if (!strncmp(w, "-newer", 6) && strlen(w) == 8 && strchr("amcB", w[6]) && strchr("amct", w[7])) t = newer_test(w[6], w[7], value(w));
    else if (IS("-samefile")) {
        struct stat st;
        const char *other = value(w);
        if (find.follow ? agentsh_stat(other, &st) : agentsh_lstat(other, &st)) find_fail("'%s': %s", other, strerror(errno));
        t = node(check_same_file), t->number = (long long)st.st_dev, t->unit = (long long)st.st_ino;
    } else if (IS("-links")) t = node(check_links), number(t, w, value(w), NULL);
    else if (IS("-inum")) t = node(check_inode), number(t, w, value(w), NULL);
    else if (IS("-user") || IS("-group") || IS("-uid") || IS("-gid")) {
        const char *who = value(w);
        t = node(check_user), t->number = !strcmp(who, "agent") || !strcmp(who, "1000");
    } else if (IS("-nouser") || IS("-nogroup") || IS("-false")) t = node(no);
    else if (IS("-true") || IS("-noleaf") || IS("-warn") || IS("-nowarn") || IS("-ignore_readdir_race")) t = node(yes);
    else if (IS("-follow")) find.follow = 1, t = node(yes);
    else if (IS("-daystart")) {
        find.day = (find.now / 86400 + 1) * 86400;
        t = node(yes);
    } else if (IS("-xdev") || IS("-mount")) t = node(yes); /* there is one file system */
    else if (IS("-depth") || IS("-d")) find.depth_first = 1, t = node(yes);
    else if (IS("-maxdepth") || IS("-mindepth")) {
        const char *n = value(w);
        char *end;
        long depth = strtol(n, &end, 10);
        if (*end || end == n || depth < 0) find_fail("Expected a positive decimal integer argument to %s, but got '%s'", w, n);
        *(IS("-maxdepth") ? &find.max_depth : &find.min_depth) = (int)depth;
        t = node(yes);
    } else if (IS("-prune")) t = node(check_prune);
    else if (IS("-quit")) t = node(check_quit);
    else if (IS("-print")) t = action(check_print, 0, NULL);
    else if (IS("-print0")) t = action(check_print, 1, NULL);
    else if (IS("-fprint")) t = action(check_print, 0, value(w));
    else if (IS("-fprint0")) t = action(check_print, 1, value(w));
    else if (IS("-printf")) t = action(check_print_formatted, 0, NULL), t->text = value(w), agentsh_want_modes = 1;
    else if (IS("-fprintf")) t = action(check_print_formatted, 0, value(w)), t->text = value(w), agentsh_want_modes = 1;
    else if (IS("-ls")) t = action(check_print_formatted, 0, NULL), t->text = "%9i %6k %M %3n %-8u %-8g %8s %~ %p%L\n", agentsh_want_modes = 1;
    else if (IS("-delete")) t = node(check_delete), find.printed = find.depth_first = 1;
    else if (IS("-exec") || IS("-execdir") || IS("-ok") || IS("-okdir"))
        find_fail("%s cannot start commands here: pipe the names to xargs or a loop", w);
    else if (IS(")")) find_fail("invalid expression; you have too many ')'");
    else if (w[0] == '-') find_fail("unknown predicate '%s'", w);
    else find_fail("paths must precede expression: '%s'", w);
#undef IS
    return t;
}

static int next_is(const char *a, const char *b)
{
    if (!left || (strcmp(*words, a) && (!b || strcmp(*words, b)))) return 0;
    words++, left--;
    return 1;
}

static struct test *join(check run, const struct test *a, const struct test *b)
{
    struct test *t = node(run);
    t->left = a, t->right = b;
    return t;
}

static const struct test *conjunction(void)
{
    const struct test *t = primary();
    while (left && strcmp(*words, ")") && strcmp(*words, "-o") && strcmp(*words, "-or") && strcmp(*words, ",")) {
        next_is("-a", "-and");
        t = join(is_and, t, primary());
    }
    return t;
}

static const struct test *disjunction(void)
{
    const struct test *t = conjunction();
    while (next_is("-o", "-or")) t = join(is_or, t, conjunction());
    return t;
}

static const struct test *comma(void)
{
    const struct test *t = disjunction();
    while (next_is(",", NULL)) t = join(both, t, disjunction());
    return t;
}

const struct test *find_parse(int argc, char *argv[])
{
    words = argv;
    left = argc;
    const struct test *t = left ? comma() : node(yes);
    if (left) find_fail("invalid expression; you have too many ')'");
    return find.printed ? t : join(is_and, t, node(check_print));
}
