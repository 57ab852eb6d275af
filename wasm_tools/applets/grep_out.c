/* grep's output. */
#include <unistd.h>

#include "grep.h"

char grep_out[OUT_ROOM];
size_t grep_out_used;
static int failed;

static void write_all(const char *bytes, size_t len)
{
    while (len && !failed) {
        ssize_t done = write(STDOUT_FILENO, bytes, len);
        if (done < 0) {
            failed = 1;
            return;
        }
        bytes += done;
        len -= (size_t)done;
    }
}

int out_flush(void)
{
    size_t used = grep_out_used;
    grep_out_used = 0;
    write_all(grep_out, used);
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
    *--p = mark;
    do *--p = (char)('0' + number % 10);
    while (number /= 10);
    out_bytes(p, (size_t)(text + sizeof(text) - p));
}
