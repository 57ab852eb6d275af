/* grep: the parts that know each other. */
#ifndef GREP_H
#define GREP_H

#include <regex.h>
#include <stddef.h>

#include "out.h"
#include "pattern.h"

struct span {
    size_t start, end;
};

struct pattern {
    char *literal; /* the whole pattern when it is plain text, else NULL */
    size_t literal_len;
    char *needed; /* text that every match contains; NULL when none is known. Lower case when case is ignored. */
    size_t needed_len;
    regex_t bytes, chars; /* for lines of ASCII or broken UTF-8, and for UTF-8 */
    regex_t bytes_after, chars_after; /* with a character before, for a search that goes on inside a line */
    int backrefs, looks_back;
    struct perl *perl; /* Perl's, by pcre2; NULL for the others */
    /* Where the search over the current buffer stands: the next place that may match, or its end. */
    const char *next;
};

/* Perl's regular expressions: compile exits with 2 and a message when one is wrong. search: the first match in
 * line[at..len). Exits with 2 when matching takes more steps than it may: an expression can blow up. */
struct perl *perl_compile(const char *text, size_t len, int ignore_case, int words, int lines, int records);
int perl_search(struct perl *p, const char *line, size_t len, size_t at, struct span *found);

struct matcher {
    struct pattern *list;
    size_t count;
    int ignore_case, words, lines;
    char eol; /* what ends a line: a newline, or NUL with -z */
    char *lowered; /* the buffer in lower case, when case is ignored and a text is looked for */
    size_t lowered_cap;
    const char *buffer, *buffer_end;
    int ascii; /* the buffer has ASCII alone */
};

/* Add the patterns in text, one a line. Exits with 2 and a message when one is wrong. */
void matcher_add(struct matcher *m, enum syntax syntax, const char *text, size_t len);
/* Start on a buffer of whole lines, writable, with a byte to spare at end. */
void matcher_buffer(struct matcher *m, char *buffer, char *end);
/* The next line at or after from that may match: its first byte, or NULL. from is a line's first byte. */
const char *matcher_candidate(struct matcher *m, char *from);
/* Whether the line (without its newline) matches, looking from offset at; *found is the first, longest match. */
int matcher_line(struct matcher *m, char *line, size_t len, size_t at, struct span *found);
/* Whether a candidate needs no second look. */
int matcher_certain(const struct matcher *m);

enum { GREP_CHUNK = 256 * 1024, GREP_BATCH = 256 * 1024 };
enum binary { BINARY_NOTE, BINARY_TEXT, BINARY_SKIP };

struct grep_options {
    enum syntax syntax;
    enum binary binary;
    char eol; /* what ends a line: a newline, or NUL with -z */
    int recurse, through_links, number, invert, only, count, names, names_without, quiet, silent, byte_offset, null_name, name_asked;
    int with_name; /* -1 until we know how many files there are */
    long long max, before, after;
    char *filters; /* --include and its like, as the host takes them */
    size_t filters_len;
};

extern struct grep_options grep;
extern struct matcher grep_matcher;
extern int grep_failed, grep_selected; /* a file could not be read; a line was selected */

/* Search a file's content, or what a descriptor gives, and print what was asked for. The content has a byte to spare. */
void grep_memory(const char *name, char *content, size_t len);
void grep_stream(const char *name, int fd);

/* A message about a file; the search goes on. */
void grep_complain(const char *name, int err);
void *grep_allocate(void *old, size_t size);
_Noreturn void grep_fail(const char *format, ...);

#endif
