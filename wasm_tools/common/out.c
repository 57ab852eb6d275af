/* A command's output, gathered. */
#include "out.h"

#include <errno.h>
#include <unistd.h>

char out_buffer[OUT_ROOM];
size_t out_used;
static int target = STDOUT_FILENO, failed;

void out_to(int fd)
{
    target = fd;
}

static void write_all(const char *bytes, size_t len)
{
    while (len && !failed) {
        ssize_t done = write(target, bytes, len);
        if (done < 0) {
            failed = errno;
            return;
        }
        bytes += done;
        len -= (size_t)done;
    }
}

int out_flush(void)
{
    size_t used = out_used;
    out_used = 0;
    write_all(out_buffer, used);
    if (failed) errno = failed;
    return failed ? -1 : 0;
}

/* What does not fit behind what is there. */
void out_large(const char *bytes, size_t len)
{
    out_flush();
    if (len < OUT_ROOM) out_bytes(bytes, len);
    else write_all(bytes, len);
}

void out_number(long long number, char mark)
{
    char text[24], *p = text + sizeof(text);
    int negative = number < 0;
    unsigned long long left = negative ? -(unsigned long long)number : (unsigned long long)number;
    *--p = mark;
    do *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (negative) *--p = '-';
    out_bytes(p, (size_t)(text + sizeof(text) - p));
}
