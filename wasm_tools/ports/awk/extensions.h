/* What is added to awk: characters instead of bytes, and functions that GNU's has. */
#ifndef AWK_EXTENSIONS_H
#define AWK_EXTENSIONS_H

#include <stddef.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

enum {
    FGENSUB = 101, FSTRFTIME, FSYSTIME, FMKTIME, FAND, FOR_, FXOR, FCOMPL, FLSHIFT, FRSHIFT, FSTRTONUM, FASORT, FASORTI
};

struct Cell;
struct Node;

/* How many characters a string has; a byte that is part of none counts as one. */
size_t agentsh_chars(const char *s);
size_t agentsh_chars_to(const char *s, const char *end);
/* The bytes that the character at s takes. */
size_t agentsh_char_len(const char *s);
/* As snprintf with one string, but width and precision count characters. */
void agentsh_format(char *out, size_t cap, const char *format, const char *s);
/* The width and precision in a format, added up. */
size_t agentsh_width(const char *format);
/* %c; 0 when plain printf does it. */
int agentsh_char(char *out, size_t cap, const char *format, struct Cell *x);
/* Upper or lower case; the caller frees it. */
char *agentsh_case(const char *s, wint_t (*convert)(wint_t));
/* Set an array to what the groups of a pattern match. */
void agentsh_groups(struct Cell *array, const char *s, const char *pattern);
/* A pattern as an automaton of bytes takes it; good until the next call. */
const char *agentsh_pattern(const char *pattern);
/* The C library's form of a pattern that looks around; NULL for every other. */
void *agentsh_compile(const char *pattern);
void agentsh_forget(void *compiled);
struct fa;
int agentsh_matches(const struct fa *f, const char *s, int not_empty);
/* A variable of GNU's that would be set in vain. */
int agentsh_is_unsupported(const char *name);
struct Cell *agentsh_function(int which, struct Node *arguments);
/* As strtod, and a whole number with all its digits: without the C library where that is easy. */
double agentsh_strtod(const char *text, char **end);
void agentsh_write_integer(char *to, size_t room, double value);
/* As the C library's, but they return the status of the command alone; a line that cannot be run ends the program. */
int agentsh_system(const char *line);
FILE *agentsh_popen(const char *line, const char *mode);
int agentsh_pclose(FILE *file);
/* Of the command that was closed last; 0 when that has been asked, or none was. */
int agentsh_last_status(void);

#ifndef tempfree
#define tempfree(x) do { if (istemp(x)) tfree(x); } while (0)
#endif

#endif
