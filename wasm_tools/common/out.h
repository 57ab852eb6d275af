/* Standard output for commands that print many short pieces, for which stdio costs more than the work itself: gathered,
 * and written when the buffer is full or out_flush is called. Not to be mixed with stdio's stdout. */
#ifndef AGENTSH_OUT_H
#define AGENTSH_OUT_H

#include <stddef.h>
#include <string.h>

enum { OUT_ROOM = 64 * 1024 };
extern char out_buffer[OUT_ROOM];
extern size_t out_used;

/* Write to another descriptor than standard output from here on. */
void out_to(int fd);
/* 0, or -1 with errno when anything since the start could not be written. */
int out_flush(void);
void out_large(const char *bytes, size_t len);
/* A number in decimal, and a byte behind it. */
void out_number(long long number, char mark);

static inline void out_byte(char byte)
{
    if (out_used == OUT_ROOM) out_flush();
    out_buffer[out_used++] = byte;
}

static inline void out_bytes(const char *bytes, size_t len)
{
    if (len > OUT_ROOM - out_used) {
        out_large(bytes, len);
        return;
    }
    memcpy(out_buffer + out_used, bytes, len);
    out_used += len;
}

#endif
