/* sed: what reading a script and reading its s and y commands share. */
#ifndef SED_PARSE_H
#define SED_PARSE_H

#include "sed.h"

/* The script, where reading stands in it, and its end. */
extern struct sed_source {
    const char *script, *at, *end;
} src;

/* Exits with a message that tells the place. */
_Noreturn void sed_wrong(const char *why);
void sed_skip_blanks(void);
/* The byte that an escape like \t stands for, or -1; *used is its length after the backslash. */
int sed_escaped(const char *s, const char *stop, size_t *used);
/* Everything up to an unescaped delimiter, which is passed. In brackets of a regular expression it is no delimiter. */
struct text sed_delimited(char delimiter, int regex);
struct regex *sed_compile(struct text *pattern, int flags);
long long sed_number(void);
struct text sed_rest_of_line(void);

/* The rest of an s or a y command. */
void sed_take_substitution(struct command *c);
void sed_take_map(struct command *c);

#endif
