/* wordfreq [FILE...]: how often each word is in the files, or in stdin; the most frequent first. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *word;
    unsigned long count;
};

static char *words; /* all of them, each ended by NUL */
static size_t used, room, total;

static void push(char c) {
    if (used == room) {
        room = room ? 2 * room : 4096;
        words = realloc(words, room);
        if (!words) exit(1);
    }
    words[used++] = c;
}

static void collect(FILE *in) {
    int inside = 0;
    for (int c; (c = getc(in)) != EOF;) {
        if (isalpha(c)) {
            push((char)tolower(c));
            inside = 1;
        } else if (inside) {
            push('\0');
            total++;
            inside = 0;
        }
    }
    if (inside) {
        push('\0');
        total++;
    }
}

static int by_word(const void *a, const void *b) { return strcmp(((const struct entry *)a)->word, ((const struct entry *)b)->word); }

static int by_count(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->word, y->word);
}

int main(int argc, char **argv) {
    int status = 0;
    if (argc < 2) collect(stdin);
    for (int i = 1; i < argc; i++) {
        FILE *in = fopen(argv[i], "r");
        if (!in) {
            fprintf(stderr, "wordfreq: %s: %s\n", argv[i], strerror(errno));
            status = 1;
            continue;
        }
        collect(in);
        fclose(in);
    }
    struct entry *entries = calloc(total + 1, sizeof *entries);
    if (!entries) return 1;
    char *at = words;
    for (size_t i = 0; i < total; i++, at += strlen(at) + 1) entries[i] = (struct entry){at, 1};
    qsort(entries, total, sizeof *entries, by_word);
    size_t distinct = 0;
    for (size_t i = 0; i < total; i++) {
        if (distinct && !strcmp(entries[distinct - 1].word, entries[i].word)) entries[distinct - 1].count++;
        else entries[distinct++] = entries[i];
    }
    qsort(entries, distinct, sizeof *entries, by_count);
    for (size_t i = 0; i < distinct; i++) printf("%lu %s\n", entries[i].count, entries[i].word);
    return status;
}
