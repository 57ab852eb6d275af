/* fmt: paragraphs filled so that their lines are of nearly one length (after D. Knuth and M. Plass, "Breaking Paragraphs
 * into Lines", 1981), with the costs that GNU's documents. */
#include "lines_tools.h"

#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

enum { TAB = 8, LEEWAY = 7 };

struct word {
    const char *text;
    long length, space; /* its own, and behind it */
    int paren, period, punct, final;
    long line_length;   /* of the line that it begins, at best */
    long long cost;     /* of the paragraph from here on */
    size_t next;        /* the word that begins the next line */
};

static struct word *words;
static size_t word_count, word_cap;

static int crown, split_only, tagged, uniform;
static long most = 75, aim;
static const char *prefix = "";
static long prefix_lead, prefix_len, prefix_full;

/* The input, and where we are in it. */
static const unsigned char *at, *end;
static int tabs;
static long in_column, next_prefix_indent, prefix_indent, first_indent, other_indent, last_line_length;
static int next_char;

enum { END = -1 };

static int get(void)
{
    return at < end ? *at++ : END;
}

static int get_space(int c)
{
    for (;; c = get()) {
        if (c == ' ') in_column++;
        else if (c == '\t') {
            tabs = 1;
            in_column = (in_column / TAB + 1) * TAB;
        } else return c;
    }
}

static int get_prefix(void)
{
    in_column = 0;
    int c = get_space(get());
    if (!prefix_len) next_prefix_indent = prefix_lead < in_column ? prefix_lead : in_column;
    else {
        next_prefix_indent = in_column;
        for (long i = 0; i < prefix_len; i++) {
            if (c != (unsigned char)prefix[i]) return c;
            in_column++;
            c = get();
        }
        c = get_space(c);
    }
    return c;
}

static long out_column;

static void put_space(long space)
{
    long target = out_column + space;
    if (tabs) {
        long tab = target / TAB * TAB;
        if (out_column + 1 < tab)
            while (out_column < tab) {
                out_byte('\t');
                out_column = (out_column / TAB + 1) * TAB;
            }
    }
    for (; out_column < target; out_column++) out_byte(' ');
}

/* A line that is no part of a paragraph, as it is. */
static int copy_rest(int c)
{
    out_column = 0;
    if (in_column > next_prefix_indent || (c != '\n' && c != END)) {
        put_space(next_prefix_indent);
        for (const char *s = prefix; out_column != in_column && *s; out_column++) out_byte(*s++);
        if (c != END && c != '\n') put_space(in_column - out_column);
        if (c == END && in_column >= next_prefix_indent + prefix_len) out_byte('\n');
    }
    for (; c != '\n' && c != END; c = get()) out_byte((char)c);
    return c;
}

static int same_paragraph(int c)
{
    return next_prefix_indent == prefix_indent && in_column >= next_prefix_indent + prefix_full && c != '\n' && c != END;
}

static void set_other_indent(int same)
{
    if (split_only) other_indent = first_indent;
    else if (crown) other_indent = same ? in_column : first_indent;
    else if (tagged) {
        if (same && in_column != first_indent) other_indent = in_column;
        else if (other_indent == first_indent) other_indent = first_indent ? 0 : 3;
    } else other_indent = first_indent;
}

/* The words of a line, and the prefix of the next one. */
static int get_line(int c)
{
    do {
        if (word_count + 1 >= word_cap) words = tool_allocate(words, (word_cap = word_cap ? 2 * word_cap : 256) * sizeof(*words));
        struct word *w = &words[word_count];
        *w = (struct word){.text = (const char *)at - 1};
        do c = get();
        while (c != END && !isspace(c));
        w->length = (const char *)at - (c != END) - w->text;
        in_column += w->length;
        const char *last = w->text + w->length - 1;
        w->paren = *w->text && strchr("(['`\"", *w->text) != NULL;
        w->punct = ispunct((unsigned char)*last) != 0;
        while (last > w->text && *last && strchr(")]'\"", *last)) last--;
        w->period = *last && strchr(".?!", *last) != NULL;
        long start = in_column;
        c = get_space(c);
        w->space = in_column - start;
        w->final = c == END || (w->period && (c == '\n' || w->space > 1));
        if (c == '\n' || c == END || uniform) w->space = w->final ? 2 : 1;
        word_count++;
    } while (c != '\n' && c != END);
    return get_prefix();
}

static int get_paragraph(void)
{
    last_line_length = 0;
    int c = next_char;
    while (c == '\n' || c == END || next_prefix_indent < prefix_lead || in_column < next_prefix_indent + prefix_full) {
        c = copy_rest(c);
        if (c == END) {
            next_char = END;
            return 0;
        }
        out_byte('\n');
        c = get_prefix();
    }
    prefix_indent = next_prefix_indent;
    first_indent = in_column;
    word_count = 0;
    c = get_line(c);
    set_other_indent(same_paragraph(c));
    if (split_only) {
    } else if (crown) {
        if (same_paragraph(c))
            do c = get_line(c);
            while (same_paragraph(c) && in_column == other_indent);
    } else if (tagged) {
        if (same_paragraph(c) && in_column != first_indent)
            do c = get_line(c);
            while (same_paragraph(c) && in_column == other_indent);
    } else
        while (same_paragraph(c) && in_column == other_indent) c = get_line(c);
    words[word_count - 1].period = words[word_count - 1].final = 1;
    next_char = c;
    return 1;
}

static long long square(long long n)
{
    return n * n;
}

static long long base_cost(size_t i)
{
    const struct word *w = &words[i];
    long long cost = square(70);
    if (i) {
        if (w[-1].period) cost += w[-1].final ? -square(50) : square(600);
        else if (w[-1].punct) cost -= square(40);
        else if (i > 1 && w[-2].final) cost += square(200) / (w[-1].length + 2);
    }
    if (w->paren) cost -= square(40);
    else if (w->final) cost += square(150) / (w->length + 2);
    return cost;
}

static long long line_cost(size_t next, long len)
{
    if (next == word_count) return 0;
    long long cost = square((aim - len) * 10LL);
    if (words[next].next != word_count) cost += square((len - words[next].line_length) * 10LL) / 2;
    return cost;
}

/* From the last word to the first: where the lines break that begin with each. */
static void break_lines(void)
{
    words[word_count].cost = 0;
    for (size_t start = word_count; start-- > 0;) {
        long long best = LLONG_MAX;
        long len = (start ? other_indent : first_indent) + words[start].length;
        for (size_t w = start + 1;; w++) {
            long long cost = line_cost(w, len) + words[w].cost;
            if (!start && last_line_length > 0) cost += square((len - last_line_length) * 10LL) / 2;
            if (cost < best) {
                best = cost;
                words[start].next = w;
                words[start].line_length = len;
            }
            if (w == word_count) break;
            len += words[w - 1].space + words[w].length;
            if (len >= most) break;
        }
        words[start].cost = best + base_cost(start);
    }
}

static void put_line(size_t from, long indent)
{
    out_column = 0;
    put_space(prefix_indent);
    out_bytes(prefix, (size_t)prefix_len);
    out_column += prefix_len;
    put_space(indent - out_column);
    for (size_t w = from; w < words[from].next; w++) {
        out_bytes(words[w].text, (size_t)words[w].length);
        out_column += words[w].length;
        if (w + 1 < words[from].next) put_space(words[w].space);
    }
    last_line_length = out_column;
    out_byte('\n');
}

static void set_prefix(char *text)
{
    prefix_lead = 0;
    while (*text == ' ') prefix_lead++, text++;
    prefix = text;
    prefix_full = (long)strlen(text);
    char *stop = text + prefix_full;
    while (stop > text && stop[-1] == ' ') stop--;
    *stop = 0;
    prefix_len = stop - text;
}

int fmt_main(int argc, char *argv[])
{
    static const struct option options[] = {{"crown-margin", 0, 0, 'c'}, {"goal", 1, 0, 'g'}, {"prefix", 1, 0, 'p'},
                                            {"split-only", 0, 0, 's'}, {"tagged-paragraph", 0, 0, 't'},
                                            {"uniform-spacing", 0, 0, 'u'}, {"width", 1, 0, 'w'}, {0, 0, 0, 0}};
    const char *width = NULL, *goal = NULL;
    char short_width[32];
    if (argc > 1 && argv[1][0] == '-' && isdigit((unsigned char)argv[1][1]) && strlen(argv[1]) < sizeof(short_width)) {
        width = strcpy(short_width, argv[1] + 1);
        argv[1] = argv[0];
        argv++, argc--;
    }
    for (int c; (c = getopt_long(argc, argv, "cg:p:stuw:", options, NULL)) != -1;) switch (c) {
        case 'c': crown = 1; break;
        case 'g': goal = optarg; break;
        case 'p': set_prefix(optarg); break;
        case 's': split_only = 1; break;
        case 't': tagged = 1; break;
        case 'u': uniform = 1; break;
        case 'w': width = optarg; break;
        default: return 1;
        }
    if (width) {
        most = (long)tool_number(width, 0, "width");
        if (most > 2500) tool_fail("invalid width: '%s'", width);
    }
    if (goal) {
        aim = (long)tool_number(goal, 0, "width");
        if (width && aim > most) tool_fail("invalid width: '%s'", goal);
        if (!width) most = aim + 10;
    } else aim = most * (2 * (100 - LEEWAY) + 1) / 200;
    for (char **name = tool_operands(argc, argv); *name; name++) {
        int fd = tool_open(*name);
        if (fd < 0) continue;
        size_t size;
        char *all = tool_read_all(fd, *name, &size);
        at = (const unsigned char *)all, end = at + size;
        tabs = 0;
        other_indent = 0;
        next_char = get_prefix();
        while (get_paragraph()) {
            break_lines();
            put_line(0, first_indent);
            for (size_t w = words[0].next; w < word_count; w = words[w].next) put_line(w, other_indent);
        }
        free(all);
    }
    return 0;
}
