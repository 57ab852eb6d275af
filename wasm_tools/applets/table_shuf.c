/* shuf, tsort, nproc, less and more. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static FILE *source;

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    if (source) {
        if (fread(&bits, 1, sizeof(bits), source) != sizeof(bits)) tool_fail("random source: end of file");
    } else if (getentropy(&bits, sizeof(bits))) tool_fail("no random numbers: %s", strerror(errno));
    return bits;
}

static uint64_t below(uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, bits;
    do bits = random_bits();
    while (bits >= limit);
    return bits % n;
}

int shuf_main(int argc, char *argv[])
{
    enum { SOURCE = 256, HELP };
    static const struct option longs[] = {{"echo", 0, 0, 'e'}, {"input-range", 1, 0, 'i'}, {"head-count", 1, 0, 'n'}, {"output", 1, 0, 'o'},
        {"random-source", 1, 0, SOURCE}, {"repeat", 0, 0, 'r'}, {"zero-terminated", 0, 0, 'z'}, {"help", 0, 0, HELP}, {0, 0, 0, 0}};
    int c, echo = 0, repeat = 0, end = '\n', range = 0;
    long long count = -1, low = 0, high = 0;
    const char *output = NULL;
    while ((c = getopt_long(argc, argv, "ei:n:o:rz", longs, NULL)) != -1) {
        switch (c) {
        case 'e': echo = 1; break;
        case 'i': {
            char *dash = strchr(optarg, '-');
            if (!dash) tool_fail("invalid input range: '%s'", optarg);
            *dash = 0;
            low = table_number(optarg, "input range");
            high = table_number(dash + 1, "input range");
            range = 1;
            if (low > high + 1) tool_fail("invalid input range: '%s-%s'", optarg, dash + 1);
            break;
        }
        case 'n': {
            long long n = table_number(optarg, "line count");
            if (count < 0 || n < count) count = n;
            break;
        }
        case 'o': output = optarg; break;
        case SOURCE: source = table_open(optarg); break;
        case 'r': repeat = 1; break;
        case 'z': end = 0; break;
        case HELP: puts("usage: shuf [-n N] [-r] [-z] [-o FILE] [-e WORD... | -i LOW-HIGH | FILE]"); return 0;
        default: fputs("Try 'shuf --help' for more information.\n", stderr); return 1;
        }
    }
    if (echo && range) tool_fail("cannot combine -e and -i options");
    if (!echo && argc - optind > !range) tool_fail("extra operand '%s'", argv[optind + !range]);
    struct lines all = {0};
    uint64_t total;
    if (range) total = (uint64_t)(high - low) + 1;
    else {
        if (echo) for (int i = optind; i < argc; i++) table_add(&all, argv[i], strlen(argv[i]));
        else table_read(&all, optind < argc ? argv[optind] : "-", end);
        total = all.count;
    }
    if (output && !freopen("/dev/null", "w", stdout)) tool_fail("%s", strerror(errno));
    FILE *out = output ? agentsh_fopen(output, "w") : stdout;
    if (!out) tool_fail("%s: %s", output, strerror(errno));
    if (repeat && !total && count) tool_fail("no lines to repeat");
    if (!repeat && (count < 0 || (uint64_t)count > total)) count = (long long)total;
    if (range && !repeat && total > 50u << 20) tool_fail("a range of more than 50 million numbers is not supported here");
    uint32_t *order = range && !repeat ? tool_allocate(NULL, total * sizeof(*order)) : NULL;
    for (uint64_t i = 0; order && i < total; i++) order[i] = (uint32_t)i;
    for (long long i = 0; count < 0 || i < count; i++) {
        uint64_t pick = repeat ? below(total) : (uint64_t)i + below(total - (uint64_t)i);
        if (range) {
            long long n = low + (long long)(order ? order[pick] : pick);
            if (order) order[pick] = order[i];
            fprintf(out, "%lld%c", n, end);
            continue;
        }
        struct line line = all.list[pick];
        if (!repeat) all.list[pick] = all.list[i];
        fwrite(line.at, 1, line.len, out);
        putc(end, out);
        if (ferror(out)) break;
    }
    if (output && fclose(out)) tool_fail("%s: %s", output, strerror(errno));
    return 0;
}

struct item {
    char *name;
    size_t before; /* how many must come first and have not */
    size_t *after, count;
    int done;
};

static struct item *items;
static size_t item_count;

static size_t item(const char *name)
{
    /* In the order of their first appearance: what is free first goes out first. */
    for (size_t i = 0; i < item_count; i++)
        if (!strcmp(items[i].name, name)) return i;
    items = tool_allocate(items, (item_count + 1) * sizeof(*items));
    items[item_count] = (struct item){.name = strdup(name)};
    return item_count++;
}

static int item_order(const void *a, const void *b)
{
    return strcmp(items[*(const size_t *)a].name, items[*(const size_t *)b].name);
}

int tsort_main(int argc, char *argv[])
{
    if (argc > 2) tool_fail("extra operand '%s'", argv[2]);
    FILE *in = table_open(argc > 1 ? argv[1] : "-");
    char word[65536], first[65536];
    int odd = 0;
    while (fscanf(in, "%65535s", word) == 1) {
        if (odd) {
            size_t a = item(first), b = item(word);
            if (a != b) {
                items[a].after = tool_allocate(items[a].after, (items[a].count + 1) * sizeof(size_t));
                items[a].after[items[a].count++] = b;
                items[b].before++;
            }
        } else strcpy(first, word);
        odd = !odd;
    }
    if (odd) tool_fail("%s: input contains an odd number of tokens", argc > 1 ? argv[1] : "-");
    size_t *queue = tool_allocate(NULL, (item_count + 1) * sizeof(*queue)), head = 0, tail = 0, shown = 0;
    int status = 0;
    for (size_t i = 0; i < item_count; i++)
        if (!items[i].before) queue[tail++] = i;
    if (tail) qsort(queue, tail, sizeof(*queue), item_order);
    while (shown < item_count) {
        if (head == tail) {
            /* A loop: break it where it was met first. */
            size_t i = 0;
            while (items[i].done || !items[i].before) i++;
            fflush(stdout);
            fprintf(stderr, "tsort: %s: input contains a loop:\ntsort: %s\n", argc > 1 ? argv[1] : "-", items[i].name);
            status = 1;
            items[i].before = 0;
            queue[tail++] = i;
        }
        size_t i = queue[head++];
        if (items[i].done) continue;
        items[i].done = 1;
        shown++;
        puts(items[i].name);
        for (size_t k = items[i].count; k-- > 0;) {
            struct item *next = &items[items[i].after[k]];
            if (next->before && !--next->before && !next->done) queue[tail++] = items[i].after[k];
        }
    }
    return status;
}

int nproc_main(int argc, char *argv[])
{
    long long ignored = 0;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--ignore=", 9)) ignored = table_number(argv[i] + 9, "number");
        else if (strcmp(argv[i], "--all")) tool_fail("extra operand '%s'", argv[i]);
    }
    (void)ignored; /* each command has one thread: there is one, whatever is left out */
    puts("1");
    return 0;
}

/* There is no terminal to page on: the text as it is, and word of it. */
int less_main(int argc, char *argv[])
{
    int any = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '+' || (argv[i][0] == '-' && argv[i][1])) continue; /* how to page */
        any = 1;
    }
    fprintf(stderr, "%s: there is no terminal to page on; the text follows whole\n", tool_name);
    static char buffer[65536];
    for (int i = 1; i < argc || !any; i++) {
        const char *name = any ? argv[i] : "-";
        if (any && (name[0] == '+' || (name[0] == '-' && name[1]))) continue;
        FILE *in = table_open(name);
        for (size_t n; (n = fread(buffer, 1, sizeof(buffer), in)) > 0;) fwrite(buffer, 1, n, stdout);
        if (in != stdin) fclose(in);
        if (!any) break;
    }
    fflush(stdout);
    return 0;
}
