/* Functions of GNU awk: gensub, strftime, systime, mktime, bits, strtonum, asort, asorti, and match's groups. */
#include <math.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "awk.h"
#include "awkgram.tab.h"
#include "extensions.h"

enum { GROUPS = 10, MOST = 3 };

struct text {
    char *bytes;
    size_t len, cap;
};

static void add(struct text *t, const char *bytes, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        t->cap = (t->len + n + 1) * 2;
        t->bytes = realloc(t->bytes, t->cap);
        if (!t->bytes) FATAL("out of memory");
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
    t->bytes[t->len] = 0;
}

/* awk's escapes inside a pattern stand for characters before they stand for anything else. */
static void compile(regex_t *re, const char *pattern)
{
    struct text plain = {0};
    add(&plain, "", 0);
    for (const char *p = pattern; *p; p++) {
        const char *to = *p == '\\' && p[1] ? strchr("n\nt\tr\rf\fv\va\a/\"\"/", p[1]) : NULL;
        if (to && p[1] != '\n' && strchr("ntrfva", p[1])) add(&plain, to + 1, 1), p++;
        else if (*p == '\\' && (p[1] == '/' || p[1] == '"')) add(&plain, ++p, 1);
        else if (*p == '\\' && p[1]) add(&plain, p, 2), p++;
        else add(&plain, p, 1);
    }
    int error = regcomp(re, plain.bytes, REG_EXTENDED);
    if (error) {
        char why[128];
        regerror(error, re, why, sizeof(why));
        FATAL("pattern %s: %s", pattern, why);
    }
    free(plain.bytes);
}

/* The text of an argument that is a pattern, written as /.../ or as a string. */
static char *pattern_of(Node *n)
{
    if (n->nobj == MATCH && n->ntype == NEXPR && !n->narg[0]) return strdup((char *)((fa *)n->narg[2])->restr);
    Cell *x = execute(n);
    char *text = strdup(getsval(x));
    tempfree(x);
    return text;
}

void agentsh_groups(Cell *array, const char *s, const char *pattern)
{
    regex_t re;
    regmatch_t found[GROUPS];
    if (!isarr(array)) FATAL("match: the third argument is not an array");
    freesymtab(array);
    array->sval = (char *)makesymtab(NSYMTAB);
    array->tval = ARR;
    compile(&re, pattern);
    if (!regexec(&re, s, GROUPS, found, 0)) {
        for (int i = 0; i < GROUPS; i++) {
            if (found[i].rm_so < 0) continue;
            char name[32], *text = strndup(s + found[i].rm_so, (size_t)(found[i].rm_eo - found[i].rm_so));
            size_t start = agentsh_chars_to(s, s + found[i].rm_so) + 1, length = agentsh_chars(text);
            snprintf(name, sizeof(name), "%d", i);
            double number = 0;
            int numeric = is_valid_number(text, true, NULL, &number);
            setsymtab(name, text, numeric ? number : 0.0, numeric ? STR | NUM : STR, (Array *)array->sval);
            const char *subsep = getsval(subseploc);
            char parts[2][64];
            snprintf(parts[0], sizeof(parts[0]), "%d%.20sstart", i, subsep);
            snprintf(parts[1], sizeof(parts[1]), "%d%.20slength", i, subsep);
            setsymtab(parts[0], "", (double)start, NUM, (Array *)array->sval);
            setsymtab(parts[1], "", (double)length, NUM, (Array *)array->sval);
            free(text);
        }
    }
    regfree(&re);
}

/* gensub(pattern, replacement, "g" or which[, target]) */
static Cell *gensub(Node *args)
{
    Node *nodes[4] = {0};
    int count = 0;
    for (; args && count < 4; args = args->nnext) nodes[count++] = args;
    if (count < 3 || args) FATAL("gensub takes three or four arguments");
    char *pattern = pattern_of(nodes[0]);
    Cell *with = execute(nodes[1]), *how = execute(nodes[2]), *target = execute(nodes[3] ? nodes[3] : rectonode());
    const char *replacement = getsval(with), *mode = getsval(how), *s = getsval(target);
    long wanted = *mode == 'g' || *mode == 'G' ? 0 : strtol(mode, NULL, 10);
    if (wanted < 0 || (!wanted && *mode != 'g' && *mode != 'G')) wanted = 1;
    regex_t re;
    compile(&re, pattern);
    struct text out = {0};
    add(&out, "", 0);
    regmatch_t m[GROUPS];
    int flags = 0, after = 0; /* after: a match ended here, so an empty one does not count */
    for (long number = 1;; number++) {
        if (regexec(&re, s, GROUPS, m, flags)) break;
        if (m[0].rm_so == m[0].rm_eo && m[0].rm_so == 0 && after) {
            number--;
        } else {
            add(&out, s, (size_t)m[0].rm_so);
            if (wanted && number != wanted) add(&out, s + m[0].rm_so, (size_t)(m[0].rm_eo - m[0].rm_so));
            else
                for (const char *r = replacement; *r; r++) {
                    int group = -1;
                    if (*r == '\\' && r[1] >= '0' && r[1] <= '9') group = *++r - '0';
                    else if (*r == '\\' && r[1] == '&') r++;
                    else if (*r == '\\' && r[1] == '\\') r++;
                    else if (*r == '&') group = 0;
                    if (group < 0) add(&out, r, 1);
                    else if (m[group].rm_so >= 0)
                        add(&out, s + m[group].rm_so, (size_t)(m[group].rm_eo - m[group].rm_so));
                }
        }
        after = m[0].rm_eo > m[0].rm_so;
        s += m[0].rm_eo;
        if (m[0].rm_so == m[0].rm_eo) {
            if (!*s) break;
            size_t n = agentsh_char_len(s);
            add(&out, s, n);
            s += n;
        }
        flags = REG_NOTBOL;
        if (!*s && after) break;
        if (wanted && number >= wanted) break;
    }
    add(&out, s, strlen(s));
    regfree(&re);
    Cell *result = gettemp();
    setsval(result, out.bytes);
    free(out.bytes);
    free(pattern);
    tempfree(with);
    tempfree(how);
    tempfree(target);
    return result;
}

static char *formatted_time(const char *format, time_t when)
{
    struct tm tm;
    gmtime_r(&when, &tm);
    size_t cap = strlen(format) * 8 + 256;
    char *out = calloc(1, cap);
    if (!out) FATAL("out of memory in strftime");
    if (*format && !strftime(out, cap, format, &tm)) *out = 0;
    return out;
}

/* "YYYY MM DD HH MM SS" as seconds; the zone is UTC. */
static double seconds_of(const char *text)
{
    struct tm tm = {0};
    if (sscanf(text, "%d %d %d %d %d %d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (double)timegm(&tm);
}

static double number_of(const char *text)
{
    while (*text == ' ' || *text == '\t') text++;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) return (double)strtoull(text, NULL, 16);
    if (text[0] == '0' && text[1] >= '0' && text[1] <= '7') return (double)strtoull(text, NULL, 8);
    return atof(text);
}

static int compare(const void *a, const void *b)
{
    const Cell *x = *(Cell *const *)a, *y = *(Cell *const *)b;
    int nx = isnum(x) != 0, ny = isnum(y) != 0;
    if (nx != ny) return ny - nx;
    if (nx) return (x->fval > y->fval) - (x->fval < y->fval);
    return strcmp(x->sval, y->sval);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(Cell *const *)a)->nval, (*(Cell *const *)b)->nval);
}

/* asort(source[, target]) by value, asorti by index: how many there are. */
static double sorted(Node *args, int by_name)
{
    Cell *source = execute(args), *target = source;
    if (args->nnext) {
        makearr(args->nnext);
        target = execute(args->nnext);
    }
    if (args->nnext && args->nnext->nnext) FATAL("asort and asorti take no way to compare");
    if (!isarr(source) || !isarr(target)) FATAL("asort and asorti take arrays");
    Array *from = (Array *)source->sval, *to = makesymtab(NSYMTAB);
    Cell **cells = calloc((size_t)from->nelem + 1, sizeof(*cells));
    if (!cells) FATAL("out of memory in asort");
    size_t count = 0;
    for (int i = 0; i < from->size; i++)
        for (Cell *c = from->tab[i]; c; c = c->cnext) cells[count++] = c;
    qsort(cells, count, sizeof(*cells), by_name ? compare_names : compare);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%zu", i + 1);
        if (by_name) setsymtab(name, cells[i]->nval, 0, STR, to);
        else setsymtab(name, cells[i]->sval ? cells[i]->sval : "", cells[i]->fval, cells[i]->tval & (STR | NUM), to);
    }
    free(cells);
    freesymtab(target);
    target->sval = (char *)to;
    target->tval = ARR;
    return (double)count;
}

static double bits(int which, const double *n, int count)
{
    uint64_t value = (uint64_t)n[0];
    for (int i = 0; i < count; i++)
        if (n[i] < 0) FATAL("bits of a negative number");
    switch (which) {
    case FCOMPL: return (double)(~value & 0x1fffffffffffffULL);
    case FLSHIFT: return (double)(value << (uint64_t)n[1]);
    case FRSHIFT: return (double)(value >> (uint64_t)n[1]);
    default: break;
    }
    for (int i = 1; i < count; i++) {
        uint64_t other = (uint64_t)n[i];
        value = which == FAND ? value & other : which == FOR_ ? value | other : value ^ other;
    }
    return (double)value;
}

Cell *agentsh_function(int which, Node *args)
{
    if (which == FGENSUB) return gensub(args);
    Cell *result = gettemp();
    if (which == FASORT || which == FASORTI) {
        setfval(result, sorted(args, which == FASORTI));
        return result;
    }
    Cell *x[MOST] = {0};
    int count = 0;
    double n[MOST] = {0};
    for (Node *a = args; a; a = a->nnext) {
        if (count == MOST) FATAL("too many arguments");
        x[count] = execute(a);
        if (which != FSTRFTIME || count) n[count] = getfval(x[count]);
        count++;
    }
    int none = count == 1 && isrec(x[0]); /* written without arguments */
    switch (which) {
    case FSYSTIME: setfval(result, (double)time(NULL)); break;
    case FMKTIME: setfval(result, seconds_of(getsval(x[0]))); break;
    case FSTRTONUM: setfval(result, isnum(x[0]) && !isstr(x[0]) ? n[0] : number_of(getsval(x[0]))); break;
    case FSTRFTIME: {
        char *text = formatted_time(none ? "%a %b %e %H:%M:%S %Z %Y" : getsval(x[0]), count > 1 ? (time_t)n[1] : time(NULL));
        setsval(result, text);
        free(text);
        break;
    }
    default:
        if (count < (which == FCOMPL ? 1 : 2)) FATAL("too few arguments");
        setfval(result, bits(which, n, count));
    }
    for (int i = 0; i < count; i++) tempfree(x[i]);
    return result;
}
