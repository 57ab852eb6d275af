/* Regular expressions: from what people write to what the C library takes. */
#ifndef AGENTSH_PATTERN_H
#define AGENTSH_PATTERN_H

#include <regex.h>
#include <stddef.h>

enum syntax { BASIC, EXTENDED, FIXED, PERL };

/* Whose name messages begin with, and the exit status after one. */
extern const char *pattern_program;
extern int pattern_status;
_Noreturn void pattern_fail(const char *format, ...);

/* Rewrite a pattern, not a Perl one, for regcomp; the caller frees it. An extended one with back references comes out as
 * a basic one. */
char *pattern_translate(enum syntax syntax, const char *text, size_t len, int *backrefs);
/* Compile a basic one; pattern_fail where it is wrong. */
void pattern_compile(regex_t *re, const char *basic, int flags);
/* The literal text that a whole pattern stands for, or NULL. */
char *pattern_literal(enum syntax syntax, const char *text, size_t len, size_t *out_len);
/* The longest text that every match of a translated pattern contains, or NULL. */
char *pattern_needed(int extended, const char *text, size_t *out_len);
/* Whether a translated pattern asks for what stands before the match. */
int pattern_looks_back(const char *text);

#endif
