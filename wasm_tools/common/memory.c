/* Memory for every program of the userland. A refusal is remembered: without that nobody could tell a command that failed
 * for want of memory from one that merely failed. The compiler is told to call these instead of the C library's. */
#undef malloc
#undef calloc
#undef realloc
#undef getdelim
#undef getline
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Exported, as the address of the number. The sandbox reads it when the command has failed. */
uint32_t agentsh_memory_refused;

void *agentsh_malloc(size_t size)
{
    void *got = malloc(size);
    if (!got && size) agentsh_memory_refused = 1;
    return got;
}

void *agentsh_calloc(size_t count, size_t size)
{
    void *got = calloc(count, size);
    if (!got && count && size) agentsh_memory_refused = 1;
    return got;
}

void *agentsh_realloc(void *old, size_t size)
{
    void *got = realloc(old, size);
    if (!got && size) agentsh_memory_refused = 1;
    return got;
}

ssize_t agentsh_getdelim(char **line, size_t *cap, int end, FILE *in)
{
    ssize_t n = getdelim(line, cap, end, in);
    if (n < 0 && ferror(in) && errno == ENOMEM) agentsh_memory_refused = 1;
    return n;
}

ssize_t agentsh_getline(char **line, size_t *cap, FILE *in) { return agentsh_getdelim(line, cap, '\n', in); }
