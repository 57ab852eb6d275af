/* grep -P: Perl's regular expressions, by pcre2. There is no compiler to machine code inside a module. */
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grep.h"

/* What matching one line may take. An expression like (a+)+$ doubles its steps with each letter: past this it ends with a
 * message, in about a second. */
enum { STEPS_MAX = 10000000, HEAP_MAX_KIB = 64 * 1024 };

struct perl {
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
};

struct perl *perl_compile(const char *text, size_t len, int ignore_case, int words, int lines, int records)
{
    const char *before = lines ? "^(?:" : words ? "(?<!\\w)(?:" : "", *after = lines ? ")$" : words ? ")(?!\\w)" : "";
    char *source = grep_allocate(NULL, len + 24);
    size_t n = strlen(before);
    memcpy(source, before, n);
    memcpy(source + n, text, len);
    strcpy(source + n + len, after);
    int error;
    PCRE2_SIZE at;
    struct perl *p = grep_allocate(NULL, sizeof(*p));
    uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | (ignore_case ? PCRE2_CASELESS : 0) |
                     (records ? PCRE2_MULTILINE : 0);
    p->code = pcre2_compile((PCRE2_SPTR)source, n + len + strlen(after), flags, &error, &at, NULL);
    if (!p->code) {
        PCRE2_UCHAR why[256];
        pcre2_get_error_message(error, why, sizeof(why));
        grep_fail("%s", (char *)why);
    }
    free(source);
    p->found = pcre2_match_data_create_from_pattern(p->code, NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (!p->found || !p->limits) grep_fail("out of memory");
    pcre2_set_match_limit(p->limits, STEPS_MAX);
    pcre2_set_heap_limit(p->limits, HEAP_MAX_KIB);
    return p;
}

int perl_search(struct perl *p, const char *line, size_t len, size_t at, struct span *found)
{
    int got = pcre2_match(p->code, (PCRE2_SPTR)line, len, at, 0, p->found, p->limits);
    if (got == PCRE2_ERROR_NOMATCH) return 0;
    if (got == PCRE2_ERROR_MATCHLIMIT || got == PCRE2_ERROR_DEPTHLIMIT) grep_fail("exceeded PCRE's backtracking limit");
    if (got == PCRE2_ERROR_HEAPLIMIT) grep_fail("exceeded PCRE's heap limit");
    if (got < 0) {
        PCRE2_UCHAR why[256];
        pcre2_get_error_message(got, why, sizeof(why));
        grep_fail("%s", (char *)why);
    }
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->found);
    found->start = ends[0];
    found->end = ends[1] > ends[0] ? ends[1] : ends[0]; /* \K in a lookahead can end a match before its start */
    return 1;
}
