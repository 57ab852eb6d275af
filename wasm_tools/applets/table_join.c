/* join: lines of two sorted files that have a field in common. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table.h"

static int separator = -1, fold, check = 0, end = '\n';
static int seen_unpaired; /* only then, unless told otherwise, does the order matter */
static size_t keys[2] = {0, 0};
static int unpaired[2], pairs = 1, header;
static const char *filler;
static struct out {
    int file; /* 0: the key */
    size_t field;
} *outs;
static size_t out_count;
static int automatic;
static size_t automatic_counts[2];

struct record {
    char *text;
    struct line *fields;
    size_t count, len;
};

static struct file {
    FILE *in;
    const char *name;
    struct record *group;
    size_t count, cap;
    struct record ahead;
    int have, line, disordered;
    char *last;
} files[2];

static void cut(struct record *r)
{
    size_t cap = 0;
    char *p = r->text, *stop = r->text + r->len;
    r->count = 0;
    r->fields = NULL;
    if (separator < 0)
        while (p < stop && (*p == ' ' || *p == '\t')) p++;
    while (p < stop || (separator >= 0 && p == stop && r->count)) {
        char *from = p;
        if (separator < 0)
            while (p < stop && *p != ' ' && *p != '\t') p++;
        else
            while (p < stop && *p != (char)separator) p++;
        if (r->count == cap) r->fields = tool_allocate(r->fields, (cap = cap ? 2 * cap : 8) * sizeof(*r->fields));
        r->fields[r->count++] = (struct line){from, (size_t)(p - from)};
        if (p == stop) break;
        p++;
        if (separator < 0)
            while (p < stop && (*p == ' ' || *p == '\t')) p++;
    }
}

static struct line field(const struct record *r, size_t n)
{
    static char none[1] = "";
    return n < r->count ? r->fields[n] : (struct line){none, 0};
}

static int compare(struct line a, struct line b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = fold ? strncasecmp(a.at, b.at, n) : memcmp(a.at, b.at, n);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static void drop(struct record *r)
{
    free(r->text);
    free(r->fields);
    *r = (struct record){0};
}

static int next(int which)
{
    struct file *f = &files[which];
    char *text = NULL;
    size_t cap = 0;
    ssize_t n = table_line(f->in, &text, &cap, end);
    if (n < 0) {
        free(text);
        return f->have = 0;
    }
    f->ahead = (struct record){.text = text, .len = (size_t)n};
    cut(&f->ahead);
    f->line++;
    return f->have = 1;
}

static int disordered(int which, struct line before)
{
    struct file *f = &files[which];
    if (check < 0 || (!check && !seen_unpaired) || compare(before, field(&f->ahead, keys[which])) <= 0) return 0;
    if (!f->disordered) {
        fflush(stdout);
        fprintf(stderr, "join: %s:%d: is not sorted: %s\n", f->name, f->line, f->ahead.text);
        f->disordered = 1;
        if (check > 0) exit(1);
    }
    return 1;
}

/* All lines that have the key of the line ahead. */
static void gather(int which)
{
    struct file *f = &files[which];
    for (size_t i = 0; i < f->count; i++) drop(&f->group[i]);
    f->count = 0;
    while (f->have && (!f->count || !compare(field(&f->group[0], keys[which]), field(&f->ahead, keys[which])))) {
        if (f->count == f->cap) f->group = tool_allocate(f->group, (f->cap = f->cap ? 2 * f->cap : 8) * sizeof(*f->group));
        f->group[f->count++] = f->ahead;
        next(which);
    }
    if (f->have && f->count) disordered(which, field(&f->group[0], keys[which]));
}

static int first_on_line;
static void put(struct line text)
{
    if (!first_on_line) putchar(separator < 0 ? ' ' : separator);
    first_on_line = 0;
    if (!text.len && filler) fputs(filler, stdout);
    else fwrite(text.at, 1, text.len, stdout);
}

static void show(const struct record *a, const struct record *b)
{
    static const struct record none;
    struct line key = a ? field(a, keys[0]) : field(b, keys[1]);
    first_on_line = 1;
    if (out_count || automatic) {
        if (automatic) put(key);
        for (size_t i = 0; i < out_count; i++) {
            const struct record *r = outs[i].file == 1 ? a : b;
            put(outs[i].file ? field(r ? r : &none, outs[i].field) : key);
        }
        for (int w = 0; automatic && w < 2; w++)
            for (size_t i = 0; i < automatic_counts[w]; i++)
                if (i != keys[w]) put(field((w ? b : a) ? (w ? b : a) : &none, i));
    } else {
        put(key);
        for (int w = 0; w < 2; w++) {
            const struct record *r = w ? b : a;
            for (size_t i = 0; r && i < r->count; i++)
                if (i != keys[w]) put(r->fields[i]);
        }
    }
    putchar(end);
}

static void add_outs(const char *text)
{
    if (!strcmp(text, "auto")) {
        automatic = 1;
        return;
    }
    while (*text) {
        struct out o = {0, 0};
        if (*text == '0') text++;
        else {
            char *stop;
            o.file = *text - '0';
            if ((o.file != 1 && o.file != 2) || text[1] != '.') tool_fail("invalid field specifier: '%s'", text);
            long n = strtol(text + 2, &stop, 10);
            if (stop == text + 2 || n < 1) tool_fail("invalid field number: '%s'", text + 2);
            o.field = (size_t)n - 1;
            text = stop;
        }
        outs = tool_allocate(outs, (out_count + 1) * sizeof(*outs));
        outs[out_count++] = o;
        if (*text && *text != ',' && *text != ' ') tool_fail("invalid field specifier: '%s'", text);
        if (*text) text++;
    }
}

static int number_of_file(const char *text)
{
    if (strcmp(text, "1") && strcmp(text, "2")) tool_fail("invalid file number: '%s'", text);
    return *text - '1';
}

static size_t key_number(const char *text)
{
    long long n = table_number(text, "field number");
    if (n < 1) tool_fail("invalid field number: '%s'", text);
    return (size_t)n - 1;
}

int join_main(int argc, char *argv[])
{
    enum { CHECK = 256, NO_CHECK, HEADER, HELP };
    static const struct option longs[] = {{"check-order", 0, 0, CHECK}, {"nocheck-order", 0, 0, NO_CHECK}, {"header", 0, 0, HEADER},
        {"ignore-case", 0, 0, 'i'}, {"zero-terminated", 0, 0, 'z'}, {"help", 0, 0, HELP}, {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "a:v:e:ij:o:t:1:2:z", longs, NULL)) != -1) {
        switch (c) {
        case 'a': unpaired[number_of_file(optarg)] = 1; break;
        case 'v': unpaired[number_of_file(optarg)] = 1; pairs = 0; break;
        case 'e': filler = optarg; break;
        case 'i': fold = 1; break;
        case 'j': keys[0] = keys[1] = key_number(optarg); break;
        case '1': keys[0] = key_number(optarg); break;
        case '2': keys[1] = key_number(optarg); break;
        case 'o':
            add_outs(optarg);
            while (optind < argc - 2 && strspn(argv[optind], "012.,") == strlen(argv[optind]) && strchr("012", argv[optind][0])) add_outs(argv[optind++]);
            break;
        case 't':
            separator = !strcmp(optarg, "\\0") ? 0 : !*optarg ? '\n' : (unsigned char)*optarg;
            if (*optarg && optarg[1] && strcmp(optarg, "\\0")) tool_fail("multi-character tab '%s'", optarg);
            break;
        case 'z': end = 0; break;
        case CHECK: check = 1; break;
        case NO_CHECK: check = -1; break;
        case HEADER: header = 1; break;
        case HELP: puts("usage: join [-a N] [-v N] [-e TEXT] [-i] [-j N] [-1 N] [-2 N] [-o LIST] [-t CHAR] [--header] FILE1 FILE2"); return 0;
        default: fputs("Try 'join --help' for more information.\n", stderr); return 1;
        }
    }
    if (argc - optind != 2) {
        fprintf(stderr, argc - optind < 2 ? "join: missing operand\n" : "join: extra operand\n");
        return 1;
    }
    for (int w = 0; w < 2; w++) {
        files[w].name = argv[optind + w];
        files[w].in = table_open(argv[optind + w]);
        next(w);
        automatic_counts[w] = files[w].have ? files[w].ahead.count : 0;
    }
    if (header) {
        show(files[0].have ? &files[0].ahead : NULL, files[1].have ? &files[1].ahead : NULL);
        for (int w = 0; w < 2; w++)
            if (files[w].have) drop(&files[w].ahead), next(w);
    }
    for (int w = 0; w < 2; w++) gather(w);
    while (files[0].count || files[1].count) {
        int order = !files[0].count ? 1 : !files[1].count ? -1 : compare(field(&files[0].group[0], keys[0]), field(&files[1].group[0], keys[1]));
        if (!order) {
            for (size_t i = 0; pairs && i < files[0].count; i++)
                for (size_t k = 0; k < files[1].count; k++) show(&files[0].group[i], &files[1].group[k]);
            gather(0);
            gather(1);
            continue;
        }
        int w = order > 0;
        seen_unpaired = 1;
        for (size_t i = 0; unpaired[w] && i < files[w].count; i++) show(w ? NULL : &files[0].group[i], w ? &files[1].group[i] : NULL);
        gather(w);
    }
    if (files[0].disordered || files[1].disordered) {
        fflush(stdout);
        fputs("join: input is not in sorted order\n", stderr);
        return 1;
    }
    return 0;
}
